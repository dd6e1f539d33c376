"""Disputes: the bank takes a payment back, asks for evidence, and decides.

The money and a fee leave when a dispute opens, in one balance transaction, and come back in
another when it is won. An inquiry (`warning_…`) moves nothing. A bank debit that is returned
after it had settled is a dispute that is lost from the start.
"""

from sandbox.stripe import money
from sandbox.stripe.twin import Twin
from sandbox.stripe.wire import Doc, StripeError, page

FEE_CENTS = 1500
ANSWER_DAYS = 9
INQUIRY = "warning_"
ENDED = frozenset({"won", "lost", "warning_closed", "prevented"})

_EVIDENCE_TEXT = (
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure"
    " cancellation_rebuttal customer_communication customer_email_address customer_name"
    " customer_purchase_ip customer_signature duplicate_charge_documentation"
    " duplicate_charge_explanation duplicate_charge_id product_description receipt refund_policy"
    " refund_policy_disclosure refund_refusal_explanation service_date service_documentation"
    " shipping_address shipping_carrier shipping_date shipping_documentation"
    " shipping_tracking_number uncategorized_file uncategorized_text"
)
_EVIDENCE = frozenset(_EVIDENCE_TEXT.split())


def open_dispute(t: Twin, body: Doc) -> Doc:
    """A cardholder's bank disputes a payment, or a part: `amount_cents`, `reason`, `status`."""
    intent = t.need("payment_intent", body["payment_intent"])
    charge = t.need("charge", intent["latest_charge"])
    status = body.get("status", "needs_response")
    cents = int(body.get("amount_cents") or charge["amount"] - charge["amount_refunded"])
    dispute = _new(t, charge, cents, body.get("reason", "general"), status)
    if not status.startswith(INQUIRY):
        _move(t, dispute, -cents, FEE_CENTS, "dispute")
    charge["disputed"] = True
    for doc in (charge, dispute):
        t.save(doc)
    t.link("disputes_of", charge["id"], dispute["id"])
    t.link("disputes_of", charge["payment_intent"], dispute["id"])
    t.emit("charge.dispute.created", dispute)
    if dispute["balance_transactions"]:
        t.emit("charge.dispute.funds_withdrawn", dispute)
    if status in ENDED:
        t.emit("charge.dispute.closed", dispute)
    return dispute


def _new(t: Twin, charge: Doc, cents: int, reason: str, status: str) -> Doc:
    is_inquiry = status.startswith(INQUIRY)
    card = {"brand": "visa", "case_type": "inquiry" if is_inquiry else "chargeback"}
    return {
        "id": t.new_id("du"),
        "object": "dispute",
        "amount": cents,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": t.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(sorted(_EVIDENCE)), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": t.now() + ANSWER_DAYS * 86400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": is_inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "type": "card",
            "card": {**card, "network": "visa", "network_reason_code": "10.4"},
        },
        "reason": reason,
        "status": status,
    }


def _move(t: Twin, dispute: Doc, cents: int, fee: int, category: str) -> None:
    row = money.balance_transaction(
        t.new_id("txn"), t.now(), cents, fee, dispute["currency"], dispute["id"], category
    )
    if fee:
        row["fee_details"][0]["description"] = "Dispute fee"
    dispute["balance_transactions"].append(t.save(row))


def update(t: Twin, id: str, form: Doc) -> Doc:
    """Evidence, staged or (by default) submitted; nothing is taken once the bank has decided."""
    dispute = _undecided(t, id)
    for name, words in (form.get("evidence") or {}).items():
        if name in dispute["evidence"]:
            dispute["evidence"][name] = words or None
    details = dispute["evidence_details"]
    details["has_evidence"] = any(v for n, v in dispute["evidence"].items() if n in _EVIDENCE)
    dispute["metadata"] |= form.get("metadata") or {}
    if form.get("submit", "true") == "true" and details["has_evidence"]:
        details["submission_count"] += 1
        is_inquiry = dispute["status"].startswith(INQUIRY)
        dispute["status"] = "warning_under_review" if is_inquiry else "under_review"
    t.save(dispute)
    t.emit("charge.dispute.updated", dispute)
    return dispute


def close(t: Twin, id: str, _: Doc) -> Doc:
    """We accept the dispute: it is lost."""
    return decide(t, id, "lost")


def decide(t: Twin, id: str, outcome: str, won_cents: int | None = None) -> Doc:
    """The bank decides: won | lost | warning_closed. `won_cents` comes back of a lost one."""
    dispute = _undecided(t, id)
    dispute["status"] = outcome
    back = dispute["amount"] if outcome == "won" else won_cents
    if back and dispute["balance_transactions"]:
        _move(t, dispute, back, 0, "dispute_reversal")
    t.save(dispute)
    if back:
        t.emit("charge.dispute.funds_reinstated", dispute)
    t.emit("charge.dispute.closed", dispute)
    return dispute


def escalate(t: Twin, id: str) -> Doc:
    """An inquiry becomes a chargeback: now the money leaves."""
    dispute = _undecided(t, id)
    dispute["status"], dispute["is_charge_refundable"] = "needs_response", False
    _move(t, dispute, -dispute["amount"], FEE_CENTS, "dispute")
    t.save(dispute)
    t.emit("charge.dispute.updated", dispute)
    t.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def _undecided(t: Twin, id: str) -> Doc:
    dispute = t.need("dispute", id)
    if dispute["status"] in ENDED:
        message = f"This dispute is already {dispute['status']}."
        raise StripeError(400, message, "dispute_closed")
    return dispute


def disputes(t: Twin, form: Doc) -> Doc:
    """Disputes by charge or intent, newest first."""
    rows = t.all("dispute")
    for name in ("charge", "payment_intent"):
        rows = [row for row in rows if not form.get(name) or row[name] == form[name]]
    return page(rows, form, "/v1/disputes")
