"""Lenders' feeds: files, lists read, calls made, and what came by which way."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import AwareDatetime

from domain.lender_feed import FileSeen, Found, Hint, OverRefund
from domain.model import Record
from domain.plan_case import PlanStatus
from store.db import Conn


class Pause(Exception):
    """The lender asked for a pause that is not over; `seconds` are left."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"{seconds} seconds of the lender's pause are left")
        self.seconds = seconds


class LenderFile(Record):
    """An imported file. `bad` are its rows for a person: line and reason."""

    location_id: str
    lender: str
    name: str
    sha256: str
    made_at: str | None
    cut_at: AwareDatetime | None
    rows: int
    bad: tuple[tuple[int, str], ...]
    fault: str | None
    imported_by: str


class FeedTimes(Record):
    """When a lender was last heard of, and how; None is never."""

    last_event: AwareDatetime | None
    last_poll: AwareDatetime | None
    last_file: AwareDatetime | None
    first_seen: AwareDatetime | None


async def note_call(
    conn: Conn,
    lender: str,
    location_id: str | None,
    operation: str,
    outcome: str,
    pause_seconds: int | None = None,
) -> None:
    """One call to a lender, and the pause that it asked for."""
    await conn.execute(
        "INSERT INTO lender_calls (lender, location_id, operation, outcome, pause_until)"
        " VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))",
        lender,
        location_id,
        operation,
        outcome,
        pause_seconds,
    )


async def pause_left(conn: Conn, lender: str) -> int | None:
    """Seconds for which nobody is to call the lender; None when it may be called."""
    left: int | None = await conn.fetchval(
        "SELECT ceil(extract(epoch FROM max(pause_until) - clock_timestamp()))::int"
        " FROM lender_calls WHERE lender = $1 AND at > clock_timestamp() - interval '4 hours'"
        " AND pause_until > clock_timestamp()",
        lender,
    )
    return left


async def calls_within(conn: Conn, lender: str, back: timedelta = timedelta(hours=1)) -> int:
    """How many calls the lender has had since."""
    count: int = await conn.fetchval(
        "SELECT count(*) FROM lender_calls WHERE lender = $1"
        " AND at > clock_timestamp() - $2::interval",
        lender,
        back,
    )
    return count


async def read_until(conn: Conn, location_id: str, lender: str, kind: str) -> datetime | None:
    """Up to when a list has been read to its end."""
    at: datetime | None = await conn.fetchval(
        "SELECT read_until FROM lender_polls WHERE (location_id, lender, kind) = ($1, $2, $3)",
        location_id,
        lender,
        kind,
    )
    return at


async def note_read(conn: Conn, location_id: str, lender: str, kind: str, until: datetime) -> None:
    """A list was read to its end as it was at an instant; never goes back."""
    await conn.execute(
        "INSERT INTO lender_polls (location_id, lender, kind, read_until) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (location_id, lender, kind) DO UPDATE SET finished_at = clock_timestamp(),"
        " read_until = greatest(lender_polls.read_until, excluded.read_until)",
        location_id,
        lender,
        kind,
        until,
    )


async def put_file(conn: Conn, file: LenderFile) -> bool:
    """Keep that a file was imported; False when these very bytes were."""
    is_new: bool | None = await conn.fetchval(
        "INSERT INTO lender_files (location_id, lender, name, sha256, made_at, cut_at, rows, bad,"
        " is_whole, imported_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT DO NOTHING RETURNING true",
        file.location_id,
        file.lender,
        file.name,
        file.sha256,
        file.made_at,
        file.cut_at,
        file.rows,
        {"rows": file.bad, "fault": file.fault},
        file.fault is None,
        file.imported_by,
    )
    return bool(is_new)


async def known_files(conn: Conn, location_id: str, lender: str) -> set[tuple[str, str | None]]:
    """Name and time of each file that was fetched."""
    rows = await conn.fetch(
        "SELECT name, made_at FROM lender_files WHERE (location_id, lender) = ($1, $2)",
        location_id,
        lender,
    )
    return {(row["name"], row["made_at"]) for row in rows}


