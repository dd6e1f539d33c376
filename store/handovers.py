"""What was handed over, sealed, for as long as nobody knows what became of it."""

from base64 import b64encode

from domain.model import Record, canonical_json
from store.db import Conn
from store.vault import Vault


class HandedOver(Record):
    """The number or mailbox that a message went to, and the words of a text."""

    to: str
    body: str = ""


def _context(message_key: str) -> str:
    return f"message|{message_key}"


def sealed(vault: Vault, message_key: str, handed: HandedOver) -> str:
    """As `touchpoints.begin` keeps it, in base64."""
    plain = canonical_json(handed).encode()
    return b64encode(vault.seal(plain, _context(message_key))).decode()


async def get(conn: Conn, vault: Vault, message_key: str) -> HandedOver | None:
    """What was handed over; None when its outcome is known, or the client was erased."""
    kept = await conn.fetchval("SELECT sealed FROM handovers WHERE message_key = $1", message_key)
    if kept is None:
        return None
    return HandedOver.model_validate_json(vault.open(kept, _context(message_key)))
