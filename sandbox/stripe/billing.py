"""Customers, invoices, their lines and credit notes: the state machine of an invoice."""

from uuid import uuid4

from sandbox.stripe import objects
from sandbox.stripe.money import payment_intent
from sandbox.stripe.twin import Twin
from sandbox.stripe.wire import Doc, StripeError, amount, boolean, integer, refuse

MINIMUM_CENTS = 50


def create_customer(t: Twin, form: Doc) -> Doc:
    """Add a customer and index its metadata for search."""
    doc = t.save(objects.customer(t.new_id("cus"), t.now(), form))
    for name, value in doc["metadata"].items():
        t.link("customers_with", f"{name}={value}", doc["id"])
    t.emit("customer.created", doc)
    return doc


def update_customer(t: Twin, id: str, form: Doc) -> Doc:
    """Change the plain fields of a customer; metadata is merged."""
    doc = t.need("customer", id)
    _assign(doc, form, ("address", "description", "email", "name", "phone", "shipping"))
    t.save(doc)
    t.emit("customer.updated", doc)
    return doc


def _assign(doc: Doc, form: Doc, names: tuple[str, ...]) -> None:
    for name in names:
        if name in form:
            doc[name] = form[name] or None
    if isinstance(form.get("metadata"), dict):
        merged = {**doc["metadata"], **form["metadata"]}
        doc["metadata"] = {name: value for name, value in merged.items() if value != ""}


def create_invoice(t: Twin, form: Doc) -> Doc:
    """Add a draft; takes the customer's pending items only on `include`."""
    payer = t.need("customer", form["customer"], "customer", status=400)
    days, due = integer(form, "days_until_due"), integer(form, "due_date")
    if form.get("collection_method") == "send_invoice":
        if days is None and due is None:
            raise refuse(
                "If invoice collection method is `send_invoice`, you must specify `due_date` or"
                " `days_until_due`.",
                "parameter_missing",
                "days_until_due",
            )
    elif days is not None or due is not None:
        raise refuse(
            "You can only specify `days_until_due` or `due_date` if invoice collection method is"
            " `send_invoice`.",
            "parameter_unknown",
            "days_until_due",
        )
    now = t.now()
    due_date = due if days is None else now + days * 86400
    doc = objects.invoice(t.new_id("in"), now, form, payer, due_date)
    if form.get("pending_invoice_items_behavior") == "include":
        for item in reversed(t.linked("items_of_customer", payer["id"], "invoiceitem")):
            if item["invoice"] is None:
                _bind(t, doc, item)
    t.save(doc)
    t.link("invoices_of", payer["id"], doc["id"])
    t.emit("invoice.created", doc)
    return doc


def _bind(t: Twin, bill: Doc, item: Doc) -> None:
    item["invoice"] = bill["id"]
    t.save(item)
    t.link("items_of_invoice", bill["id"], item["id"])
    bill["lines"]["data"].append(objects.line_item(t.new_id("il"), item))
    bill["currency"] = item["currency"]
    total = sum(line["amount"] for line in bill["lines"]["data"])
    for name in ("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"):
        bill[name] = total
    bill["amount_due"] = bill["amount_remaining"] = total


def create_item(t: Twin, form: Doc) -> Doc:
    """Add a line, bound to a draft when `invoice` names one."""
    t.need("customer", form["customer"], "customer", status=400)
    cents = integer(form, "amount")
    if cents is None:
        raise refuse("Missing required param: amount.", "parameter_missing", "amount")
    bill = None
    if form.get("invoice"):
        bill = t.need("invoice", form["invoice"], "invoice", status=400)
        _must_be(bill, "draft")
        if bill["customer"] != form["customer"]:
            raise StripeError(400, "The invoice belongs to another customer.", param="invoice")
    item = objects.invoice_item(
        t.new_id("ii"), t.now(), {**form, "invoice": None}, cents, form.get("currency") or "usd"
    )
    if bill:
        _bind(t, bill, item)
        t.save(bill)
    else:
        t.save(item)
    t.link("items_of_customer", item["customer"], item["id"])
    t.emit("invoiceitem.created", item)
    return item


