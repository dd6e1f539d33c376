"""Gathers the month-end page: rows from the books, compared by the domain's own rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.bank import DAYS_APART_MAX
from domain.month import Month
from domain.month_end import MonthReport
from domain.month_keys import thing_of
from domain.month_ledger import (
    Issued,
    as_it_stands,
    balance,
    installments,
    invoices,
    owed,
    receivable,
    sources,
    units,
)
from domain.month_money import bank, charges, clearing, drawer, payout_parts, suspense
from domain.month_pms import Shown, Task, lenders, pms_owed, pms_paid
from domain.month_rows import Applied, Billed, BookLine, LotChange, Paid
from domain.tie import Tie
from starter.desk import month_lists
from store import agency, locations, month_books, month_desk, month_facts, month_lots, pms_standings
from store.db import Conn
from store.locations import Location

# fmt: off
CONTROL = (
    "1010", "1020", "1030", "1040", "1100", "1105", "1120", "1130",
    "2010", "2030", "2040", "2050", "2060", "2090", "2095", "2100",
)
# fmt: on
OWED = (
    ("2010", "Packages", "unit"),
    ("2030", "Membership credit", "membership_credit"),
    ("2040", "Gift cards", "gift_card"),
    ("2050", "Deposits", "deposit"),
    ("2060", "Client credit", "account_credit"),
)
_TO_RECORD = ("PMS_CONFIRM", "PMS_WRITE_FAILED")


@dataclass(frozen=True)
class Facts:
    """What several lines of the tie-out are made from, read once."""

    lines: Sequence[BookLine]
    documents: Sequence[Billed]
    applied: Sequence[Applied]
    paid: Sequence[Paid]
    changes: Sequence[LotChange]

    def on(self, *accounts: str) -> list[BookLine]:
        """Lines of these accounts."""
        return [line for line in self.lines if line.account in accounts]

    @property
    def visits(self) -> dict[str, str]:
        """The invoice number of each case, beside its id."""
        return {
            each.case_id: f"invoice {each.number}, {each.case_id}"
            for each in reversed(self.documents)
        }

    @property
    def names(self) -> dict[str, str]:
        """What a person can look up, of each payment."""
        return {
            f"payment:{each.payment_id}": f"{each.source} payment {each.object_id}"
            for each in self.paid
        }


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
    facts = Facts(
        lines=await month_books.lines(conn, ids, CONTROL),
        documents=await month_facts.documents(conn, ids),
        applied=await month_facts.allocations(conn, ids),
        paid=await month_facts.payments(conn, ids),
        changes=await month_lots.changes(conn, ids),
    )
    every = [each.location_id for each in known]
    whole = facts if ids == every else None
    ties = [
        *await _ledger(conn, ids, month, facts),
        *await _money(conn, every, ids, month, facts, whole),
        *await _outside(conn, ids, month, facts),
        *await _lots(conn, ids, month, facts),
    ]
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


async def _ledger(conn: Conn, ids: Sequence[str], month: Month, facts: Facts) -> list[Tie]:
    priced = await month_facts.priced(conn, ids, month.first, month.last)
    issued = [Issued.model_validate(row) for row in priced]
    posted = await month_books.posted_documents(conn, [each.document_id for each in issued])
    of_month = await month_books.entries(conn, ids, month.first, month.last)
    things = sorted({thing_of(each.key, each.entry_id) for each in of_month})
    known = await month_facts.known_things(conn, things)
    return [
        balance(await month_books.unbalanced(conn, ids, month.last), month.last),
        sources(of_month, known, month.last),
        invoices(issued, posted, month.last),
        receivable(
            facts.on("1100"),
            facts.documents,
            facts.applied,
            facts.names,
            await month_facts.behind(conn, ids),
            await month_facts.remitted(conn, ids),
            month.last,
        ),
        installments(
            facts.on("1105"),
            await month_facts.signed_plans(conn, ids),
            facts.documents,
            month.last,
        ),
    ]


async def _money(
    conn: Conn,
    every: Sequence[str],
    ids: Sequence[str],
    month: Month,
    facts: Facts,
    whole: Facts | None,
) -> list[Tie]:
    until = month.last
    paid = facts.paid if whole else await month_facts.payments(conn, every)
    at_bank = facts.on("1010") if whole else await month_books.lines(conn, every, ["1010"])
    names = Facts((), (), (), paid, ()).names
    moves, payouts = await month_facts.movements(conn), await month_facts.payouts(conn)
    later = until + timedelta(days=3 * DAYS_APART_MAX)
    statement = await month_facts.statement(conn, later)
    taken_by = {each.source for each in payouts} | {
        each.source for each in paid if not each.outside
    }
    return [
        charges(paid, moves, taken_by, names, until),
        payout_parts(moves, payouts, until),
        clearing(facts.on("1020"), facts.paid, moves, payouts, set(ids), names, until),
        bank(at_bank, statement, until, await month_facts.statement_until(conn)),
        drawer(facts.on("1040"), facts.paid, statement, set(ids), names, until),
        suspense(
            facts.on("2090", "2095"),
            facts.paid,
            facts.applied,
            await month_facts.kept_credits(conn, ids),
            names,
            until,
        ),
    ]


async def _outside(conn: Conn, ids: Sequence[str], month: Month, facts: Facts) -> list[Tie]:
    shown = [
        Shown.model_validate(row.model_dump(exclude={"location_id", "read_at"}))
        for row in await pms_standings.of(conn, list(ids))
    ]
    tasks = [Task.model_validate(row) for row in await month_facts.tasks(conn, ids, _TO_RECORD)]
    lent = await month_facts.lent(conn, ids)
    back = await month_facts.to_give_back(conn, ids)
    disputed = await month_facts.in_dispute(conn, ids)
    return [
        as_it_stands(
            "REFUNDS",
            "Refunds payable (2100)",
            facts.on("2100"),
            ("the refunds", back),
            -1,
            month.last,
        ),
        as_it_stands(
            "DISPUTES",
            "Disputed funds (1120)",
            facts.on("1120"),
            ("the disputes", disputed),
            1,
            month.last,
        ),
        lenders(
            facts.on("1030"),
            lent,
            facts.paid,
            await month_facts.deposits(conn, ids),
            facts.on("2090", "2095"),
            month.last,
        ),
        pms_paid(shown, facts.paid, facts.applied, tasks, facts.visits, month.last),
        pms_owed(
            shown, facts.on("1100"), facts.paid, facts.applied, tasks, facts.visits, month.last
        ),
    ]


async def _lots(conn: Conn, ids: Sequence[str], month: Month, facts: Facts) -> list[Tie]:
    leaking = await month_lots.leaking(conn, ids)
    return [
        *(
            owed(account, name, kind, facts.on(account), facts.changes, month.last)
            for account, name, kind in OWED
        ),
        units(leaking, await month_lots.count(conn, ids)),
    ]
