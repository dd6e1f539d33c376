"""The outbox: one row per intended message, which is also the client's audit log.

Transitions are checked, and each is logged, by the database.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Literal

from pydantic import AwareDatetime

from domain.case import Channel, MessageClass
from domain.model import Record
from store.db import Conn

TouchpointState = Literal[
    "intent", "sending", "accepted", "delivered", "failed", "unknown", "skipped"
]


class Touchpoint(Record):
    """One intended message. `at` is the case's time; the later instants are wall time."""

    message_key: str
    case_id: str
    client_id: str
    location_id: str
    document_id: str | None = None
    step: str
    channel: Channel
    template_version: int
    intent: int = 0
    state: TouchpointState = "intent"
    reason: str | None = None
    failure_code: str | None = None
    provider: str | None = None
    """Who was asked to carry it, once somebody was."""
    provider_id: str | None = None
    attempt: int = 0
    day: int | None = None
    local_date: date
    at: AwareDatetime
    message_class: MessageClass = MessageClass.BILLING
    words: str | None = None
    """Template, language and detail level of what went out."""
    checked_at: AwareDatetime | None = None
    """When the balance was last read before the hand-off."""
    created_at: AwareDatetime | None = None
    sending_at: AwareDatetime | None = None
    accepted_at: AwareDatetime | None = None


class TouchpointEvent(Record):
    """One transition of a message, in wall time."""

    message_key: str
    state: TouchpointState
    reason: str | None
    attempt: int
    at: AwareDatetime


class IllegalTransition(Exception):
    """A message cannot go from its state to the one asked for."""


async def open_intent(conn: Conn, tp: Touchpoint) -> Touchpoint:
    """Insert a message as intent (or skipped, with a reason), or return the row of its key."""
    return (await put_all(conn, [tp]))[0]


_PUT = """
WITH wanted AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS w (message_key text, case_id text,
        client_id text, location_id text, document_id text, step text, channel text,
        template_version int, intent int, state text, reason text, day int, local_date date,
        at timestamptz, message_class text)
), added AS (
    INSERT INTO touchpoints (message_key, case_id, client_id, location_id, document_id, step,
        channel, template_version, intent, state, reason, day, local_date, at, message_class)
    SELECT * FROM wanted ON CONFLICT (message_key) DO NOTHING RETURNING *
)
SELECT * FROM added UNION ALL
SELECT t.* FROM touchpoints t JOIN wanted USING (message_key)
"""


async def put_all(conn: Conn, wanted: Sequence[Touchpoint]) -> list[Touchpoint]:
    """Insert messages as intents (or skipped, with reasons); the rows that their keys have now."""
    if not wanted:
        return []
    rows = await conn.fetch(
        _PUT, [tp.model_dump(mode="json", include=_PUT_FIELDS) for tp in wanted]
    )
    found = {row["message_key"]: Touchpoint.model_validate(dict(row)) for row in rows}
    # A row that another transaction added while this statement waited is not in its snapshot.
    return [found.get(tp.message_key) or await get(conn, tp.message_key) for tp in wanted]


_PUT_FIELDS = {
    *("message_key", "case_id", "client_id", "location_id", "document_id", "step", "channel"),
    *("template_version", "intent", "state", "reason", "day", "local_date", "at"),
    "message_class",
}


async def get(conn: Conn, key: str) -> Touchpoint:
    """One message; raises LookupError when the key is unknown."""
    row = await conn.fetchrow("SELECT * FROM touchpoints WHERE message_key = $1", key)
    if row is None:
        raise LookupError(f"There is no message {key}.")
    return Touchpoint.model_validate(dict(row))


async def mark_sending(conn: Conn, key: str, attempt: int) -> Touchpoint:
    """Say that the provider is about to be called; commit before calling it.

    Raises IllegalTransition when the message was answered for, or skipped, already, and when
    another caller has begun this very attempt.
    """
    row = await conn.fetchrow(
        "UPDATE touchpoints SET state = 'sending', attempt = $2"
        " WHERE message_key = $1 AND attempt < $2 AND touchpoint_may_move(state, 'sending')"
        " RETURNING *",
        key,
        attempt,
    )
    if row is None:
        current = await get(conn, key)
        raise IllegalTransition(f"message {key} is {current.state} and cannot be sent")
    return Touchpoint.model_validate(dict(row))


