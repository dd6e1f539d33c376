"""Who may be written to: opt-outs, opt-ins and dead addresses, all as append-only facts.

What they add up to is reckoned in `domain.consent`, in the order in which they were said.
"""

from collections.abc import Mapping
from datetime import datetime

from domain import consent
from domain.case import Channel
from domain.consent import AddressWord, ConsentWord, Detail, Permission
from store.db import Conn
from store.vault import Vault

BILLING = consent.BILLING
EVERYTHING = consent.EVERYTHING


async def opt_out(
    conn: Conn,
    client_id: str,
    channel: str,
    scope: str,
    how: str,
    words: str,
    *,
    given_at: datetime | None = None,
    taken_by: str | None = None,
) -> None:
    """Record that a client wants no more; `scope` is a message class or `all`.

    `words` is the recognised keyword, never the whole message. `given_at` is when it was said,
    if not now; `taken_by` who of the staff heard it.
    """
    await _consent(
        conn, client_id, channel, scope, False, how, words, consent.NEUTRAL, given_at, taken_by
    )


async def opt_in(
    conn: Conn,
    client_id: str,
    channel: str,
    scope: str,
    how: str,
    words: str,
    *,
    detail: Detail = consent.NEUTRAL,
    given_at: datetime | None = None,
    taken_by: str | None = None,
) -> None:
    """Record that a client wants messages; arguments as `opt_out`.

    `words` are the words agreed to. `detail` is how much an unencrypted message may say.
    """
    await _consent(conn, client_id, channel, scope, True, how, words, detail, given_at, taken_by)


async def restore(conn: Conn, client_id: str, channel: str, given_at: datetime) -> None:
    """Record a START: what a STOP took is given back, and nothing that was not there before."""
    await opt_in(conn, client_id, channel, EVERYTHING, consent.RESTORED, "start", given_at=given_at)


async def _consent(
    conn: Conn,
    client_id: str,
    channel: str,
    scope: str,
    allowed: bool,
    how: str,
    words: str,
    detail: Detail,
    given_at: datetime | None,
    taken_by: str | None,
) -> None:
    await conn.execute(
        "INSERT INTO consent_events (client_id, channel, scope, allowed, how, words,"
        " detail_level, given_at, taken_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        client_id,
        channel,
        scope,
        allowed,
        how,
        words,
        detail,
        given_at,
        taken_by,
    )


async def suppress_address(
    conn: Conn, digest: bytes, channel: str, reason: str, given_at: datetime | None = None
) -> None:
    """Stop every message to one address (bounced, number gone, stopped by keyword)."""
    await _address(conn, digest, channel, True, reason, given_at)


async def suppress_address_of(
    conn: Conn, client_id: str, channel: str, reason: str, sent_at: datetime, given_at: datetime
) -> None:
    """Suppress the client's number or mailbox, unless it was changed after the message went out."""
    await conn.execute(
        "INSERT INTO address_events (digest, channel, suppressed, reason, given_at)"
        " SELECT digest, $2, true, $3, $5 FROM clients CROSS JOIN LATERAL ("
        "  SELECT CASE $2 WHEN 'sms' THEN phone_digest ELSE email_digest END AS digest) address"
        " WHERE client_id = $1 AND digest IS NOT NULL AND changed_at <= $4",
        client_id,
        channel,
        reason,
        sent_at,
        given_at,
    )


async def lift_suppression(
    conn: Conn, digest: bytes, channel: str, reason: str, given_at: datetime | None = None
) -> None:
    """Undo a suppression of this reason: `consent.RESTORED` (START) undoes a STOP alone,
    `consent.CORRECTED` every one."""
    await _address(conn, digest, channel, False, reason, given_at)


async def lift_for_client(conn: Conn, client_id: str, channel: str, reason: str) -> None:
    """Undo a suppression of the address that the client has now; as `lift_suppression`."""
    await conn.execute(
        "INSERT INTO address_events (digest, channel, suppressed, reason)"
        " SELECT digest, $2, false, $3 FROM clients CROSS JOIN LATERAL ("
        "  SELECT CASE $2 WHEN 'sms' THEN phone_digest ELSE email_digest END AS digest) address"
        " WHERE client_id = $1 AND digest IS NOT NULL",
        client_id,
        channel,
        reason,
    )


async def _address(
    conn: Conn, digest: bytes, channel: str, suppressed: bool, reason: str, at: datetime | None
) -> None:
    await conn.execute(
        "INSERT INTO address_events (digest, channel, suppressed, reason, given_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        digest,
        channel,
        suppressed,
        reason,
        at,
    )


_SAID = """
SELECT phone_digest IS NOT NULL AS sms, email_digest IS NOT NULL AS email,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('channel', channel, 'scope', scope,
        'allowed', allowed, 'how', how, 'detail', detail_level,
        'at', coalesce(given_at, recorded_at), 'number', event_id)), '[]')
     FROM consent_events e WHERE e.client_id = c.client_id) AS words,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('channel', channel, 'suppressed', suppressed,
        'reason', reason, 'at', coalesce(given_at, recorded_at), 'number', event_id)), '[]')
     FROM address_events a
     WHERE (a.digest = c.phone_digest AND a.channel = 'sms')
        OR (a.digest = c.email_digest AND a.channel = 'email')) AS addresses
FROM clients c WHERE client_id = $1
"""


async def permissions(
    conn: Conn, client_id: str, message_class: str
) -> Mapping[Channel, Permission]:
    """Every channel with whether a message of this class may go by it now; one statement."""
    row = await conn.fetchrow(_SAID, client_id)
    if row is None:
        return consent.NOBODY
    words = [ConsentWord.model_validate(word) for word in row["words"]]
    addresses = [AddressWord.model_validate(word) for word in row["addresses"]]
    return {
        channel: consent.permission(words, addresses, channel, message_class, row[channel])
        for channel in Channel
    }


async def words_of(conn: Conn, client_id: str) -> list[ConsentWord]:
    """Everything that was said about consent, oldest first."""
    rows = await conn.fetch(
        "SELECT channel, scope, allowed, how, detail_level AS detail,"
        " coalesce(given_at, recorded_at) AS at, event_id AS number FROM consent_events"
        " WHERE client_id = $1 ORDER BY 6, 7",
        client_id,
    )
    return [ConsentWord.model_validate(dict(row)) for row in rows]


async def permission(
    conn: Conn, client_id: str, channel: Channel, message_class: str
) -> Permission:
    """Whether a message of this class may go by this channel now, and how much it may say."""
    return (await permissions(conn, client_id, message_class))[channel]


async def may_send(
    conn: Conn, _vault: Vault, client_id: str, channel: str, message_class: str
) -> tuple[bool, str | None]:
    """Whether a message may go now, else why not: `Permission.reason`."""
    may = await permission(conn, client_id, Channel(channel), message_class)
    return may.ok, may.reason
