"""Stripe's answers, errors and signed webhooks in the house's own words. No calls in here."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import stripe

from connectors.payments.stripe_declines import for_good
from connectors.ports import (
    BadRequest,
    ConnectorError,
    LoosePayment,
    Misconfigured,
    OutcomeUnknown,
    ProcessorInvoice,
    ProcessorPayment,
    ProviderUnavailable,
    RateLimited,
    SignatureRefused,
    VendorEvent,
)

TOLERANCE_SECONDS = 300

CAUGHT_UP_TYPES = (
    "invoice_payment.paid",
    "invoice.paid",
    "invoice.overpaid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "refund.created",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
    "refund.failed",
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
)
"""The events that the house acts on; Stripe takes at most 20 in one query."""


class SavedFailure(ProviderUnavailable):
    """A 5xx that the idempotency key now repeats for a day: look up, then use a new key."""


class KeyReused(OutcomeUnknown):
    """Our key was used before with other parameters: whatever exists came from that call."""


class Missing(BadRequest):
    """No such object."""


def translate(error: stripe.StripeError) -> ConnectorError:
    """The house's error for Stripe's. Texts name the type, code and request id, never the body.

    No answer (refused, timed out, broken off) is `ProviderUnavailable`, thus safe to repeat:
    unlike an SMS provider, Stripe keeps the first outcome of an idempotency key for 24 hours
    and repeats it, so the same call with the same key cannot take effect twice.
    """
    text = f"stripe {type(error).__name__} {error.code or ''} (request {error.request_id or '-'})"
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    status = error.http_status
    if isinstance(error, stripe.IdempotencyError):
        return KeyReused(text)
    if isinstance(error, stripe.RateLimitError) or status == 429:
        return RateLimited(text, _seconds(headers.get("retry-after")))
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return Misconfigured(text)
    if isinstance(error, stripe.APIConnectionError) or status is None or status == 409:
        return ProviderUnavailable(text)
    if status >= 500:
        replayed = headers.get("idempotent-replayed") == "true"
        return SavedFailure(text) if replayed else ProviderUnavailable(text)
    return Missing(text) if status == 404 else BadRequest(text)


def _seconds(value: str | None) -> Decimal | None:
    try:
        return None if value is None else Decimal(value)
    except InvalidOperation:
        return None


def at(seconds: int | None) -> datetime | None:
    """An aware UTC time from Unix seconds."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def id_of(value: Any) -> str | None:
    """The id of a field that holds either an id or the expanded object."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else None


def to_payment(row: Mapping[str, Any], customer_id: str | None) -> ProcessorPayment:
    """An `invoice_payment` as ours; `amount_cents` is what was paid, else what is asked for."""
    payment = row["payment"]
    paid = row.get("amount_paid")
    return ProcessorPayment(
        payment_id=row["id"],
        intent_id=id_of(payment.get("payment_intent")),
        amount_cents=row["amount_requested"] if paid is None else paid,
        state=row["status"],
        paid_at=at(row["status_transitions"]["paid_at"]),
        outside=payment["type"] == "payment_record",
        customer_id=customer_id,
        failure_code=_returned(payment.get("payment_intent")),
        declined=for_good(payment.get("payment_intent")),
    )


def _returned(intent: Any) -> str | None:
    """The bank's reason, of a debit that was under way and came back.

    An intent that takes cards as well says by its error which of them was tried.
    """
    error = intent.get("last_payment_error") if isinstance(intent, Mapping) else None
    if not isinstance(error, Mapping):
        return None
    tried = (error.get("payment_method") or {}).get("type")
    kinds = [tried] if tried else intent["payment_method_types"]
    return str(error.get("code") or "unknown") if kinds == ["us_bank_account"] else None


def to_invoice(invoice: Mapping[str, Any], payments: list[Mapping[str, Any]]) -> ProcessorInvoice:
    """An invoice as ours; `payments` are its `invoice_payment` rows with expanded intents."""
    customer_id = id_of(invoice.get("customer"))
    intents = [row["payment"].get("payment_intent") for row in payments]
    return ProcessorInvoice(
        processor_id=invoice["id"],
        state=invoice["status"],
        amount_cents=invoice["amount_due"],
        paid_cents=invoice["amount_paid"],
        remaining_cents=invoice["amount_remaining"],
        pay_url=invoice.get("hosted_invoice_url"),
        in_flight=any(isinstance(i, Mapping) and i["status"] == "processing" for i in intents),
        payments=tuple(to_payment(row, customer_id) for row in payments),
    )


def to_loose_payment(intent: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> LoosePayment:
    """A payment intent, its charge expanded, with the invoices that it is applied to."""
    charge = intent.get("latest_charge")
    paid = intent["status"] == "succeeded" and isinstance(charge, Mapping)
    metadata = intent.get("metadata") or {}
    return LoosePayment(
        payment_id=intent["id"],
        amount_cents=intent["amount_received"] if paid else intent["amount"],
        currency=intent["currency"],
        state=intent["status"],
        invoice_ids=tuple(
            str(id_of(row["invoice"])) for row in rows if row["status"] != "canceled"
        ),
        customer_id=id_of(intent.get("customer")),
        paid_at=at(charge["created"]) if paid and isinstance(charge, Mapping) else None,
        checkout_id=metadata.get("checkout"),
        reference=str(metadata.get("invoice") or intent.get("description") or ""),
        declined=for_good(intent),
    )


def to_event(body: Mapping[str, Any]) -> VendorEvent:
    """A Stripe snapshot event as ours."""
    return VendorEvent(
        source="stripe",
        event_id=body["id"],
        event_type=body["type"],
        occurred_at=datetime.fromtimestamp(body["created"], UTC),
        body=body,
    )


def verified_event(
    raw: bytes, headers: Mapping[str, str], now: datetime, secret: str, live: bool
) -> VendorEvent:
    """The event in a webhook, or `SignatureRefused`.

    Stripe's own library bounds the past only; a signature from the future is refused here too.
    Any one of several `v1` signatures is enough, as there are two while a secret is rotated.
    """
    header = next((v for k, v in headers.items() if k.lower() == "stripe-signature"), "")
    pairs = [item.strip().partition("=") for item in header.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    if len(times) != 1 or not times[0].isdecimal() or len(times[0]) > 12:
        raise SignatureRefused("no usable Stripe-Signature header")
    age_seconds = int(now.timestamp()) - int(times[0])
    if abs(age_seconds) > TOLERANCE_SECONDS:
        raise SignatureRefused("signed too long ago" if age_seconds > 0 else "signed in the future")
    signed = times[0].encode() + b"." + raw
    wanted = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
    given = [value.encode() for name, _, value in pairs if name == "v1"]
    if not any(hmac.compare_digest(wanted, value) for value in given):
        raise SignatureRefused("no v1 signature matches")
    try:
        body = json.loads(raw)
        event = to_event(body)
    except (ValueError, TypeError, KeyError):
        raise SignatureRefused("signed, but not a snapshot event") from None
    if body.get("livemode") is not live:
        raise SignatureRefused("an event of the other mode (live or test)")
    return event


def is_live(api_key: str) -> bool:
    """True for a live key, False for a test key; anything else is not a secret key."""
    for mode, live in (("_test_", False), ("_live_", True)):
        if api_key.startswith(("sk" + mode, "rk" + mode)):
            return live
    raise Misconfigured("the Stripe key is neither a test nor a live secret key")


def check_key_mode(api_key: str, live: bool) -> None:
    """Refuse to start with a test key in a live practice, or the reverse."""
    if is_live(api_key) is not live:
        raise Misconfigured(
            "live configuration with a Stripe test key" if live else "Stripe live key outside live"
        )