_BEGIN = """
WITH begun AS (
UPDATE touchpoints t SET state = 'sending', attempt = attempt + 1, checked_at = $2,
    words = $3::jsonb ->> message_key
FROM locations l
WHERE t.message_key = ANY($4) AND t.state = 'intent' AND l.location_id = t.location_id
    AND NOT EXISTS (SELECT FROM unnest($1::text[]) name
        WHERE coalesce(l.switches ->> name, 'live') <> 'live')
    AND (SELECT s.is_on FROM channel_settings s WHERE s.location_id = t.location_id
        AND s.channel = t.channel ORDER BY s.setting_id DESC LIMIT 1)
RETURNING t.*
), kept AS (
    INSERT INTO handovers (message_key, client_id, sealed)
    SELECT message_key, client_id, decode($5::jsonb ->> message_key, 'base64') FROM begun
    WHERE $5::jsonb ? message_key
    ON CONFLICT (message_key) DO UPDATE SET sealed = excluded.sealed
)
SELECT * FROM begun
"""


async def begin(
    conn: Conn,
    words: Mapping[str, str],
    switches: Sequence[str],
    checked_at: datetime,
    sealed: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Touchpoint]:
    """Say that the provider is about to be called, unless a switch was thrown meanwhile.

    The switches are read by the statement that marks the messages, as the last thing before the
    hand-off. `words` names by message key what goes out, `sealed` is the message itself, see
    `store.handovers`. A key that is missing in the answer must not be sent: it is switched off,
    or another attempt has it.
    """
    rows = await conn.fetch(
        _BEGIN, list(switches), checked_at, dict(words), list(words), dict(sealed)
    )
    return {row["message_key"]: Touchpoint.model_validate(dict(row)) for row in rows}


async def drop(conn: Conn, keys: Sequence[str], reason: str) -> None:
    """Skip messages that were claimed and are not to go after all."""
    await conn.execute(
        "UPDATE touchpoints SET state = 'skipped', reason = $2"
        " WHERE message_key = ANY($1) AND state = 'intent'",
        list(keys),
        reason,
    )


async def drop_step(conn: Conn, document_id: str, step: str, reason: str) -> None:
    """Skip every message of a step that was claimed and reached no provider."""
    await conn.execute(
        "UPDATE touchpoints SET state = 'skipped', reason = $3"
        " WHERE document_id = $1 AND step = $2 AND state = 'intent'",
        document_id,
        step,
        reason,
    )


_MARK = """
WITH moved AS (
    UPDATE touchpoints SET state = $2, provider_id = coalesce($3, provider_id),
        reason = coalesce($4, reason), failure_code = coalesce($5, failure_code)
    WHERE message_key = $1 AND state <> $2 AND touchpoint_may_move(state, $2) RETURNING *
), known AS (
    DELETE FROM handovers h USING moved
    WHERE h.message_key = moved.message_key AND moved.state NOT IN ('sending', 'unknown')
)
SELECT * FROM moved
"""


async def mark(
    conn: Conn,
    key: str,
    state: TouchpointState,
    provider_id: str | None = None,
    reason: str | None = None,
    failure_code: str | None = None,
) -> Touchpoint:
    """Move a message on and return its row.

    A repeated or overtaken answer (accepted after delivered) leaves the row as it is; an answer
    to a message that was never sent raises IllegalTransition.
    """
    row = await conn.fetchrow(
        _MARK,
        key,
        state,
        provider_id,
        reason,
        failure_code,
    )
    if row is not None:
        return Touchpoint.model_validate(dict(row))
    current = await get(conn, key)
    if current.state != state and current.state in ("intent", "skipped"):
        raise IllegalTransition(f"message {key} is {current.state} and cannot become {state}")
    return current


