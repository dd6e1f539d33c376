"""What is owed back is booked here, with the movements that will carry it: in one transaction,
before any money moves (rule 2.8.5).
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Literal

from activities.answering import CannotCarryOut
from activities.refund_books import by_hand, given_of
from domain import entries, entries_held, entries_refund, ids
from domain.entries_refund import visit_refunded
from domain.invoice import Draw
from domain.model import Record
from domain.refund_types import CreditUsed, MoveBack, NoRefund, RefundPlan
from domain.refunds import along
from store import entitlements, ledger, lots, refund_facts, refunds
from store.db import Conn
from store.entitlements import Movement
from store.payments import PaymentFact
from store.refunds import RefundMove, RefundRow

CHANGED = "What can go back has changed since this was asked: ask for the refund anew."


class AllGone(CannotCarryOut):
    """Nothing is left of a payment: it went back."""


class Act(Record):
    """Who refunds what, when and why. `refund_id` makes a repeat harmless.

    `case_id` names the visit whose payments go back; without one it is money of no visit.
    """

    refund_id: str
    workflow_id: str
    location_id: str
    client_id: str | None
    by: str
    reason: str
    on: date
    origin: Literal["desk", "processor", "pms"] = "desk"
    case_id: str | None = None


async def book_visit_refund(conn: Conn, act: Act, plan: RefundPlan) -> None:
    """Book a planned refund of a visit with its movements, and put credits and units back.

    The caller holds the client's lock and does this once.
    """
    case_id, client_id = act.case_id or "", act.client_id or ""
    entry = visit_refunded(
        refund_id=act.refund_id,
        plan=plan,
        client_id=client_id,
        case_id=case_id,
        location_id=act.location_id,
        effective_on=act.on,
    )
    if entry is not None:
        await ledger.post(conn, entry)
    await keep(conn, act, plan)
    draws = [line.draw for line in plan.lines if line.draw]
    await _put_back(conn, act, case_id, draws, plan.credits)
    for unused in (draw for line in plan.lines for draw in line.unused):
        await lots.end(
            conn,
            "refund",
            act.refund_id,
            unused.lot_id,
            unused.quantity,
            unused.value_cents,
            act.on,
        )


async def keep(conn: Conn, act: Act, plan: RefundPlan) -> None:
    """Keep what was decided, with the movements that are still to be made.

    Raises CannotCarryOut when a payment does not have that much left by now.
    """
    row = RefundRow(
        refund_id=act.refund_id,
        workflow_id=act.workflow_id,
        location_id=act.location_id,
        client_id=act.client_id,
        case_id=act.case_id,
        origin=act.origin,
        amount_cents=plan.money_cents,
        plan=plan,
        decided_by=act.by,
        reason=act.reason,
    )
    moves = [_owed(act, number, move) for number, move in enumerate(plan.moves, start=1)]
    try:
        await refunds.book(conn, row, moves)
    except refunds.TooMuch as short:
        raise CannotCarryOut(CHANGED) from short


def _owed(act: Act, number: int, move: MoveBack) -> RefundMove:
    return RefundMove(
        move_id=ids.move_id(act.refund_id, number),
        refund_id=act.refund_id,
        location_id=act.location_id,
        way=move.way,
        source=move.source,
        payment_id=move.payment_id,
        client_id=act.client_id,
        kind=move.kind,
        amount_cents=move.cents,
        state="owed",
    )


async def _put_back(
    conn: Conn, act: Act, case_id: str, draws: Sequence[Draw], credits: Sequence[CreditUsed]
) -> None:
    """Bring what each holder has of its lots down by what returns, to the same lots."""
    back: dict[str, dict[str, tuple[Decimal, int]]] = {}

    def add(holder: str, lot_id: str, quantity: Decimal, cents: int) -> None:
        units, worth = back.setdefault(holder, {}).get(lot_id, (Decimal(0), 0))
        back[holder][lot_id] = (units + quantity, worth + cents)

    for draw in draws:
        add(case_id, draw.lot_id, draw.quantity, draw.value_cents)
    for credit in credits:
        if credit.lot_id is not None:
            add(credit.holder, credit.lot_id, Decimal(0), credit.cents)
    for holder, returned in back.items():
        held = await entitlements.drawn(conn, holder)
        left = [
            Movement(
                lot_id=lot_id,
                quantity=units - returned.get(lot_id, (Decimal(0), 0))[0],
                cents=cents - returned.get(lot_id, (Decimal(0), 0))[1],
            )
            for lot_id, (units, cents) in held.items()
        ]
        await entitlements.settle_delta(conn, holder, act.refund_id, left, act.on)


async def book_credit_refund(conn: Conn, act: Act, plan: RefundPlan) -> None:
    """A client's own credit goes back: 2060 to 2100, out of its lots for good."""
    await ledger.post(
        conn,
        entries_refund.credit_refunded(
            refund_id=act.refund_id,
            amount_cents=plan.money_cents,
            client_id=act.client_id or "",
            location_id=act.location_id,
            effective_on=act.on,
        ),
    )
    await keep(conn, act, plan)
    for credit in plan.credits:
        lot_id = credit.lot_id or ""
        await lots.end(conn, "refund", act.refund_id, lot_id, Decimal(0), credit.cents, act.on)


async def still_held(conn: Conn, fact: PaymentFact) -> PaymentFact:
    """Held money as far as it is still there, to be placed or sent back.

    Raises CannotCarryOut while the bank or a refund that nobody has explained is about it, and
    AllGone when nothing is left.
    """
    part = await refund_facts.left_of(conn, fact.payment_id)
    if part is None or part.is_disputed:
        raise CannotCarryOut("This payment is disputed: wait for the bank's answer.")
    if await refunds.is_unexplained(conn, fact.payment_id):
        raise CannotCarryOut("A part of this payment went back: decide that question first.")
    if part.left_cents <= 0:
        raise AllGone("Nothing of this payment is left: it went back.")
    return fact.model_copy(update={"amount_cents": part.left_cents})


async def owe_held(conn: Conn, act: Act, fact: PaymentFact) -> None:
    """What is `still_held` goes back the way it came: 2090 or 2095 to 2100."""
    cents = fact.amount_cents
    await ledger.post(
        conn,
        entries_held.held_money_refund_owed(
            payment_id=fact.payment_id,
            amount_cents=cents,
            client_id=fact.client_id,
            location_id=fact.location_id,
            effective_on=act.on,
        ),
    )
    move = MoveBack(
        way="desk" if fact.outside else "processor",
        source=fact.source,
        cents=cents,
        kind=fact.kind,
        payment_id=fact.payment_id,
    )
    await keep(conn, act, RefundPlan(lines=(), moves=(move,)))


async def owe_over(conn: Conn, act: Act, document_id: str, over_cents: int) -> None:
    """A visit costs less than was paid: 1100 to 2100, the last payment first."""
    case_id = act.case_id or ""
    found = along(list(map(given_of, await refund_facts.given(conn, case_id))), over_cents)
    if isinstance(found, NoRefund):
        raise CannotCarryOut(found.why)
    await ledger.post(
        conn,
        entries.refund_owed(
            document_id=document_id,
            amount_cents=over_cents,
            client_id=act.client_id or "",
            case_id=case_id,
            location_id=act.location_id,
            effective_on=act.on,
        ),
    )
    await keep(conn, act, RefundPlan(lines=(), moves=(*found[0], *by_hand(found[1]))))
