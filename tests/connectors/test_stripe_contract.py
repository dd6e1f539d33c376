"""Against the published contract: parameters from the SDK's types, fields from its classes.

Also the privacy rule: Stripe learns amounts, dates and opaque ids, and nothing else.
"""

import ast
import importlib
import inspect
import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from types import ModuleType

import httpx
import pytest
import stripe as sdk

from connectors.ports import ProcessorRefund
from domain.evidence import Held, evidence
from sandbox.stripe.params import NESTED, TABLE
from tests.connectors.stripe_world import (
    CASE,
    CHECKOUTS,
    CLIENT,
    DOCUMENT,
    KEY,
    OPEN_KEY,
    World,
    order,
)

FIXTURES = Path(__file__).parents[3] / "shared" / "data" / "stripe_fixtures3.json"

EVIDENCE = evidence(
    date(2026, 11, 5),
    [
        Held(kind="chart", on=date(2026, 11, 5), reference=DOCUMENT),
        Held(kind="invoice", on=date(2026, 11, 5), reference="LUM-000001"),
    ],
)

OPTIONS = {
    "api_key",
    "stripe_version",
    "stripe_account",
    "stripe_context",
    "max_network_retries",
    "idempotency_key",
    "content_type",
    "headers",
}

MODULES = {
    "customers.create": "customer_create",
    "customers.retrieve": "customer_retrieve",
    "customers.update": "customer_update",
    "customers.list": "customer_list",
    "customers.search": "customer_search",
    "invoices.create": "invoice_create",
    "invoices.retrieve": "invoice_retrieve",
    "invoices.update": "invoice_update",
    "invoices.list": "invoice_list",
    "invoices.delete": "invoice_delete",
    "invoices.finalize": "invoice_finalize_invoice",
    "invoices.pay": "invoice_pay",
    "invoices.void": "invoice_void_invoice",
    "invoices.mark_uncollectible": "invoice_mark_uncollectible",
    "invoices.attach_payment": "invoice_attach_payment",
    "invoices.send": "invoice_send_invoice",
    "invoiceitems.create": "invoice_item_create",
    "invoiceitems.retrieve": "invoice_item_retrieve",
    "invoiceitems.list": "invoice_item_list",
    "invoice_payments.list": "invoice_payment_list",
    "invoice_payments.retrieve": "invoice_payment_retrieve",
    "credit_notes.create": "credit_note_create",
    "credit_notes.retrieve": "credit_note_retrieve",
    "credit_notes.list": "credit_note_list",
    "payment_records.report_payment": "payment_record_report_payment",
    "payment_records.retrieve": "payment_record_retrieve",
    "payment_intents.create": "payment_intent_create",
    "payment_intents.retrieve": "payment_intent_retrieve",
    "payment_intents.confirm": "payment_intent_confirm",
    "payment_intents.cancel": "payment_intent_cancel",
    "payment_intents.list": "payment_intent_list",
    "checkout.sessions.create": "checkout.session_create",
    "checkout.sessions.retrieve": "checkout.session_retrieve",
    "checkout.sessions.expire": "checkout.session_expire",
    "charges.retrieve": "charge_retrieve",
    "charges.list": "charge_list",
    "refunds.create": "refund_create",
    "refunds.retrieve": "refund_retrieve",
    "refunds.list": "refund_list",
    "refunds.cancel": "refund_cancel",
    "disputes.retrieve": "dispute_retrieve",
    "disputes.list": "dispute_list",
    "disputes.update": "dispute_update",
    "disputes.close": "dispute_close",
    "events.retrieve": "event_retrieve",
    "events.list": "event_list",
    "payouts.retrieve": "payout_retrieve",
    "payouts.list": "payout_list",
    "balance_transactions.retrieve": "balance_transaction_retrieve",
    "balance_transactions.list": "balance_transaction_list",
}