async def of_case(conn: Conn, case_id: str) -> list[Touchpoint]:
    """Messages of a case, oldest first."""
    rows = await conn.fetch(
        "SELECT * FROM touchpoints WHERE case_id = $1 ORDER BY created_at, message_key", case_id
    )
    return [Touchpoint.model_validate(dict(row)) for row in rows]


async def of_client(conn: Conn, client_id: str) -> list[Touchpoint]:
    """Messages to a client over all cases, oldest first."""
    rows = await conn.fetch(
        "SELECT * FROM touchpoints WHERE client_id = $1 ORDER BY created_at, message_key",
        client_id,
    )
    return [Touchpoint.model_validate(dict(row)) for row in rows]


async def said_today(
    conn: Conn, client_id: str, day: date, message_class: str, but: str
) -> list[Touchpoint]:
    """What a provider was asked to carry to a client on a civil day, but for one step."""
    rows = await conn.fetch(
        "SELECT * FROM touchpoints WHERE client_id = $1 AND local_date = $2"
        " AND message_class = $3 AND step <> $4 AND provider_id IS NOT NULL"
        " ORDER BY created_at, message_key",
        client_id,
        day,
        message_class,
        but,
    )
    return [Touchpoint.model_validate(dict(row)) for row in rows]


async def cases_told_by(conn: Conn, message: Touchpoint) -> list[str]:
    """The message's case, and those whose step of that day was left to it."""
    rows = await conn.fetch(
        "SELECT DISTINCT case_id FROM touchpoints WHERE client_id = $1 AND local_date = $2"
        " AND reason = 'IN_STATEMENT' AND case_id <> $3 ORDER BY case_id",
        message.client_id,
        message.local_date,
        message.case_id,
    )
    return [message.case_id, *(row["case_id"] for row in rows)]


async def still_queued(conn: Conn, case_id: str, minutes: int) -> list[Touchpoint]:
    """Texts of a case that a provider took in the last minutes and has not delivered yet.

    Without those of a day on which another visit of the client, which still owes, was left to
    this one's message.
    """
    rows = await conn.fetch(
        "SELECT * FROM touchpoints t WHERE case_id = $1 AND channel = 'sms'"
        " AND state = 'accepted' AND provider_id IS NOT NULL"
        " AND accepted_at > clock_timestamp() - make_interval(mins => $2)"
        " AND NOT EXISTS (SELECT FROM touchpoints o WHERE o.client_id = t.client_id"
        "  AND o.local_date = t.local_date AND o.reason = 'IN_STATEMENT'"
        "  AND o.case_id <> t.case_id"
        "  AND (SELECT sum(debit_cents - credit_cents) FROM ledger_postings p"
        "   WHERE p.case_id = o.case_id AND p.account = '1100') > 0)",
        case_id,
        minutes,
    )
    return [Touchpoint.model_validate(dict(row)) for row in rows]


async def events_of(conn: Conn, key: str) -> list[TouchpointEvent]:
    """Every transition of one message, oldest first."""
    rows = await conn.fetch(
        "SELECT message_key, state, reason, attempt, at FROM touchpoint_events"
        " WHERE message_key = $1 ORDER BY event_id",
        key,
    )
    return [TouchpointEvent.model_validate(dict(row)) for row in rows]


async def by_provider_id(conn: Conn, provider_id: str) -> Touchpoint | None:
    """The message that a provider knows by its own id."""
    row = await conn.fetchrow("SELECT * FROM touchpoints WHERE provider_id = $1", provider_id)
    return Touchpoint.model_validate(dict(row)) if row else None


async def of_step(conn: Conn, document_id: str, step: str, channel: Channel) -> list[Touchpoint]:
    """Every intent of one step on one channel, first intent first."""
    rows = await conn.fetch(
        "SELECT * FROM touchpoints WHERE document_id = $1 AND step = $2 AND channel = $3"
        " ORDER BY intent",
        document_id,
        step,
        channel.value,
    )
    return [Touchpoint.model_validate(dict(row)) for row in rows]
