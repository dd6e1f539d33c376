"""Months that were signed off. No entry falls into one again, and none is ever reopened.

A fact of a closed month is booked on the first open day: `ledger.post` does that by itself and
keeps the day of the fact, which makes the entry an adjustment. A database trigger refuses
whatever tries otherwise.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import asyncpg
from pydantic import AwareDatetime, Field

from domain.model import Record
from domain.month import Month
from store.db import Conn

_DAY = timedelta(days=1)


class PeriodClosed(Exception):
    """A month cannot be closed so; the text says what comes first."""


class PeriodClose(Record):
    """One closed month of one location, with what stood open when it was signed.

    `off_cents` is the sum of all differences without their signs, `unchecked` counts lines without
    a second source, `open_above_limit` questions worth more than `limit_cents`. Any of them needs
    a `reason`. `figures` is the page as it was signed.
    """

    location_id: str
    month: Month
    signed_by: str
    reason: str = ""
    limit_cents: int = Field(ge=0)
    off_cents: int = Field(ge=0)
    unchecked: int = Field(default=0, ge=0)
    open_above_limit: int = Field(ge=0)
    figures: Mapping[str, Any]
    signed_at: AwareDatetime


async def closed_until(conn: Conn, location_id: str) -> date | None:
    """The last day of the last closed month of a location; None while nothing is closed."""
    until: date | None = await conn.fetchval(
        "SELECT max(closed_until) FROM period_closes WHERE location_id = $1", location_id
    )
    return until


async def open_day(conn: Conn, location_id: str, fact_on: date) -> date:
    """The day on which a fact is booked: its own, or the first open one after a closed month."""
    until = await closed_until(conn, location_id)
    return fact_on if until is None or fact_on > until else until + _DAY


async def lock(conn: Conn, location_id: str) -> None:
    """Wait for entries under way at a location and keep new ones out until the commit."""
    await conn.execute("SELECT pg_advisory_xact_lock(period_lock($1))", location_id)


async def close(conn: Conn, period: PeriodClose) -> None:
    """Close a month for good. Raises PeriodClosed when another one comes first."""
    try:
        await conn.execute(
            "INSERT INTO period_closes (location_id, month, signed_by, reason, limit_cents,"
            " off_cents, unchecked, open_above_limit, figures, signed_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            period.location_id,
            period.month.first,
            period.signed_by,
            period.reason,
            period.limit_cents,
            period.off_cents,
            period.unchecked,
            period.open_above_limit,
            dict(period.figures),
            period.signed_at,
        )
    except asyncpg.RestrictViolationError as refusal:
        raise PeriodClosed(f"{period.month} cannot be closed: {refusal.args[0]}.") from refusal


async def list_closed(conn: Conn, location_id: str | None = None) -> list[PeriodClose]:
    """Closed months of one location or of all, oldest first."""
    rows = await conn.fetch(
        "SELECT location_id, month, signed_by, reason, limit_cents, off_cents, unchecked,"
        " open_above_limit, figures, signed_at FROM period_closes"
        " WHERE $1::text IS NULL OR location_id = $1 ORDER BY location_id, month",
        location_id,
    )
    return [PeriodClose.model_validate({**row, "month": Month(first=row["month"])}) for row in rows]
