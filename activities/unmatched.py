"""Money that no case's own invoice brought: placed by its payment page or by a person.

What came by a page of ours has a known payer and is split over their invoices. All else is seen,
booked in suspense, and placed by a person.
"""

from datetime import datetime

from temporalio import activity

from activities import answering
from activities.answering import CannotCarryOut, Waits
from activities.contracts import (
    ApplyUnmatchedIn,
    ApplyUnmatchedOut,
    PlaceIn,
    PlaceOut,
    UnmatchedRef,
)
from activities.errors import vendor_errors
from activities.posting import grant_credit_to, has_home, note_paid
from activities.questions import question
from activities.refund_owed import Act, owe_held, still_held
from activities.statements import book, keep_as_credit, money_of, release
from activities.tools import Tools
from connectors.ports import LoosePayment, Refused
from domain import calendar, entries, ids
from domain.case import Decision
from domain.money import dollars
from store import checkouts, clients, invoices, ledger, payments, processor, reviews
from store.checkouts import Checkout
from store.db import Conn, transaction
from store.invoices import OpenItem
from store.payments import PaymentFact
from store.reviews import Review

CANDIDATES_MAX = 3


class UnmatchedActivities:
    """What a case of unreferenced money does to the books."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    @vendor_errors
    async def place_payment(self, ask: PlaceIn) -> PlaceOut:
        """Read the payment afresh, book it as unidentified and ask whose it is."""
        payment = ask.payment
        read = await self._tools.processor.read_payment(payment.payment_id)
        if isinstance(read, Refused) or read.state != "succeeded":
            return PlaceOut(status="gone")
        async with self._tools.pool.acquire() as conn:
            row = await _page_of(conn, read)
        if row is not None:
            return await self._settle(ask, row, read)
        fact = _fact(payment, read, ask.at)
        today = calendar.local_date(ask.at, payment.zone)
        async with transaction(self._tools.pool) as conn:
            if await has_home(conn, fact.payment_id):
                return PlaceOut(status="placed")
            # Asked again later, it is in the books already, on the day when it came.
            if await payments.record(conn, fact):
                await ledger.post(
                    conn,
                    entries.unidentified_received(
                        payment_id=fact.payment_id,
                        source=fact.source,
                        kind=fact.kind,
                        amount_cents=fact.amount_cents,
                        location_id=fact.location_id,
                        effective_on=today,
                    ),
                )
            open_items = await invoices.open_items(conn, payment.location_id)
            asked = question(
                payment.case_id,
                payment.location_id,
                "NO_REFERENCE",
                fact.amount_cents,
                ask.review_no,
                ask.at,
                facts=("The payment names no invoice of ours.",),
                ours=_candidates(open_items, fact.amount_cents),
                theirs={
                    "system": payment.source,
                    "paid": dollars(fact.amount_cents),
                    "payment": payment.payment_id,
                },
            )
            await reviews.open_review(conn, asked)
        return PlaceOut(status="held", review_id=asked.review_id, code=asked.code)

    async def _settle(self, ask: PlaceIn, row: Checkout, read: LoosePayment) -> PlaceOut:
        """Split what a page of ours brought, or ask, when it looks like too much."""
        payment = ask.payment
        async with transaction(self._tools.pool) as conn:
            await clients.lock_client(conn, row.client_id)
            booked = await book(conn, payment.source, row, money_of(read), payment.zone, ask.at)
            if booked.held is None:
                status = "settled" if booked.case_ids else "placed"
                return PlaceOut(status=status, case_ids=booked.case_ids)
            owed = await invoices.open_items(conn, row.location_id, row.client_id)
            asked = question(
                payment.case_id,
                payment.location_id,
                booked.held,
                booked.amount_cents,
                ask.review_no,
                ask.at,
                client_id=row.client_id,
                facts=booked.trace,
                ours={"payment": booked.payment_id, **_candidates(owed, booked.amount_cents)},
                theirs={
                    "system": payment.source,
                    "paid": dollars(booked.amount_cents),
                    "payment": payment.payment_id,
                },
            )
            await reviews.open_review(conn, asked)
        return PlaceOut(status="held", review_id=asked.review_id, code=asked.code)

    @activity.defn
    @vendor_errors
    async def apply_unmatched(self, ask: ApplyUnmatchedIn) -> ApplyUnmatchedOut:
        """Carry out what a named person decided about the money; a repeat changes nothing."""
        async with transaction(self._tools.pool) as conn:

            async def effect(_: Review, counts: Decision, is_first: bool) -> ApplyUnmatchedOut:
                return await carry_out(conn, ask.model_copy(update={"decision": counts}), is_first)

            done = await answering.carry_out(conn, ask.decision, ask.at, effect)
        return ApplyUnmatchedOut(effect=done.effect) if isinstance(done, Waits) else done


async def carry_out(conn: Conn, ask: ApplyUnmatchedIn, is_first: bool) -> ApplyUnmatchedOut:
    """Do what was decided, in the books alone; says what the case does next."""
    decision, payment = ask.decision, ask.payment
    fact = await payments.get(conn, ids.payment_id(payment.source, payment.payment_id))
    if fact is None:
        raise LookupError("the payment was never booked")
    if is_first and decision.choice != "hold_30_days":
        fact = await still_held(conn, fact)
    if fact.client_id is not None:
        return await _apply_known(conn, ask, fact, is_first)
    if decision.choice == "apply":
        return await _apply(conn, ask, fact, is_first)
    if decision.choice == "refund":
        return await _refund(conn, ask, fact, is_first)
    return ApplyUnmatchedOut(effect="rest" if decision.choice == "hold_30_days" else "done")


async def _refund(
    conn: Conn, ask: ApplyUnmatchedIn, fact: PaymentFact, is_first: bool
) -> ApplyUnmatchedOut:
    """It is owed back from now on; a case of its own moves the money."""
    refund_id = ids.refund_id(ask.decision.review_id)
    if is_first:
        act = Act(
            refund_id=refund_id,
            workflow_id=ids.refund_workflow_id(fact.location_id, refund_id),
            location_id=fact.location_id,
            client_id=fact.client_id,
            by=ask.decision.by,
            reason=ask.decision.reason,
            on=calendar.local_date(ask.at, ask.payment.zone),
        )
        await owe_held(conn, act, fact)
    return ApplyUnmatchedOut(effect="done", refund_ids=(refund_id,))


async def _apply_known(
    conn: Conn, ask: ApplyUnmatchedIn, fact: PaymentFact, is_first: bool
) -> ApplyUnmatchedOut:
    """Money whose payer is known waits in 2090, not in 2095."""
    choice, zone = ask.decision.choice, ask.payment.zone
    if choice == "refund":
        return await _refund(conn, ask, fact, is_first)
    case_id, document_id = None, None
    if choice == "apply":
        named = await invoices.find(conn, fact.location_id, ask.decision.invoice_id or "")
        if named is None or named.client_id != fact.client_id:
            raise CannotCarryOut("The named invoice is not one of this client's.")
        case_id, document_id = named.case_id, named.document_id
    if is_first:
        await clients.lock_client(conn, fact.client_id or "")
        if choice in ("apply", "not_duplicate"):
            await release(conn, fact, case_id, ask.decision.by, zone, ask.at)
        elif choice in ("credit", "keep_as_credit"):
            await keep_as_credit(conn, fact, fact.amount_cents, zone, ask.at)
    told = await payments.cases_of(conn, fact.payment_id)
    effect = "rest" if choice == "hold_30_days" else "done"
    return ApplyUnmatchedOut(effect=effect, case_ids=told, invoice_id=document_id)


async def _apply(
    conn: Conn, ask: ApplyUnmatchedIn, fact: PaymentFact, is_first: bool
) -> ApplyUnmatchedOut:
    document = await invoices.find(conn, fact.location_id, ask.decision.invoice_id or "")
    if document is None:
        raise CannotCarryOut("There is no such invoice at this location.")
    if is_first:
        await _apply_unidentified(conn, ask, fact, document)
    return ApplyUnmatchedOut(
        effect="done", case_id=document.case_id, invoice_id=document.document_id
    )


async def _apply_unidentified(
    conn: Conn, ask: ApplyUnmatchedIn, fact: PaymentFact, document: invoices.Document
) -> None:
    await clients.lock_client(conn, document.client_id)
    balance_cents = max(0, await ledger.balance_of_case(conn, document.case_id))
    to_case_cents = min(balance_cents, fact.amount_cents)
    excess_cents = fact.amount_cents - to_case_cents
    today = calendar.local_date(ask.at, ask.payment.zone)
    await ledger.post(
        conn,
        entries.unidentified_applied(
            payment_id=fact.payment_id,
            amount_to_case_cents=to_case_cents,
            excess_cents=excess_cents,
            client_id=document.client_id,
            case_id=document.case_id,
            location_id=document.location_id,
            effective_on=today,
        ),
    )
    if to_case_cents:
        await payments.allocate(
            conn, fact.payment_id, document.case_id, to_case_cents, ask.decision.by, today
        )
    if excess_cents:
        await grant_credit_to(
            conn,
            document.client_id,
            document.location_id,
            fact.payment_id,
            excess_cents,
            ask.at,
        )
    await note_paid(conn, document.case_id)


async def _page_of(conn: Conn, read: LoosePayment) -> Checkout | None:
    """The payment page of ours that brought the money, if one did: our id, our customer."""
    row = None if read.checkout_id is None else await checkouts.get(conn, read.checkout_id)
    if row is None or read.customer_id is None:
        return None
    is_theirs = await processor.get_customer(conn, row.client_id) == read.customer_id
    return row if is_theirs else None


def _fact(payment: UnmatchedRef, read: LoosePayment, at: datetime) -> PaymentFact:
    return PaymentFact(
        payment_id=ids.payment_id(payment.source, payment.payment_id),
        source=payment.source,
        object_id=payment.payment_id,
        kind="card",
        state="paid",
        amount_cents=read.amount_cents,
        currency=read.currency.upper(),
        occurred_at=read.paid_at or at,
        case_id=None,
        client_id=None,
        location_id=payment.location_id,
        outside=False,
    )


def _candidates(open_items: list[OpenItem], amount_cents: int) -> dict[str, str]:
    """The open invoices that a person is shown first: exact balance, then nearest."""
    nearest = sorted(open_items, key=lambda item: abs(item.balance_cents - amount_cents))
    return {
        item.number: f"{dollars(item.balance_cents)} owed"
        + (", exactly this amount" if item.balance_cents == amount_cents else "")
        for item in nearest[:CANDIDATES_MAX]
    }
