"""What the house asks of the outside world, in its own words. Vendors stay behind this file.

Three answers to every outside call:
- done: the method returns its value;
- refused: the method returns `Refused` (a business no) or raises a non-retryable error;
- unknown: the method raises `OutcomeUnknown`; the caller looks up before it tries again.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from pydantic import AwareDatetime

from domain.model import Record


class ConnectorError(Exception):
    """A call that gave no usable answer. Texts carry no personal data and no payload."""

    retryable = False


class ProviderUnavailable(ConnectorError):
    """Connection refused, 5xx before any effect: the same call is safe to repeat."""

    retryable = True


class RateLimited(ConnectorError):
    """The vendor processed nothing and names a pause, when it does, in `retry_after_seconds`."""

    retryable = True

    def __init__(self, message: str, retry_after_seconds: Decimal | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class OutcomeUnknown(ConnectorError):
    """The effect may or may not have happened: look up, never repeat blindly."""


class BadRequest(ConnectorError):
    """The vendor calls our request wrong: a defect of ours, a developer acts."""


class Misconfigured(ConnectorError):
    """Credentials, permission or sender: an operator acts."""


class SignatureRefused(Exception):
    """A webhook that the named vendor did not sign, or signed too long ago."""


class Refused(Record):
    """A definite business no. `code` is the vendor's, `kind` ours."""

    code: str
    kind: str
    """opted_out | invalid_address | unreachable | filtered | retry_later | retry_tomorrow |
    misconfigured | declined | not_found | closed"""


class VendorEvent(Record):
    """A verified webhook or a caught-up event, before translation."""

    source: str
    event_id: str
    event_type: str
    occurred_at: AwareDatetime
    body: Mapping[str, Any]


# --- practice management system -------------------------------------------------------


class PmsCapabilities(Record):
    """What this PMS lets a program do; what is False becomes a human task."""

    reads_orders: bool
    writes_payments: bool
    writes_notes: bool
    sweeps: bool
    sends_texts: bool = False
    """True when it texts patients for a program: then it is an `EmrTextPort`, too."""


class PmsLine(Record):
    """One order line as charted: `kind` is service | product | tip | fee | credit | other."""

    line_id: str
    kind: str
    code: str
    quantity: Decimal
    subtotal_cents: int
    discount_cents: int
    provider_ref: str | None = None


class PmsPayment(Record):
    """Money (or a credit) that the PMS has on the order.

    `kind`: card | cash | other are money; voucher | product_card | account_credit |
    gift_card are not new money; `unknown` is a type that we have not met: hold, never count.
    `note` is the desk's text on an "other" tender.
    """

    payment_id: str
    kind: str
    amount_cents: int
    refunded_cents: int = 0
    paid_at: AwareDatetime | None = None
    note: str | None = None
    label: str | None = None
    """What the desk calls an "other" tender."""


class PmsVisit(Record):
    """One completed (or not yet completed) order with its clinical lines."""

    visit_id: str
    client_ref: str
    location_ref: str
    appointment_ref: str | None = None
    currency: str
    service_at: AwareDatetime
    closed_at: AwareDatetime | None
    cancelled: bool = False
    lines: tuple[PmsLine, ...]
    payments: tuple[PmsPayment, ...]
    total_cents: int
    unpaid_cents: int
    tax_cents: int
    raw_sha256: str


class PmsTenders(Record):
    """What the PMS has collected on one order, and what it still shows as unpaid."""

    payments: tuple[PmsPayment, ...]
    unpaid_cents: int


class PmsClient(Record):
    """Contact data, kept encrypted and out of every history."""

    client_ref: str
    first_name: str
    last_name: str
    email: str | None
    phone_e164: str | None
    birth_date: str | None
    postal_code: str | None
    language: str = "en"


