"""The parameters that each operation takes: names outside are refused, as Stripe refuses them.

One entry per operation: required names, then optional ones. `_` holds what every list takes.
"""

from sandbox.stripe.wire import Doc, refuse

_LIST = "created ending_before expand limit starting_after"
_CUSTOMER = (
    "address balance business_name cash_balance description email expand individual_name"
    " invoice_prefix invoice_settings metadata name next_invoice_sequence phone"
    " preferred_locales shipping source tax tax_exempt"
)
_INVOICE = (
    "account_tax_ids application_fee_amount auto_advance automatic_tax automatically_finalizes_at"
    " collection_method custom_fields days_until_due default_payment_method default_source"
    " default_tax_rates description discounts due_date effective_at expand footer issuer metadata"
    " number on_behalf_of payment_settings rendering shipping_cost shipping_details"
    " statement_descriptor transfer_data"
)
_INTENT = (
    "allowed_payment_method_types amount_details capture_method confirmation_token"
    " error_on_requires_action excluded_payment_method_types expand hooks mandate mandate_data"
    " off_session payment_details payment_method payment_method_data payment_method_options"
    " radar_options receipt_email return_url setup_future_usage shipping use_stripe_sdk"
)
_SESSION = (
    "adaptive_pricing after_expiration allow_promotion_codes allowed_payment_method_types"
    " automatic_tax billing_address_collection branding_settings cancel_url client_reference_id"
    " consent_collection currency custom_fields custom_text customer customer_account"
    " customer_creation customer_email customer_update discounts excluded_payment_method_types"
    " expand expires_at integration_identifier invoice_creation line_items locale"
    " managed_payments metadata mode name_collection optional_items origin_context"
    " payment_intent_data payment_method_collection payment_method_configuration"
    " payment_method_data payment_method_options permissions phone_number_collection"
    " redirect_on_completion return_url saved_payment_method_options setup_intent_data"
    " shipping_address_collection shipping_options submit_type subscription_data success_url"
    " tax_id_collection ui_mode wallet_options"
)

TABLE: dict[str, tuple[str, str]] = {
    "customers.create": ("", _CUSTOMER + " payment_method tax_id_data test_clock validate"),
    "customers.retrieve": ("", "expand"),
    "customers.update": ("", _CUSTOMER + " default_source validate"),
    "customers.list": ("", _LIST + " email test_clock"),
    "customers.search": ("query", "expand limit page"),
    "invoices.create": (
        "customer",
        _INVOICE + " currency customer_account from_invoice"
        " pending_invoice_items_behavior subscription",
    ),
    "invoices.retrieve": ("", "expand"),
    "invoices.update": ("", _INVOICE),
    "invoices.list": (
        "",
        _LIST + " collection_method customer customer_account due_date status subscription",
    ),
    "invoices.delete": ("", ""),
    "invoices.finalize": ("", "auto_advance expand"),
    "invoices.pay": (
        "",
        "expand forgive mandate off_session paid_out_of_band payment_method source",
    ),
    "invoices.void": ("", "expand"),
    "invoices.mark_uncollectible": ("", "expand"),
    "invoices.attach_payment": ("", "expand payment_intent payment_record"),
    "invoices.send": ("", "expand"),
    "invoiceitems.create": (
        "customer",
        "amount currency customer_account description discountable discounts expand invoice"
        " metadata period price_data pricing quantity quantity_decimal subscription tax_behavior"
        " tax_code tax_rates unit_amount_decimal",
    ),
    "invoiceitems.retrieve": ("", "expand"),
    "invoiceitems.list": ("", _LIST + " customer customer_account invoice pending"),
    "invoice_payments.list": ("", _LIST + " invoice payment status"),
    "invoice_payments.retrieve": ("", "expand"),
    "credit_notes.create": (
        "invoice",
        "amount credit_amount effective_at email_type expand lines memo metadata"
        " out_of_band_amount reason refund_amount refunds shipping_cost",
    ),
    "credit_notes.retrieve": ("", "expand"),
    "credit_notes.list": ("", _LIST + " customer customer_account invoice"),
    "payment_records.report_payment": (
        "amount_requested initiated_at payment_method_details",
        "canceled customer_details customer_presence description expand failed guaranteed"
        " metadata outcome processor_details shipping_details",
    ),
    "payment_records.retrieve": ("", "expand"),
    "payment_intents.create": (
        "amount currency",
        _INTENT + " application_fee_amount automatic_payment_methods confirm confirmation_method"
        " customer customer_account description metadata on_behalf_of"
        " payment_method_configuration statement_descriptor statement_descriptor_suffix"
        " transfer_data transfer_group",
    ),
    "payment_intents.retrieve": ("", "client_secret expand"),
    "payment_intents.confirm": ("", _INTENT + " amount_to_confirm"),
    "payment_intents.cancel": ("", "cancellation_reason expand"),
    "payment_intents.list": ("", _LIST + " customer customer_account"),
    "checkout.sessions.create": ("", _SESSION),
    "checkout.sessions.retrieve": ("", "expand"),
    "checkout.sessions.expire": ("", "expand"),
    "charges.retrieve": ("", "expand"),
    "charges.list": ("", _LIST + " customer payment_intent transfer_group"),
    "refunds.create": (
        "",
        "amount charge currency customer expand instructions_email metadata origin"
        " payment_intent reason refund_application_fee reverse_transfer",
    ),
    "refunds.retrieve": ("", "expand"),
    "refunds.list": ("", _LIST + " charge payment_intent"),
    "refunds.cancel": ("", "expand"),
    "disputes.retrieve": ("", "expand"),
    "disputes.list": ("", _LIST + " charge payment_intent"),
    "disputes.update": ("", "evidence expand intended_submission_method metadata submit"),
    "disputes.close": ("", "expand"),
    "events.retrieve": ("", "expand"),
    "events.list": ("", _LIST + " delivery_success type types"),
    "payouts.retrieve": ("", "expand"),
    "payouts.list": ("", _LIST + " arrival_date destination status"),
    "balance_transactions.retrieve": ("", "expand"),
    "balance_transactions.list": ("", _LIST + " currency payout source type"),
}

