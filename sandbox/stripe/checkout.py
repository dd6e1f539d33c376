"""Checkout Sessions: a payment page for one amount that ends once, paid or expired."""

from uuid import uuid4

from sandbox.stripe.payments import BANK_ACCOUNT, DECLINED_CARD, RETURNED, charge_intent, new_intent
from sandbox.stripe.twin import Twin
from sandbox.stripe.wire import Doc, StripeError, amount, integer, nested, refuse

KIND = "checkout.session"
MINIMUM_CENTS = 50
_SHORTEST_SECONDS, _LONGEST_SECONDS = 30 * 60, 24 * 3600

_NOTHING = (
    "adaptive_pricing after_expiration allow_promotion_codes allowed_payment_method_types"
    " billing_address_collection client_secret collected_information consent consent_collection"
    " currency_conversion customer_account customer_creation customer_details customer_email"
    " excluded_payment_method_types integration_identifier invoice line_items managed_payments"
    " name_collection optional_items origin_context payment_intent payment_link"
    " payment_method_configuration_details permissions presentment_details recovered_from"
    " redirect_on_completion return_url saved_payment_method_options setup_intent"
    " shipping_address_collection shipping_cost submit_type subscription tax_id_collection"
    " wallet_options"
)


def create_session(t: Twin, form: Doc) -> Doc:
    """Open a page in `payment` mode for the sum of its lines."""
    if form.get("mode") != "payment" or not form.get("success_url"):
        raise refuse("Only mode=payment with a success_url is simulated.", "parameter_missing")
    if form.get("customer"):
        t.need("customer", form["customer"], "customer", status=400)
    cents, currency = _total(form)
    now = t.now()
    expires = integer(form, "expires_at", now + _LONGEST_SECONDS) or 0
    if not now + _SHORTEST_SECONDS <= expires <= now + _LONGEST_SECONDS:
        raise refuse(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from now.",
            "parameter_invalid_integer",
            "expires_at",
        )
    page = uuid4().hex
    doc = {
        "id": t.new_id("cs_test"),
        "object": KIND,
        **dict.fromkeys(_NOTHING.split()),
        "amount_subtotal": cents,
        "amount_total": cents,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "branding_settings": {},
        "cancel_url": form.get("cancel_url"),
        "client_reference_id": form.get("client_reference_id"),
        "created": now,
        "currency": currency,
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit")),
        "customer": form.get("customer"),
        "discounts": [],
        "expires_at": expires,
        "invoice_creation": {"enabled": False, "invoice_data": {}},
        "livemode": False,
        "locale": form.get("locale"),
        "metadata": form.get("metadata") or {},
        "mode": "payment",
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "payment_method_types": ["card", "us_bank_account"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "success_url": form["success_url"],
        "total_details": dict.fromkeys(("amount_discount", "amount_shipping", "amount_tax"), 0),
        "ui_mode": "hosted_page",
        "url": f"{t.box.base_url}/stripe/checkout/{page}",
    }
    t.box.state.put("stripe_checkout_page", page, {"session": doc["id"]})
    data = nested(form, "payment_intent_data", "metadata") or {}
    t.box.state.put("stripe_checkout_intent", doc["id"], {"metadata": data})
    return t.save(doc)


def _total(form: Doc) -> tuple[int, str]:
    lines = form.get("line_items")
    if not isinstance(lines, list) or not lines:
        raise refuse("You must specify line_items.", "parameter_missing", "line_items")
    cents, currency = 0, "usd"
    for line in lines:
        price = line.get("price_data") or {}
        if not nested(price, "product_data", "name") or not price.get("currency"):
            raise refuse("A line needs price_data.", "parameter_missing", "line_items")
        cents += amount(price, "unit_amount") * (integer(line, "quantity", 1) or 1)
        currency = price["currency"].lower()
    if cents < MINIMUM_CENTS:
        raise refuse("The amount must be at least $0.50 usd", "amount_too_small", "line_items")
    return cents, currency


def read_session(t: Twin, id: str, _: Doc) -> Doc:
    """The session as it stands now; past its time it has expired."""
    return current(t, t.need(KIND, id))


def current(t: Twin, doc: Doc) -> Doc:
    """Expire a session whose time is over."""
    if doc["status"] == "open" and t.now() >= doc["expires_at"]:
        return _expired(t, doc)
    return doc


def expire_session(t: Twin, id: str, _: Doc) -> Doc:
    """Close an open page; one that is complete or expired refuses."""
    doc = current(t, t.need(KIND, id))
    if doc["status"] != "open":
        raise StripeError(
            400,
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout'
            f" Session has a status of `{doc['status']}`.",
        )
    return _expired(t, doc)


def _expired(t: Twin, doc: Doc) -> Doc:
    doc["status"], doc["url"] = "expired", None
    t.save(doc)
    t.emit("checkout.session.expired", doc)
    return doc


def pay_session(t: Twin, id: str, card: str, ach: bool = False) -> Doc:
    """A payer's attempt. Answers {"outcome": paid | declined | processing, "session": …}."""
    doc = current(t, t.need(KIND, id))
    if doc["status"] != "open":
        raise StripeError(400, f"This Checkout Session is {doc['status']}.")
    intent = _intent(t, doc)
    if ach:
        intent["status"], intent["payment_method_types"] = "processing", ["us_bank_account"]
        intent["processing"] = {"type": "us_bank_account"}
        t.save(intent)
        t.emit("payment_intent.processing", intent)
        return {"outcome": "processing", "session": _complete(t, doc, "unpaid")}
    if not charge_intent(t, intent, card):
        return {"outcome": "declined", "session": doc}
    return {"outcome": "paid", "session": _complete(t, doc, "paid")}


def _intent(t: Twin, doc: Doc) -> Doc:
    """One intent for all attempts of a session."""
    kept = t.box.state.get("stripe_checkout_intent", doc["id"]) or {}
    if kept.get("intent"):
        return t.need("payment_intent", kept["intent"])
    intent = new_intent(t, doc["amount_total"], doc["currency"], doc["customer"])
    intent["metadata"] = kept.get("metadata") or {}
    t.box.state.put("stripe_checkout_intent", doc["id"], {**kept, "intent": intent["id"]})
    return t.save(intent)


def _complete(t: Twin, doc: Doc, payment_status: str) -> Doc:
    kept = t.box.state.get("stripe_checkout_intent", doc["id"]) or {}
    doc["payment_intent"] = kept.get("intent")
    doc["status"], doc["payment_status"], doc["url"] = "complete", payment_status, None
    t.save(doc)
    t.emit("checkout.session.completed", doc)
    return doc


def settle_session(t: Twin, id: str, succeeded: bool, code: str = RETURNED) -> Doc:
    """The bank's answer, days later, to a debit that was started on the page."""
    doc = t.need(KIND, id)
    intent = t.need("payment_intent", doc["payment_intent"])
    if intent["status"] != "processing":
        raise StripeError(400, "No debit of this session is processing.")
    if charge_intent(t, intent, BANK_ACCOUNT if succeeded else DECLINED_CARD, code):
        doc["payment_status"] = "paid"
        t.save(doc)
        t.emit("checkout.session.async_payment_succeeded", doc)
    else:
        t.emit("checkout.session.async_payment_failed", doc)
    return doc
