"""Where the money stands: ledger, processor and PMS read afresh, new payments posted.

Used by the reconcile step and, inside every send, immediately before the hand-off.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from temporalio import activity

from activities.contracts import CaseRef, PaymentDoorIn, PaymentDoorOut, StandingIn, StandingOut
from activities.errors import vendor_errors
from activities.installments import IN_HOUSE
from activities.late_news import ask_about_late
from activities.lender_tenders import Apart, apart, book_parts
from activities.outside import (
    Outside,
    asked_cents,
    fact_of,
    is_unexplained,
    paid_online,
)
from activities.pms_money import compare
from activities.posting import has_home, post_payment
from activities.questions import ask_about_returned, owed_and_asked
from activities.recall import recall_queued
from activities.statements import is_under_way, settle_page
from activities.tools import Tools
from connectors.ports import (
    ConnectorError,
    PmsTenders,
    ProcessorInvoice,
    ProcessorPayment,
    Refused,
)
from domain import ids
from store import clients, invoices, ledger, payments, pms_standings, processor
from store.db import Conn, transaction
from store.payments import PaymentFact


class StandingActivities:
    """Reconcile, and keep the processor asking for what the ledger says."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    @vendor_errors
    async def read_standing(self, ask: StandingIn) -> StandingOut:
        """Match and post whatever is new; what does not fit becomes a question."""
        standing = await self.refresh(ask)
        if standing.status == "verified" and standing.balance_cents <= 0:
            await recall_queued(self._tools, ask.case.case_id)
        return standing

    async def refresh(self, ask: StandingIn) -> StandingOut:
        """The same as a plain call, for the send step."""
        try:
            outside = await self._read_outside(ask.case, ask.client_id)
        except ConnectorError as error:
            return await self._unverified(ask, type(error).__name__)
        read_at = datetime.now(UTC)
        async with transaction(self._tools.pool) as conn:
            await clients.lock_client(conn, ask.client_id)
            money = await apart(conn, ask.case, outside.paid_at_desk(ask.case), ask.at)
            is_waiting = await self._post(conn, ask, outside, money)
            shown = outside.standing(ask.case, ask.at)
            # No PMS knows an instalment of our own: it shows nothing that could be compared.
            if shown is not None and ask.case.pms != IN_HOUSE:
                await pms_standings.put(conn, shown)
            balance_cents, mismatches = await owed_and_asked(conn, ask.case.case_id)
        missing = outside.unreadable(balance_cents, is_waiting=is_waiting)
        return StandingOut(
            status="unverified" if missing else "verified",
            missing=missing,
            balance_cents=balance_cents,
            in_flight=any(invoice.in_flight for invoice in outside.invoices)
            or any(map(is_under_way, outside.pages))
            or money.is_pending,
            door_in_step=asked_cents(outside.invoices) == max(balance_cents, 0),
            mismatches=mismatches,
            read_at=read_at,
        )

    async def _post(self, conn: Conn, ask: StandingIn, outside: Outside, money: Apart) -> bool:
        """Post what is new; whether money on our invoices still waits for the desk to place it."""
        source, is_waiting = self._tools.processor.name, False
        for page in outside.pages:
            await settle_page(conn, source, page, ask.case.zone, ask.at)
        online, facts = outside.paid_online(), []
        taken = {ids.payment_id(source, name) for one in online for name in _names(one)}
        taken |= {ids.payment_id(ask.case.pms, tender.payment_id) for tender in money.own}
        booked = await payments.get_all(conn, taken)
        for payment in online:
            # A closed case's money may have been booked without it, under the payment's own id.
            loose_id = ids.payment_id(source, payment.intent_id or "")
            if payment.intent_id and loose_id in booked:
                is_waiting = is_waiting or not await has_home(conn, loose_id)
                continue
            cents, paid_at = payment.amount_cents, payment.paid_at
            facts.append(fact_of(ask, source, payment.payment_id, "card", cents, paid_at))
        for tender in money.own:
            cents, paid_at = tender.amount_cents - tender.refunded_cents, tender.paid_at
            facts.append(fact_of(ask, ask.case.pms, tender.payment_id, tender.kind, cents, paid_at))
        gone = await _vanished(conn, ask, facts, outside)
        booked |= gone
        facts += [known.model_copy(update={"amount_cents": 0}) for known in gone.values()]
        for fact in facts:
            known = booked.get(fact.payment_id)
            if known is not None and fact.outside:
                await compare(conn, ask.case, known, fact, ask.at)
            elif known is None and fact.amount_cents > 0 and await payments.record(conn, fact):
                await post_payment(conn, ask.case, fact, ask.at)
        await book_parts(conn, ask, money.parts)
        for invoice in outside.invoices:
            await _ask_about_returned(conn, ask, invoice)
            await ask_about_late(conn, ask, source, invoice)
        return is_waiting

    async def _unverified(self, ask: StandingIn, missing: str) -> StandingOut:
        async with self._tools.pool.acquire() as conn:
            balance_cents = await ledger.balance_of_case(conn, ask.case.case_id)
        return StandingOut(status="unverified", balance_cents=balance_cents, missing=missing)

    async def _read_outside(self, case: CaseRef, client_id: str) -> Outside:
        """Every system that may know of a payment, at once; raises when one does not answer."""
        async with self._tools.pool.acquire() as conn:
            processor_ids, page_ids = await processor.doors(conn, case.case_id, client_id)
        tenders, read, pages = await asyncio.gather(
            self._read_tenders(case),
            self._read_invoices(processor_ids),
            asyncio.gather(*map(self._tools.processor.read_checkout, page_ids)),
        )
        shown = None if isinstance(tenders, Refused) else tenders
        return Outside(invoices=read, tenders=shown, pages=pages)

    async def _read_tenders(self, case: CaseRef) -> PmsTenders | Refused:
        """An instalment of our own is known to no PMS, so no PMS can show money for it."""
        if case.pms == IN_HOUSE:
            return PmsTenders(payments=(), unpaid_cents=0)
        return await self._tools.pms[case.location_id].read_tenders(case.visit_id)

    @activity.defn
    @vendor_errors
    async def open_payment_door(self, ask: PaymentDoorIn) -> PaymentDoorOut:
        """Make the processor ask for exactly the ledger's balance, no cent more."""
        case = ask.case
        async with self._tools.pool.acquire() as conn:
            document = await invoices.latest_document(conn, case.case_id)
            processor_ids = await processor.invoices_of_case(conn, case.case_id)
            balance_cents, mismatches = await owed_and_asked(conn, case.case_id)
            untold = await processor.unreported_outside(conn, case.case_id)
            may_be_paid = bool(processor_ids or untold)
            posted = await payments.of_case(conn, case.case_id) if may_be_paid else []
        if document is None:
            return PaymentDoorOut(processor_ids=(), asked_cents=balance_cents)
        opened = await self._read_invoices(processor_ids)
        desk = [fact for fact in posted if fact.payment_id in untold]
        if opened and desk:
            await self._report_desk_payments(case, desk, opened)
            opened = await self._read_invoices(processor_ids)
        elif desk:
            # The invoice to come asks for the balance, which this money has lowered already.
            async with transaction(self._tools.pool) as conn:
                for fact in desk:
                    await processor.outside_reported(conn, fact.payment_id, case.case_id)
        missing_cents = max(balance_cents, 0) - asked_cents(opened)
        if self._is_ahead_of(opened, posted):
            missing_cents = 0  # the balance above lacks this money, so it decides nothing
        elif mismatches or any(map(is_unexplained, opened)):
            missing_cents = min(0, missing_cents)  # it may have been paid: ask for no more
        if missing_cents > 0:
            opened.append(await self._open(ask, document, missing_cents))
        elif missing_cents < 0:
            await self._lower(opened, -missing_cents, document.document_no)
        return PaymentDoorOut(
            processor_ids=tuple(invoice.processor_id for invoice in opened),
            asked_cents=balance_cents,
        )

    def _is_ahead_of(
        self, opened: Sequence[ProcessorInvoice], posted: Sequence[PaymentFact]
    ) -> bool:
        """Whether the processor has a payment that is not posted; the next pass posts it."""
        source = self._tools.processor.name
        known = {fact.payment_id for fact in posted}
        return any(
            known.isdisjoint(ids.payment_id(source, name) for name in _names(payment))
            for payment in paid_online(opened)
        )

    async def _read_invoices(self, processor_ids: Sequence[str]) -> list[ProcessorInvoice]:
        reads = map(self._tools.processor.read_invoice, processor_ids)
        return list(await asyncio.gather(*reads))

    async def _open(
        self, ask: PaymentDoorIn, document: invoices.Document, amount_cents: int
    ) -> ProcessorInvoice:
        """One more processor invoice of the document; the key survives crashes and retries.

        The first may be paid by money that a person then sent back.
        """
        async with self._tools.pool.acquire() as conn:
            known = await processor.known(conn, ask.client_id, document.document_id)
        number = known.invoices + 1
        name = ids.door_id(document.document_id, number)
        customer_id = known.customer_id or await self._new_customer(ask.client_id)
        invoice = await self._tools.processor.open_invoice(
            key=f"document:{name}",
            customer_id=customer_id,
            amount_cents=amount_cents,
            currency=document.currency,
            document_id=name,
            case_id=ask.case.case_id,
            due_days=ask.due_days,
        )
        async with self._tools.pool.acquire() as conn:
            await processor.put_invoice(
                conn, document.document_id, invoice.processor_id, ask.case.case_id, number
            )
        return invoice

    async def _new_customer(self, client_id: str) -> str:
        customer_id = await self._tools.processor.ensure_customer(f"client:{client_id}", client_id)
        async with self._tools.pool.acquire() as conn:
            await processor.put_customer(conn, client_id, customer_id)
        return customer_id

    async def _report_desk_payments(
        self, case: CaseRef, desk: Sequence[PaymentFact], opened: Sequence[ProcessorInvoice]
    ) -> None:
        """Money taken at the desk, or on a page of its own, must not be asked for as well.

        A payment that the processor refuses, because somebody paid or closed the invoice
        meanwhile, stays unreported: what it was to cover has to be read again first.
        """
        for fact in desk:
            async with self._tools.pool.acquire() as conn:
                left_cents = await payments.allocated(conn, fact.payment_id, case.case_id)
            for invoice in opened:
                part_cents = min(left_cents, invoice.remaining_cents)
                if part_cents > 0 and invoice.state == "open":
                    refused = await self._tools.processor.record_outside_payment(
                        f"outside:{fact.payment_id}:{invoice.processor_id}",
                        invoice.processor_id,
                        part_cents,
                        fact.currency,
                        fact.payment_id,
                        fact.occurred_at,
                    )
                    if refused is not None:
                        return
                    left_cents -= part_cents
            async with transaction(self._tools.pool) as conn:
                await processor.outside_reported(conn, fact.payment_id, case.case_id)

    async def _lower(
        self, opened: Sequence[ProcessorInvoice], by_cents: int, document_no: int
    ) -> None:
        """Credit the newest open invoices first; the re-read above makes a repeat harmless.

        A refusal means that somebody paid meanwhile: the next pass reads it and decides.
        """
        for invoice in reversed(opened):
            part_cents = min(by_cents, invoice.remaining_cents)
            if invoice.state == "open" and part_cents > 0:
                key = f"credit:{invoice.processor_id}:{document_no}:{invoice.remaining_cents}"
                refused = await self._tools.processor.credit_invoice(
                    key, invoice.processor_id, part_cents
                )
                if refused is not None:
                    return
                by_cents -= part_cents


async def _vanished(
    conn: Conn, ask: StandingIn, facts: Sequence[PaymentFact], outside: Outside
) -> dict[str, PaymentFact]:
    """Payments of the desk, by id, that the PMS shows no more."""
    if outside.tenders is None or ask.case.pms == IN_HOUSE:
        return {}
    shown = {fact.payment_id for fact in facts}
    return {
        known.payment_id: known
        for known in await payments.of_case(conn, ask.case.case_id)
        if known.source == ask.case.pms
        and known.case_id == ask.case.case_id
        and known.state == "paid"
        and known.payment_id not in shown
    }


def _names(payment: ProcessorPayment) -> list[str]:
    """What the processor calls a payment: on the invoice, and by itself."""
    return [name for name in (payment.payment_id, payment.intent_id) if name]


async def _ask_about_returned(conn: Conn, ask: StandingIn, invoice: ProcessorInvoice) -> None:
    for payment in invoice.payments:
        if payment.failure_code is not None and payment.state != "paid":
            await ask_about_returned(
                conn,
                ask.case.case_id,
                ask.case.location_id,
                ask.client_id,
                payment.amount_cents,
                payment.intent_id or payment.payment_id,
                payment.failure_code,
                ask.at,
            )
