"""The outside world in memory: real classes behind the ports, which remember what was asked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from connectors.ports import (
    Accepted,
    BadRequest,
    CheckoutOrder,
    DeliveryReport,
    InboundText,
    LoosePayment,
    OutgoingText,
    PmsCapabilities,
    PmsClient,
    PmsTenders,
    PmsVisit,
    ProcessorCheckout,
    ProcessorInvoice,
    ProcessorPayment,
    ProviderUnavailable,
    Refused,
    SignatureRefused,
    VendorEvent,
)
from domain.model import Record

SIGNATURE = "x-test-signature"
SIGNED = "signed"
STALE = "stale"


def check_signature(headers: Mapping[str, str]) -> None:
    """The fakes' rule: the header says `signed`; anything else is forged or stale."""
    if headers.get(SIGNATURE) != SIGNED:
        raise SignatureRefused("not signed")


@dataclass
class FakePms:
    """One PMS with visits by id and orders by appointment."""

    name: str = "boulevard"
    visits: dict[str, PmsVisit] = field(default_factory=dict)
    clients: dict[str, PmsClient] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    filters: bool = True
    notes: dict[str, str] = field(default_factory=dict)
    booked: dict[str, datetime] = field(default_factory=dict)
    """The next appointment by client reference."""
    note_refusal: str | None = None
    """Why the system takes no note."""
    forgets_notes: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    down: bool = False

    @property
    def capabilities(self) -> PmsCapabilities:
        return PmsCapabilities(
            reads_orders=True, writes_payments=False, writes_notes=True, sweeps=True
        )

    async def read_visit(self, visit_id: str) -> PmsVisit | Refused:
        self._note("read_visit", visit_id)
        return self.visits.get(visit_id) or Refused(code="404", kind="not_found")

    async def read_tenders(self, visit_id: str) -> PmsTenders | Refused:
        self._note("read_tenders", visit_id)
        visit = self.visits.get(visit_id)
        if visit is None:
            return Refused(code="404", kind="not_found")
        return PmsTenders(payments=visit.payments, unpaid_cents=visit.unpaid_cents)

    async def tenders_touched(
        self, location_ref: str, since: datetime
    ) -> Mapping[str, PmsTenders] | None:
        self._note("tenders_touched", location_ref)
        if not self.filters:
            return None
        shown = [self.visits[visit_id] for visit_id in self.touched]
        return {
            one.visit_id: PmsTenders(payments=one.payments, unpaid_cents=one.unpaid_cents)
            for one in shown
        }

    async def read_client(self, client_ref: str) -> PmsClient | Refused:
        self._note("read_client", client_ref)
        return self.clients.get(client_ref) or Refused(code="404", kind="not_found")

    async def visit_of_appointment(self, appointment_ref: str) -> str | None:
        self._note("visit_of_appointment", appointment_ref)
        return self.orders.get(appointment_ref)

    async def next_booking(
        self, client_ref: str, location_ref: str, after: datetime
    ) -> datetime | None:
        self._note("next_booking", client_ref)
        booked_at = self.booked.get(client_ref)
        return booked_at if booked_at is not None and booked_at > after else None

    async def read_before_note(
        self, visit_id: str, client_ref: str, dedupe_ref: str
    ) -> tuple[PmsTenders | Refused, bool | None]:
        return await self.read_tenders(visit_id), dedupe_ref in self.notes

    async def write_note(
        self, client_ref: str, text: str, dedupe_ref: str, search: bool = True
    ) -> str:
        self._note("write_note", client_ref)
        if self.note_refusal is not None:
            raise BadRequest(self.note_refusal)
        if not self.forgets_notes:
            self.notes.setdefault(dedupe_ref, text)
        return f"note-{dedupe_ref}"

    async def visits_closed(
        self, location_ref: str, since: datetime, until: datetime
    ) -> Sequence[str]:
        self._note("visits_closed", location_ref)
        return list(self.closed)

    def verify(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> VendorEvent:
        check_signature(headers)
        body = json.loads(raw)
        return VendorEvent(
            source=self.name,
            event_id=body["idempotencyKey"],
            event_type=body["event"],
            occurred_at=now,
            body=body,
        )

    def _note(self, call: str, subject: str) -> None:
        self.asked.append((call, subject))
        if self.down:
            raise ProviderUnavailable("the fake PMS is down")


@dataclass
class FakeProcessor:
    """One card processor with invoices and loose payments by id."""

    name: str = "stripe"
    invoices: dict[str, ProcessorInvoice] = field(default_factory=dict)
    payments: dict[str, LoosePayment] = field(default_factory=dict)
    cases: dict[str, str] = field(default_factory=dict)
    """Processor invoice id -> case id in its metadata."""
    events: list[VendorEvent] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    refuses: Refused | None = None
    """The answer to credits and outside payments."""
    down: bool = False
    checkouts: dict[str, ProcessorCheckout] = field(default_factory=dict)
    """Payment pages by session id."""

    async def ensure_customer(self, key: str, client_id: str) -> str:
        self._note("ensure_customer", key)
        return f"cus_{client_id[:8]}"

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
        self._note("open_invoice", key)
        processor_id = f"in_{document_id[:8]}{document_id[36:].replace('/', '_')}"
        self.cases[processor_id] = case_id
        return self.invoices.setdefault(processor_id, open_invoice(processor_id, amount_cents))

    async def read_invoice(self, processor_id: str) -> ProcessorInvoice:
        self._note("read_invoice", processor_id)
        return self.invoices[processor_id]

    async def open_checkout(self, order: CheckoutOrder) -> ProcessorCheckout:
        self._note("open_checkout", order.checkout_id)
        session_id = f"cs_{order.checkout_id}"
        page = ProcessorCheckout(
            session_id=session_id,
            state="open",
            pay_url=f"https://pay.example.test/checkout/{session_id}",
            amount_cents=order.amount_cents,
            currency=order.currency.lower(),
            checkout_id=order.checkout_id,
            customer_id=order.customer_id,
        )
        return self.checkouts.setdefault(session_id, page)

    async def read_checkout(self, session_id: str) -> ProcessorCheckout:
        self._note("read_checkout", session_id)
        return self.checkouts[session_id]

    async def expire_checkout(self, session_id: str) -> ProcessorCheckout:
        self._note("expire_checkout", session_id)
        page = self.checkouts[session_id]
        if page.state == "open":
            page = page.model_copy(update={"state": "expired", "pay_url": None})
            self.checkouts[session_id] = page
        return page

    def pay_checkout(self, session_id: str, state: str = "succeeded") -> LoosePayment:
        """Somebody pays on a payment page; `processing` is a bank debit under way."""
        done, at = state == "succeeded", datetime.now(UTC)
        page = self.checkouts[session_id]
        intent_id = page.intent_id or f"pi_{uuid4().hex}"
        changes = {
            "state": "complete",
            "pay_url": None,
            "intent_id": intent_id,
            "payment_state": state,
            "paid_cents": page.amount_cents if done else 0,
            "paid_at": at if done else None,
            "failure_code": "R01" if state == "requires_payment_method" else None,
        }
        self.checkouts[session_id] = page.model_copy(update=changes)
        self.payments[intent_id] = LoosePayment(
            payment_id=intent_id,
            amount_cents=page.amount_cents,
            currency=page.currency,
            state=state,
            invoice_ids=(),
            customer_id=page.customer_id,
            paid_at=at if done else None,
            checkout_id=page.checkout_id,
        )
        return self.payments[intent_id]

    async def credit_invoice(
        self, key: str, processor_id: str, amount_cents: int
    ) -> Refused | None:
        self._note("credit_invoice", processor_id)
        return self.refuses

    async def record_outside_payment(
        self,
        key: str,
        processor_id: str,
        amount_cents: int,
        currency: str,
        reference: str,
        paid_at: datetime,
    ) -> Refused | None:
        self._note("record_outside_payment", processor_id)
        return self.refuses

    async def read_payment(self, payment_id: str) -> LoosePayment | Refused:
        self._note("read_payment", payment_id)
        return self.payments.get(payment_id) or Refused(code="404", kind="not_found")

    async def events_since(self, since: datetime) -> Sequence[VendorEvent]:
        self._note("events_since", since.isoformat())
        return list(self.events)

    async def case_of_invoice(self, processor_id: str) -> str | None:
        self._note("case_of_invoice", processor_id)
        return self.cases.get(processor_id)

    def verify(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> VendorEvent:
        check_signature(headers)
        return stripe_event(json.loads(raw), now)

    def _note(self, call: str, subject: str) -> None:
        self.asked.append((call, subject))
        if self.down:
            raise ProviderUnavailable("the fake processor is down")


def stripe_event(body: Mapping[str, Any], now: datetime) -> VendorEvent:
    """A processor's event body as the port hands it over."""
    return VendorEvent(
        source="stripe",
        event_id=body["id"],
        event_type=body["type"],
        occurred_at=now,
        body=body,
    )


def open_invoice(
    processor_id: str,
    amount_cents: int,
    paid_cents: int = 0,
    in_flight: bool = False,
    payments: tuple[ProcessorPayment, ...] = (),
) -> ProcessorInvoice:
    """A processor invoice: open while something remains, else paid."""
    remaining_cents = amount_cents - paid_cents
    return ProcessorInvoice(
        processor_id=processor_id,
        state="open" if remaining_cents else "paid",
        amount_cents=amount_cents,
        paid_cents=paid_cents,
        remaining_cents=remaining_cents,
        pay_url=f"https://pay.example.test/{processor_id}/fresh",
        in_flight=in_flight,
        payments=payments,
    )


def paid(payment_id: str, intent_id: str | None, amount_cents: int) -> ProcessorPayment:
    """Card money applied to a processor invoice."""
    return ProcessorPayment(
        payment_id=payment_id,
        intent_id=intent_id,
        amount_cents=amount_cents,
        state="paid",
        paid_at=datetime.now(UTC),
    )


@dataclass
class FakeText:
    """One SMS provider; keeps what was sent and reads the house's form fields."""

    name: str = "twilio"
    sent: list[OutgoingText] = field(default_factory=list)
    verified_urls: list[str] = field(default_factory=list)
    reports: dict[str, DeliveryReport] = field(default_factory=dict)

    async def send(self, text: OutgoingText) -> Accepted | Refused:
        self.sent.append(text)
        return Accepted(provider_id=f"SM{len(self.sent)}")

    async def find(self, text: OutgoingText, since: datetime) -> Accepted | Refused | None:
        for number, other in enumerate(self.sent, 1):
            if other.message_key == text.message_key:
                return Accepted(provider_id=f"SM{number}")
        return None

    async def cancel(self, provider_id: str) -> bool:
        return False

    async def report(self, provider_id: str) -> DeliveryReport | None:
        return self.reports.get(provider_id)

    def verify(self, raw: bytes, headers: Mapping[str, str], url: str) -> VendorEvent:
        check_signature(headers)
        self.verified_urls.append(url)
        fields = dict(parse_qsl(raw.decode(), keep_blank_values=True))
        fields.update(parse_qsl(urlsplit(url).query))
        status = fields.get("MessageStatus")
        return VendorEvent(
            source=self.name,
            event_id=f"{fields['MessageSid']}:{status}" if status else fields["MessageSid"],
            event_type="message.status" if status else "message.received",
            occurred_at=datetime.now(UTC),
            body=fields,
        )

    def delivery_report(self, event: VendorEvent) -> DeliveryReport:
        return DeliveryReport(
            message_key=event.body["key"],
            provider_id=event.body["MessageSid"],
            state=event.body["MessageStatus"],
            error_code=event.body.get("ErrorCode"),
            failure_kind=event.body.get("Kind"),
        )

    def inbound(self, event: VendorEvent) -> InboundText:
        words = event.body["Body"]
        lowered = words.strip().lower()
        return InboundText(
            provider_id=event.body["MessageSid"],
            from_e164=event.body["From"],
            body=words,
            opt_out=lowered if lowered in ("stop", "start", "help") else None,
        )


@dataclass
class FakeEngine:
    """The workflow engine as a set of running ids and a list of what they were told."""

    running: set[str] = field(default_factory=set)
    started: list[tuple[str, str, Record, str]] = field(default_factory=list)
    """(workflow, workflow id, input, location id)"""
    signals: list[tuple[str, str, Record]] = field(default_factory=list)
    """(workflow id, signal, input)"""
    down: bool = False

    async def start_or_signal(
        self,
        workflow: str,
        workflow_id: str,
        start_input: Record,
        signal: str,
        signal_input: Record,
        location_id: str,
    ) -> str:
        self._check()
        if await self.signal(workflow_id, signal, signal_input):
            return "signalled"
        self.running.add(workflow_id)
        self.started.append((workflow, workflow_id, start_input, location_id))
        return "started"

    async def signal(self, workflow_id: str, signal: str, signal_input: Record) -> bool:
        self._check()
        if workflow_id not in self.running:
            return False
        self.signals.append((workflow_id, signal, signal_input))
        return True

    def _check(self) -> None:
        if self.down:
            raise ProviderUnavailable("the fake engine is down")