@cache
def typed_dicts(name: str) -> dict[str, dict[str, str]]:
    """TypedDict name -> its field -> the annotation's text, of one module of the SDK."""
    package, _, file = name.rpartition(".")
    path = ".".join(filter(None, ("stripe.params", package, f"_{file}_params")))
    module: ModuleType = importlib.import_module(path)
    tree = ast.parse(inspect.getsource(module))
    found: dict[str, dict[str, str]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            fields = [item for item in node.body if isinstance(item, ast.AnnAssign)]
            found[node.name] = {
                item.target.id: ast.unparse(item.annotation)
                for item in fields
                if isinstance(item.target, ast.Name)
            }
    return found


def allowed(name: str) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    kinds = typed_dicts(name)
    return kinds, kinds[next(iter(kinds))]


def unknown_keys(form: dict, fields: dict[str, str], kinds: dict, path: str = "") -> list[str]:
    """Every key of a form that the SDK's types do not know, however deep."""
    wrong = []
    for key, value in form.items():
        if key not in fields:
            wrong.append(path + key)
        elif isinstance(value, dict):
            inner = [kind for kind in kinds if re.search(rf"\b{kind}\b", fields[key])]
            if inner:
                wrong += unknown_keys(value, kinds[inner[0]], kinds, f"{path}{key}.")
    return wrong


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with World.served() as world:
        yield world


@pytest.fixture
async def used(running: World) -> AsyncIterator[World]:
    """A twin on which the connector has done all that it can do."""
    world = running
    world.reset()
    stripe = world.processor()
    customer = await stripe.ensure_customer(f"customer:{CLIENT}", CLIENT)
    invoice = await stripe.open_invoice(OPEN_KEY, customer, 52000, "usd", DOCUMENT, CASE, 14)
    await stripe.credit_invoice(f"{OPEN_KEY}:credit", invoice.processor_id, 2000)
    await stripe.record_outside_payment(
        f"{OPEN_KEY}:desk", invoice.processor_id, 10000, "usd", "TO-MFRGGZDF", datetime.now(UTC)
    )
    await world.control(f"/invoices/{invoice.processor_id}/pay", amount_cents=15000)
    await world.control(f"/invoices/{invoice.processor_id}/pay")
    read = await stripe.read_invoice(invoice.processor_id)
    assert read.state == "paid"
    for row in read.payments:
        if row.intent_id:
            await stripe.read_payment(row.intent_id)
            await world.control("/refund", payment_intent=row.intent_id, amount_cents=100)
            made = await stripe.reversals.refund(
                f"refund:{row.payment_id}", row.payment_id, 100, DOCUMENT
            )
            assert isinstance(made, ProcessorRefund)
            await stripe.reversals.read_refund(made.refund_id)
            disputed = await world.control("/disputes", payment_intent=row.intent_id)
            await stripe.reversals.read_dispute(disputed["id"])
            answer = f"dispute/stripe/{disputed['id']}/contest"
            await stripe.reversals.submit_evidence(answer, disputed["id"], EVIDENCE)
            await stripe.reversals.accept_dispute(f"{answer}:close", disputed["id"])
    await stripe.case_of_invoice(invoice.processor_id)
    await stripe.events_since(datetime.now(UTC) - timedelta(minutes=1))
    other = world.processor()
    await other.open_invoice(OPEN_KEY, customer, 52000, "usd", DOCUMENT, CASE, 14)
    await stripe._opening._find_invoice(customer, DOCUMENT)
    for name in ("paid", "closed"):
        page = await stripe.open_checkout(order(customer, checkout_id=CHECKOUTS[name]))
        if name == "paid":
            await world.control(f"/sessions/{page.session_id}/pay")
        await stripe.expire_checkout(page.session_id)
    made = await world.control("/payouts")
    await stripe.payouts.read_payout(made["id"])
    await stripe.payouts.movements_of(made["id"])
    await stripe.payouts.payouts_since(datetime.now(UTC) - timedelta(minutes=1))
    await stripe.payouts.movements_since(datetime.now(UTC) - timedelta(minutes=1))
    await stripe.payouts.other_names(next(r.intent_id for r in read.payments if r.intent_id))
    yield world
    await stripe.close()
    await other.close()


def test_the_twin_takes_exactly_the_published_parameters() -> None:
    assert set(MODULES) == set(TABLE)
    for operation, (required, optional) in TABLE.items():
        _, fields = allowed(MODULES[operation])
        assert {*required.split(), *optional.split()} == set(fields) - OPTIONS, operation
        must = {name for name, text in fields.items() if "NotRequired" not in text}
        assert must <= set(required.split()), operation
    for (operation, name), (required, optional) in NESTED.items():
        kinds, fields = allowed(MODULES[operation])
        inner = next(kind for kind in kinds if re.search(rf"\b{kind}\b", fields[name]))
        assert {*required.split(), *optional.split()} == set(kinds[inner]), (operation, name)


async def test_the_connector_sends_published_parameters_only(used: World) -> None:
    calls = used.calls()
    assert {row["operation"] for row in calls} >= {
        "customers.create",
        "invoices.create",
        "invoices.list",
        "invoiceitems.create",
        "invoices.finalize",
        "invoices.retrieve",
        "credit_notes.create",
        "payment_records.report_payment",
        "invoices.attach_payment",
        "payment_intents.retrieve",
        "invoice_payments.list",
        "events.list",
        "checkout.sessions.create",
        "checkout.sessions.retrieve",
        "checkout.sessions.expire",
        "payouts.retrieve",
        "payouts.list",
        "balance_transactions.list",
        "refunds.create",
        "refunds.retrieve",
        "refunds.list",
        "invoice_payments.retrieve",
        "disputes.retrieve",
        "disputes.update",
        "disputes.close",
    }
    for row in calls:
        kinds, fields = allowed(MODULES[row["operation"]])
        assert unknown_keys(row["request"]["form"], fields, kinds) == [], row["operation"]


def test_the_parameter_check_itself_can_fail() -> None:
    kinds, fields = allowed("payment_record_report_payment")
    assert unknown_keys({"nonsense": "1"}, fields, kinds) == ["nonsense"]
    bad = {"amount_requested": {"value": "1", "cents": "2"}}
    assert unknown_keys(bad, fields, kinds) == ["amount_requested.cents"]


OPAQUE = re.compile(
    r"""
    \d+ | true | false | usd                                 # numbers, flags, the currency
  | (cus|in|pi|pr|po|evt)_[0-9a-z]+                             # Stripe's own ids
  | dispute/stripe/du_[0-9a-z]+/contest                      # our key of an answer
  | (Records\ held\ by\ the\ practice:(\n[-0-9]{10}\ [a-z]+\ [-A-Za-z0-9]+)*) | [-0-9]{10}
  | balance_transaction | payment | en | es | payment_intent\.latest_charge
  | https://pay\.example\.test/p/[A-Za-z0-9_-]{22}/(done|back)/[0-9a-f-]{36}   # our own page
  | Services
  | [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}                # our ids
  | visit/[a-z-]+/boulevard/[0-9a-f-]{36}(:document:1(:credit|:desk)?)?
  | TO-[A-Z2-7]+
  | Services,\ visit\ [0-9A-F]{4}                            # the one neutral line
  | send_invoice | exclude | custom | guaranteed | payment_intent | Received\ outside\ Stripe
  | data\.source | (data\.)?failure_balance_transaction
  | payments\.data\.payment\.(payment_intent|payment_record) | latest_charge
  | (invoice|invoice_payment|payment_intent|charge(\.dispute)?|refund|credit_note|payout)\.[a-z_]+
  | checkout\.session\.[a-z_]+
    """,
    re.VERBOSE,
)

FORBIDDEN = {"email", "name", "phone", "address", "shipping", "footer", "custom_fields", "memo"}


def leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every scalar of a form with the names that lead to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, path)
    else:
        yield path, str(value)


