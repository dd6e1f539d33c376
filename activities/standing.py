"""Where the money stands: ledger, processor and PMS read afresh, new payments posted.

Used by the reconcile step and, inside every send, immediately before the hand-off.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from activities.contracts import CaseRef, PaymentDoorIn, PaymentDoorOut, StandingIn, StandingOut
from activities.errors import vendor_errors
from activities.posting import post_payment
from activities.tools import Tools
from connectors.ports import ConnectorError, PmsTenders, ProcessorInvoice, Refused
from domain import ids
from store import clients, invoices, ledger, payments, processor
from store.db import transaction
from store.payments import PaymentFact

# Kinds of PMS tender that are new money; the rest is value the client already held.
_PMS_MONEY = frozenset({"card", "cash", "other"})

_UNKNOWN_TENDER = "the PMS shows a tender of unknown kind"
_UNEXPLAINED = "the processor shows money that no payment explains"


@dataclass(frozen=True)
class Outside:
    """What the outside systems say now."""

    invoices: Sequence[ProcessorInvoice]
    tenders: PmsTenders | None


class StandingActivities:
    """Reconcile, and keep the processor asking for what the ledger says."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    @vendor_errors
    async def read_standing(self, ask: StandingIn) -> StandingOut:
        """Match and post whatever is new; what does not fit becomes a question."""
        return await self.refresh(ask)

    async def refresh(self, ask: StandingIn) -> StandingOut:
        """The same as a plain call, for the send step."""
        try:
            outside = await self._read_outside(ask.case)
        except ConnectorError as error:
            return await self._unverified(ask, type(error).__name__)
        invoice_of = self._invoice_of(outside.invoices)
        async with transaction(self._tools.pool) as conn:
            await clients.lock_client(conn, ask.client_id)
            mismatches = []
            for fact in self._facts(ask, outside):
                if await payments.record(conn, fact):
                    mismatch = await post_payment(conn, ask.case, fact, ask.at, invoice_of)
                    mismatches.extend([mismatch] if mismatch else [])
            balance_cents = await ledger.balance_of_case(conn, ask.case.case_id)
        asked_cents = _asked_cents(outside.invoices)
        missing = _unreadable(outside)
        return StandingOut(
            status="unverified" if missing else "verified",
            missing=missing,
            balance_cents=balance_cents,
            in_flight=any(invoice.in_flight for invoice in outside.invoices),
            door_in_step=asked_cents == max(balance_cents, 0),
            mismatches=tuple(mismatches),
        )

    async def _unverified(self, ask: StandingIn, missing: str) -> StandingOut:
        async with self._tools.pool.acquire() as conn:
            balance_cents = await ledger.balance_of_case(conn, ask.case.case_id)
        return StandingOut(status="unverified", balance_cents=balance_cents, missing=missing)

    async def _read_outside(self, case: CaseRef) -> Outside:
        """Every system that may know of a payment, at once; raises when one does not answer."""
        async with self._tools.pool.acquire() as conn:
            processor_ids = await processor.invoices_of_case(conn, case.case_id)
        tenders, read = await asyncio.gather(
            self._tools.pms[case.location_id].read_tenders(case.visit_id),
            self._read_invoices(processor_ids),
        )
        return Outside(invoices=read, tenders=None if isinstance(tenders, Refused) else tenders)

    def _invoice_of(self, opened: Sequence[ProcessorInvoice]) -> dict[str, str]:
        """Our payment id -> the processor invoice that it is on."""
        return {
            ids.payment_id(self._tools.processor.name, payment.payment_id): invoice.processor_id
            for invoice in opened
            for payment in invoice.payments
        }

    def _facts(self, ask: StandingIn, outside: Outside) -> list[PaymentFact]:
        """The payments that the outside systems show for this case."""
        case = ask.case
        source = self._tools.processor.name
        facts = [
            _fact(ask, source, payment.payment_id, "card", payment.amount_cents, payment.paid_at)
            for invoice in outside.invoices
            for payment in invoice.payments
            if payment.state == "paid" and not payment.outside
        ]
        ours = ids.dedupe_ref(case.case_id)
        for payment in outside.tenders.payments if outside.tenders else ():
            kept_cents = payment.amount_cents - payment.refunded_cents
            written_back = payment.note is not None and ours in payment.note
            if payment.kind in _PMS_MONEY and kept_cents > 0 and not written_back:
                facts.append(
                    _fact(
                        ask,
                        case.pms,
                        payment.payment_id,
                        payment.kind,
                        kept_cents,
                        payment.paid_at,
                    )
                )
        return facts

    @activity.defn
    @vendor_errors
    async def open_payment_door(self, ask: PaymentDoorIn) -> PaymentDoorOut:
        """Make the processor ask for exactly the ledger's balance, no cent more."""
        case = ask.case
        async with self._tools.pool.acquire() as conn:
            document = await invoices.latest_document(conn, case.case_id)
            processor_ids = await processor.invoices_of_case(conn, case.case_id)
            balance_cents = await ledger.balance_of_case(conn, case.case_id)
            untold = await processor.unreported_outside(conn, case.case_id)
            posted = await payments.of_case(conn, case.case_id)
        if document is None:
            return PaymentDoorOut(processor_ids=(), asked_cents=balance_cents)
        opened = await self._read_invoices(processor_ids)
        desk = [fact for fact in posted if fact.payment_id in untold]
        if opened and desk:
            await self._report_desk_payments(desk, opened)
            opened = await self._read_invoices(processor_ids)
        missing_cents = max(balance_cents, 0) - _asked_cents(opened)
        if self._is_ahead_of(opened, posted):
            missing_cents = 0  # the balance above lacks this money, so it decides nothing
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
        known = {fact.payment_id for fact in posted}
        return any(
            ids.payment_id(self._tools.processor.name, payment.payment_id) not in known
            for invoice in opened
            for payment in invoice.payments
            if payment.state == "paid" and not payment.outside
        )

    async def _read_invoices(self, processor_ids: Mapping[str, str]) -> list[ProcessorInvoice]:
        reads = map(self._tools.processor.read_invoice, processor_ids.values())
        return list(await asyncio.gather(*reads))

    async def _open(
        self, ask: PaymentDoorIn, document: invoices.Document, amount_cents: int
    ) -> ProcessorInvoice:
        """One processor invoice per document; the key survives crashes and retries."""
        client_key = f"client:{ask.client_id}"
        async with self._tools.pool.acquire() as conn:
            customer_id = await processor.get_customer(conn, ask.client_id)
        if customer_id is None:
            customer_id = await self._tools.processor.ensure_customer(client_key, ask.client_id)
        invoice = await self._tools.processor.open_invoice(
            key=f"document:{document.document_id}",
            customer_id=customer_id,
            amount_cents=amount_cents,
            currency=document.currency,
            document_id=document.document_id,
            case_id=ask.case.case_id,
            due_days=ask.due_days,
        )
        async with transaction(self._tools.pool) as conn:
            await processor.put_customer(conn, ask.client_id, customer_id)
            await processor.put_invoice(
                conn, document.document_id, invoice.processor_id, ask.case.case_id
            )
        return invoice

    async def _report_desk_payments(
        self, desk: Sequence[PaymentFact], opened: Sequence[ProcessorInvoice]
    ) -> None:
        """Money taken at the desk must not be asked for online as well.

        A payment that the processor refuses, because somebody paid or closed the invoice
        meanwhile, stays unreported: what it was to cover has to be read again first.
        """
        for fact in desk:
            async with self._tools.pool.acquire() as conn:
                left_cents = await payments.allocated(conn, fact.payment_id)
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
                await processor.outside_reported(conn, fact.payment_id)

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


