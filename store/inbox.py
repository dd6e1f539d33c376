"""The inbox: every vendor event once, its raw body encrypted, until it is dispatched."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from pydantic import AwareDatetime

from domain.model import Record, canonical_json
from store.db import Conn
from store.vault import Vault


class InboxEvent(Record):
    """A received event. `received_at` is wall time; latency is measured from it."""

    inbox_id: str
    source: str
    location_id: str | None
    event_id: str | None
    event_type: str
    occurred_at: AwareDatetime | None
    received_at: AwareDatetime
    body: bytes


def _context(source: str, event_key: str, part: str) -> str:
    return f"inbox|{source}|{event_key}|{part}"


async def receive(
    conn: Conn,
    vault: Vault,
    source: str,
    location_id: str | None,
    event_id: str | None,
    event_type: str,
    occurred_at: datetime | None,
    headers: Mapping[str, str],
    body: bytes,
) -> tuple[str, bool]:
    """Keep an event and return (inbox id, is new); a repeated delivery keeps the first.

    Unique by source and vendor event id, or by the body's hash where the vendor has no id.
    """
    event_key = event_id or hashlib.sha256(body).hexdigest()
    inbox_id: str | None = await conn.fetchval(
        "INSERT INTO inbox (source, event_key, location_id, event_id, event_type, occurred_at,"
        " sealed_headers, sealed_body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (source, event_key) DO NOTHING RETURNING inbox_id",
        source,
        event_key,
        location_id,
        event_id,
        event_type,
        occurred_at,
        vault.seal(canonical_json(dict(headers)).encode(), _context(source, event_key, "headers")),
        vault.seal(body, _context(source, event_key, "body")),
    )
    if inbox_id is not None:
        return inbox_id, True
    known: str = await conn.fetchval(
        "SELECT inbox_id FROM inbox WHERE source = $1 AND event_key = $2", source, event_key
    )
    return known, False


async def mark_dispatched(conn: Conn, inbox_id: str, workflow_id: str) -> None:
    """Say which workflow was started or signalled with the event."""
    await _close(conn, inbox_id, "dispatched", workflow_id, None)


async def mark_ignored(conn: Conn, inbox_id: str, reason: str) -> None:
    """Say that the event is of no interest; `reason` is a short code."""
    await _close(conn, inbox_id, "ignored", None, reason)


async def _close(
    conn: Conn, inbox_id: str, state: str, workflow_id: str | None, note: str | None
) -> None:
    await conn.execute(
        "UPDATE inbox SET state = $2, workflow_id = $3, note = $4, changed_at = clock_timestamp()"
        " WHERE inbox_id = $1",
        inbox_id,
        state,
        workflow_id,
        note,
    )


async def mark_failed(conn: Conn, inbox_id: str, sentence: str) -> None:
    """Count one more failed dispatch; a dispatched or ignored event stays as it is."""
    await conn.execute(
        "UPDATE inbox SET state = 'failed', note = $2, attempts = attempts + 1,"
        " changed_at = clock_timestamp() WHERE inbox_id = $1 AND state IN ('received', 'failed')",
        inbox_id,
        sentence,
    )


async def undispatched(conn: Conn, older_than_seconds: int, limit: int) -> list[str]:
    """Ids of events that wait since their receipt or last failure, oldest first.

    Rows stay locked until the transaction ends; rows another redrive holds are skipped.
    """
    rows = await conn.fetch(
        "SELECT inbox_id FROM inbox WHERE state IN ('received', 'failed')"
        " AND changed_at <= clock_timestamp() - make_interval(secs => $1)"
        " ORDER BY changed_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        older_than_seconds,
        limit,
    )
    return [row["inbox_id"] for row in rows]


async def read(conn: Conn, vault: Vault, inbox_id: str) -> InboxEvent:
    """One event with its opened body; raises LookupError when unknown or past retention."""
    row = await conn.fetchrow(
        "SELECT inbox_id, source, event_key, location_id, event_id, event_type, occurred_at,"
        " received_at, sealed_body FROM inbox WHERE inbox_id = $1",
        inbox_id,
    )
    if row is None or row["sealed_body"] is None:
        raise LookupError(f"There is no body for inbox event {inbox_id}.")
    body = vault.open(row["sealed_body"], _context(row["source"], row["event_key"], "body"))
    return InboxEvent.model_validate({**row, "body": body})


async def forget_bodies(conn: Conn, older_than_days: int) -> int:
    """Drop the raw bodies of finished events past retention; returns how many."""
    rows = await conn.fetch(
        "UPDATE inbox SET sealed_body = NULL, sealed_headers = NULL"
        " WHERE state IN ('dispatched', 'ignored') AND sealed_body IS NOT NULL"
        " AND received_at < clock_timestamp() - make_interval(days => $1) RETURNING 1",
        older_than_days,
    )
    return len(rows)


async def count_refused(conn: Conn, source: str, why: str) -> None:
    """Count a delivery that was refused (bad signature, too large); nothing else is kept."""
    await conn.execute(
        "INSERT INTO inbox_refusals (source, why, refused, last_at)"
        " VALUES ($1, $2, 1, clock_timestamp()) ON CONFLICT (source, why) DO UPDATE"
        " SET refused = inbox_refusals.refused + 1, last_at = clock_timestamp()",
        source,
        why,
    )


async def refused_counts(conn: Conn) -> dict[tuple[str, str], int]:
    """(source, why) -> how many deliveries were refused."""
    rows = await conn.fetch("SELECT source, why, refused FROM inbox_refusals ORDER BY 1, 2")
    return {(row["source"], row["why"]): row["refused"] for row in rows}
