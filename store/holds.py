"""Why a client hears nothing for now: append-only holds and their releases."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

from pydantic import AwareDatetime

from domain.model import Record
from store.db import Conn

HoldKind = Literal[
    "reply",
    "dispute",
    "complaint",
    "adverse_event",
    "promise",
    "exclusion",
    "legal_hold",
    "deceased",
    "agency",
]
PERMANENT: frozenset[HoldKind] = frozenset({"legal_hold", "deceased", "agency"})
"""Kinds that nobody lifts; a debt that comes back from an agency ends its own."""


class ClientHold(Record):
    """One hold. `case_id` narrows it to one visit; `until` is the last civil day of silence."""

    hold_id: str
    client_id: str
    case_id: str | None = None
    kind: HoldKind
    placed_by: str
    reason: str
    placed_at: AwareDatetime
    until: date | None = None


async def place(conn: Conn, hold: ClientHold) -> bool:
    """Place a hold; False when its id is known. One promise a case: UniqueViolationError."""
    placed = await conn.fetchval(
        "INSERT INTO client_holds (hold_id, client_id, case_id, kind, placed_by, reason,"
        " placed_at, until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (hold_id) DO NOTHING RETURNING true",
        hold.hold_id,
        hold.client_id,
        hold.case_id,
        hold.kind,
        hold.placed_by,
        hold.reason,
        hold.placed_at,
        hold.until,
    )
    return bool(placed)


_COLUMNS = "h.hold_id, h.client_id, h.case_id, h.kind, h.placed_by, h.reason, h.placed_at, h.until"


async def placed_by(conn: Conn, review_id: str) -> list[ClientHold]:
    """Holds that a decision has placed."""
    rows = await conn.fetch(
        f"SELECT {_COLUMNS} FROM client_holds h WHERE review_id = $1 ORDER BY hold_id",  # noqa: S608
        review_id,
    )
    return [ClientHold.model_validate(dict(row)) for row in rows]


async def lifted_by(conn: Conn, review_id: str) -> list[ClientHold]:
    """Holds that a decision has lifted."""
    rows = await conn.fetch(
        f"SELECT {_COLUMNS} FROM client_holds h"  # noqa: S608
        " JOIN client_hold_releases r USING (hold_id) WHERE r.review_id = $1 ORDER BY hold_id",
        review_id,
    )
    return [ClientHold.model_validate(dict(row)) for row in rows]


class PastHold(ClientHold):
    """A hold with its end, if it has one."""

    released_by: str | None = None
    release_reason: str | None = None
    released_at: AwareDatetime | None = None


async def of_client(conn: Conn, client_id: str) -> list[PastHold]:
    """Every hold that was ever placed on a client, oldest first."""
    rows = await conn.fetch(
        f"SELECT {_COLUMNS}, r.released_by, r.reason AS release_reason, r.released_at"  # noqa: S608
        " FROM client_holds h LEFT JOIN client_hold_releases r USING (hold_id)"
        " WHERE h.client_id = $1 ORDER BY h.recorded_at, h.hold_id",
        client_id,
    )
    return [PastHold.model_validate(dict(row)) for row in rows]


async def unreleased(conn: Conn, hold_ids: Sequence[str]) -> list[ClientHold]:
    """Those of these holds that nobody has lifted yet."""
    rows = await conn.fetch(
        f"SELECT {_COLUMNS} FROM client_holds h"  # noqa: S608
        " WHERE hold_id = ANY($1::text[]) AND NOT EXISTS ("
        "  SELECT FROM client_hold_releases r WHERE r.hold_id = h.hold_id)"
        " ORDER BY hold_id",
        list(hold_ids),
    )
    return [ClientHold.model_validate(dict(row)) for row in rows]


async def release(conn: Conn, hold_id: str, by: str, reason: str, at: datetime) -> bool:
    """Lift a hold; False when it was lifted before, is unknown, or is permanent."""
    released = await conn.fetchval(
        "INSERT INTO client_hold_releases (hold_id, released_by, reason, released_at)"
        " SELECT hold_id, $2, $3, $4 FROM client_holds"
        " WHERE hold_id = $1 AND NOT kind = ANY($5::text[])"
        " ON CONFLICT (hold_id) DO NOTHING RETURNING true",
        hold_id,
        by,
        reason,
        at,
        sorted(PERMANENT),
    )
    return bool(released)


async def now(conn: Conn, client_id: str, on: date) -> list[PastHold]:
    """Every hold that stands on a civil day, of the whole client and of single cases of theirs."""
    found = await of_client(conn, client_id)
    return [
        hold
        for hold in found
        if hold.released_at is None and (hold.until is None or hold.until >= on)
    ]


async def standing(conn: Conn, client_id: str, case_id: str | None, on: date) -> list[ClientHold]:
    """Holds that bind the client (or this case of theirs) on a civil day, oldest first.

    Without a case, holds of the whole client alone.
    """
    rows = await conn.fetch(
        f"SELECT {_COLUMNS} FROM client_holds h"  # noqa: S608
        " LEFT JOIN client_hold_releases r USING (hold_id)"
        " WHERE h.client_id = $1 AND r.hold_id IS NULL"
        " AND (h.case_id IS NULL OR h.case_id = $2) AND (h.until IS NULL OR h.until >= $3)"
        " ORDER BY h.recorded_at, h.hold_id",
        client_id,
        case_id,
        on,
    )
    return [ClientHold.model_validate(dict(row)) for row in rows]
