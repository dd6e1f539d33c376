"""Processor events: told to the case that they belong to, or opened as unmatched money.

An event is only a hint. The case reads the processor and the books itself; what is decided here
is who must be told, and that no paid cent stays without somebody who looks at it.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

from activities.declined_cards import tell_plans
from activities.translation import (
    Ignored,
    json_object,
    optional_text_at,
    text_at,
)
from connectors.ports import CaseEngine, LoosePayment, ProcessorPort, Refused
from domain import ids
from domain.case import PaymentPosted, UnmatchedInput
from store import checkouts, invoices, locations, payments, processor
from store.checkouts import Checkout
from store.db import Pool
from store.inbox import InboxEvent
from store.locations import Location

INVOICE_PAYMENT_PAID = "invoice_payment.paid"
INVOICE_PAID = "invoice.paid"
FAILED = frozenset({"invoice.payment_failed", "payment_intent.payment_failed"})
LOOSE_PAID = "payment_intent.succeeded"
INVOICE_HINTS = frozenset(
    {
        INVOICE_PAID,
        "invoice.payment_failed",
        "invoice.payment_action_required",
        "invoice.overpaid",
        "invoice.voided",
        "invoice.marked_uncollectible",
    }
)
PAGE = "checkout.session."
PAGE_EXPIRED = "checkout.session.expired"
INTENT_HINTS = frozenset(
    {"payment_intent.processing", "payment_intent.payment_failed", "payment_intent.canceled"}
)
LATER_SECONDS: Mapping[str, int] = {LOOSE_PAID: 3}
"""Events worth a short wait: the one that comes beside them may answer their question."""

_APPLIED = "applied to an invoice, whose own event tells the case"


class PaymentIntake:
    """Routes the processor's events."""

    def __init__(self, pool: Pool, port: ProcessorPort, engine: CaseEngine) -> None:
        self._pool = pool
        self._port = port
        self._engine = engine

    async def translate(self, event: InboxEvent) -> str:
        """The workflow id that was told; `Ignored` when the event concerns no case."""
        thing = json_object(event.body).get("data", {}).get("object", {})
        kind = event.event_type
        if kind == INVOICE_PAYMENT_PAID:
            return await self._payment_paid(event, thing)
        if kind == INVOICE_PAID:
            if _is_explained(thing):
                raise Ignored("the payment's own event tells the case")
            return await self._paid(event, text_at(thing, "id"), text_at(thing, "id"))
        if kind in INVOICE_HINTS:
            return await self._hint(event, text_at(thing, "id"))
        if kind.startswith(PAGE):
            return await self._page(event, text_at(thing, "id"))
        if kind == LOOSE_PAID:
            return await self._loose(event, text_at(thing, "id"))
        if kind in INTENT_HINTS:
            return await self._hint_by_intent(event, text_at(thing, "id"))
        raise Ignored(f"{kind} changes no case")

    async def _payment_paid(self, event: InboxEvent, thing: Mapping[str, Any]) -> str:
        """Money on an invoice; its intent is remembered, so that nobody takes it for loose."""
        invoice_id = text_at(thing, "invoice")
        intent_id = optional_text_at(thing, "payment", "payment_intent")
        if intent_id is not None:
            async with self._pool.acquire() as conn:
                await processor.put_intent(conn, intent_id, invoice_id)
        return await self._paid(event, invoice_id, text_at(thing, "id"))

    async def _paid(self, event: InboxEvent, invoice_id: str, payment_id: str) -> str:
        case_id = await self._case_of(invoice_id)
        if case_id is None:
            return await self._open_unplaced(event, invoice_id, None)
        if await self._tell(case_id, payment_id):
            return case_id
        return await self._open_unplaced(event, invoice_id, case_id)

    async def _page(self, event: InboxEvent, session_id: str) -> str:
        """A payment page of ours was paid, has expired, or started a bank debit."""
        async with self._pool.acquire() as conn:
            row = await checkouts.unsettled_of_session(conn, session_id)
        if row is None:
            raise Ignored("the page is not ours, or its end is known")
        page = await self._port.read_checkout(session_id)
        if page.intent_id and page.payment_state == "succeeded":
            location = await self._location(row.location_id)
            return await self._open_unmatched(event, page.intent_id, location)
        if page.state == "expired":
            async with self._pool.acquire() as conn:
                await checkouts.finish(conn, row.checkout_id, "expired", event.received_at)
            raise Ignored("nobody paid on the page")
        return (await self._tell_client(row, session_id))[0]

    async def _tell_client(self, row: Checkout, payment_id: str) -> list[str]:
        """Money is under way, or has failed on its way: every open case of the payer reads it."""
        async with self._pool.acquire() as conn:
            owed = await invoices.open_items(conn, row.location_id, row.client_id)
        told = [item.case_id for item in owed if await self._tell(item.case_id, payment_id)]
        if not told:
            raise Ignored("no open case of the payer runs")
        return told

    async def _hint(self, event: InboxEvent, invoice_id: str) -> str:
        case_id = await self._case_of(invoice_id)
        if case_id is None:
            raise Ignored("the invoice is not ours")
        if not await self._tell(case_id, invoice_id):
            raise Ignored("the case is closed and no money came in")
        await self._declined(event, case_id, invoice_id)
        return case_id

    async def _declined(self, event: InboxEvent, case_id: str, invoice_id: str) -> None:
        """An attempt on an instalment's invoice failed; a paid one has nothing to ask about."""
        if event.event_type in FAILED and ids.plan_of_installment(case_id):
            invoice = await self._port.read_invoice(invoice_id)
            attempts = [one.declined for one in invoice.payments if invoice.state == "open"]
            await tell_plans(self._engine, [case_id], attempts, event.received_at)

    async def _hint_by_intent(self, event: InboxEvent, intent_id: str) -> str:
        """A payment on its way, or failing: the cases of the invoice that it is applied to."""
        payment = await self._port.read_payment(intent_id)
        if isinstance(payment, Refused):
            raise Ignored("no payment of ours is named")
        for invoice_id in payment.invoice_ids:
            case_id = await self._case_of(invoice_id)
            if case_id is not None:
                await self._hint_case(case_id, intent_id)
                await self._declined(event, case_id, invoice_id)
                return case_id
        row = await self._row_of(payment)
        if row is None:
            raise Ignored("the payment is on no invoice of ours")
        async with self._pool.acquire() as conn:
            paid = await payments.cases_of(conn, ids.payment_id(event.source, payment.payment_id))
        for case_id in paid[1:]:
            with contextlib.suppress(Ignored):
                await self._hint_case(case_id, intent_id)
        if paid:
            return await self._hint_case(paid[0], intent_id)
        told = await self._tell_client(row, intent_id)
        meant = [row.case_id] if row.case_id else told
        await tell_plans(self._engine, meant, [payment.declined], event.received_at)
        return told[0]

    async def _hint_case(self, case_id: str, object_id: str) -> str:
        if await self._tell(case_id, object_id):
            return case_id
        raise Ignored("the case is closed and no money came in")

    async def _row_of(self, payment: LoosePayment) -> Checkout | None:
        """The payment page of ours that a payment was made on."""
        if payment.checkout_id is None:
            return None
        async with self._pool.acquire() as conn:
            return await checkouts.get(conn, payment.checkout_id)

    async def _loose(self, event: InboxEvent, intent_id: str) -> str:
        async with self._pool.acquire() as conn:
            applied_to = await processor.invoice_of_intent(conn, intent_id)
        if applied_to is not None:
            raise Ignored(_APPLIED)
        payment = await self._port.read_payment(intent_id)
        if isinstance(payment, Refused):
            raise Ignored("the processor no longer knows the payment")
        if payment.invoice_ids:
            raise Ignored(_APPLIED)
        if payment.state != "succeeded":
            raise Ignored(f"the payment is {payment.state} by now")
        row = await self._row_of(payment)
        location = await (self._location(row.location_id) if row else self._home())
        return await self._open_unmatched(event, intent_id, location)

    async def _open_unplaced(self, event: InboxEvent, invoice_id: str, case_id: str | None) -> str:
        """Open an unmatched payment for all money on an invoice that no running case will book."""
        location = await (self._home() if case_id is None else self._location_of(case_id))
        opened = []
        for payment in (await self._port.read_invoice(invoice_id)).payments:
            names = {payment.payment_id, payment.intent_id or payment.payment_id}
            if payment.state != "paid" or payment.outside:
                continue
            if await self._in_the_books(event.source, names):
                continue
            name = payment.intent_id or payment.payment_id
            opened.append(await self._open_unmatched(event, name, location))
        if not opened:
            raise Ignored("the money is already in the books")
        return opened[0]

    async def _open_unmatched(self, event: InboxEvent, payment_id: str, location: Location) -> str:
        workflow_id = ids.unmatched_workflow_id(event.source, payment_id)
        start = UnmatchedInput(
            location_id=location.location_id,
            source=event.source,
            payment_id=payment_id,
            zone=location.zone,
            staff_reminder_business_days=location.chase.staff_reminder_business_days,
            clock_shift_seconds=location.clock_shift_seconds,
        )
        await self._engine.start_or_signal(
            "UnmatchedPayment",
            workflow_id,
            start,
            "payment_posted",
            PaymentPosted(payment_id=payment_id),
            location.location_id,
        )
        return workflow_id

    async def _tell(self, case_id: str, payment_id: str) -> bool:
        return await self._engine.signal(
            case_id, "payment_posted", PaymentPosted(payment_id=payment_id)
        )

    async def _case_of(self, invoice_id: str) -> str | None:
        async with self._pool.acquire() as conn:
            case_id = await processor.case_by_processor_invoice(conn, invoice_id)
        # The row is written after the processor's answer; metadata covers a crash in between.
        return case_id or await self._port.case_of_invoice(invoice_id)

    async def _in_the_books(self, source: str, names: set[str]) -> bool:
        """Whether a payment is booked, be it applied, kept as credit or held for a person."""
        async with self._pool.acquire() as conn:
            for name in names:
                if await payments.get(conn, ids.payment_id(source, name)) is not None:
                    return True
        return False

    async def _location_of(self, case_id: str) -> Location:
        return await self._location(case_id.split("/")[1])

    async def _location(self, location_id: str) -> Location:
        async with self._pool.acquire() as conn:
            return await locations.get_location(conn, location_id)

    async def _home(self) -> Location:
        """Where money without any reference is looked at: the first location by id."""
        async with self._pool.acquire() as conn:
            known = await locations.list_locations(conn)
        if not known:
            raise LookupError("No location is known: run `tieout catalog import FILE` first.")
        return min(known, key=lambda location: location.location_id)


def _is_explained(invoice: Mapping[str, Any]) -> bool:
    """Whether the money on a paid invoice came by payments, each of which has its own event.

    Nothing but `amount_paid_off_stripe` tells of an invoice that was marked paid by hand.
    """
    return bool(invoice.get("amount_paid")) and not invoice.get("amount_paid_off_stripe")
