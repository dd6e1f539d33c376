"""The list and search endpoints: indexes where a caller may ask often, scans elsewhere."""

import re

from sandbox.stripe import payouts
from sandbox.stripe.twin import Twin
from sandbox.stripe.wire import Doc, created_in, integer, list_of, nested, page, refuse

SEARCH_LAG_SECONDS = 60
_QUERY = re.compile(r"""metadata\[['"]([^'"]+)['"]\]:['"]([^'"]+)['"]""")


def invoices(t: Twin, form: Doc) -> Doc:
    """Invoices by customer, status and time."""
    payer = form.get("customer")
    rows = t.linked("invoices_of", payer, "invoice") if payer else t.all("invoice")
    wanted = ("status", "collection_method")
    return _page(form, "/v1/invoices", [row for row in rows if _same(form, row, wanted)])


def items(t: Twin, form: Doc) -> Doc:
    """Invoice items by invoice or customer."""
    rows = _by(t, form, "invoiceitem", invoice="items_of_invoice", customer="items_of_customer")
    if form.get("pending") == "true":
        rows = [row for row in rows if row["invoice"] is None]
    return _page(form, "/v1/invoiceitems", rows)


def invoice_payments(t: Twin, form: Doc) -> Doc:
    """Payments of an invoice, or the applications of one payment."""
    kind = nested(form, "payment", "type")
    payment = nested(form, "payment", kind) if kind else None
    if kind and not payment:
        raise refuse("Missing the payment's id.", "parameter_missing", f"payment[{kind}]")
    if payment:
        rows = t.linked("payments_by", payment, "invoice_payment")
    else:
        rows = _by(t, form, "invoice_payment", invoice="payments_of")
    rows = [row for row in rows if _same(form, row, ("invoice", "status"))]
    return _page(form, "/v1/invoice_payments", rows)


def credit_notes(t: Twin, form: Doc) -> Doc:
    """Credit notes by invoice or customer."""
    rows = _by(t, form, "credit_note", invoice="credits_of")
    rows = [row for row in rows if _same(form, row, ("customer",))]
    return _page(form, "/v1/credit_notes", rows)


def customers(t: Twin, form: Doc) -> Doc:
    """Customers by e-mail and time."""
    rows = [row for row in t.all("customer") if _same(form, row, ("email",))]
    return _page(form, "/v1/customers", rows)


def search_customers(t: Twin, form: Doc) -> Doc:
    """Customers by one metadata pair; like the real search it does not see the newest ones."""
    match = _QUERY.fullmatch(form["query"].strip())
    if match is None:
        raise refuse("We were unable to parse your search query.", "search_query", "query")
    rows = t.linked("customers_with", f"{match[1]}={match[2]}", "customer")
    rows = [row for row in rows if row["created"] <= t.now() - SEARCH_LAG_SECONDS]
    found = list_of(rows[: integer(form, "limit", 10)], "/v1/customers/search")
    return {**found, "object": "search_result", "next_page": None}


def intents(t: Twin, form: Doc) -> Doc:
    """Payment intents by customer and time."""
    rows = [row for row in t.all("payment_intent") if _same(form, row, ("customer",))]
    return _page(form, "/v1/payment_intents", rows)


def charges(t: Twin, form: Doc) -> Doc:
    """Charges by intent or customer."""
    rows = _by(t, form, "charge", payment_intent="charges_of")
    return _page(form, "/v1/charges", [row for row in rows if _same(form, row, ("customer",))])


def refunds(t: Twin, form: Doc) -> Doc:
    """Refunds by charge or intent."""
    rows = _by(t, form, "refund", charge="refunds_of", payment_intent="refunds_of")
    return _page(form, "/v1/refunds", rows)


def balance_transactions(t: Twin, form: Doc) -> Doc:
    """Balance transactions by source, type and currency."""
    paid_out = form.get("payout")
    rows = payouts.parts(t, paid_out) if paid_out else t.all("balance_transaction")
    rows = [row for row in rows if _same(form, row, ("source", "type", "currency"))]
    return _page(form, "/v1/balance_transactions", rows)


def events(t: Twin, form: Doc) -> Doc:
    """The event log of the last 30 days, by type (`invoice.*` works) and time."""
    types = form.get("types") or ([form["type"]] if form.get("type") else [])
    if form.get("type") and form.get("types"):
        raise refuse("You may only specify one of type and types.", "parameter_unknown", "types")
    if not isinstance(types, list) or len(types) > 20:
        raise refuse("Array types exceeded maximum 20 allowed elements.", "array_max", "types")
    ranged = form["created"] if isinstance(form.get("created"), dict) else {}
    rows = t.events(integer(ranged, "gte") or integer(ranged, "gt") or 0)
    if types:
        patterns = [re.compile(re.escape(name).replace(r"\*", ".*")) for name in types]
        rows = [row for row in rows if any(p.fullmatch(row["type"]) for p in patterns)]
    if form.get("delivery_success"):
        done = {
            row["event_id"]
            for row in t.box.state.list("delivery")
            if row["vendor"] == "stripe" and row["outcome"] == "delivered"
        }
        wanted = form["delivery_success"] == "true"
        rows = [row for row in rows if (not row["pending_webhooks"] or row["id"] in done) is wanted]
    return _page(form, "/v1/events", rows)


def _by(t: Twin, form: Doc, kind: str, **index_by_param: str) -> list[Doc]:
    for param, index in index_by_param.items():
        if form.get(param):
            return t.linked(index, form[param], kind)
    return t.all(kind)


def _same(form: Doc, row: Doc, names: tuple[str, ...]) -> bool:
    return all(not form.get(name) or row.get(name) == form[name] for name in names)


def _page(form: Doc, url: str, rows: list[Doc]) -> Doc:
    return page([row for row in rows if created_in(form, row)], form, url)
