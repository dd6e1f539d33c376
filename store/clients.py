"""Clients: an opaque id, the PMS reference, and the contact, encrypted."""

from datetime import date

from domain.model import Record, canonical_json
from store.db import Conn
from store.vault import Vault


class Contact(Record):
    """What names and reaches a client; sealed at rest, never in a log or a workflow."""

    first_name: str
    last_name: str
    email: str | None = None
    phone_e164: str | None = None
    birth_date: date | None = None
    postal_code: str | None = None
    language: str = "en"


def _context(client_id: str) -> str:
    return f"contact|{client_id}"


def phone_digest(vault: Vault, phone_e164: str) -> bytes:
    """Digest of an E.164 phone number, as stored and looked up."""
    return vault.digest(f"phone|{phone_e164.strip()}")


def email_digest(vault: Vault, email: str) -> bytes:
    """Digest of an e-mail address, letter case aside, as stored and looked up."""
    return vault.digest(f"email|{email.strip().lower()}")


async def upsert_client(
    conn: Conn,
    vault: Vault,
    client_id: str,
    location_id: str,
    pms: str,
    pms_client_ref: str,
    contact: Contact,
) -> None:
    """Add a client or refresh the contact; an unchanged contact writes nothing."""
    plain = canonical_json(contact)
    await conn.execute(
        "INSERT INTO clients (client_id, location_id, pms, pms_client_ref, sealed_contact,"
        " contact_digest, phone_digest, email_digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (client_id) DO UPDATE SET sealed_contact = excluded.sealed_contact,"
        " contact_digest = excluded.contact_digest, phone_digest = excluded.phone_digest,"
        " email_digest = excluded.email_digest, changed_at = clock_timestamp()"
        " WHERE clients.contact_digest IS DISTINCT FROM excluded.contact_digest",
        client_id,
        location_id,
        pms,
        pms_client_ref,
        vault.seal(plain.encode(), _context(client_id)),
        vault.digest(plain),
        phone_digest(vault, contact.phone_e164) if contact.phone_e164 else None,
        email_digest(vault, contact.email) if contact.email else None,
    )


async def contact_of(conn: Conn, vault: Vault, client_id: str) -> Contact:
    """The opened contact; raises LookupError when unknown or erased."""
    sealed = await conn.fetchval(
        "SELECT sealed_contact FROM clients WHERE client_id = $1", client_id
    )
    if sealed is None:
        raise LookupError(f"There is no contact for client {client_id}.")
    return open_contact(vault, client_id, sealed)


def open_contact(vault: Vault, client_id: str, sealed: bytes) -> Contact:
    """A contact as it was read from the table, opened."""
    return Contact.model_validate_json(vault.open(sealed, _context(client_id)))


async def lock_client(conn: Conn, client_id: str) -> None:
    """Take the client's row until the transaction ends; draws of one client queue here.

    Raises LookupError when the client is unknown.
    """
    # Not a row lock: that writes the row, and a transaction that only looks would have to sync.
    found = await conn.fetchval(
        "SELECT true FROM clients, pg_advisory_xact_lock(hashtextextended($1, 0))"
        " WHERE client_id = $1",
        client_id,
    )
    if not found:
        raise LookupError(f"There is no client {client_id}.")


async def pms_ref_of(conn: Conn, client_id: str) -> str:
    """The client's reference in the PMS; raises LookupError when the client is unknown."""
    ref: str | None = await conn.fetchval(
        "SELECT pms_client_ref FROM clients WHERE client_id = $1", client_id
    )
    if ref is None:
        raise LookupError(f"There is no client {client_id}.")
    return ref


async def clients_by_phone(conn: Conn, vault: Vault, phone_e164: str) -> list[str]:
    """Ids of every client with this phone; a family may share one."""
    rows = await conn.fetch(
        "SELECT client_id FROM clients WHERE phone_digest = $1 ORDER BY client_id",
        phone_digest(vault, phone_e164),
    )
    return [row["client_id"] for row in rows]


async def clients_by_email(conn: Conn, vault: Vault, email: str) -> list[str]:
    """Ids of every client with this e-mail address."""
    rows = await conn.fetch(
        "SELECT client_id FROM clients WHERE email_digest = $1 ORDER BY client_id",
        email_digest(vault, email),
    )
    return [row["client_id"] for row in rows]


async def clients_sharing(conn: Conn, client_id: str, channel: str) -> list[str]:
    """The client and everybody with the same phone (`sms`) or e-mail address (`email`)."""
    rows = await conn.fetch(
        "SELECT other.client_id FROM clients c JOIN clients other ON other.client_id = c.client_id"
        " OR ($2 = 'sms' AND other.phone_digest = c.phone_digest)"
        " OR ($2 = 'email' AND other.email_digest = c.email_digest)"
        " WHERE c.client_id = $1 ORDER BY other.client_id",
        client_id,
        channel,
    )
    return [row["client_id"] for row in rows]


async def erase_contact(conn: Conn, client_id: str) -> None:
    """Remove what names the client; money, lots and messages stay under the opaque id."""
    await conn.execute(
        "DELETE FROM unknown_senders WHERE phone_digest ="
        " (SELECT phone_digest FROM clients WHERE client_id = $1)"
        " AND NOT EXISTS (SELECT FROM clients c WHERE c.client_id <> $1"  # theirs as well
        " AND c.phone_digest = unknown_senders.phone_digest)",
        client_id,
    )
    await conn.execute(
        "UPDATE clients SET sealed_contact = NULL, contact_digest = NULL, phone_digest = NULL,"
        " email_digest = NULL, changed_at = clock_timestamp() WHERE client_id = $1",
        client_id,
    )
    await conn.execute("DELETE FROM handovers WHERE client_id = $1", client_id)
