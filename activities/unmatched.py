"""Money that no case's own invoice brought: placed by its payment page or by a person.

What came by a page of ours has a known payer and is split over their invoices. What names an
invoice and comes from who belongs to it pays that one. All else is seen, booked in suspense, and
placed by a person.
"""

from datetime import datetime

from temporalio import activity

from activities import answering, unreferenced
from activities.answering import Waits
from activities.contracts import (
    ApplyUnmatchedIn,
    ApplyUnmatchedOut,
    PlaceIn,
    PlaceOut,
    UnmatchedRef,
)
from activities.errors import vendor_errors
from activities.posting import BY_MATCHING, apply_payment, has_home
from activities.questions import question
from activities.statements import book, money_of
from activities.tools import Tools
from activities.unmatched_choices import carry_out
from activities.unreferenced import Found, Known
from connectors.ports import LoosePayment, Refused
from domain import calendar, entries_held, ids
from domain.case import Decision
from domain.ledger import Entry
from domain.matching import Matched
from domain.money import dollars
from store import checkouts, clients, invoices, ledger, payments, processor, reviews
from store.checkouts import Checkout
from store.db import Conn, transaction
from store.invoices import Document, OpenItem
from store.payments import PaymentFact
from store.reviews import Review

CANDIDATES_MAX = 3
_NAMELESS = "The payment names no invoice of ours."
_OF_THE_NAMED = frozenset({"OVERPAID", "DUPLICATE_SUSPECTED", "WRONG_INVOICE"})
"""Codes of money whose payer belongs to the invoice that it names: it is that client's."""


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
        return await self._match(ask, read)

    async def _match(self, ask: PlaceIn, read: LoosePayment) -> PlaceOut:
        """Apply what is certain; hold all else in suspense and ask whose it is."""
        payment, fact = ask.payment, _fact(ask.payment, read, ask.at)
        async with transaction(self._tools.pool) as conn:
            if await has_home(conn, fact.payment_id):
                return PlaceOut(status="placed")
            said = await unreferenced.known(conn, payment, read)
            found = await unreferenced.find(conn, payment, fact, said)
            held = await payments.get(conn, fact.payment_id)
            if held is None and isinstance(found.answer, Matched) and said.document is not None:
                return await _apply_certain(conn, ask, fact, said.document, found.answer)
            code = found.code
            holder_id = said.payer_id
            if said.document is not None and code in _OF_THE_NAMED:
                holder_id = said.document.client_id
            held = held or fact.model_copy(update={"client_id": holder_id})
            # Asked again later, it is in the books already, on the day when it came.
            if await payments.record(conn, held):
                await ledger.post(conn, _received(ask, held))
            asked = await _question(conn, ask, held, said, found)
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


async def _apply_certain(
    conn: Conn, ask: PlaceIn, fact: PaymentFact, document: Document, answer: Matched
) -> PlaceOut:
    """Its payer belongs to the invoice that it names (tier 1): paid, what is over is credit."""
    mine = fact.model_copy(update={"client_id": document.client_id})
    if not await payments.record(conn, mine):
        return PlaceOut(status="placed")
    case = unreferenced.case_ref(ask.payment, document.case_id)
    to_case_cents = sum(part.cents for part in answer.allocations)
    await apply_payment(conn, case, mine, to_case_cents, answer.excess_cents, ask.at, BY_MATCHING)
    return PlaceOut(status="settled", case_ids=(document.case_id,))


def _received(ask: PlaceIn, fact: PaymentFact) -> Entry:
    """Into suspense: 2090 of a known client, 2095 of an unknown payer."""
    today = calendar.local_date(ask.at, ask.payment.zone)
    if fact.client_id is None:
        return entries_held.unidentified_received(
            payment_id=fact.payment_id,
            source=fact.source,
            kind=fact.kind,
            amount_cents=fact.amount_cents,
            location_id=fact.location_id,
            effective_on=today,
        )
    return entries_held.unapplied_received(
        payment_id=fact.payment_id,
        source=fact.source,
        kind=fact.kind,
        amount_cents=fact.amount_cents,
        client_id=fact.client_id,
        location_id=fact.location_id,
        effective_on=today,
    )


async def _question(
    conn: Conn, ask: PlaceIn, fact: PaymentFact, said: Known, found: Found
) -> Review:
    """Both sides, and for the answers: the invoice that is named, who paid, the sets that fit."""
    payment, number = ask.payment, said.number
    owed = await invoices.open_items(conn, payment.location_id, fact.client_id)
    asked = question(
        payment.case_id,
        payment.location_id,
        found.code,
        fact.amount_cents,
        ask.review_no,
        ask.at,
        client_id=fact.client_id,
        facts=found.facts if number or said.payer_ref else (_NAMELESS,),
        ours=found.sets or _candidates(owed, fact.amount_cents),
        theirs={
            "system": payment.source,
            "paid": dollars(fact.amount_cents),
            "payment": payment.payment_id,
            **({"names": number} if number else {}),
        },
    )
    names = said.document.number if said.document else None
    told = {"names": names, "payer": said.payer_ref, "ways": found.ways}
    return asked.model_copy(update={"shown": {**asked.shown, **told}})
