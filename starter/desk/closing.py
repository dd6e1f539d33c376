"""Closing a month: what stands in the way, and the signature."""

from datetime import UTC, datetime, timedelta

from domain import calendar
from domain.money import dollars
from domain.month import Month
from domain.month_end import MonthReport, plain_report
from starter.desk.books import Books
from starter.desk.month_end import month_report
from starter.errors import Refusal
from store import month_desk, periods
from store.periods import PeriodClose


async def close_month(
    books: Books, location_id: str, month: Month, by: str, reason: str, limit_cents: int
) -> PeriodClose:
    """Close one month in one transaction; entries under way are waited for (E16).

    Raises Refusal while something stands in the way and no reason is signed.
    """
    where = await books.location(location_id)
    now = datetime.now(UTC) + timedelta(seconds=where.clock_shift_seconds)
    if month.last >= calendar.local_date(now, where.zone):
        raise Refusal(f"{month} is not over at {location_id}; close it from {month.next.first} on.")
    async with books.conn.transaction():
        await periods.lock(books.conn, location_id)
        await _must_be_open(books, location_id, month)
        report = await month_report(books.conn, month, location_id, now)
        waiting = await month_desk.waiting(books.conn, [location_id], month.last)
        period = PeriodClose(
            location_id=location_id,
            month=month,
            signed_by=by,
            reason=reason,
            limit_cents=limit_cents,
            off_cents=report.off_cents,
            unchecked=report.unchecked,
            open_above_limit=sum(question.money_cents > limit_cents for question in waiting),
            figures=plain_report(report),
            signed_at=now,
        )
        if not reason and not (report.is_tied and period.open_above_limit == 0):
            raise Refusal(_in_the_way(period, report))
        await periods.close(books.conn, period)
    return period


async def _must_be_open(books: Books, location_id: str, month: Month) -> None:
    for each in await periods.list_closed(books.conn, location_id):
        if each.month == month:
            raise Refusal(f"{month} was closed at {location_id} by {each.signed_by} already.")


def _in_the_way(period: PeriodClose, report: MonthReport) -> str:
    parts = []
    if period.off_cents:
        parts.append(f"it is off by {dollars(period.off_cents)}")
    parts += [each.unchecked.rstrip(".") for each in report.ties if each.unchecked]
    if count := period.open_above_limit:
        limit = dollars(period.limit_cents)
        parts.append(f"{count} open question{'s' * (count > 1)} above {limit}")
    return (
        f"{period.month} does not close at {period.location_id}: {' and '.join(parts)}."
        f" See `tieout report month-end --month {period.month}`, or sign it with --reason WHY."
    )
