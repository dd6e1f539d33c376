"""Money: intents, charges with their fees, outside payments, and invoices paid by them."""

from collections.abc import Mapping

from sandbox.stripe import money
from sandbox.stripe.billing import cancel_default, close_if_settled, lower_default, tie
from sandbox.stripe.twin import Twin
from sandbox.stripe.wire import Doc, StripeError, amount, boolean, nested, refuse

_COUNTED = ("amount_paid", "amount_remaining", "amount_overpaid", "status")
DECLINED_CARD = "4000000000000002"
_DECLINES: Mapping[str, tuple[str, str | None]] = {
    DECLINED_CARD: ("card_declined", "generic_decline"),
    "4000000000009995": ("card_declined", "insufficient_funds"),
    "4000000000009987": ("card_declined", "lost_card"),
    "4000000000009979": ("card_declined", "stolen_card"),
    "4000000000000069": ("expired_card", None),
    "4000000000000127": ("incorrect_cvc", None),
    "4000000000000119": ("processing_error", None),
}
"""Stripe's test cards that are declined: `code` and, where the bank names one, `decline_code`."""
BANK_ACCOUNT = "000123456789"
RETURNED = "insufficient_funds"
"""Why a bank sends a debit back, unless told otherwise."""
_METHODS = {"pm_card_visa": "4242424242424242", "pm_card_chargeDeclined": DECLINED_CARD}


def fee_cents(cents: int) -> int:
    """2.9 % and 30 c, half up."""
    return (cents * 29 + 500) // 1000 + 30


def new_intent(t: Twin, cents: int, currency: str, payer: str | None) -> Doc:
    """An intent outside any invoice."""
    intent = t.save(money.payment_intent(t.new_id("pi"), t.now(), cents, currency, payer))
    t.emit("payment_intent.created", intent)
    return intent


def create_intent(t: Twin, form: Doc) -> Doc:
    """Create and, on `confirm`, try the payment method."""
    cents = amount(form, "amount")
    if cents < 1:
        raise refuse("Amount must be at least $0.50 usd", "amount_too_small", "amount")
    if form.get("customer"):
        t.need("customer", form["customer"], "customer", status=400)
    intent = new_intent(t, cents, form["currency"], form.get("customer"))
    intent["metadata"] = form.get("metadata") or {}
    intent["description"] = form.get("description")
    t.save(intent)
    return confirm_intent(t, intent["id"], form) if boolean(form, "confirm") else intent


def confirm_intent(t: Twin, id: str, form: Doc) -> Doc:
    """Try the payment method: `pm_card_visa` succeeds, `pm_card_chargeDeclined` does not."""
    intent = t.need("payment_intent", id)
    if intent["status"] in ("succeeded", "canceled", "processing"):
        raise StripeError(
            400, "This PaymentIntent cannot be confirmed.", "payment_intent_unexpected_state"
        )
    card = _METHODS.get(str(form.get("payment_method")))
    if card is None:
        raise StripeError(400, "No such PaymentMethod", "resource_missing", "payment_method")
    if not charge_intent(t, intent, card):
        raise StripeError(402, "Your card was declined.", "card_declined", type="card_error")
    for row in t.linked("payments_by", id, "invoice_payment"):
        if row["status"] == "open":
            apply_payment(t, row, intent["amount"])
    return t.need("payment_intent", id)


def cancel_intent(t: Twin, id: str) -> Doc:
    """Cancel an intent that is no invoice's default."""
    intent = t.need("payment_intent", id)
    rows = t.linked("payments_by", id, "invoice_payment")
    if intent["status"] in ("succeeded", "canceled") or any(row["is_default"] for row in rows):
        raise StripeError(
            400, "This PaymentIntent cannot be canceled.", "payment_intent_unexpected_state"
        )
    intent["status"], intent["canceled_at"] = "canceled", t.now()
    t.save(intent)
    t.emit("payment_intent.canceled", intent)
    return intent


