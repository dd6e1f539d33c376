"""What the processor and the PMS say of a case's money, and what of it cannot be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from activities.contracts import CaseRef, StandingIn
from connectors.ports import (
    PmsPayment,
    PmsTenders,
    ProcessorCheckout,
    ProcessorInvoice,
    ProcessorPayment,
)
from domain import ids
from store.payments import PaymentFact
from store.pms_standings import PmsStanding

PMS_MONEY = frozenset({"card", "cash", "other"})
"""Kinds of PMS tender that are new money; the rest is value the client already held."""

_VISIT_GONE = "the PMS no longer shows the visit"
_UNKNOWN_TENDER = "the PMS shows a tender of unknown kind"
_UNEXPLAINED = "the processor shows money that no payment explains"
_TAKEN_OFF = "the processor no longer asks for what is owed"
_WAITS_FOR_DESK = "money on the invoice waits for the desk to place it"


@dataclass(frozen=True)
class Outside:
    """What the outside systems say now."""

    invoices: Sequence[ProcessorInvoice]
    tenders: PmsTenders | None
    pages: Sequence[ProcessorCheckout] = ()
    """Payment pages of the client that may have brought money since the books were looked at."""

    def paid_online(self) -> list[ProcessorPayment]:
        """Payments at the processor that it took itself."""
        return paid_online(self.invoices)

    def paid_at_desk(self, case: CaseRef) -> list[PmsPayment]:
        """The PMS's own money on the visit, without what we asked the desk to record."""
        ours = ids.dedupe_ref(case.case_id)
        return [
            payment
            for payment in (self.tenders.payments if self.tenders else ())
            if payment.kind in PMS_MONEY and not (payment.note and ours in payment.note)
        ]

    def standing(self, case: CaseRef, at: datetime) -> PmsStanding | None:
        """What the PMS shows of the visit's money; None when it shows no such visit."""
        if self.tenders is None:
            return None
        return standing_of(case, self.tenders, at)

    def unreadable(self, balance_cents: int, *, is_waiting: bool) -> str | None:
        """What may be money and may not: nobody is asked for money until a person looked."""
        if self.tenders is None:
            return _VISIT_GONE
        tenders = self.tenders.payments
        if any(tender.kind == "unknown" for tender in tenders):
            return _UNKNOWN_TENDER
        if any(map(is_unexplained, self.invoices)):
            return _UNEXPLAINED
        is_off = any(one.state in ("void", "uncollectible") for one in self.invoices)
        if is_off and asked_cents(self.invoices) < balance_cents:
            return _TAKEN_OFF
        return _WAITS_FOR_DESK if is_waiting else None


def standing_of(case: CaseRef, tenders: PmsTenders, at: datetime) -> PmsStanding:
    """What the PMS shows of a visit's money: its own, and what was recorded in our name."""
    ours, desk_cents, ours_cents = ids.dedupe_ref(case.case_id), 0, 0
    for payment in tenders.payments:
        kept_cents = payment.amount_cents - payment.refunded_cents
        if payment.note and ours in payment.note:
            ours_cents += kept_cents
        elif payment.kind in PMS_MONEY:
            desk_cents += kept_cents
    return PmsStanding(
        case_id=case.case_id,
        location_id=case.location_id,
        desk_cents=desk_cents,
        ours_cents=ours_cents,
        unpaid_cents=tenders.unpaid_cents,
        read_at=at,
    )


def paid_online(opened: Sequence[ProcessorInvoice]) -> list[ProcessorPayment]:
    """Payments on processor invoices that came in through the processor."""
    return [
        payment
        for invoice in opened
        for payment in invoice.payments
        if payment.state == "paid" and not payment.outside
    ]


def is_unexplained(invoice: ProcessorInvoice) -> bool:
    """Paid, but by no payment that we can see: marked so by hand. Credits lower the amount."""
    shown_cents = sum(row.amount_cents for row in invoice.payments if row.state == "paid")
    return invoice.state == "paid" and shown_cents < invoice.amount_cents


def asked_cents(opened: Sequence[ProcessorInvoice]) -> int:
    """What the processor asks for, over all open invoices."""
    return sum(invoice.remaining_cents for invoice in opened if invoice.state == "open")


def fact_of(
    ask: StandingIn,
    source: str,
    object_id: str,
    kind: str,
    amount_cents: int,
    paid_at: datetime | None,
) -> PaymentFact:
    """A payment that an outside system shows for the case, as a fact for the books."""
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
