"""A refund that nobody here started: a person says what it was for, and the books follow.

The money has left already (2100 to 1020); here 2100 gets its other side. It is taken from where
the payment lies: from suspense, then from the client's unused credit, then from the visits that
it had paid, the last one first.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from activities.answering import CannotCarryOut, subject
from activities.contracts import ApplyIn
from activities.placed_money import UNAPPLIED, UNKNOWN, Lies, end_credit, where_it_lies
from activities.refund_books import visit_money
from activities.refund_effects import act_of
from activities.refund_owed import Act
from domain import entries_held, entries_refund
from domain.entries import ALLOWANCES
from domain.refund_types import Given, LineBack, MoveBack, NoRefund, RefundAsk, RefundPlan
from domain.refunds import plan_refund
from store import clients, invoices, ledger, payments, refunds
from store.db import Conn
from store.payments import PaymentFact
from store.refunds import RefundMove, RefundRow
from store.reviews import Review

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""One payment alone has no order."""


async def allow(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """It was given back for good: nothing is owed for what it had paid."""
    await give_way(conn, *await _begin(conn, ask, review), ask.case.zone)


async def owe_again(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """The payment counts for less: what it had paid is owed again."""
    await count_less(conn, *await _begin(conn, ask, review))


async def give_way(conn: Conn, move: RefundMove, act: Act, fact: PaymentFact, zone: str) -> None:
    """What went back of a payment comes off what it had paid."""
    lies = await where_it_lies(conn, fact, move.amount_cents, owed=False)
    plans = [
        (case_id, await _allowance(conn, case_id, cents, move, zone))
        for case_id, cents in lies.cases
    ]
    for case_id, plan in plans:
        is_known = fact.client_id is not None
        await _post_visit(conn, act, case_id, fact.client_id, plan, is_payer_known=is_known)
    await _take(conn, act, fact, lies)
    # A refund of one visit is remembered by its lines; of several, by the payment alone.
    only = plans[0] if len(plans) == 1 else None
    act = act.model_copy(update={"case_id": only[0] if only else None})
    await _explain(conn, act, move, only[1].lines if only else ())


async def count_less(conn: Conn, move: RefundMove, act: Act, fact: PaymentFact) -> None:
    """What went back of a payment is owed again on what it had paid."""
    lies = await where_it_lies(conn, fact, move.amount_cents, owed=False)
    for case_id, cents in lies.cases:
        await reverse_part(conn, act, fact, case_id, cents)
    await _take(conn, act, fact, lies)
    await _explain(conn, act, move, ())


async def reverse_part(conn: Conn, act: Act, fact: PaymentFact, case_id: str, cents: int) -> None:
    """A part of a payment does not count any more on a case: 1100 to 2100."""
    document = await invoices.latest_document(conn, case_id)
    await ledger.post(
        conn,
        entries_refund.payment_reversed(
            key=f"payment-reversed|{act.refund_id}|{case_id}",
            parts=[(case_id, cents)],
            client_id=document.client_id if document else fact.client_id or "",
            location_id=act.location_id,
            effective_on=act.on,
            is_payer_known=fact.client_id is not None,
        ),
    )
    await payments.allocate(conn, fact.payment_id, case_id, -cents, act.by, act.on)


async def link(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """A refund of a payment that nobody knows is an allowance on a named invoice."""
    move = await _unexplained(conn, review)
    document = await invoices.find(conn, review.location_id, ask.decision.invoice_id or "")
    if document is None:
        raise CannotCarryOut("There is no such invoice at this location.")
    await clients.lock_client(conn, document.client_id)
    act = act_of(ask, review, document.client_id).model_copy(
        update={"origin": "processor", "location_id": document.location_id}
    )
    plan = _lineless(move, move.amount_cents)
    await _post_visit(conn, act, document.case_id, document.client_id, plan, is_payer_known=True)
    act = act.model_copy(update={"case_id": document.case_id})
    await _explain(conn, act, move, plan.lines)


async def expense(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """A refund of a payment that nobody knows is borne as goodwill."""
    move = await _unexplained(conn, review)
    act = act_of(ask, review, None).model_copy(update={"origin": "processor"})
    await _bear(conn, act, move.amount_cents)
    await _explain(conn, act, move, ())


async def _begin(conn: Conn, ask: ApplyIn, review: Review) -> tuple[RefundMove, Act, PaymentFact]:
    move = await _unexplained(conn, review)
    fact = await payments.get(conn, move.payment_id or "")
    if fact is None:
        raise LookupError("the payment of this refund is not in the books")
    if fact.client_id is not None:
        await clients.lock_client(conn, fact.client_id)
    act = act_of(ask, review, fact.client_id).model_copy(update={"origin": "processor"})
    return move, act, fact


async def _unexplained(conn: Conn, review: Review) -> RefundMove:
    move = await refunds.move(conn, str(subject(review, "move")))
    if move is None:
        raise LookupError("the refund of this question is not in the books")
    if move.refund_id is not None:
        raise CannotCarryOut("This refund has been explained meanwhile.")
    if move.state == "returned":
        raise CannotCarryOut("This refund has come back meanwhile; there is nothing to book.")
    return move


async def _take(conn: Conn, act: Act, fact: PaymentFact, lies: Lies) -> None:
    """Book what comes out of suspense, of unused credit, and what nothing explains."""
    if lies.held_in in (UNKNOWN, UNAPPLIED):
        await ledger.post(
            conn,
            entries_held.held_money_refund_owed(
                payment_id=fact.payment_id,
                amount_cents=lies.held_cents,
                client_id=fact.client_id,
                location_id=fact.location_id,
                effective_on=act.on,
                part=None if lies.held_cents == fact.amount_cents else act.refund_id,
            ),
        )
    if lies.credit_cents:
        owner = await end_credit(conn, fact, act.refund_id, lies.credit_cents, act.on)
        await ledger.post(
            conn,
            entries_refund.credit_refunded(
                refund_id=act.refund_id,
                amount_cents=lies.credit_cents,
                client_id=owner,
                location_id=act.location_id,
                effective_on=act.on,
                is_payer_known=fact.client_id is not None,
            ),
        )
    await _bear(conn, act, lies.rest_cents)


async def _allowance(
    conn: Conn, case_id: str, cents: int, move: RefundMove, zone: str
) -> RefundPlan:
    """Spread over the visit's lines where they can bear it, else an allowance on the whole."""
    money = await visit_money(conn, case_id, zone)
    if isinstance(money, NoRefund):
        return _lineless(move, cents)
    alone = Given(
        payment_id=move.payment_id or "",
        way="processor",
        source=move.source,
        kind=move.kind,
        cents=cents,
        at=EPOCH,
    )
    bare = money.model_copy(
        update={"given": (alone,), "credits": (), "open_cents": 0, "written_off_cents": 0}
    )
    plan = plan_refund(bare, RefundAsk(amount_cents=cents))
    return _lineless(move, cents) if isinstance(plan, NoRefund) else plan


def _lineless(move: RefundMove, cents: int) -> RefundPlan:
    line = LineBack(line_id="", account=ALLOWANCES, net_cents=cents)
    gone = MoveBack(way=move.way, source=move.source, cents=cents, kind=move.kind)
    return RefundPlan(lines=(line,), moves=(gone,))


async def _post_visit(
    conn: Conn,
    act: Act,
    case_id: str,
    client_id: str | None,
    plan: RefundPlan,
    *,
    is_payer_known: bool,
) -> None:
    document = await invoices.latest_document(conn, case_id)
    entry = entries_refund.visit_refunded(
        refund_id=f"{act.refund_id}|{case_id}",
        plan=plan,
        client_id=document.client_id if document else client_id or "",
        case_id=case_id,
        location_id=act.location_id,
        effective_on=act.on,
        is_payer_known=is_payer_known,
    )
    if entry is not None:
        await ledger.post(conn, entry)


async def _bear(conn: Conn, act: Act, cents: int) -> None:
    """What nothing explains is goodwill."""
    if cents:
        await ledger.post(
            conn,
            entries_refund.refund_expensed(
                refund_id=act.refund_id,
                amount_cents=cents,
                client_id=act.client_id,
                location_id=act.location_id,
                effective_on=act.on,
            ),
        )


async def _explain(conn: Conn, act: Act, move: RefundMove, lines: Sequence[LineBack]) -> None:
    row = RefundRow(
        refund_id=act.refund_id,
        workflow_id=act.workflow_id,
        location_id=act.location_id,
        client_id=act.client_id,
        case_id=act.case_id,
        origin=act.origin,
        amount_cents=move.amount_cents,
        plan=RefundPlan(lines=tuple(lines)),
        decided_by=act.by,
        reason=act.reason,
    )
    await refunds.book(conn, row)
    await refunds.explain(conn, move.move_id, act.refund_id, act.client_id, act.location_id)
