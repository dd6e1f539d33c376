"""Gathers the month-end page: the tie-out and the lists below it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from activities.ties import OWED, read_facts, tie_out
from domain.month import Month
from domain.month_end import MonthReport
from starter.desk import month_lists
from store import agency, locations, month_books, month_desk
from store.db import Conn
from store.locations import Location


async def month_report(
    conn: Conn, month: Month, location_id: str | None = None, made_at: datetime | None = None
) -> MonthReport:
    """The page of one location or of the whole practice.

    Money at the processor and at the bank is the whole practice's on either.
    """
    known = await locations.list_locations(conn)
    places = [each for each in known if location_id in (None, each.location_id)]
    if not places:
        raise LookupError(f"There is no location {location_id}; import its catalog first.")
    ids = [each.location_id for each in places]
    facts = await read_facts(conn, ids)
    every = [each.location_id for each in known]
    ties = await tie_out(conn, every, ids, facts, month.first, month.last)
    balances = await month_books.trial_balance(conn, ids, month.first, month.last)
    return MonthReport(
        month=month,
        practice=places[0].practice_name,
        locations=tuple(ids),
        made_at=made_at or datetime.now(UTC),
        ties=tuple(ties),
        earned=month_lists.earned(balances, facts.paid, month),
        trial_balance=tuple(balances),
        debts=month_lists.debts(
            facts.lines,
            facts.documents,
            await _due_days(places),
            await agency.at_agency(conn, ids, month.last),
            month.last,
        ),
        rolls=month_lists.rolls(facts.changes, balances, OWED, month),
        held=month_lists.held(facts.on("2090", "2095"), facts.names, month.last),
        waiting=month_lists.waiting(await month_desk.waiting(conn, ids, month.last), month.last),
        adjustments=tuple(await month_books.adjustments(conn, ids, month.first, month.last)),
        two_people=tuple(await month_desk.two_people(conn, ids, month.first, month.last)),
        signed=tuple(await month_desk.signed(conn, ids, month.first)),
    )


async def _due_days(places: Sequence[Location]) -> int:
    return max(place.chase.due_days for place in places)
