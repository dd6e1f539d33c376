"""Stripe as the card processor: invoices that we alone send, one neutral line each.

Stripe signs no business associate agreement, so it learns amounts and opaque ids only.
Retries belong to the caller; each POST carries a key derived from the caller's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import stripe

from connectors.payments.stripe_calls import answer, once
from connectors.payments.stripe_checkout import Checkouts
from connectors.payments.stripe_http import StripeHttp
from connectors.payments.stripe_opening import Bill, Opening
from connectors.payments.stripe_payouts import StripePayouts
from connectors.payments.stripe_reversals import StripeReversals
from connectors.payments.stripe_shapes import (
    CAUGHT_UP_TYPES,
    Missing,
    is_live,
    to_event,
    to_invoice,
    to_loose_payment,
    verified_event,
)
from connectors.ports import (
    BadRequest,
    CheckoutOrder,
    LoosePayment,
    ProcessorCheckout,
    ProcessorInvoice,
    Refused,
    VendorEvent,
)

Doc = Mapping[str, Any]

STRIPE_VERSION = "2026-10-28.endive"

PAYMENTS = "payments.data.payment.payment_intent"


class StripeProcessor:
    """`ProcessorPort` over the real SDK. `base_url` replaces all of Stripe's hosts (sandbox)."""

    name = "stripe"

    def __init__(
        self,
        api_key: str,
        webhook_secret: str,
        base_url: str | None = None,
        timeout_seconds: int = 20,
    ) -> None:
        self._secret = webhook_secret
        self._live = is_live(api_key)
        self._http = StripeHttp(timeout_seconds)
        # An address left out would stay at the real host, so the sandbox gets all four.
        client = stripe.StripeClient(
            api_key,
            base_addresses={
                "api": base_url,
                "connect": base_url,
                "files": base_url,
                "meter_events": base_url,
            }
            if base_url
            else None,
            http_client=self._http,
            max_network_retries=0,
            stripe_version=STRIPE_VERSION,
        )
        # The telemetry tells Stripe about our machine, and computing it takes time on each call.
        stripe.enable_telemetry = False
        self._client, self._v1 = client, client.v1
        self._opening, self._checkouts = Opening(client), Checkouts(client)
        self.payouts = StripePayouts(client)
        """`PayoutPort` over the same client."""
        self.reversals = StripeReversals(client, self.payouts)
        """`ReversalPort` over the same client."""

    async def close(self) -> None:
        """Close the connection pool."""
        await self._http.close_async()

    async def ensure_customer(self, key: str, client_id: str) -> str:
        """A customer that carries our opaque id and nothing about the person."""
        return await self._opening.ensure_customer(key, client_id)

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
        """An open invoice with one neutral line; repeatable at any age of the key."""
        # Stripe answers in lower case, and its answer is compared with what was asked.
        bill = Bill(customer_id, amount_cents, currency.lower(), document_id, case_id, due_days)
        invoice, fresh = await self._opening.open_invoice(key, bill)
        return to_invoice(invoice, []) if fresh else await self.read_invoice(invoice["id"])

    async def read_invoice(self, processor_id: str) -> ProcessorInvoice:
        """One call: Stripe includes the first ten payments; only a longer list is paged.

        The raw request skips the SDK's object tree, which costs more than the call itself.
        """
        path = f"/v1/invoices/{quote(processor_id, safe='')}"
        read = await answer(self._client.raw_request_async("get", path, expand=[PAYMENTS]))
        doc: Any = read.data
        rows: list[Doc] = doc["payments"]["data"]
        if doc["payments"]["has_more"]:
            rows = await self._all_payments(processor_id)
        return to_invoice(doc, rows)

    async def _all_payments(self, processor_id: str) -> list[Doc]:
        async def read() -> list[Doc]:
            page = await self._v1.invoice_payments.list_async(
                {
                    "invoice": processor_id,
                    "limit": 100,
                    "expand": ["data.payment.payment_intent"],
                }
            )
            return [row.to_dict() async for row in page.auto_paging_iter()]

        return await answer(read())

    async def open_checkout(self, order: CheckoutOrder) -> ProcessorCheckout:
        """A payment page for one amount."""
        return await self._checkouts.open(order)

    async def read_checkout(self, session_id: str) -> ProcessorCheckout:
        """A payment page with its payment."""
        return await self._checkouts.read(session_id)

    async def expire_checkout(self, session_id: str) -> ProcessorCheckout:
        """Close a page; answers what it has become."""
        return await self._checkouts.expire(session_id)

    async def credit_invoice(
        self, key: str, processor_id: str, amount_cents: int
    ) -> Refused | None:
        """A credit note against what is still open, made once even past the life of the key."""

        async def find() -> stripe.CreditNote | None:
            page = await self._v1.credit_notes.list_async({"invoice": processor_id, "limit": 100})
            async for note in page.auto_paging_iter():
                if note.metadata and note.metadata.to_dict().get("key") == key:
                    return note
            return None

        async def create(derived: str) -> stripe.CreditNote:
            return await self._v1.credit_notes.create_async(
                {"invoice": processor_id, "amount": amount_cents, "metadata": {"key": key}},
                {"idempotency_key": derived},
            )

        if await answer(find()) is None:
            try:
                await once(key, create, find)
            except BadRequest:
                return await self._why_refused(processor_id, amount_cents)
        return None

    async def _why_refused(self, processor_id: str, amount_cents: int) -> Refused:
        """Somebody paid or closed the invoice meanwhile: a business no. Anything else is ours."""
        invoice = await self.read_invoice(processor_id)
        if invoice.state not in ("open", "uncollectible"):
            return Refused(code=f"invoice_{invoice.state}", kind="closed")
        if invoice.remaining_cents < amount_cents:
            return Refused(code="amount_above_remaining", kind="closed")
        raise BadRequest("stripe refused the request on an open invoice")

    async def record_outside_payment(
        self,
        key: str,
        processor_id: str,
        amount_cents: int,
        currency: str,
        reference: str,
        paid_at: datetime,
    ) -> Refused | None:
        """Report money of a terminal, a till or a lender and attach it; `reference` is opaque."""

        async def find() -> stripe.Invoice | None:
            invoice = await self._v1.invoices.retrieve_async(
                processor_id, {"expand": ["payments.data.payment.payment_record"]}
            )
            rows = invoice.to_dict()["payments"]["data"]
            records = [row["payment"].get("payment_record") for row in rows]
            keys = [record["metadata"].get("key") for record in records if record]
            return invoice if key in keys else None

        async def attach(derived: str) -> stripe.Invoice:
            return await self._v1.invoices.attach_payment_async(
                processor_id, {"payment_record": record_id}, {"idempotency_key": derived}
            )

        if await answer(find()) is not None:
            return None
        record_id = await self._report(key, amount_cents, currency, reference, paid_at)
        try:
            await once(f"{key}:attach", attach, find)
        except BadRequest:
            return await self._why_refused(processor_id, amount_cents)
        return None

    async def _report(
        self, key: str, amount_cents: int, currency: str, reference: str, paid_at: datetime
    ) -> str:
        seconds = int(paid_at.timestamp())

        async def report(derived: str) -> stripe.PaymentRecord:
            return await self._v1.payment_records.report_payment_async(
                {
                    "amount_requested": {"value": amount_cents, "currency": currency.lower()},
                    "initiated_at": seconds,
                    "payment_method_details": {
                        "type": "custom",
                        "custom": {"display_name": "Received outside Stripe"},
                    },
                    "processor_details": {
                        "type": "custom",
                        "custom": {"payment_reference": reference},
                    },
                    "outcome": "guaranteed",
                    "guaranteed": {"guaranteed_at": seconds},
                    "metadata": {"key": key},
                },
                {"idempotency_key": derived},
            )

        async def find() -> stripe.PaymentRecord | None:
            # A record that nothing is attached to moves no balance, so a second one is harmless.
            return None

        return (await once(f"{key}:report", report, find)).id

    async def read_payment(self, payment_id: str) -> LoosePayment | Refused:
        """A payment intent and where it is applied."""
        try:
            intent = await answer(
                self._v1.payment_intents.retrieve_async(payment_id, {"expand": ["latest_charge"]})
            )
        except Missing:
            return Refused(code="resource_missing", kind="not_found")
        rows = await answer(
            self._v1.invoice_payments.list_async(
                {
                    "payment": {"type": "payment_intent", "payment_intent": payment_id},
                    "limit": 100,
                }
            )
        )
        return to_loose_payment(intent.to_dict(), [row.to_dict() for row in rows.data])

    async def events_since(self, since: datetime) -> Sequence[VendorEvent]:
        """Events of the types that we act on, oldest first. Stripe keeps them for 30 days."""

        async def read() -> list[VendorEvent]:
            page = await self._v1.events.list_async(
                {
                    "created": {"gte": int(since.timestamp())},
                    "types": list(CAUGHT_UP_TYPES),
                    "limit": 100,
                }
            )
            return [to_event(event.to_dict()) async for event in page.auto_paging_iter()]

        return (await answer(read()))[::-1]

    async def case_of_invoice(self, processor_id: str) -> str | None:
        """The case id that `open_invoice` left in the metadata."""
        try:
            invoice = await answer(self._v1.invoices.retrieve_async(processor_id))
        except Missing:
            return None
        case = (invoice.metadata.to_dict() if invoice.metadata else {}).get("case")
        return str(case) if case else None

    def verify(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> VendorEvent:
        """The event of a webhook that Stripe signed for us, in our mode, within 300 s of `now`."""
        return verified_event(raw, headers, now, self._secret, self._live)