class PmsPort(Protocol):
    """A practice management system, by capability."""

    @property
    def name(self) -> str:
        """The short name used in case ids and payment sources."""
        ...

    @property
    def capabilities(self) -> PmsCapabilities:
        """What this system lets a program do."""
        ...

    async def read_visit(self, visit_id: str) -> PmsVisit | Refused:
        """The whole order as it is now."""
        ...

    async def read_tenders(self, visit_id: str) -> PmsTenders | Refused:
        """The money side of the order alone, for checks that need no chart."""
        ...

    async def read_before_note(
        self, visit_id: str, client_ref: str, dedupe_ref: str
    ) -> tuple[PmsTenders | Refused, bool | None]:
        """As `read_tenders`, and whether the client has a note carrying `dedupe_ref`.

        None where that is not known; then `write_note` searches.
        """
        ...

    async def tenders_touched(
        self, location_ref: str, since: datetime
    ) -> Mapping[str, PmsTenders] | None:
        """Visit id -> money of each order changed since; None where it cannot be asked so."""
        ...

    async def read_client(self, client_ref: str) -> PmsClient | Refused:
        """The patient's contact data."""
        ...

    async def visit_of_appointment(self, appointment_ref: str) -> str | None:
        """The visit id of an appointment; None while it has no order."""
        ...

    async def next_booking(
        self, client_ref: str, location_ref: str, after: datetime
    ) -> datetime | None:
        """When the client is booked next, after an instant; None when nothing is booked."""
        ...

    async def write_note(
        self, client_ref: str, text: str, dedupe_ref: str, search: bool = True
    ) -> str:
        """Leave one note carrying `dedupe_ref`; searches first, returns the note's id.

        `search` is False right after `read_before_note` found none.
        """
        ...

    async def visits_closed(
        self, location_ref: str, since: datetime, until: datetime
    ) -> Sequence[str]:
        """Visit ids closed in [since, until): the sweep's source."""
        ...

    def verify(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> VendorEvent:
        """The event of a webhook that the vendor signed; else SignatureRefused."""
        ...


class PmsHint(Record):
    """What an event speaks of: a visit, at a place that the system names in its own way."""

    visit_id: str
    location_ref: str


class PmsOrganisation(PmsPort, Protocol):
    """A system that tells of all its locations at one address."""

    def hint(self, event_type: str, body: Mapping[str, Any]) -> PmsHint | None:
        """The visit that an event speaks of; None when it opens none.

        Raises BadRequest when the event lacks what its type promises.
        """
        ...


# --- payment processor ----------------------------------------------------------------


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


# --- messages -------------------------------------------------------------------------


class Payout(Record):
    """Money on its way from the processor to the bank; negative when the bank is debited.

    `state`: pending | in_transit | paid | failed | canceled. A paid one can still fail.
    """

    payout_id: str
    amount_cents: int
    currency: str
    state: str
    automatic: bool
    """False: somebody started it by hand, and what it consists of is not known."""
    listed: bool
    """The movements that an automatic payout consists of can be listed."""
    arrival_on: date
    created_at: AwareDatetime
    failed_at: AwareDatetime | None = None
    failure_code: str | None = None


class Movement(Record):
    """One change of the balance at the processor: `net_cents` = amount less fee, signed.

    `kind`: charge | refund | refund_returned | dispute | dispute_won | fee | payout |
    payout_returned | other, with the vendor's own word in `vendor_kind`.
    """

    movement_id: str
    kind: str
    vendor_kind: str
    amount_cents: int
    fee_cents: int
    net_cents: int
    currency: str
    at: AwareDatetime
    object_id: str | None = None
    """The charge, refund, dispute or payout behind it."""
    payment_id: str | None = None
    """The payment that was charged, refunded or disputed, by the processor's name."""


class PayoutPort(Protocol):
    """What the processor says of its balance and of what it sent to the bank."""

    @property
    def name(self) -> str:
        """Short name, e.g. `stripe`; the source of the payments it took."""
        ...

    async def read_payout(self, payout_id: str) -> Payout | Refused:
        """One payout; Refused (not_found) when unknown."""
        ...

    async def movements_of(self, payout_id: str) -> Sequence[Movement]:
        """What an automatic payout consists of, oldest first, without the payout's own."""
        ...

    async def payouts_since(self, since: datetime) -> Sequence[Payout]:
        """Payouts that were created at or after `since`, oldest first."""
        ...

    async def movements_since(self, since: datetime) -> Sequence[Movement]:
        """Every movement of the balance at or after `since`, oldest first."""
        ...

    async def other_names(self, payment_id: str) -> tuple[str, ...]:
        """Names under which the books may know a payment that was applied to invoices."""
        ...


class OutgoingText(Record):
    """One SMS. `validity_seconds` is bounded by the quiet-hours window."""

    message_key: str
    to_e164: str
    body: str
    validity_seconds: int
    provider: str = ""
    """Who carries it, as the location's channel names them; empty for the house's first."""
    location_id: str = ""
    """For providers that hold one account for each location."""


class OutgoingEmail(Record):
    """One e-mail with both parts; the Message-ID is derived from `message_key`."""

    message_key: str
    to_address: str
    subject: str
    text: str
    html: str
    unsubscribe_url: str | None = None


class Accepted(Record):
    """The provider has taken the message over."""

    provider_id: str


class DeliveryReport(Record):
    """A provider's later word on a message, possibly late or out of order.

    `state`: accepted | sent | delivered | undelivered | failed. `message_key` is empty when the
    provider does not carry it along: the message is then named by `provider_id`, or by the pay
    link in its `words`.
    """

    message_key: str
    provider_id: str
    words: str = ""
    state: str
    error_code: str | None = None
    failure_kind: str | None = None
    """`Refused.kind` of the error, when there is one."""


class InboundText(Record):
    """A patient's reply. `opt_out` is stop | start | help | None."""

    provider_id: str
    from_e164: str
    body: str
    opt_out: str | None


class TextPort(Protocol):
    """An SMS provider."""

    @property
    def name(self) -> str:
        """The short name used in logs and sources."""
        ...

    async def send(self, text: OutgoingText) -> Accepted | Refused:
        """Hand one text over, once."""
        ...

    async def find(self, text: OutgoingText, since: datetime) -> Accepted | Refused | None:
        """Look a message up after an unknown outcome; None means not there (yet)."""
        ...

    async def cancel(self, provider_id: str) -> bool:
        """Try to stop a message that is still queued; True when it will not go out."""
        ...

    async def report(self, provider_id: str) -> DeliveryReport | None:
        """What has become of a message that was taken; None where that cannot be asked."""
        ...

    def verify(self, raw: bytes, headers: Mapping[str, str], url: str) -> VendorEvent:
        """A signed callback: type `message.status`, or `message.received` for a reply."""
        ...

    def delivery_report(self, event: VendorEvent) -> DeliveryReport:
        """The provider's word on one message."""
        ...

    def inbound(self, event: VendorEvent) -> InboundText:
        """A patient's reply, with what it asks for."""
        ...


@runtime_checkable
class EmrTextPort(Protocol):
    """What a practice management system that sends texts offers beside `PmsPort`."""

    async def send_text(self, text: OutgoingText) -> Accepted | Refused:
        """Hand one text over, once."""
        ...

    async def find_text(self, text: OutgoingText, since: datetime) -> Accepted | Refused | None:
        """Look a text up after an unknown outcome; None means not there (yet)."""
        ...


class MailReport(Record):
    """What a relay says about one message, later.

    `state`: failed | delivered | complained | accepted (nothing has ended yet).
    `failure_kind`: retry_later | invalid_address | filtered | unreachable.
    """

    state: str
    message_key: str | None
    recipient: str | None
    code: str | None = None
    failure_kind: str | None = None


class MailReportPort(Protocol):
    """A relay's later word on messages: bounces and complaints."""

    @property
    def name(self) -> str:
        """The short name used in logs and sources."""
        ...

    def verify(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> VendorEvent:
        """A signed report, unread."""
        ...

    def read(self, raw: bytes) -> MailReport:
        """What the report says."""
        ...


class EmailPort(Protocol):
    """An e-mail relay."""

    @property
    def name(self) -> str:
        """The short name used in logs and sources."""
        ...

    @property
    def resends_safely(self) -> bool:
        """True when the relay drops a second copy of the same message key by itself."""
        ...

    async def send(self, email: OutgoingEmail) -> Accepted | Refused:
        """Hand one e-mail over, once."""
        ...


# --- the workflow engine --------------------------------------------------------------


class CaseEngine(Protocol):
    """Starts and signals cases; implemented over the Temporal client."""

    async def start_or_signal(
        self,
        workflow: str,
        workflow_id: str,
        start_input: Record,
        signal: str,
        signal_input: Record,
        location_id: str,
    ) -> str:
        """Start the case, or signal the running one; returns `started` or `signalled`."""
        ...

    async def signal(self, workflow_id: str, signal: str, signal_input: Record) -> bool:
        """Signal a running case; False when there is none."""
        ...
