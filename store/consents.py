"""Who may be written to: opt-outs, opt-ins and dead addresses, all as append-only facts."""

from store.db import Conn
from store.vault import Vault

BILLING = "billing"
EVERYTHING = "all"


async def opt_out(
    conn: Conn, client_id: str, channel: str, scope: str, how: str, words: str
) -> None:
    """Record that a client wants no more; `scope` is a message class or `all`.

    `words` is the recognised keyword, never the whole message.
    """
    await _consent(conn, client_id, channel, scope, False, how, words)


async def opt_in(
    conn: Conn, client_id: str, channel: str, scope: str, how: str, words: str
) -> None:
    """Record that a client wants messages; arguments as `opt_out`."""
    await _consent(conn, client_id, channel, scope, True, how, words)


async def _consent(
    conn: Conn, client_id: str, channel: str, scope: str, allowed: bool, how: str, words: str
) -> None:
    await conn.execute(
        "INSERT INTO consent_events (client_id, channel, scope, allowed, how, words)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        client_id,
        channel,
        scope,
        allowed,
        how,
        words,
    )


async def suppress_address(conn: Conn, digest: bytes, channel: str, reason: str) -> None:
    """Stop every message to one address (bounced, number gone, stopped by keyword)."""
    await _address(conn, digest, channel, True, reason)


async def lift_suppression(conn: Conn, digest: bytes, channel: str, reason: str) -> None:
    """Allow an address again, for example after START."""
    await _address(conn, digest, channel, False, reason)


async def _address(conn: Conn, digest: bytes, channel: str, suppressed: bool, reason: str) -> None:
    await conn.execute(
        "INSERT INTO address_events (digest, channel, suppressed, reason) VALUES ($1, $2, $3, $4)",
        digest,
        channel,
        suppressed,
        reason,
    )


_MAY_SEND = """
SELECT address.digest IS NOT NULL AS has_address,
    (SELECT e.suppressed FROM address_events e
     WHERE e.digest = address.digest AND e.channel = $2
     ORDER BY event_id DESC LIMIT 1) AS suppressed,
    (SELECT e.allowed FROM consent_events e
     WHERE e.client_id = $1 AND e.channel = $2 AND e.scope IN ($3, 'all')
     ORDER BY event_id DESC LIMIT 1) AS allowed
FROM clients c CROSS JOIN LATERAL (
    SELECT CASE $2 WHEN 'sms' THEN c.phone_digest ELSE c.email_digest END AS digest) AS address
WHERE c.client_id = $1
"""


async def may_send(
    conn: Conn, _vault: Vault, client_id: str, channel: str, message_class: str
) -> tuple[bool, str | None]:
    """Whether a message may go now, else why not.

    Reasons: `unknown_client`, `no_address`, `address_suppressed`, `opted_out`, `no_consent`.
    Without any word of the client, billing is allowed to the contact that the PMS gave
    (`clients.contact_basis`); every other class needs an opt-in. The latest word counts.
    """
    row = await conn.fetchrow(_MAY_SEND, client_id, channel, message_class)
    if row is None:
        return False, "unknown_client"
    if not row["has_address"]:
        return False, "no_address"
    if row["suppressed"]:
        return False, "address_suppressed"
    if row["allowed"] is False:
        return False, "opted_out"
    if row["allowed"] is None and message_class != BILLING:
        return False, "no_consent"
    return True, None
