"""Payouts: what of the balance goes to the bank, of which balance transactions, and back again.

An automatic payout takes every balance transaction that none took before. What a payout by
hand consists of, nobody can tell: Stripe refuses to list it.
"""

from sandbox.stripe import money
from sandbox.stripe.twin import Twin
from sandbox.stripe.wire import Doc, StripeError, created_in, page

DAY_SECONDS = 86400
_TAKEN = "stripe_paid_out"


def _payout(t: Twin, cents: int, automatic: bool, arrives_at: int) -> Doc:
    nothing = dict.fromkeys(
        [
            "application_fee",
            "application_fee_amount",
            "failure_balance_transaction",
            "failure_code",
            "failure_message",
            "original_payout",
            "payout_method",
            "reversed_by",
            "statement_descriptor",
        ]
    )
    return {
        "id": t.new_id("po"),
        "object": "payout",
        **nothing,
        "amount": cents,
        "arrival_date": arrives_at,
        "automatic": automatic,
        "balance_transaction": None,
        "created": t.now(),
        "currency": "usd",
        "description": "STRIPE PAYOUT",
        "destination": "ba_1sandbox",
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "source_type": "card",
        "status": "in_transit",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }


def _free(t: Twin) -> list[Doc]:
    """Balance transactions that no payout has taken, newest first."""
    return [
        row for row in t.all("balance_transaction") if t.box.state.get(_TAKEN, row["id"]) is None
    ]


def _take(t: Twin, payout: Doc, row: Doc) -> None:
    t.box.state.put(_TAKEN, row["id"], {"id": payout["id"]})
    t.link("transactions_of", payout["id"], row["id"])


def move(t: Twin, cents: int, fee: int, category: str, source: str | None, kind: str) -> Doc:
    """A new movement of the balance; `kind` is its type, `category` its reporting category."""
    row = money.balance_transaction(t.new_id("txn"), t.now(), cents, fee, "usd", source or "", kind)
    row["reporting_category"], row["source"] = category, source
    return t.save(row)


def run(t: Twin, body: Doc) -> Doc:
    """Start a payout: of all that is free, or of `amount_cents` by hand."""
    by_hand = body.get("amount_cents")
    parts = [] if by_hand else _free(t)
    cents = by_hand or sum(row["net"] for row in parts)
    if cents <= 0:
        raise StripeError(400, "There is nothing to pay out.", "balance_insufficient")
    arrives = t.now() // DAY_SECONDS + int(body.get("arrives_in_days", 0))
    payout = _payout(t, cents, not by_hand, arrives * DAY_SECONDS)
    own = move(t, -cents, 0, "payout", payout["id"], "payout")
    payout["balance_transaction"] = own["id"]
    t.save(payout)
    for row in reversed(parts):
        _take(t, payout, row)
    _take(t, payout, own)
    t.emit("payout.created", payout)
    if body.get("reconciled", True):
        payout = reconcile(t, payout["id"])
    return pay(t, payout["id"]) if body.get("paid", True) else payout


def reconcile(t: Twin, id: str) -> Doc:
    """Say that the parts of an automatic payout can be listed."""
    payout = t.need("payout", id)
    if payout["automatic"]:
        payout["reconciliation_status"] = "completed"
        t.save(payout)
        t.emit("payout.reconciliation_completed", payout)
    return payout


def pay(t: Twin, id: str) -> Doc:
    """The bank has it."""
    payout = t.need("payout", id)
    if payout["status"] not in ("pending", "in_transit"):
        raise StripeError(400, f"Payout is {payout['status']}", "payout_state")
    payout["status"] = "paid"
    t.save(payout)
    t.emit("payout.paid", payout)
    return payout


def fail(t: Twin, id: str, code: str = "account_closed") -> Doc:
    """The bank sends it back, perhaps days after it was paid; the money is free again."""
    payout = t.need("payout", id)
    if payout["status"] in ("failed", "canceled"):
        raise StripeError(400, f"Payout is {payout['status']}", "payout_state")
    back = move(t, payout["amount"], 0, "payout_reversal", payout["id"], "payout_failure")
    payout["status"], payout["failure_code"] = "failed", code
    payout["failure_message"] = "The bank account has been closed."
    payout["failure_balance_transaction"] = back["id"]
    t.save(payout)
    t.emit("payout.failed", payout)
    return payout


def wrong_cent(t: Twin, body: Doc) -> Doc:
    """Plant an error: in a payout's amount, or in what a charge brought to the balance."""
    cents = int(body.get("cents", 1))
    if body.get("payout"):
        payout = t.need("payout", body["payout"])
        payout["amount"] += cents
        return t.save(payout)
    charge = t.need("charge", t.need("payment_intent", body["payment_intent"])["latest_charge"])
    row = t.need("balance_transaction", charge["balance_transaction"])
    row["amount"] += cents
    row["net"] += cents
    return t.save(row)


def adjustment(t: Twin, body: Doc) -> Doc:
    """A movement that no charge explains, e.g. Stripe's own monthly fee (`category` fee)."""
    category = body.get("category", "other_adjustment")
    kind = "stripe_fee" if category == "fee" else "adjustment"
    fee = int(body.get("fee_cents", 0))
    return move(t, int(body["amount_cents"]), fee, category, body.get("source"), kind)


def payouts(t: Twin, form: Doc) -> Doc:
    """Payouts by status and time, newest first."""
    rows = [row for row in t.all("payout") if created_in(form, row)]
    for name in ("status", "destination"):
        rows = [row for row in rows if not form.get(name) or row[name] == form[name]]
    return page(rows, form, "/v1/payouts")


def parts(t: Twin, id: str) -> list[Doc]:
    """The balance transactions of an automatic payout, newest first."""
    if not t.need("payout", id, "payout", status=400)["automatic"]:
        raise StripeError(
            400,
            "Balance transaction history can only be filtered on automatic transfers, not manual.",
            param="payout",
        )
    return t.linked("transactions_of", id, "balance_transaction")
