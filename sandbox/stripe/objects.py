"""New objects in Stripe's shape. Fields that this twin never uses keep Stripe's empty value."""

from sandbox.stripe.wire import Doc, list_of


def customer(id: str, now: int, form: Doc) -> Doc:
    """A customer with what the form says and nothing else."""
    return {
        "id": id,
        "object": "customer",
        "address": form.get("address"),
        "balance": 0,
        "created": now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": form.get("description"),
        "discount": None,
        "email": form.get("email"),
        "invoice_prefix": id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": form.get("metadata") or {},
        "name": form.get("name"),
        "next_invoice_sequence": 1,
        "phone": form.get("phone"),
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


_INVOICE_EMPTY = (
    "account_name",
    "account_tax_ids",
    "application",
    "automatically_finalizes_at",
    "custom_fields",
    "customer_account",
    "customer_shipping",
    "default_payment_method",
    "default_source",
    "effective_at",
    "ending_balance",
    "from_invoice",
    "hosted_invoice_url",
    "invoice_pdf",
    "last_finalization_error",
    "latest_revision",
    "next_payment_attempt",
    "number",
    "on_behalf_of",
    "parent",
    "receipt_number",
    "rendering",
    "shipping_cost",
    "shipping_details",
    "subscription",
    "test_clock",
    "total_taxes",
    "webhooks_delivered_at",
)
_INVOICE_ZERO = (
    "amount_due",
    "amount_overpaid",
    "amount_paid",
    "amount_paid_off_stripe",
    "amount_remaining",
    "amount_shipping",
    "attempt_count",
    "post_payment_credit_notes_amount",
    "pre_payment_credit_notes_amount",
    "starting_balance",
    "subtotal",
    "subtotal_excluding_tax",
    "total",
    "total_excluding_tax",
)


def invoice(id: str, now: int, form: Doc, payer: Doc, due_date: int | None) -> Doc:
    """A draft without lines. `customer_account`, `subscription` and the like stay empty."""
    tax = {"enabled": False, "liability": None, "status": None}
    return {
        "id": id,
        "object": "invoice",
        **dict.fromkeys(_INVOICE_EMPTY),
        **dict.fromkeys(_INVOICE_ZERO, 0),
        "account_country": "US",
        "attempted": False,
        "auto_advance": form.get("auto_advance") == "true",
        "automatic_tax": {**tax, "disabled_reason": None, "provider": None},
        "billing_reason": "manual",
        "collection_method": form.get("collection_method") or "charge_automatically",
        "created": now,
        "currency": form.get("currency") or payer["currency"] or "usd",
        "customer": payer["id"],
        "customer_address": payer["address"],
        "customer_email": payer["email"],
        "customer_name": payer["name"],
        "customer_phone": payer["phone"],
        "customer_tax_exempt": payer["tax_exempt"],
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "description": form.get("description"),
        "discounts": [],
        "due_date": due_date,
        "footer": form.get("footer"),
        "issuer": {"type": "self"},
        "lines": list_of([], f"/v1/invoices/{id}/lines"),
        "livemode": False,
        "metadata": form.get("metadata") or {},
        "payment_settings": dict.fromkeys(
            ("default_mandate", "payment_method_options", "payment_method_types")
        ),
        "period_end": now,
        "period_start": now,
        "statement_descriptor": form.get("statement_descriptor"),
        "status": "draft",
        "status_transitions": dict.fromkeys(
            ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
        ),
        "total_discount_amounts": [],
        "total_pretax_credit_amounts": [],
    }


def invoice_item(id: str, now: int, form: Doc, cents: int, currency: str) -> Doc:
    """One pending or bound line of the customer."""
    return {
        "id": id,
        "object": "invoiceitem",
        "amount": cents,
        "currency": currency,
        "customer": form["customer"],
        "customer_account": None,
        "date": now,
        "description": form.get("description"),
        "discountable": True,
        "discounts": [],
        "invoice": form.get("invoice"),
        "livemode": False,
        "metadata": form.get("metadata") or {},
        "net_amount": cents,
        "parent": None,
        "period": {"start": now, "end": now},
        "pricing": _pricing(cents),
        "proration": False,
        "quantity": 1,
        "quantity_decimal": "1",
        "tax_rates": [],
        "test_clock": None,
    }


def line_item(id: str, item: Doc) -> Doc:
    """The invoice's own line for an invoice item."""
    detail = {"invoice_item": item["id"], "proration": False, "subscription": None}
    return {
        "id": id,
        "object": "line_item",
        "amount": item["amount"],
        "currency": item["currency"],
        "description": item["description"],
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": item["invoice"],
        "livemode": False,
        "metadata": item["metadata"],
        "parent": {
            "type": "invoice_item_details",
            "invoice_item_details": {**detail, "proration_details": None},
            "subscription_item_details": None,
        },
        "period": item["period"],
        "pretax_credit_amounts": [],
        "pricing": item["pricing"],
        "quantity": 1,
        "quantity_decimal": "1",
        "subscription": None,
        "subtotal": item["amount"],
        "taxes": [],
    }


def _pricing(cents: int) -> Doc:
    return {"type": "price_details", "price_details": None, "unit_amount_decimal": str(cents)}


def invoice_payment(
    id: str, now: int, bill: Doc, cents: int, payment: tuple[str, str], is_default: bool
) -> Doc:
    """The tie between an invoice and a payment; `payment` is (kind, id)."""
    kind, payment_id = payment
    return {
        "id": id,
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": cents,
        "created": now,
        "currency": bill["currency"],
        "invoice": bill["id"],
        "is_default": is_default,
        "livemode": False,
        "payment": {"type": kind, kind: payment_id},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }


def credit_note(id: str, now: int, bill: Doc, cents: int, pre_cents: int, form: Doc) -> Doc:
    """An issued credit note of `cents`, of which `pre_cents` lower what is still owed."""
    post_cents = cents - pre_cents
    kind = "mixed" if pre_cents and post_cents else "post_payment" if post_cents else "pre_payment"
    return {
        "id": id,
        "object": "credit_note",
        "amount": cents,
        "amount_shipping": 0,
        "created": now,
        "currency": bill["currency"],
        "customer": bill["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": now,
        "invoice": bill["id"],
        "lines": list_of([], f"/v1/credit_notes/{id}/lines"),
        "livemode": False,
        "memo": form.get("memo"),
        "metadata": form.get("metadata") or {},
        "number": f"{bill['number']}-CN-{id[-4:].upper()}",
        "out_of_band_amount": None,
        "pdf": "",
        "post_payment_amount": post_cents,
        "pre_payment_amount": pre_cents,
        "pretax_credit_amounts": [],
        "reason": form.get("reason"),
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": cents,
        "subtotal_excluding_tax": cents,
        "total": cents,
        "total_excluding_tax": cents,
        "total_taxes": [],
        "type": kind,
        "voided_at": None,
    }