async def test_stripe_learns_opaque_values_only(used: World) -> None:
    seen = 0
    for row in used.calls():
        for path, value in leaves(row["request"]["form"]):
            named = set(path) if path[-2:] != ("product_data", "name") else set()
            assert not FORBIDDEN & named, (row["operation"], path)
            assert OPAQUE.fullmatch(value), (row["operation"], path, value)
            seen += 1
    assert seen > 50


def test_the_privacy_check_itself_can_fail() -> None:
    assert not OPAQUE.fullmatch("Records held by the practice:\n2026-11-05 chart of her face")
    for value in ("Botox", "Jane Miller", "jane@example.com", "+15125550100", "Services, visit X"):
        assert not OPAQUE.fullmatch(value)


KINDS = (
    "customer",
    "invoice",
    "invoiceitem",
    "invoice_payment",
    "payment_intent",
    "payment_record",
    "charge",
    "refund",
    "dispute",
    "credit_note",
    "balance_transaction",
    "payout",
    "checkout.session",
)


@pytest.mark.skipif(not FIXTURES.exists(), reason="Stripe's published fixtures are not at hand")
@pytest.mark.parametrize("kind", [*KINDS, "line_item", "event"])
async def test_objects_have_the_fields_of_stripes_fixtures(used: World, kind: str) -> None:
    fixture = json.loads(FIXTURES.read_text())["resources"][kind]
    if kind == "line_item":
        rows = used.stored("invoice")[0]["lines"]["data"]
    elif kind == "event":
        rows = await used.events()
    else:
        rows = used.stored(kind)
    assert rows
    for row in rows:
        assert set(fixture) - set(row) == set(), kind


@pytest.mark.parametrize("kind", KINDS)
async def test_objects_have_no_field_that_the_sdk_does_not_know(used: World, kind: str) -> None:
    classes = {
        "invoiceitem": sdk.InvoiceItem,
        "customer": sdk.Customer,
        "invoice": sdk.Invoice,
        "invoice_payment": sdk.InvoicePayment,
        "payment_intent": sdk.PaymentIntent,
        "payment_record": sdk.PaymentRecord,
        "charge": sdk.Charge,
        "refund": sdk.Refund,
        "dispute": sdk.Dispute,
        "credit_note": sdk.CreditNote,
        "balance_transaction": sdk.BalanceTransaction,
        "payout": sdk.Payout,
        "checkout.session": sdk.checkout.Session,
    }
    # `subscription` and `source` are stale fields that Stripe's own fixtures still show.
    known = {*classes[kind].__annotations__, "subscription", "source", "object"}
    for row in used.stored(kind):
        assert set(row) - known == set(), kind


async def test_lists_load_in_the_sdk(used: World) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(headers=headers, base_url=f"{used.url}/stripe/v1") as http:
        for path in [
            "customers",
            "invoices",
            "invoiceitems",
            "invoice_payments",
            "credit_notes",
            "payment_intents",
            "charges",
            "refunds",
            "disputes",
            "events",
            "balance_transactions",
            "payouts",
        ]:
            answer = await http.get(f"/{path}", params={"limit": 100})
            assert answer.status_code == 200, answer.text
            body = answer.json()
            assert body["object"] == "list"
            loaded = sdk.ListObject.construct_from(body, KEY)
            assert loaded.data
            assert type(loaded.data[0]) is not sdk.StripeObject, path
