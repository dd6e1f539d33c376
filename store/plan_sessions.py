"""Sessions of financing plans: completed visits, counted from their charts, never from bookings."""

from datetime import datetime

from domain.plan_course import Session
from store.db import Conn


async def add(
    conn: Conn, location_id: str, lender: str, plan_id: str, visit_case_id: str, at: datetime
) -> bool:
    """A visit that the plan pays for was completed; False when the books have it already.

    A visit that was taken back and is there again counts again. It never changes its plan.
    """
    added = await conn.fetchval(
        "INSERT INTO plan_sessions (visit_case_id, location_id, lender, plan_id, completed_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (visit_case_id) DO UPDATE SET cancelled_at = NULL"
        " WHERE plan_sessions.cancelled_at IS NOT NULL RETURNING true",
        visit_case_id,
        location_id,
        lender,
        plan_id,
        at,
    )
    return bool(added)


async def take_back(conn: Conn, visit_case_id: str, at: datetime) -> bool:
    """The visit did not take place after all; False when it was no session, or is gone already."""
    gone = await conn.fetchval(
        "UPDATE plan_sessions SET cancelled_at = $2"
        " WHERE visit_case_id = $1 AND cancelled_at IS NULL RETURNING true",
        visit_case_id,
        at,
    )
    return bool(gone)


async def plan_of_visit(conn: Conn, visit_case_id: str) -> tuple[str, str] | None:
    """Lender and plan that a visit was counted for, also when it was taken back."""
    row = await conn.fetchrow(
        "SELECT lender, plan_id FROM plan_sessions WHERE visit_case_id = $1", visit_case_id
    )
    return (row["lender"], row["plan_id"]) if row else None


async def of_plan(conn: Conn, location_id: str, lender: str, plan_id: str) -> tuple[Session, ...]:
    """Completed sessions of a plan, oldest first."""
    rows = await conn.fetch(
        "SELECT visit_case_id AS visit_id, completed_at FROM plan_sessions"
        " WHERE (location_id, lender, plan_id) = ($1, $2, $3) AND cancelled_at IS NULL"
        " ORDER BY completed_at, visit_case_id",
        location_id,
        lender,
        plan_id,
    )
    return tuple(Session.model_validate(dict(row)) for row in rows)
