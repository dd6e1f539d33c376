"""The twin itself, as a stranger to our connector would use it."""

import base64
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx
import pytest
import stripe as sdk

from sandbox.stripe.payments import fee_cents
from sandbox.stripe.wire import StripeError, parse_form
from tests.connectors.stripe_world import KEY, SECRET, World

DECLINED = "4000 0000 0000 0002"


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with World.served() as world:
        yield world


@pytest.fixture
def world(running: World) -> World:
    running.reset()
    return running


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {KEY}", "Stripe-Version": "2026-10-28.endive"}
    async with httpx.AsyncClient(
        verify=False, headers=headers, base_url=f"{world.url}/stripe/v1"
    ) as client:
        yield client


async def post(http: httpx.AsyncClient, path: str, key: str | None = None, **form: str) -> dict:
    headers = {"Idempotency-Key": key} if key else {}
    answer = await http.post(path, data=form, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def opened(http: httpx.AsyncClient, cents: int = 52000) -> dict:
    customer = await post(http, "/customers")
    draft = await post(
        http,
        "/invoices",
        customer=customer["id"],
        collection_method="send_invoice",
        days_until_due="14",
    )
    await post(
        http,
        "/invoiceitems",
        customer=customer["id"],
        invoice=draft["id"],
        amount=str(cents),
        currency="usd",
    )
    return await post(http, f"/invoices/{draft['id']}/finalize")


async def read(http: httpx.AsyncClient, path: str) -> dict:
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def error_of(answer: httpx.Response, status: int) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["request-id"].startswith("req_")
    return answer.json()["error"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1&b=", {"a": "1", "b": ""}),
        ("metadata[visit]=v1&metadata[x]=y", {"metadata": {"visit": "v1", "x": "y"}}),
        ("types[0]=a&types[1]=b", {"types": ["a", "b"]}),
        ("types[]=a&types[]=b", {"types": ["a", "b"]}),
        ("types%5B%5D=a", {"types": ["a"]}),
        ("lines[0][amount]=1&lines[1][amount]=2", {"lines": [{"amount": "1"}, {"amount": "2"}]}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("types[10]=k&types[9]=j&types[0]=a", {"types": ["a", "j", "k"]}),
    ],
)
def test_reads_bracketed_forms(text: str, expected: dict) -> None:
    assert parse_form(text) == expected


def test_refuses_a_name_that_is_both_value_and_hash() -> None:
    with pytest.raises(StripeError):
        parse_form("a=1&a[b]=2")


async def test_authentication(world: World) -> None:
    url = f"{world.url}/stripe/v1/customers"
    basic = base64.b64encode(f"{KEY}:".encode()).decode()
    async with httpx.AsyncClient(verify=False) as http:
        for header in (f"Bearer {KEY}", f"Basic {basic}"):
            assert (await http.get(url, headers={"Authorization": header})).status_code == 200
        for headers in ({}, {"Authorization": "Bearer sk_test_no"}, {"Authorization": "Basic !"}):
            error_of(await http.get(url, headers=headers), 401)


async def test_refuses_unknown_missing_and_malformed_parameters(
    world: World, http: httpx.AsyncClient
) -> None:
    unknown = error_of(await http.post("/customers", data={"nickname": "x"}), 400)
    assert (unknown["code"], unknown["param"]) == ("parameter_unknown", "nickname")
    missing = error_of(await http.post("/credit_notes", data={"amount": "1"}), 400)
    assert (missing["code"], missing["param"]) == ("parameter_missing", "invoice")
    form = {"amount": "1.5", "currency": "usd"}
    assert error_of(await http.post("/payment_intents", data=form), 400)["param"] == "amount"
    assert error_of(await http.get("/invoices/in_no"), 404)["code"] == "resource_missing"
    nested = {
        "initiated_at": "1",
        "amount_requested[cents]": "1",
        "payment_method_details[type]": "custom",
    }
    refused = error_of(await http.post("/payment_records/report_payment", data=nested), 400)
    assert refused["param"] == "amount_requested[cents]"


async def test_due_days_belong_to_sent_invoices(world: World, http: httpx.AsyncClient) -> None:
    customer = await post(http, "/customers")
    form = {"customer": customer["id"], "collection_method": "send_invoice"}
    error_of(await http.post("/invoices", data=form), 400)
    form = {"customer": customer["id"], "days_until_due": "3"}
    error_of(await http.post("/invoices", data=form), 400)


async def test_a_key_replays_the_first_answer(world: World, http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await http.post("/customers", data={"metadata[client]": "1"}, headers=headers)
    again = await http.post("/customers", data={"metadata[client]": "1"}, headers=headers)
    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = await http.post("/customers", data={"metadata[client]": "2"}, headers=headers)
    assert error_of(other, 400)["type"] == "idempotency_error"
    assert len(world.stored("customer")) == 1


async def test_a_key_is_forgotten_after_a_day(world: World, http: httpx.AsyncClient) -> None:
    first = await post(http, "/customers", key="k")
    world.box.shift = timedelta(hours=23)
    assert (await post(http, "/customers", key="k"))["id"] == first["id"]
    world.box.shift = timedelta(hours=25)
    assert (await post(http, "/customers", key="k"))["id"] != first["id"]


async def test_a_refused_parameter_is_not_remembered(world: World, http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    error_of(await http.post("/customers", data={"nickname": "x"}, headers=headers), 400)
    await post(http, "/customers", key="k")


async def test_a_refused_action_and_a_failure_are_remembered(
    world: World, http: httpx.AsyncClient
) -> None:
    invoice = await opened(http)
    headers = {"Idempotency-Key": "k"}
    path = f"/invoices/{invoice['id']}/finalize"
    error_of(await http.post(path, headers=headers), 400)
    again = await http.post(path, headers=headers)
    assert error_of(again, 400)
    assert again.headers["idempotent-replayed"] == "true"
    await world.control("/saved_failure", operation="customers.create")
    for _ in range(2):
        error_of(await http.post("/customers", headers={"Idempotency-Key": "f"}), 500)
    assert len(world.stored("customer")) == 2


async def test_faults_before_and_after(world: World, http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    world.fault("customers.create", "error_before", status=500)
    error_of(await http.post("/customers", headers=headers), 500)
    assert world.stored("customer") == []
    world.fault("customers.create", "error_after", status=500)
    error_of(await http.post("/customers", headers=headers), 500)
    assert len(world.stored("customer")) == 1
    # The effect was saved under the key, so that the repeat succeeds without a second one.
    again = await http.post("/customers", headers=headers)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert len(world.stored("customer")) == 1
    world.fault("customers.create", "rate_limit")
    assert error_of(await http.post("/customers"), 429)["code"] == "rate_limit"
    world.fault("customers.create", "reset_before")
    with pytest.raises(httpx.HTTPError):
        await http.post("/customers")


async def test_pays_in_part_and_in_full_on_the_page(world: World, http: httpx.AsyncClient) -> None:
    invoice = await opened(http)
    url = invoice["hosted_invoice_url"]
    html = {"Accept": "text/html"}
    async with httpx.AsyncClient(verify=False) as phone:
        page = await phone.get(url)
        assert "$520.00 due" in page.text
        assert "width=device-width" in page.text
        part = await phone.post(url, data={"amount": "120.50"}, headers=html)
        assert "$399.50 due" in part.text
        [default] = [row for row in world.stored("invoice_payment") if row["is_default"]]
        assert default["amount_requested"] == 39950
        rest = await phone.post(url, data={"amount": "399.50"}, headers=html)
        assert "Invoice paid" in rest.text
        assert "<form" not in rest.text
        again = await phone.post(url, data={"amount_cents": "100"})
        assert again.status_code == 400
    now = await read(http, f"/invoices/{invoice['id']}")
    assert (now["status"], now["amount_paid"], now["amount_remaining"]) == ("paid", 52000, 0)
    assert now["status_transitions"]["paid_at"]
    rows = (await read(http, f"/invoice_payments?invoice={invoice['id']}"))["data"]
    assert sorted(row["amount_paid"] for row in rows) == [12050, 39950]
    assert {row["status"] for row in rows} == {"paid"}
    assert [row["is_default"] for row in rows] == [False, True]


async def test_the_page_declines_and_refuses_silly_amounts(
    world: World, http: httpx.AsyncClient
) -> None:
    invoice = await opened(http)
    url = invoice["hosted_invoice_url"]
    async with httpx.AsyncClient(verify=False, headers={"Accept": "text/html"}) as phone:
        declined = await phone.post(url, data={"amount": "520.00", "card": DECLINED})
        assert declined.status_code == 402
        assert "declined" in declined.text
        for amount in ("0", "520.01", "-5", "abc", "1.234", "", "1.x"):
            assert (await phone.post(url, data={"amount": amount})).status_code == 400, amount
        assert (await phone.get(f"{world.url}/stripe/pay/nothing")).status_code == 410
    now = await read(http, f"/invoices/{invoice['id']}")
    assert (now["status"], now["amount_remaining"], now["attempt_count"]) == ("open", 52000, 1)
    types = [event["type"] for event in await world.events()]
    assert "payment_intent.payment_failed" in types
    assert "invoice.payment_failed" in types


async def test_a_bank_debit_can_fail(world: World, http: httpx.AsyncClient) -> None:
    invoice = await opened(http)
    async with httpx.AsyncClient(verify=False) as phone:
        answer = await phone.post(invoice["hosted_invoice_url"], data={"method": "us_bank_account"})
        assert answer.json()["outcome"] == "processing"
    bill = await world.control(f"/invoices/{invoice['id']}/settle", succeeded=False)
    assert (bill["status"], bill["amount_remaining"]) == ("open", 52000)
    bill = (await world.control(f"/invoices/{invoice['id']}/pay"))["invoice"]
    assert bill["status"] == "paid"


async def test_links_expire(world: World, http: httpx.AsyncClient) -> None:
    invoice = await opened(http)
    async with httpx.AsyncClient(verify=False) as phone:
        world.box.shift = timedelta(days=43)
        assert (await phone.get(invoice["hosted_invoice_url"])).status_code == 200
        world.box.shift = timedelta(days=45)
        assert (await phone.get(invoice["hosted_invoice_url"])).status_code == 410


async def test_voided_and_uncollectible(world: World, http: httpx.AsyncClient) -> None:
    first, second = await opened(http), await opened(http)
    await post(http, f"/invoices/{first['id']}/void")
    error_of(await http.post(f"/invoices/{first['id']}/mark_uncollectible"), 400)
    async with httpx.AsyncClient(verify=False) as phone:
        assert (await phone.get(first["hosted_invoice_url"])).status_code == 410
    await post(http, f"/invoices/{second['id']}/mark_uncollectible")
    paid = (await world.control(f"/invoices/{second['id']}/pay"))["invoice"]
    assert paid["status"] == "paid"
    error_of(await http.post(f"/invoices/{second['id']}/void"), 400)
    error_of(await http.delete(f"/invoices/{second['id']}"), 400)


async def test_drafts_are_edited_and_deleted(world: World, http: httpx.AsyncClient) -> None:
    customer = await post(http, "/customers")
    draft = await post(http, "/invoices", customer=customer["id"])
    changed = await post(http, f"/invoices/{draft['id']}", **{"metadata[a]": "b"})
    assert changed["metadata"] == {"a": "b"}
    gone = (await http.delete(f"/invoices/{draft['id']}")).json()
    assert gone["deleted"] is True
    error_of(await http.get(f"/invoices/{draft['id']}"), 404)


async def test_credit_notes_lower_and_close(world: World, http: httpx.AsyncClient) -> None:
    invoice = await opened(http)
    note = await post(http, "/credit_notes", invoice=invoice["id"], amount="12000")
    assert (note["type"], note["pre_payment_amount"]) == ("pre_payment", 12000)
    now = await read(http, f"/invoices/{invoice['id']}")
    assert (now["amount_due"], now["amount_remaining"], now["total"]) == (40000, 40000, 52000)
    [default] = (await read(http, f"/invoice_payments?invoice={invoice['id']}"))["data"]
    assert default["amount_requested"] == 40000
    above = {"invoice": invoice["id"], "amount": "40001"}
    error_of(await http.post("/credit_notes", data=above), 400)
    await post(http, "/credit_notes", invoice=invoice["id"], amount="40000")
    assert (await read(http, f"/invoices/{invoice['id']}"))["status"] == "paid"
    [default] = (await read(http, f"/invoice_payments?invoice={invoice['id']}"))["data"]
    assert default["status"] == "canceled"
    intent = await read(http, f"/payment_intents/{default['payment']['payment_intent']}")
    assert intent["status"] == "canceled"


async def test_sums_too_small_to_charge(world: World, http: httpx.AsyncClient) -> None:
    nothing, little = await opened(http, 0), await opened(http, 30)
    assert (nothing["status"], nothing["amount_due"]) == ("paid", 0)
    assert (little["status"], little["ending_balance"]) == ("paid", 30)
    assert (await read(http, f"/customers/{little['customer']}"))["balance"] == 30


async def test_overpayment_goes_to_the_customer_balance(
    world: World, http: httpx.AsyncClient
) -> None:
    invoice = await opened(http)
    intent = await post(
        http,
        "/payment_intents",
        amount="60000",
        currency="usd",
        confirm="true",
        payment_method="pm_card_visa",
    )
    path = f"/invoices/{invoice['id']}/attach_payment"
    bill = await post(http, path, payment_intent=intent["id"])
    assert (bill["status"], bill["amount_overpaid"], bill["amount_paid"]) == ("paid", 8000, 52000)
    assert (await read(http, f"/customers/{invoice['customer']}"))["balance"] == -8000
    assert "invoice.overpaid" in [event["type"] for event in await world.events()]
    error_of(await http.post(path, data={"payment_intent": intent["id"]}), 400)


async def test_refunds_leave_the_invoice_paid(world: World, http: httpx.AsyncClient) -> None:
    invoice = await opened(http)
    await world.control(f"/invoices/{invoice['id']}/pay")
    [row] = (await read(http, f"/invoice_payments?invoice={invoice['id']}"))["data"]
    intent = row["payment"]["payment_intent"]
    await post(http, "/refunds", payment_intent=intent, amount="2000")
    await post(http, "/refunds", payment_intent=intent)
    error_of(await http.post("/refunds", data={"payment_intent": intent}), 400)
    [charge] = (await read(http, f"/charges?payment_intent={intent}"))["data"]
    assert (charge["refunded"], charge["amount_refunded"]) == (True, 52000)
    assert (await read(http, f"/invoices/{invoice['id']}"))["status"] == "paid"
    kinds = [row["type"] for row in world.stored("balance_transaction")]
    assert sorted(kinds) == ["charge", "refund", "refund"]


def test_fees() -> None:
    assert [fee_cents(cents) for cents in (100, 1000, 52000, 1050, 50)] == [33, 59, 1538, 60, 31]


async def test_events_page_filter_and_age(world: World, http: httpx.AsyncClient) -> None:
    await opened(http)
    every = (await read(http, "/events?limit=100"))["data"]
    types = [event["type"] for event in every]
    assert types[0] == "invoice.finalized"
    assert types[-1] == "customer.created"
    first = await read(http, "/events?limit=2")
    assert first["has_more"] is True
    second = await read(http, f"/events?limit=100&starting_after={first['data'][1]['id']}")
    assert first["data"] + second["data"] == every
    before = await read(http, f"/events?limit=2&ending_before={every[2]['id']}")
    assert before["data"] == every[:2]
    wild = await read(http, "/events?type=invoice.*")
    assert [event["type"] for event in wild["data"]] == ["invoice.finalized", "invoice.created"]
    two = await read(http, "/events?types[]=invoice.created&types[]=customer.created")
    assert len(two["data"]) == 2
    error_of(await http.get("/events?limit=101"), 400)
    assert (await read(http, f"/events/{every[0]['id']}"))["id"] == every[0]["id"]
    world.box.shift = timedelta(days=31)
    assert (await read(http, "/events"))["data"] == []
    error_of(await http.get(f"/events/{every[0]['id']}"), 404)


async def test_webhooks_are_signed_and_dropped_ones_stay_in_the_log(
    world: World, http: httpx.AsyncClient
) -> None:
    world.box.webhook_urls["stripe"] = f"{world.url}/hook"
    world.fault("webhook:invoice_payment.paid", "drop")
    invoice = await opened(http)
    await world.control(f"/invoices/{invoice['id']}/pay")
    sent = [body["type"] for body in await world.flush()]
    assert sorted(sent) == ["invoice.paid", "payment_intent.succeeded"]
    for headers, raw in world.hooks:
        event = sdk.Webhook.construct_event(raw, headers["stripe-signature"], SECRET)
        assert event.livemode is False
    missed = await read(http, "/events?delivery_success=false")
    assert [event["type"] for event in missed["data"]] == ["invoice_payment.paid"]


@pytest.mark.parametrize("kind", ["forge", "stale"])
async def test_bad_signatures_on_demand(world: World, http: httpx.AsyncClient, kind: str) -> None:
    world.box.webhook_urls["stripe"] = f"{world.url}/hook"
    world.fault("webhook:*", kind)
    await world.control("/loose_payment", amount_cents=100, currency="usd")
    await world.flush()
    [(headers, raw)] = world.hooks
    with pytest.raises(sdk.SignatureVerificationError):
        sdk.Webhook.construct_event(raw, headers["stripe-signature"], SECRET)


async def test_events_name_the_request_that_caused_them(
    world: World, http: httpx.AsyncClient
) -> None:
    await post(http, "/customers", key="ours")
    invoice = await opened(http)
    async with httpx.AsyncClient(verify=False) as phone:
        await phone.post(invoice["hosted_invoice_url"])
    requests = [(event["type"], event["request"]) for event in await world.events()]
    assert requests[0][0] == "customer.created"
    assert requests[0][1]["idempotency_key"] == "ours"
    by_type = dict(requests)
    assert by_type["invoice.finalized"]["id"].startswith("req_")
    assert by_type["payment_intent.succeeded"] == {"id": None, "idempotency_key": None}


async def test_search_is_late(world: World, http: httpx.AsyncClient) -> None:
    await post(http, "/customers", **{"metadata[client]": "abc"})
    path = "/customers/search?query=metadata%5B'client'%5D:'abc'"
    assert (await read(http, path))["data"] == []
    world.box.shift = timedelta(minutes=2)
    assert len((await read(http, path))["data"]) == 1


async def test_expands_at_most_four_levels(world: World, http: httpx.AsyncClient) -> None:
    invoice = await opened(http)
    path = f"/invoices/{invoice['id']}"
    plain = await read(http, path)
    assert "payments" not in plain
    deep = await read(
        http, f"{path}?expand[]=payments.data.payment.payment_intent&expand[]=customer"
    )
    assert deep["payments"]["data"][0]["payment"]["payment_intent"]["object"] == "payment_intent"
    assert deep["customer"]["object"] == "customer"
    error_of(await http.get(f"{path}?expand[]=a.b.c.d.e"), 400)
    error_of(await http.get(f"{path}?expand[]=number"), 400)