def charge_intent(t: Twin, intent: Doc, card: str, why: str | None = None) -> bool:
    """Charge the intent on `card`; False (and the events of a decline) for a declined one.

    `why` is a bank's reason for a debit that comes back.
    """
    declined = _DECLINES.get(card.replace(" ", ""))
    failure, reason = (why, None) if declined and why else declined or (None, None)
    charge = money.charge(t.new_id("ch"), t.now(), intent, card[-4:], failure, reason)
    intent["latest_charge"] = charge["id"]
    t.link("charges_of", intent["id"], charge["id"])
    if failure:
        error = {
            "type": "card_error",
            "code": failure,
            "decline_code": reason,
            "charge": charge["id"],
            "message": "The payment was declined.",
            "payment_method": {
                "object": "payment_method",
                "type": intent["payment_method_types"][0],
            },
        }
        intent["status"], intent["last_payment_error"] = "requires_payment_method", error
        intent["processing"] = None
        t.save(charge)
        t.save(intent)
        t.emit("charge.failed", charge)
        t.emit("payment_intent.payment_failed", intent)
        return False
    cents = intent["amount"]
    txn = money.balance_transaction(
        t.new_id("txn"),
        t.now(),
        cents,
        fee_cents(cents),
        intent["currency"],
        charge["id"],
        "charge",
    )
    charge["balance_transaction"] = txn["id"]
    intent["status"], intent["amount_received"] = "succeeded", cents
    intent["processing"] = intent["last_payment_error"] = None
    for doc in (txn, charge, intent):
        t.save(doc)
    t.emit("charge.succeeded", charge)
    t.emit("payment_intent.succeeded", intent)
    return True


def apply_payment(t: Twin, row: Doc, cents: int) -> Doc:
    """Count a received payment against its invoice; returns the invoice as it then is."""
    bill = t.need("invoice", row["invoice"])
    before = {name: bill[name] for name in _COUNTED}
    over = max(0, cents - bill["amount_remaining"])
    row["status"], row["amount_paid"] = "paid", cents
    row["status_transitions"]["paid_at"] = t.now()
    t.save(row)
    bill["amount_paid"] += cents - over
    bill["amount_remaining"] -= cents - over
    bill["attempted"] = True
    if row["payment"]["type"] == "payment_record":
        bill["amount_paid_off_stripe"] += cents
    bill["amount_overpaid"] += over
    t.save(bill)
    lower_default(t, bill)
    t.emit("invoice_payment.paid", row)
    t.emit("invoice.updated", bill, before)
    if over:
        payer = t.need("customer", bill["customer"])
        payer["balance"] -= over
        t.save(payer)
        t.emit("invoice.overpaid", bill)
        t.emit("customer.updated", payer, {"balance": payer["balance"] + over})
    close_if_settled(t, bill, on_stripe=row["payment"]["type"] == "payment_intent")
    return bill


def _row_for(t: Twin, bill: Doc, cents: int) -> tuple[Doc, Doc]:
    """The default payment for the full rest, else a new intent for the part: (row, intent)."""
    if cents == bill["amount_remaining"]:
        for row in t.linked("payments_of", bill["id"], "invoice_payment"):
            if row["is_default"] and row["status"] == "open":
                intent = t.need("payment_intent", row["payment"]["payment_intent"])
                if intent["status"] != "processing":
                    return row, intent
    intent = new_intent(t, cents, bill["currency"], bill["customer"])
    return tie(t, bill, cents, ("payment_intent", intent["id"]), is_default=False), intent


