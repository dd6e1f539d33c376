"""What the house asks of a payment processor: invoices, checkout pages, payments."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from pydantic import AwareDatetime, Field

from connectors.ports.outcomes import Refused, VendorEvent
from domain.model import Record

DeclineClass = Literal["expired", "lost or stolen", "not permitted", "account closed"]
"""Why a card will not be accepted later either."""


class Decline(Record):
    """An attempt to pay that a card's bank declined for good. Holds nothing of the card."""

    attempt_id: str
    reason: DeclineClass


class ProcessorPayment(Record):
    """A payment applied to a processor invoice. `state`: open | paid | canceled."""

    payment_id: str
    """The processor's id of the application (Stripe `inpay_…`), stable and unique."""
    intent_id: str | None
    amount_cents: int
    state: str
    paid_at: AwareDatetime | None
    outside: bool = False
    """True for money that we ourselves reported as received elsewhere."""
    customer_id: str | None = None
    failure_code: str | None = None
    """Why a bank sent a debit back; None for cards, which are declined while the payer looks."""
    declined: Decline | None = None
    """The last attempt, when the card will not pay later either."""


class ProcessorInvoice(Record):
    """The processor's view of one of our documents, freshly read."""

    processor_id: str
    state: str
    """draft | open | paid | void | uncollectible"""
    amount_cents: int
    paid_cents: int
    remaining_cents: int
    pay_url: str | None
    in_flight: bool
    """True while an attached payment is processing."""
    payments: tuple[ProcessorPayment, ...] = ()


class LoosePayment(Record):
    """A payment object outside any of our invoices."""

    payment_id: str
    amount_cents: int
    currency: str
    state: str
    """succeeded | processing | canceled | requires_payment_method | …"""
    invoice_ids: tuple[str, ...]
    """Processor invoices that it is already applied to."""
    customer_id: str | None
    paid_at: AwareDatetime | None
    checkout_id: str | None = None
    """Our checkout, when the payment was made on a page that we opened for it."""
    reference: str = Field(default="", repr=False)
    """What its maker wrote on it. May say anything: only an invoice's number is read from it."""
    declined: Decline | None = None
    """As of `ProcessorPayment`."""


class CheckoutOrder(Record):
    """A payment page to open: one neutral line, one amount, our opaque id.

    `expires_at` is part of the order, so that a repeat asks for exactly the same.
    """

    checkout_id: str
    customer_id: str
    amount_cents: int
    currency: str
    done_url: str
    back_url: str
    expires_at: AwareDatetime
    language: str = "en"


class ProcessorCheckout(Record):
    """A payment page as the processor has it now."""

    session_id: str
    state: str
    """open | complete | expired"""
    pay_url: str | None
    amount_cents: int
    currency: str
    checkout_id: str | None
    customer_id: str | None
    intent_id: str | None = None
    payment_state: str | None = None
    """Of a complete page: succeeded | processing | requires_payment_method | canceled."""
    failure_code: str | None = None
    """The bank's reason, of a debit that was started on the page and did not come."""
    paid_cents: int = 0
    paid_at: AwareDatetime | None = None


class ProcessorPort(Protocol):
    """The card processor. Every `key` is an idempotency key of ours."""

    @property
    def name(self) -> str:
        """The short name used in logs and sources."""
        ...

    async def ensure_customer(self, key: str, client_id: str) -> str:
        """The processor's customer for our opaque client id; made at most once per key."""
        ...

    async def open_invoice(
        self,
        key: str,
        customer_id: str,
        amount_cents: int,
        currency: str,
        document_id: str,
        case_id: str,
        due_days: int,
    ) -> ProcessorInvoice:
        """Create, fill with one neutral line, finalise; looks up by metadata past key life."""
        ...

    async def read_invoice(self, processor_id: str) -> ProcessorInvoice:
        """One of our invoices as the processor has it now, with a fresh pay URL."""
        ...

    async def open_checkout(self, order: CheckoutOrder) -> ProcessorCheckout:
        """A payment page for one amount; the same order again answers the same page."""
        ...

    async def read_checkout(self, session_id: str) -> ProcessorCheckout:
        """A payment page with its payment, as they stand now."""
        ...

    async def expire_checkout(self, session_id: str) -> ProcessorCheckout:
        """Close a page to new payments; answers what it has become, which may be complete."""
        ...

    async def credit_invoice(
        self, key: str, processor_id: str, amount_cents: int
    ) -> Refused | None:
        """Lower what an open invoice asks for; `closed` when it no longer asks for that much."""
        ...

    async def record_outside_payment(
        self,
        key: str,
        processor_id: str,
        amount_cents: int,
        currency: str,
        reference: str,
        paid_at: datetime,
    ) -> Refused | None:
        """Tell the processor of money received elsewhere (desk, cash), in part or whole."""
        ...

    async def read_payment(self, payment_id: str) -> LoosePayment | Refused:
        """A payment by its own id, with the invoices that it is applied to."""
        ...

    async def events_since(self, since: datetime) -> Sequence[VendorEvent]:
        """The processor's own event list from an instant on: what webhooks may have lost."""
        ...

    async def case_of_invoice(self, processor_id: str) -> str | None:
        """The case id in an invoice's metadata, None when it is not ours."""
        ...

    def verify(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> VendorEvent:
        """The event of a webhook that the vendor signed; else SignatureRefused."""
        ...