def _unreadable(outside: Outside) -> str | None:
    """What may be money and may not: nobody is asked for money until a person looked."""
    tenders = outside.tenders.payments if outside.tenders else ()
    if any(tender.kind == "unknown" for tender in tenders):
        return _UNKNOWN_TENDER
    return _UNEXPLAINED if any(map(_is_unexplained, outside.invoices)) else None


def _is_unexplained(invoice: ProcessorInvoice) -> bool:
    """Paid, but by no payment that we can see: marked so by hand. Credits lower the amount."""
    shown_cents = sum(row.amount_cents for row in invoice.payments if row.state == "paid")
    return invoice.state == "paid" and shown_cents < invoice.amount_cents


def _asked_cents(opened: Sequence[ProcessorInvoice]) -> int:
    return sum(invoice.remaining_cents for invoice in opened if invoice.state == "open")


def _fact(
    ask: StandingIn,
    source: str,
    object_id: str,
    kind: str,
    amount_cents: int,
    paid_at: datetime | None,
) -> PaymentFact:
    return PaymentFact(
        payment_id=ids.payment_id(source, object_id),
        source=source,
        object_id=object_id,
        kind=kind,
        state="paid",
        amount_cents=amount_cents,
        currency="USD",
        occurred_at=paid_at or ask.at,
        case_id=ask.case.case_id,
        client_id=ask.client_id,
        location_id=ask.case.location_id,
        outside=source == ask.case.pms,
    )
