"""The tie-out: rows read from the books, compared by the domain's own rules.

Month end and the daily control both are made of it, so that they cannot say different things.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from domain.bank import DAYS_APART_MAX
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
from store import month_books, month_facts, month_lots, pms_standings
from store.db import Conn

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


async def read_facts(conn: Conn, places: Sequence[str]) -> Facts:
    """All of it, of these locations, whatever its day."""
    return Facts(
        lines=await month_books.lines(conn, places, CONTROL),
        documents=await month_facts.documents(conn, places),
        applied=await month_facts.allocations(conn, places),
        paid=await month_facts.payments(conn, places),
        changes=await month_lots.changes(conn, places),
    )


async def tie_out(
    conn: Conn,
    every: Sequence[str],
    places: Sequence[str],
    facts: Facts,
    first: date,
    until: date,
) -> list[Tie]:
    """Every line, of what has happened at `places` up to the end of a day.

    Entries and documents are looked at one by one from `first` on. Money at the processor and at
    the bank is the whole practice's: `every` is all of its locations. `conn` should see one state.
    """
    return [
        *await _ledger(conn, places, first, until, facts),
        *await _money(conn, every, places, until, facts),
        *await _outside(conn, places, until, facts),
        *await _lots(conn, places, until, facts),
    ]


async def _ledger(
    conn: Conn, ids: Sequence[str], first: date, until: date, facts: Facts
) -> list[Tie]:
    priced = await month_facts.priced(conn, ids, first, until)
    issued = [Issued.model_validate(row) for row in priced]
    posted = await month_books.posted_documents(conn, [each.document_id for each in issued])
    booked = await month_books.entries(conn, ids, first, until)
    things = sorted({thing_of(each.key, each.entry_id) for each in booked})
    known = await month_facts.known_things(conn, things)
    return [
        balance(await month_books.unbalanced(conn, ids, until), until),
        sources(booked, known, until),
        invoices(issued, posted, until),
        receivable(
            facts.on("1100"),
            facts.documents,
            facts.applied,
            facts.names,
            await month_facts.behind(conn, ids),
            await month_facts.remitted(conn, ids),
            until,
        ),
        installments(
            facts.on("1105"),
            await month_facts.signed_plans(conn, ids),
            facts.documents,
            until,
        ),
    ]


async def _money(
    conn: Conn,
    every: Sequence[str],
    ids: Sequence[str],
    until: date,
    facts: Facts,
) -> list[Tie]:
    whole = list(every) == list(ids)
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


async def _outside(conn: Conn, ids: Sequence[str], until: date, facts: Facts) -> list[Tie]:
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
            until,
        ),
        as_it_stands(
            "DISPUTES",
            "Disputed funds (1120)",
            facts.on("1120"),
            ("the disputes", disputed),
            1,
            until,
        ),
        lenders(
            facts.on("1030"),
            lent,
            facts.paid,
            await month_facts.deposits(conn, ids),
            facts.on("2090", "2095"),
            until,
        ),
        pms_paid(shown, facts.paid, facts.applied, tasks, facts.visits, until),
        pms_owed(shown, facts.on("1100"), facts.paid, facts.applied, tasks, facts.visits, until),
    ]


async def _lots(conn: Conn, ids: Sequence[str], until: date, facts: Facts) -> list[Tie]:
    leaking = await month_lots.leaking(conn, ids)
    return [
        *(
            owed(account, name, kind, facts.on(account), facts.changes, until)
            for account, name, kind in OWED
        ),
        units(leaking, await month_lots.count(conn, ids)),
    ]
