"""Words that wait for a person, from a number that no client had when they came."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import AwareDatetime

from domain.model import Record
from store.db import Conn


class UnknownWords(Record):
    """One message; `kind` and `reason` are those of the hold that it places on its sender."""

    inbox_id: str
    kind: str
    reason: str
    at: AwareDatetime


async def keep(conn: Conn, phone_digest: bytes, words: UnknownWords) -> None:
    """Keep that somebody wrote; a repeat changes nothing."""
    await conn.execute(
        "INSERT INTO unknown_senders (inbox_id, phone_digest, kind, reason, at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (inbox_id) DO NOTHING",
        words.inbox_id,
        phone_digest,
        words.kind,
        words.reason,
        words.at,
    )


async def unanswered(conn: Conn, client_id: str) -> list[UnknownWords]:
    """What came from the number that a client turns out to have, and nobody has answered."""
    rows = await conn.fetch(
        "SELECT inbox_id, kind, reason, at FROM unknown_senders u"
        " JOIN clients c ON c.phone_digest = u.phone_digest"
        " WHERE c.client_id = $1 AND u.answered_at IS NULL ORDER BY at",
        client_id,
    )
    return [UnknownWords.model_validate(dict(row)) for row in rows]


async def senders(conn: Conn, inbox_ids: Sequence[str]) -> list[tuple[str, str]]:
    """(inbox id, client id) of each client who has the number by now."""
    rows = await conn.fetch(
        "SELECT u.inbox_id, c.client_id FROM unknown_senders u"
        " JOIN clients c ON c.phone_digest = u.phone_digest"
        " WHERE u.inbox_id = ANY($1::text[]) ORDER BY u.at, c.client_id",
        list(inbox_ids),
    )
    return [(row["inbox_id"], row["client_id"]) for row in rows]


async def answer(conn: Conn, inbox_ids: Sequence[str], at: datetime) -> None:
    """A person has answered: who gets the number later is not silent for it."""
    await conn.execute(
        "UPDATE unknown_senders SET answered_at = $2"
        " WHERE inbox_id = ANY($1::text[]) AND answered_at IS NULL",
        list(inbox_ids),
        at,
    )