async def files_since(conn: Conn, location_id: str, lender: str, since: datetime) -> list[FileSeen]:
    """The newest import of each file of a cut since, by cut."""
    rows = await conn.fetch(
        "SELECT DISTINCT ON (cut_at, name) name, sha256, cut_at, bad FROM lender_files"
        " WHERE (location_id, lender) = ($1, $2) AND coalesce(cut_at, imported_at) >= $3"
        " ORDER BY cut_at, name, imported_at DESC",
        location_id,
        lender,
        since,
    )
    return [
        FileSeen(
            name=row["name"],
            sha256=row["sha256"],
            cut_at=row["cut_at"],
            fault=row["bad"]["fault"],
            bad=tuple((line, why) for line, why in row["bad"]["rows"]),
        )
        for row in rows
    ]


async def found_since(conn: Conn, location_id: str, lender: str, since: datetime) -> list[Found]:
    """Statuses that were first found by asking since, with the webhook that told the same."""
    rows = await conn.fetch(
        "SELECT plan_id, status, min(observed_at) FILTER (WHERE source <> 'webhook') AS found_at,"
        " min(observed_at) FILTER (WHERE source = 'webhook') AS heard_at FROM plan_facts"
        " WHERE (location_id, lender) = ($1, $2) AND status IS NOT NULL"
        " GROUP BY plan_id, status"
        " HAVING min(observed_at) FILTER (WHERE source <> 'webhook') >= $3",
        location_id,
        lender,
        since,
    )
    return [Found.model_validate(dict(row)) for row in rows]


async def hints(conn: Conn, location_id: str | None, lender: str) -> list[Hint]:
    """Plans whose status nobody but a webhook has told."""
    rows = await conn.fetch(
        "SELECT p.plan_id, p.status, (SELECT max(f.observed_at) FROM plan_facts f"
        "  WHERE (f.location_id, f.lender, f.plan_id) = (p.location_id, p.lender, p.plan_id)"
        "  AND f.status = p.status) AS heard_at FROM plans p"
        " WHERE ($1::text IS NULL OR p.location_id = $1) AND p.lender = $2"
        " AND p.status <> 'unknown' AND NOT (p.folded ->> 'is_confirmed')::boolean"
        " ORDER BY heard_at, p.plan_id",
        location_id,
        lender,
    )
    return [
        Hint(plan_id=r["plan_id"], status=PlanStatus(r["status"]), heard_at=r["heard_at"])
        for r in rows
        if r["heard_at"] is not None
    ]


async def over_refunds(conn: Conn, location_id: str, lender: str) -> list[OverRefund]:
    """Plans on which more was given back than financed."""
    rows = await conn.fetch(
        "SELECT plan_id, (folded -> 'latest' ->> 'financed_cents')::bigint AS financed_cents,"
        " (folded ->> 'refunded_cents')::bigint AS refunded_cents FROM plans"
        " WHERE (location_id, lender) = ($1, $2) AND (folded ->> 'refunded_cents')::bigint"
        " > (folded -> 'latest' ->> 'financed_cents')::bigint ORDER BY plan_id",
        location_id,
        lender,
    )
    return [OverRefund.model_validate(dict(row)) for row in rows]


async def times(conn: Conn, location_id: str, lender: str) -> FeedTimes:
    """When a lender was last heard of by event, list and file."""
    row = await conn.fetchrow(
        "SELECT (SELECT max(received_at) FROM inbox WHERE source = $2 AND location_id = $1)"
        " AS last_event, (SELECT max(finished_at) FROM lender_polls WHERE location_id = $1"
        " AND lender = $2) AS last_poll, (SELECT max(imported_at) FROM lender_files"
        " WHERE location_id = $1 AND lender = $2) AS last_file, (SELECT min(at) FROM lender_calls"
        " WHERE location_id = $1 AND lender = $2) AS first_seen",
        location_id,
        lender,
    )
    return FeedTimes.model_validate(dict(row or {}))


async def forget_calls(conn: Conn, older_than: timedelta) -> int:
    """Drop calls past retention, but the first one of each lender; returns how many."""
    rows: Sequence[object] = await conn.fetch(
        "DELETE FROM lender_calls c WHERE at < clock_timestamp() - $1::interval AND call_id >"
        " (SELECT min(call_id) FROM lender_calls f WHERE f.lender = c.lender"
        "  AND f.location_id IS NOT DISTINCT FROM c.location_id) RETURNING 1",
        older_than,
    )
    return len(rows)
