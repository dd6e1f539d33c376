"""Closing a month: what stands in the way, and the signature."""

from datetime import UTC, datetime, timedelta

from domain import calendar
from domain.money import dollars
from domain.month import Month
from starter.desk.books import Books
from starter.errors import Refusal
from store import ledger, payouts, periods, reviews
from store.locations import Location
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
        period = await _standing(books, where, month, limit_cents)
        period = period.model_copy(update={"signed_by": by, "reason": reason, "signed_at": now})
        if not reason and (period.off_cents or period.open_above_limit):
            raise Refusal(_in_the_way(period))
        await periods.close(books.conn, period)
    return period


async def _must_be_open(books: Books, location_id: str, month: Month) -> None:
    for each in await periods.list_closed(books.conn, location_id):
        if each.month == month:
            raise Refusal(f"{month} was closed at {location_id} by {each.signed_by} already.")


async def _standing(books: Books, where: Location, month: Month, limit_cents: int) -> PeriodClose:
    """How a month stands, not signed yet."""
    totals = await ledger.totals(books.conn)
    unsettled = [
        row
        for row in await payouts.unsettled(books.conn, where.location_id)
        if row.arrival_on <= month.last
    ]
    waiting = [
        review
        for review in await reviews.list_open(books.conn, where.location_id)
        if calendar.local_date(review.opened_at, where.zone) <= month.last
    ]
    off_cents = abs(totals.debits_cents - totals.credits_cents)
    off_cents += sum(abs(row.amount_cents) for row in unsettled)
    return PeriodClose(
        location_id=where.location_id,
        month=month,
        signed_by="nobody",
        limit_cents=limit_cents,
        off_cents=off_cents,
        open_above_limit=sum(review.money_cents > limit_cents for review in waiting),
        figures={
            "payouts": [row.payout_id for row in unsettled],
            "reviews": [review.review_id for review in waiting],
        },
        signed_at=datetime.now(UTC),
    )


def _in_the_way(period: PeriodClose) -> str:
    parts = []
    if period.off_cents:
        parts.append(f"it is off by {dollars(period.off_cents)}")
    if count := period.open_above_limit:
        limit = dollars(period.limit_cents)
        parts.append(f"{count} open question{'s' * (count > 1)} above {limit}")
    return (
        f"{period.month} does not close at {period.location_id}: {' and '.join(parts)}."
        " Settle that, or sign it with --reason WHY."
    )
