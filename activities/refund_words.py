"""What a person reads about a refund before they answer: amounts, ways and days, no names."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from activities.refund_books import LENDER, visit_money
from domain.catalog import ItemClass
from domain.findings import plain
from domain.money import dollars
from domain.refund_case import RefundRequest
from domain.refund_types import LineBack, MoveBack, NoRefund, RefundPlan
from domain.refunds import package_worth
from store import invoices, payments
from store.db import Conn
from store.payments import PaymentFact
from store.refunds import RefundMove

_WHY = {
    "charge_already_refunded": "The processor says that it was refunded already.",
    "charge_disputed": "The processor does not refund a disputed payment.",
}


class About(TypedDict):
    """The parts of a question."""

    document_id: str | None
    facts: tuple[str, ...]
    ours: dict[str, str]
    theirs: dict[str, str]


async def about_plan(conn: Conn, request: RefundRequest, plan: RefundPlan, zone: str) -> About:
    """All that a refund would do."""
    document = await invoices.latest_document(conn, request.case_id or "")
    facts = [await _moved(conn, move) for move in plan.moves]
    if plan.forgiven_cents:
        facts.append(f"{dollars(plan.forgiven_cents)} is no longer owed.")
    if plan.unwritten_cents:
        facts.append(f"{dollars(plan.unwritten_cents)} that was given up was never due.")
    if request.case_id is not None:
        facts += [
            f"{dollars(credit.cents)} returns to the client's {credit.kind.replace('_', ' ')}."
            for credit in plan.credits
        ]
        facts += await _of_packages(conn, request.case_id, plan.lines, zone)
    return About(
        document_id=document.document_id if document else None,
        facts=tuple(facts),
        ours={f"line {line.line_id}": _line(line) for line in plan.lines},
        theirs={"asked by": request.by, "because": request.reason},
    )


def _line(line: LineBack) -> str:
    if line.draw is not None:
        return f"{plain(line.draw.quantity)} back to its package"
    tax = f" and {dollars(line.tax_cents)} tax" if line.tax_cents else ""
    return f"{dollars(line.net_cents)}{tax}"


async def _moved(conn: Conn, move: MoveBack) -> str:
    if move.way == LENDER:
        return f"{dollars(move.cents)} goes back to the lender, never to the patient."
    fact = await payments.get(conn, move.payment_id or "")
    if fact is None:
        return f"{dollars(move.cents)} is given by hand."
    by = "is given at the desk, as" if move.way == "desk" else "goes back along"
    return f"{dollars(move.cents)} {by} the {fact.kind} payment of {_day(fact)}."


def _day(fact: PaymentFact) -> str:
    return fact.occurred_at.date().isoformat()


async def _of_packages(conn: Conn, case_id: str, lines: Sequence[LineBack], zone: str) -> list[str]:
    """What each package that goes back is worth by both formulas."""
    money = await visit_money(conn, case_id, zone)
    if isinstance(money, NoRefund):
        return []
    back = {
        line.line_id: [line.draw for line in lines if line.draw] for line in lines if line.unused
    }
    facts = []
    for line in money.priced.lines:
        if line.line_id in back and line.item_class == ItemClass.PACKAGE:
            draws = back[line.line_id]
            lots = [lot.refilled(draws) for lot in money.sold.get(line.line_id, ())]
            worth = package_worth(line, lots)
            facts.append(
                f"Line {line.line_id}: {dollars(worth['unused'])} by unused value,"
                f" {dollars(worth['list_price'])} if what was used is charged at list price."
            )
    return facts


async def about_move(conn: Conn, move: RefundMove) -> About:
    """A movement that waits for a person, or did not arrive."""
    facts, fact = [], await payments.get(conn, move.payment_id or "")
    if move.code is not None:
        facts.append(_WHY.get(move.code, f"The processor's word for it is {move.code}."))
    if fact is not None:
        facts.append(f"It is of the {fact.kind} payment of {_day(fact)}.")
    ours = {"owed back": dollars(move.amount_cents), "state": move.state}
    theirs: Mapping[str, str] = {"refund": move.object_id} if move.object_id else {}
    return About(document_id=None, facts=tuple(facts), ours=ours, theirs=dict(theirs))


async def about_outside(conn: Conn, move: RefundMove) -> About:
    """A refund that nobody here started."""
    facts, fact = [], await payments.get(conn, move.payment_id or "")
    ours = {"payment": "not in the books"}
    if fact is not None:
        cases = await payments.cases_of(conn, fact.payment_id)
        ours = {"paid": dollars(fact.amount_cents), "on": _day(fact)}
        facts.append(f"Its payment is applied to {len(cases)} visit(s).")
        for case_id in cases:
            document = await invoices.latest_document(conn, case_id)
            if document is not None:
                applied = await payments.allocated(conn, fact.payment_id, case_id)
                ours[document.number] = f"{dollars(applied)} of it"
    theirs = {"system": move.source, "refund": move.object_id or "", "state": move.state}
    theirs["refunded"] = dollars(move.amount_cents)
    return About(document_id=None, facts=tuple(facts), ours=ours, theirs=theirs)