def pay_invoice(t: Twin, id: str, cents: int | None, card: str, ach: bool = False) -> Doc:
    """A payer's attempt. Answers {"outcome": paid | declined | processing, "invoice": …}."""
    bill = t.need("invoice", id)
    if bill["status"] not in ("open", "uncollectible"):
        raise StripeError(400, f"Invoice is {bill['status']}", "invoice_not_open")
    cents = bill["amount_remaining"] if cents is None else cents
    if not 1 <= cents <= bill["amount_remaining"]:
        raise StripeError(400, "The amount must be within what remains.", param="amount")
    row, intent = _row_for(t, bill, cents)
    if ach:
        intent["status"], intent["payment_method_types"] = "processing", ["us_bank_account"]
        intent["processing"] = {"type": "us_bank_account"}
        t.save(intent)
        t.emit("payment_intent.processing", intent)
        return {"outcome": "processing", "invoice": bill}
    if not charge_intent(t, intent, card):
        return {"outcome": "declined", "invoice": fail_invoice(t, bill)}
    return {"outcome": "paid", "invoice": apply_payment(t, row, cents)}


def fail_invoice(t: Twin, bill: Doc) -> Doc:
    """Note a failed attempt on the invoice."""
    bill["attempted"], bill["attempt_count"] = True, bill["attempt_count"] + 1
    t.save(bill)
    t.emit("invoice.payment_failed", bill)
    return bill


def settle_processing(t: Twin, id: str, succeeded: bool, code: str = RETURNED) -> Doc:
    """The bank's answer, days later, to every processing payment of an invoice."""
    bill = t.need("invoice", id)
    for row in t.linked("payments_of", id, "invoice_payment"):
        intent = t.get("payment_intent", nested(row, "payment", "payment_intent") or "")
        if intent is None or intent["status"] != "processing":
            continue
        if charge_intent(t, intent, BANK_ACCOUNT if succeeded else DECLINED_CARD, code):
            bill = apply_payment(t, row, intent["amount"])
        else:
            bill = fail_invoice(t, bill)
    return bill


def attach_payment(t: Twin, id: str, form: Doc) -> Doc:
    """Attach an intent or an outside record; one that has succeeded counts at once."""
    kinds = [kind for kind in ("payment_intent", "payment_record") if form.get(kind)]
    if len(kinds) != 1:
        raise refuse(
            "Specify payment_intent or payment_record.",
            "parameter_missing",
            "payment_intent",
        )
    bill = t.need("invoice", id)
    payment = t.need(kinds[0], form[kinds[0]], kinds[0], status=400)
    if bill["status"] not in ("open", "uncollectible"):
        raise StripeError(400, f"Invoice is {bill['status']}", "invoice_not_open")
    rows = t.linked("payments_by", payment["id"], "invoice_payment")
    if any(row["status"] != "canceled" for row in rows):
        raise StripeError(400, "The payment is already attached to an invoice.", param=kinds[0])
    guaranteed = nested(payment, "amount_guaranteed", "value")
    cents = payment["amount_received"] if kinds[0] == "payment_intent" else guaranteed
    asked = payment["amount"] if kinds[0] == "payment_intent" else cents
    row = tie(t, bill, asked, (kinds[0], payment["id"]), is_default=False)
    return apply_payment(t, row, cents) if cents else bill


def report_payment(t: Twin, form: Doc) -> Doc:
    """Record money received elsewhere."""
    cents = amount(form["amount_requested"], "value")
    currency = form["amount_requested"]["currency"]
    record = t.save(money.payment_record(t.new_id("pr"), t.now(), cents, currency, form))
    t.emit("payment_record.created", record)
    return record


def pay(t: Twin, id: str, form: Doc) -> Doc:
    """`/pay`: only `paid_out_of_band`, which closes the whole invoice; we keep no cards."""
    bill = t.need("invoice", id)
    if not boolean(form, "paid_out_of_band"):
        raise StripeError(402, "No default payment method.", "missing", type="card_error")
    if bill["status"] not in ("open", "uncollectible"):
        raise StripeError(400, f"Invoice is {bill['status']}", "invoice_not_open")
    bill["amount_paid"] += bill["amount_remaining"]
    bill["amount_paid_off_stripe"] += bill["amount_remaining"]
    bill["amount_remaining"] = 0
    t.save(bill)
    cancel_default(t, bill)
    close_if_settled(t, bill)
    return bill