def _must_be(bill: Doc, *states: str) -> None:
    if bill["status"] not in states:
        raise StripeError(
            400,
            f"This action needs an invoice that is {' or '.join(states)}, not {bill['status']}.",
            "invoice_not_editable",
        )


def update_invoice(t: Twin, id: str, form: Doc) -> Doc:
    """Change an invoice; once finalised only metadata and `auto_advance` can change."""
    bill = t.need("invoice", id)
    if set(form) - {"metadata", "auto_advance", "expand"}:
        _must_be(bill, "draft")
    before = {"auto_advance": bill["auto_advance"], "metadata": bill["metadata"]}
    _assign(bill, form, ("description", "footer", "statement_descriptor"))
    if "auto_advance" in form:
        bill["auto_advance"] = boolean(form, "auto_advance")
    if "due_date" in form or "days_until_due" in form:
        days = integer(form, "days_until_due", 0) or 0
        bill["due_date"] = integer(form, "due_date") or bill["created"] + days * 86400
    t.save(bill)
    t.emit("invoice.updated", bill, before)
    return bill


def delete_invoice(t: Twin, id: str) -> Doc:
    """Delete a draft; its items go with it."""
    bill = t.need("invoice", id)
    _must_be(bill, "draft")
    for item in t.linked("items_of_invoice", id, "invoiceitem"):
        t.box.state.delete("stripe.invoiceitem", item["id"])
    t.box.state.delete("stripe.invoice", id)
    t.emit("invoice.deleted", bill)
    return {"id": id, "object": "invoice", "deleted": True}


def finalize(t: Twin, id: str, form: Doc) -> Doc:
    """Open a draft: number, pay page, default payment; a sum too small to charge is paid."""
    bill = t.need("invoice", id)
    _must_be(bill, "draft")
    now = t.now()
    payer = t.need("customer", bill["customer"])
    bill["number"] = f"{payer['invoice_prefix']}-{payer['next_invoice_sequence']:04d}"
    bill["auto_advance"] = boolean(form, "auto_advance")
    bill["status"], bill["effective_at"] = "open", now
    bill["status_transitions"]["finalized_at"] = now
    _apply_balance(bill, payer)
    payer["next_invoice_sequence"] += 1
    payer["currency"] = bill["currency"]
    t.save(payer)
    page = uuid4().hex
    t.box.state.put("stripe_page", page, {"invoice": id})
    bill["hosted_invoice_url"] = f"{t.box.base_url}/stripe/pay/{page}"
    bill["invoice_pdf"] = f"{bill['hosted_invoice_url']}/pdf"
    if bill["amount_due"] > 0:
        intent = payment_intent(
            t.new_id("pi"), now, bill["amount_due"], bill["currency"], bill["customer"]
        )
        t.save(intent)
        tie(t, bill, intent["amount"], ("payment_intent", intent["id"]), is_default=True)
        t.emit("payment_intent.created", intent)
    t.save(bill)
    t.emit("invoice.finalized", bill)
    if bill["amount_due"] == 0:
        close_if_settled(t, bill)
    return bill


def _apply_balance(bill: Doc, payer: Doc) -> None:
    """Use a credit balance; carry a debit balance or a sum below the charge minimum over."""
    start = payer["balance"]
    due = max(0, bill["total"] + start)
    carried = due if 0 < due < MINIMUM_CENTS else 0
    bill["starting_balance"] = start
    bill["ending_balance"] = min(0, bill["total"] + start) + carried
    bill["amount_due"] = bill["amount_remaining"] = due - carried
    payer["balance"] = bill["ending_balance"]


def tie(t: Twin, bill: Doc, cents: int, payment: tuple[str, str], is_default: bool) -> Doc:
    """Attach a payment, (kind, id), to an invoice: an open invoice payment."""
    row = objects.invoice_payment(t.new_id("inpay"), t.now(), bill, cents, payment, is_default)
    t.save(row)
    t.link("payments_of", bill["id"], row["id"])
    t.link("payments_by", payment[1], row["id"])
    return row


