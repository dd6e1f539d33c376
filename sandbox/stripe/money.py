"""New payment objects in Stripe's shape: intents, charges, fees, refunds, outside payments."""

from uuid import uuid4

from sandbox.stripe.wire import Doc

_TYPES = {"dispute": "adjustment", "dispute_reversal": "adjustment"}
"""Reporting category -> type, where they differ."""

_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def payment_intent(id: str, now: int, cents: int, currency: str, payer: str | None) -> Doc:
    """An intent that waits for a payment method."""
    nothing = dict.fromkeys(
        [
            "amount_details",
            "application",
            "application_fee_amount",
            "automatic_payment_methods",
            "canceled_at",
            "cancellation_reason",
            "customer_account",
            "description",
            "excluded_payment_method_types",
            "last_payment_error",
            "latest_charge",
            "managed_payments",
            "next_action",
            "on_behalf_of",
            "payment_method",
            "payment_method_configuration_details",
            "processing",
            "receipt_email",
            "review",
            "setup_future_usage",
            "shipping",
            "source",
            "statement_descriptor",
            "statement_descriptor_suffix",
            "transfer_data",
            "transfer_group",
        ]
    )
    return {
        "id": id,
        "object": "payment_intent",
        **nothing,
        "amount": cents,
        "amount_capturable": 0,
        "amount_received": 0,
        "capture_method": "automatic",
        "client_secret": f"{id}_secret_{uuid4().hex}",
        "confirmation_method": "automatic",
        "created": now,
        "currency": currency,
        "customer": payer,
        "livemode": False,
        "metadata": {},
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }


_CHARGE_EMPTY = (
    "application",
    "application_fee",
    "application_fee_amount",
    "balance_transaction",
    "calculated_statement_descriptor",
    "customer",
    "description",
    "failure_balance_transaction",
    "failure_message",
    "on_behalf_of",
    "receipt_email",
    "receipt_number",
    "receipt_url",
    "review",
    "shipping",
    "source",
    "source_transfer",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
)


def charge(
    id: str, now: int, intent: Doc, last4: str, failure: str | None, reason: str | None
) -> Doc:
    """A charge of the whole intent, captured unless `failure` names the error's code.

    `reason` is the bank's decline code, where it names one.
    """
    ok = failure is None
    return {
        "id": id,
        "object": "charge",
        **dict.fromkeys(_CHARGE_EMPTY),
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if ok else 0,
        "amount_refunded": 0,
        "billing_details": {
            "address": _ADDRESS,
            **dict.fromkeys(("email", "name", "phone", "tax_id")),
        },
        "captured": ok,
        "created": now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "disputed": False,
        "failure_code": failure,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "outcome": {
            "network_status": "approved_by_network" if ok else "declined_by_network",
            "reason": reason or failure,
            "type": "authorized" if ok else "issuer_declined",
            **dict.fromkeys(("advice_code", "network_advice_code", "network_decline_code")),
            "seller_message": None,
        },
        "paid": ok,
        "payment_intent": intent["id"],
        "payment_method": intent["payment_method"],
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": last4}},
        "refunded": False,
        "refunds": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/charges/{id}/refunds",
        },
        "status": "succeeded" if ok else "failed",
    }


def balance_transaction(
    id: str, now: int, cents: int, fee_cents: int, currency: str, source: str, kind: str
) -> Doc:
    """One movement of the Stripe balance; `kind` is charge | refund | dispute | …"""
    fee = {"amount": fee_cents, "application": None, "currency": currency}
    details = [{**fee, "description": "Stripe processing fees", "type": "stripe_fee"}]
    return {
        "id": id,
        "object": "balance_transaction",
        "amount": cents,
        "available_on": now + 2 * 86400,
        "balance_type": "payments",
        "created": now,
        "currency": currency,
        "description": None,
        "exchange_rate": None,
        "fee": fee_cents,
        "fee_details": details if fee_cents else [],
        "net": cents - fee_cents,
        "reporting_category": kind,
        "source": source,
        "status": "pending",
        "type": _TYPES.get(kind, kind),
    }


def refund(id: str, now: int, paid: Doc, cents: int, form: Doc) -> Doc:
    """A succeeded refund of part or all of a charge."""
    return {
        "id": id,
        "object": "refund",
        "amount": cents,
        "balance_transaction": None,
        "charge": paid["id"],
        "created": now,
        "currency": paid["currency"],
        "customer": paid["customer"],
        "customer_account": None,
        "destination_details": {"type": "card", "card": {"type": "refund"}},
        "metadata": form.get("metadata") or {},
        "payment_intent": paid["payment_intent"],
        "payment_method": paid["payment_method"],
        "reason": form.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def payment_record(id: str, now: int, cents: int, currency: str, form: Doc) -> Doc:
    """Money that somebody else's terminal took, as reported to Stripe."""
    outcome = form.get("outcome")
    nil, whole = {"currency": currency, "value": 0}, {"currency": currency, "value": cents}
    method = dict(form["payment_method_details"])
    custom = {"display_name": None, **(method.get("custom") or {})}
    return {
        "id": id,
        "object": "payment_record",
        "amount": whole,
        "amount_authorized": whole if outcome == "guaranteed" else nil,
        "amount_canceled": whole if outcome == "canceled" else nil,
        "amount_failed": whole if outcome == "failed" else nil,
        "amount_guaranteed": whole if outcome == "guaranteed" else nil,
        "amount_refunded": nil,
        "amount_requested": whole,
        "application": None,
        "created": now,
        "customer_details": form.get("customer_details"),
        "customer_presence": form.get("customer_presence"),
        "description": form.get("description"),
        "latest_payment_attempt_record": None,
        "livemode": False,
        "metadata": form.get("metadata") or {},
        "payment_method_details": {
            "billing_details": None,
            "payment_method": None,
            "type": "custom",
            **method,
            "custom": custom,
        },
        "processor_details": form.get("processor_details") or {"type": "custom"},
        "reported_by": "self",
        "shipping_details": form.get("shipping_details"),
    }
