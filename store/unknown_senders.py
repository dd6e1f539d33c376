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


_LOCK = "pg_advisory_xact_lock(hashtextextended(encode({digest}, 'hex'), 1))"


async def lock_number(conn: Conn, phone_digest: bytes) -> None:
    """Let nobody turn out to have the number, nor be answered, until the transaction ends."""
    await conn.execute(f"SELECT {_LOCK.format(digest='$1::bytea')}", phone_digest)


async def lock_number_of(conn: Conn, client_id: str) -> None:
    """The same for the number of a client."""
    await conn.execute(
        f"SELECT {_LOCK.format(digest='phone_digest')} FROM clients WHERE client_id = $1",  # noqa: S608
        client_id,
    )


async def lock_numbers_of(conn: Conn, inbox_ids: Sequence[str]) -> None:
    """The same for the numbers that these words came from."""
    await conn.execute(
        f"SELECT {_LOCK.format(digest='phone_digest')} FROM unknown_senders"  # noqa: S608
        " WHERE inbox_id = ANY($1::text[]) ORDER BY phone_digest",
        list(inbox_ids),
    )


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


async def holds_of(conn: Conn, inbox_ids: Sequence[str]) -> list[tuple[str, str]]:
    """(hold id, client id) of what was placed for the instant at which these words came."""
    rows = await conn.fetch(
        "SELECT DISTINCT h.client_id, h.hold_id FROM unknown_senders u"
        " JOIN client_holds h ON (h.placed_at, h.reason) = (u.at, u.reason)"
        " WHERE u.inbox_id = ANY($1::text[]) ORDER BY h.client_id, h.hold_id",
        list(inbox_ids),
    )
    return [(row["hold_id"], row["client_id"]) for row in rows]


async def bar(conn: Conn, inbox_ids: Sequence[str], reason: str, at: datetime) -> None:
    """No text goes to the numbers that these words came from, whoever gets them later."""
    await conn.execute(
        "INSERT INTO address_events (digest, channel, suppressed, reason, given_at)"
        " SELECT DISTINCT phone_digest, 'sms', true, $2::text, $3::timestamptz"
        " FROM unknown_senders WHERE inbox_id = ANY($1::text[])",
        list(inbox_ids),
        reason,
        at,
    )


async def stay_silent(conn: Conn, inbox_ids: Sequence[str], kind: str) -> None:
    """A person has said that their sender stays silent, and why: so does who gets the number."""
    await conn.execute(
        "UPDATE unknown_senders SET kind = $2"
        " WHERE inbox_id = ANY($1::text[]) AND answered_at IS NULL",
        list(inbox_ids),
        kind,
    )


async def wait_again(conn: Conn, inbox_ids: Sequence[str]) -> None:
    """The answer was taken back: who gets the number is silent until there is another one."""
    await conn.execute(
        "UPDATE unknown_senders SET answered_at = NULL WHERE inbox_id = ANY($1::text[])",
        list(inbox_ids),
    )


async def answer(conn: Conn, inbox_ids: Sequence[str], at: datetime) -> None:
    """A person has answered: who gets the number later is not silent for it."""
    await conn.execute(
        "UPDATE unknown_senders SET answered_at = $2"
        " WHERE inbox_id = ANY($1::text[]) AND answered_at IS NULL",
        list(inbox_ids),
        at,
    )