NESTED: dict[tuple[str, str], tuple[str, str]] = {
    ("payment_records.report_payment", "amount_requested"): ("currency value", ""),
    ("payment_records.report_payment", "payment_method_details"): (
        "",
        "billing_details custom payment_method type",
    ),
    ("payment_records.report_payment", "processor_details"): ("type", "custom"),
    ("payment_records.report_payment", "guaranteed"): ("guaranteed_at", ""),
    ("disputes.update", "evidence"): (
        "",
        "access_activity_log appeal billing_address cancellation_policy"
        " cancellation_policy_disclosure cancellation_rebuttal customer_communication"
        " customer_email_address customer_name customer_purchase_ip customer_signature"
        " duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id"
        " enhanced_evidence product_description receipt refund_policy refund_policy_disclosure"
        " refund_refusal_explanation service_date service_documentation shipping_address"
        " shipping_carrier shipping_date shipping_documentation shipping_tracking_number"
        " uncategorized_file uncategorized_text",
    ),
    ("invoice_payments.list", "payment"): ("type", "payment_intent payment_record"),
    ("events.list", "created"): ("", "gt gte lt lte"),
    ("payouts.list", "created"): ("", "gt gte lt lte"),
    ("balance_transactions.list", "created"): ("", "gt gte lt lte"),
    ("checkout.sessions.create", "payment_intent_data"): (
        "",
        "application_fee_amount capture_method description metadata on_behalf_of receipt_email"
        " setup_future_usage shipping statement_descriptor statement_descriptor_suffix"
        " transfer_data transfer_group",
    ),
}

_SPLIT = {name: (req.split(), {*req.split(), *opt.split()}) for name, (req, opt) in TABLE.items()}
_SPLIT_NESTED = {key: (r.split(), {*r.split(), *o.split()}) for key, (r, o) in NESTED.items()}


def check_params(operation: str, form: Doc) -> None:
    """Refuse unknown and missing parameters, at the top and in the nested hashes that we know."""
    _check(form, *_SPLIT[operation], "")
    for name, value in form.items():
        rule = _SPLIT_NESTED.get((operation, name))
        if rule and isinstance(value, dict):
            _check(value, *rule, name)


def _check(form: Doc, required: list[str], allowed: set[str], below: str) -> None:
    def full(name: str) -> str:
        return f"{below}[{name}]" if below else name

    for name in form:
        if name not in allowed:
            raise refuse(
                f"Received unknown parameter: {full(name)}", "parameter_unknown", full(name)
            )
    for name in required:
        if form.get(name) in (None, ""):
            raise refuse(f"Missing required param: {full(name)}.", "parameter_missing", full(name))
