"""Refunds: money leaves the balance at once, may be on its way for days, and may come back.

A control rule decides what becomes of the next one: `pending`, `requires_action`, or `failed`
as soon as it was made. A charge that is disputed cannot be refunded, save an inquiry.
"""

from sandbox.stripe import money
from sandbox.stripe.twin import Twin
from sandbox.stripe.wire import Doc, StripeError, amount, refuse

_NEXT = "stripe_next_refund"


def next_refund(t: Twin, status: str) -> Doc:
    """What the next refund is when it is made: pending | requires_action | failed."""
    t.box.state.put(_NEXT, "one", {"status": status})
    return {"ok": True}


def create_refund(t: Twin, form: Doc) -> Doc:
    """Give a charge back in part or whole; the invoice stays as it is."""
    charge = _charge(t, form)
    left = charge["amount_captured"] - charge["amount_refunded"]
    disputes = t.linked("disputes_of", charge["id"], "dispute")
    if any(not dispute["is_charge_refundable"] for dispute in disputes):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise StripeError(400, message, "charge_disputed")
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise StripeError(400, message, "charge_already_refunded")
    cents = amount(form, "amount") if form.get("amount") else left
    if not 1 <= cents <= left:
        message = "Refund amount is greater than unrefunded amount on charge."
        raise StripeError(400, message, "amount_too_large", "amount")
    refund = money.refund(t.new_id("re"), t.now(), charge, cents, form)
    rule = t.box.state.get(_NEXT, "one") or {"status": "succeeded"}
    t.box.state.delete(_NEXT, "one")
    refund["status"] = "pending" if rule["status"] == "failed" else rule["status"]
    if refund["status"] == "pending":
        refund["pending_reason"] = "processing"
    txn = money.balance_transaction(
        t.new_id("txn"), t.now(), -cents, 0, charge["currency"], refund["id"], "refund"
    )
    if refund["status"] != "requires_action":
        refund["balance_transaction"] = t.save(txn)["id"]
    _give(t, charge, cents)
    t.save(refund)
    t.link("refunds_of", charge["id"], refund["id"])
    t.link("refunds_of", charge["payment_intent"], refund["id"])
    t.emit("refund.created", refund)
    t.emit("charge.refunded", charge)
    return fail(t, refund["id"]) if rule["status"] == "failed" else refund


def _charge(t: Twin, form: Doc) -> Doc:
    charge_id = form.get("charge")
    if not charge_id:
        if not form.get("payment_intent"):
            message = "One of the following params should be provided: payment_intent or charge."
            raise refuse(message, "parameter_missing", "payment_intent")
        intent = t.need("payment_intent", form["payment_intent"], "payment_intent", 400)
        charge_id = intent["latest_charge"]
    if charge_id is None:
        raise StripeError(400, "This PaymentIntent does not have a successful charge.")
    return t.need("charge", charge_id, "charge", status=400)


def _give(t: Twin, charge: Doc, cents: int) -> None:
    charge["amount_refunded"] += cents
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    t.save(charge)


def succeed(t: Twin, id: str) -> Doc:
    """A refund that was on its way has arrived."""
    refund = _moving(t, id)
    refund["status"], refund["pending_reason"] = "succeeded", None
    t.save(refund)
    t.emit("refund.updated", refund)
    return refund


def fail(t: Twin, id: str, reason: str = "lost_or_stolen_card") -> Doc:
    """The bank cannot take it, perhaps days after it succeeded: the money is back."""
    refund = t.need("refund", id)
    if refund["status"] in ("failed", "canceled"):
        raise StripeError(400, f"Refund is {refund['status']}", "refund_state")
    return _return(t, refund, "failed", {"failure_reason": reason})


def cancel(t: Twin, id: str, _: Doc) -> Doc:
    """Cancel a refund that waits for its payer; no other can be canceled."""
    refund = t.need("refund", id)
    if refund["status"] != "requires_action":
        raise StripeError(400, "Refund cannot be canceled.", "refund_state")
    return _return(t, refund, "canceled", {})


def _return(t: Twin, refund: Doc, status: str, more: Doc) -> Doc:
    if refund["balance_transaction"] is not None:
        back = money.balance_transaction(
            t.new_id("txn"),
            t.now(),
            refund["amount"],
            0,
            refund["currency"],
            refund["id"],
            "refund_failure",
        )
        refund["failure_balance_transaction"] = t.save(back)["id"]
    refund |= {"status": status, "pending_reason": None, **more}
    t.save(refund)
    _give(t, t.need("charge", refund["charge"]), -refund["amount"])
    if status == "failed":
        t.emit("refund.failed", refund)
    t.emit("refund.updated", refund)
    return refund


def _moving(t: Twin, id: str) -> Doc:
    refund = t.need("refund", id)
    if refund["status"] not in ("pending", "requires_action"):
        raise StripeError(400, f"Refund is {refund['status']}", "refund_state")
    return refund