def close_if_settled(t: Twin, bill: Doc, on_stripe: bool = False) -> None:
    """Mark an invoice with nothing left as paid and cancel what was still asked for."""
    if bill["amount_remaining"] > 0 or bill["status"] not in ("open", "uncollectible"):
        return
    bill["status"] = "paid"
    bill["status_transitions"]["paid_at"] = t.now()
    t.save(bill)
    cancel_default(t, bill)
    t.emit("invoice.paid", bill)
    if on_stripe:
        t.emit("invoice.payment_succeeded", bill)


def cancel_default(t: Twin, bill: Doc) -> None:
    """Cancel the default payment of an invoice that no longer asks for it."""
    for row in t.linked("payments_of", bill["id"], "invoice_payment"):
        if not row["is_default"] or row["status"] != "open":
            continue
        row["status"], row["status_transitions"]["canceled_at"] = "canceled", t.now()
        t.save(row)
        intent = t.need("payment_intent", row["payment"]["payment_intent"])
        intent["status"], intent["canceled_at"] = "canceled", t.now()
        t.save(intent)
        t.emit("payment_intent.canceled", intent)


def lower_default(t: Twin, bill: Doc) -> None:
    """Make the default payment ask for what remains, unless it is already on its way."""
    for row in t.linked("payments_of", bill["id"], "invoice_payment"):
        if row["is_default"] and row["status"] == "open" and bill["amount_remaining"] > 0:
            intent = t.need("payment_intent", row["payment"]["payment_intent"])
            if intent["status"] != "processing":
                row["amount_requested"] = intent["amount"] = bill["amount_remaining"]
                t.save(row)
                t.save(intent)


def void(t: Twin, id: str) -> Doc:
    """Void an open or uncollectible invoice, for good."""
    bill = t.need("invoice", id)
    _must_be(bill, "open", "uncollectible")
    bill["status"], bill["status_transitions"]["voided_at"] = "void", t.now()
    bill["hosted_invoice_url"] = None
    t.save(bill)
    cancel_default(t, bill)
    t.emit("invoice.voided", bill)
    return bill


def mark_uncollectible(t: Twin, id: str) -> Doc:
    """Give an open invoice up; it can still be paid."""
    bill = t.need("invoice", id)
    _must_be(bill, "open")
    bill["status"] = "uncollectible"
    bill["status_transitions"]["marked_uncollectible_at"] = t.now()
    t.save(bill)
    t.emit("invoice.marked_uncollectible", bill)
    return bill


def create_credit_note(t: Twin, form: Doc) -> Doc:
    """Lower what an open invoice asks for; what exceeds it must say where it goes."""
    bill = t.need("invoice", form["invoice"], "invoice", status=400)
    cents = amount(form, "amount")
    _must_be(bill, "open", "paid", "uncollectible")
    pre_cents = min(cents, bill["amount_remaining"])
    elsewhere = sum(
        integer(form, name, 0) or 0
        for name in ("refund_amount", "credit_amount", "out_of_band_amount")
    )
    if cents < 1 or cents - pre_cents != elsewhere:
        raise StripeError(
            400,
            "The sum of credit amount, refund amount and out of band amount must equal the post"
            f" payment amount of {cents - pre_cents}.",
            param="amount",
        )
    note = t.save(objects.credit_note(t.new_id("cn"), t.now(), bill, cents, pre_cents, form))
    t.link("credits_of", bill["id"], note["id"])
    before = {name: bill[name] for name in ("amount_due", "amount_remaining")}
    bill["pre_payment_credit_notes_amount"] += pre_cents
    bill["post_payment_credit_notes_amount"] += cents - pre_cents
    bill["amount_due"] -= pre_cents
    bill["amount_remaining"] -= pre_cents
    t.save(bill)
    lower_default(t, bill)
    t.emit("credit_note.created", note)
    t.emit("invoice.updated", bill, before)
    close_if_settled(t, bill)
    return note
