"""Stripe Checkout: a payment page for one amount that no single invoice asks for.

Stripe signs no business associate agreement: one line "Services", amounts and opaque ids.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import stripe

from connectors.payments.stripe_calls import Posted, answer, once, post
from connectors.payments.stripe_shapes import at, id_of
from connectors.ports import BadRequest, CheckoutOrder, ProcessorCheckout

LINE = "Services"
_PATH = "/v1/checkout/sessions"
_EXPAND = ["payment_intent.latest_charge"]


class Checkouts:
    """Opens, reads and closes payment pages through one client."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client

    async def open(self, order: CheckoutOrder) -> ProcessorCheckout:
        """The page of an order. A replayed answer shows it as it was opened."""

        async def create(derived: str) -> Posted:
            return await post(self._client, _PATH, derived, **_form(order))

        async def find() -> Posted | None:
            # An unknown second page asks for nothing: only the one that is returned is shown.
            return None

        made = await once(f"checkout:{order.checkout_id}", create, find)
        return await self.read(made.doc["id"]) if made.replayed else to_checkout(made.doc)

    async def read(self, session_id: str) -> ProcessorCheckout:
        """One call, the payment and its charge included."""
        path = f"{_PATH}/{quote(session_id, safe='')}"
        read = await answer(self._client.raw_request_async("get", path, expand=_EXPAND))
        doc: Any = read.data
        return to_checkout(doc)

    async def expire(self, session_id: str) -> ProcessorCheckout:
        """Close the page. Stripe refuses when it is complete or expired: then read what it is."""
        path = f"{_PATH}/{quote(session_id, safe='')}/expire"
        try:
            done = await answer(self._client.raw_request_async("post", path))
        except BadRequest:
            return await self.read(session_id)
        doc: Any = done.data
        return to_checkout(doc)


def _form(order: CheckoutOrder) -> Mapping[str, Any]:
    metadata = {"checkout": order.checkout_id}
    price = {
        "currency": order.currency.lower(),
        "unit_amount": order.amount_cents,
        "product_data": {"name": LINE},
    }
    return {
        "mode": "payment",
        "customer": order.customer_id,
        "client_reference_id": order.checkout_id,
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "line_items": [{"price_data": price, "quantity": 1}],
        "success_url": order.done_url,
        "cancel_url": order.back_url,
        "expires_at": int(order.expires_at.timestamp()),
        "locale": order.language,
    }


def to_checkout(doc: Mapping[str, Any]) -> ProcessorCheckout:
    """A Checkout Session as ours; its intent, when expanded, tells of the money."""
    intent = doc.get("payment_intent")
    paid = intent if isinstance(intent, Mapping) else {}
    charge = paid.get("latest_charge")
    return ProcessorCheckout(
        session_id=doc["id"],
        state=doc["status"],
        pay_url=doc.get("url"),
        amount_cents=doc["amount_total"],
        currency=doc["currency"],
        checkout_id=(doc.get("metadata") or {}).get("checkout"),
        customer_id=id_of(doc.get("customer")),
        intent_id=id_of(intent),
        payment_state=paid.get("status"),
        failure_code=_failed(doc, paid),
        paid_cents=paid.get("amount_received", 0) if paid.get("status") == "succeeded" else 0,
        paid_at=at(charge["created"]) if isinstance(charge, Mapping) else None,
    )


def _failed(doc: Mapping[str, Any], intent: Mapping[str, Any]) -> str | None:
    """A declined card leaves its page open: a complete one without money is a debit's."""
    if doc["status"] != "complete" or intent.get("status") != "requires_payment_method":
        return None
    error = intent.get("last_payment_error")
    return str((error or {}).get("code") or "unknown")
