"""The Boulevard twin on its own, through plain HTTP as any client would use it."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from sandbox.boulevard.api import Bucket, authorized
from sandbox.boulevard.hooks import note_answer, signature_headers, targets
from tests.connectors.boulevard_twin import LOCATION, PATIENT, Caught, Practice
from tests.sandbox_fixture import new_box, new_credentials

SECRET = "Ymx2ZC10ZXN0LXNlY3JldC0zMi1ieXRlcy1sb25nISE="
BUSINESS = "11111111-2222-4333-8444-555555555555"
TOKEN_AT = 1767225600
TOKEN_SIGNATURE = "uZrA1fdUvE4oP96oZLaujQdcTNGFWNzbffrGxZ/Q40E="


def basic(key: str, token: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:{token}".encode()).decode()


def token(secret: str, business: str, at: int) -> str:
    message = f"blvd-admin-v1{business}{at}"
    digest = hmac.new(base64.b64decode(secret), message.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode() + message


def signed(practice: Practice, skew_seconds: int = 0) -> str:
    held = practice.box.credentials
    at = int(time.time()) + skew_seconds
    secret, business = held["boulevard_api_secret"], held["boulevard_business_id"]
    return basic(held["boulevard_api_key"], token(secret, business, at))


def ask(practice: Practice, query: str, /, **variables: Any) -> dict[str, Any]:
    answer = httpx.post(
        practice.admin_url,
        json={"query": query, "variables": variables},
        headers={"authorization": signed(practice)},
    )
    assert answer.status_code == 200
    return answer.json()


def message(answer: dict[str, Any]) -> str:
    return answer["errors"][0]["message"]


def test_token_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {"boulevard_api_secret": SECRET, "boulevard_business_id": BUSINESS}
    box = new_box(new_credentials() | held | {"boulevard_api_key": "key"})
    header = basic("key", f"{TOKEN_SIGNATURE}blvd-admin-v1{BUSINESS}{TOKEN_AT}")
    for seconds, accepted in ((0, True), (300, True), (301, False), (-300, True), (-301, False)):
        at = datetime.fromtimestamp(TOKEN_AT + seconds, UTC)
        monkeypatch.setattr(box, "now", lambda at=at: at)
        assert authorized(box, header) is accepted, seconds


def test_bad_credentials_are_401(practice: Practice) -> None:
    held = practice.box.credentials
    good = token(held["boulevard_api_secret"], held["boulevard_business_id"], int(time.time()))
    key = held["boulevard_api_key"]
    bad = [
        None,
        "Bearer x",
        "Basic %%%",
        basic(key, ""),
        basic("other-key", good),
        basic(key, "A" + good[1:] if good[0] != "A" else "B" + good[1:]),
        basic(key, good + "0"),
        basic(key, good.replace("v1", "v2")),
        signed(practice, -600),
        signed(practice, 600),
    ]
    for header in bad:
        headers = {"authorization": header} if header else {}
        answer = httpx.post(practice.admin_url, json={"query": "{permissions}"}, headers=headers)
        assert answer.status_code == 401, header
    assert ask(practice, "{permissions}")["data"]["permissions"]


def test_unknown_field_is_refused(practice: Practice) -> None:
    assert "Cannot query field" in message(ask(practice, "{ order(id: 1) { secretNotes } }"))


@pytest.mark.parametrize(
    "mutation", ["createPayment", "addOrderPayment", "closeOrder", "markOrderPaid", "createOrder"]
)
def test_no_mutation_touches_an_orders_money(practice: Practice, mutation: str) -> None:
    answer = ask(practice, f"mutation {{ {mutation}(input: {{}}) {{ id }} }}")
    assert "Cannot query field" in message(answer)


def test_too_deep_a_query_is_refused(practice: Practice) -> None:
    shallow = "{ appointment(id: 1) { client { primaryLocation { address { zip } } } } }"
    assert "errors" not in ask(practice, shallow)
    types = "name"
    for _ in range(7):
        types = f"ofType {{ {types} }}"
    too_deep = '{ __type(name: "Order") { fields { type { ' + types + " } } } }"
    assert "depth" in message(ask(practice, too_deep))


def test_pages_hold_at_most_a_thousand_edges(practice: Practice) -> None:
    query = "query($n: Int) { clients(first: $n) { edges { node { id } } } }"
    assert "first" in message(ask(practice, query, n=1001))
    assert "errors" not in ask(practice, query, n=1000)


def test_bucket_leaks_at_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket, clock = Bucket(at=0.0), [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    assert bucket.pour(10_000, 10_000, 50) == 0
    assert bucket.pour(100, 10_000, 50) == 2000
    clock[0] = 1.9
    assert bucket.pour(100, 10_000, 50) == 100
    clock[0] = 2.0
    assert bucket.pour(100, 10_000, 50) == 0


def test_over_the_limit_is_200_with_the_wait(practice: Practice) -> None:
    practice.desk.put("/settings", json={"bucketPoints": 3, "leakPointsPerSecond": 1})
    assert "errors" not in ask(practice, "{permissions}")
    answer = ask(practice, "{ locations { edges { node { id } } } }")
    assert answer["data"] is None
    assert message(answer).startswith("API limit")
    assert message(answer).endswith(" ms")


def test_unknown_settings_are_refused(practice: Practice) -> None:
    assert practice.desk.put("/settings", json={"bucketPoint": 1}).status_code == 400


def test_order_totals_are_the_manual_close_out(practice: Practice) -> None:
    order = practice.order(gratuity=1000)
    query = """query($id: ID!) { order(id: $id) {
        client { firstName } summary { currentSubtotal currentTaxAmount currentTotal }
        paymentGroups { total totalPaid totalUnpaid } } }"""
    seen = ask(practice, query, id=order["orderId"])["data"]["order"]
    assert seen["client"] == {"firstName": "Ana"}
    assert seen["summary"] == {
        "currentSubtotal": 71800,
        "currentTaxAmount": 561,
        "currentTotal": 73361,
    }
    practice.post(f"/orders/{order['orderId']}/payments", kind="cash", amountCents=361)
    seen = ask(practice, query, id=order["orderId"])["data"]["order"]
    assert seen["paymentGroups"] == [{"total": 73361, "totalPaid": 361, "totalUnpaid": 73000}]


def test_orders_page_by_location_and_filter(practice: Practice) -> None:
    client = practice.client()
    closed = [
        practice.order(client, closedAt=f"2026-01-0{day}T10:00:00Z")["orderId"]
        for day in range(1, 6)
    ]
    elsewhere = "urn:blvd:Location:other"
    practice.order(client, locationId=elsewhere, closedAt="2026-01-03T10:00:00Z")
    practice.order(client)
    query = """query($at: ID!, $after: String, $query: QueryString) {
        orders(locationId: $at, first: 2, after: $after, query: $query) {
            edges { node { id } } pageInfo { hasNextPage endCursor } } }"""
    window = "closedAt >= '2026-01-02T00:00:00Z' AND closedAt < '2026-01-05T00:00:00Z'"
    first = ask(practice, query, at=LOCATION, query=window)["data"]["orders"]
    end = first["pageInfo"]["endCursor"]
    second = ask(practice, query, at=LOCATION, after=end, query=window)["data"]["orders"]
    ids = [edge["node"]["id"] for edge in first["edges"] + second["edges"]]
    assert ids == [closed[3], closed[2], closed[1]]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    for wrong in ("closedBy = 'x'", "closedAt >= yesterday", "closedAt >= 'yesterday'", "garbage"):
        assert "query" in message(ask(practice, query, at=LOCATION, query=wrong))


def test_appointment_cannot_be_set_final(practice: Practice) -> None:
    order = practice.order()
    mutation = """mutation($input: UpdateAppointmentInput!) {
        updateAppointment(input: $input) { appointment { state notes } } }"""
    final = {"id": order["appointmentId"], "state": "FINAL"}
    assert "FINAL" in message(ask(practice, mutation, input=final))
    arrived = final | {"state": "ARRIVED", "notes": "early"}
    answer = ask(practice, mutation, input=arrived)
    assert answer["data"]["updateAppointment"]["appointment"] == {
        "state": "ARRIVED",
        "notes": "early",
    }


def test_account_credit_is_not_idempotent(practice: Practice) -> None:
    mutation = """mutation($input: CreateAccountCreditAdjustmentInput!) {
        createAccountCreditAdjustment(input: $input) { client { currentAccountBalance } } }"""
    change = {"clientId": practice.client(), "balanceDelta": 1500, "adjustmentReason": "x"}
    ask(practice, mutation, input=change)
    again = ask(practice, mutation, input=change)["data"]["createAccountCreditAdjustment"]
    assert again["client"]["currentAccountBalance"] == 3000


def test_webhook_signature_vector() -> None:
    app, at = "33333333-4444-4555-8666-777777777777", datetime.fromtimestamp(TOKEN_AT, UTC)
    body = b'{"event":"order.completed","eventType":"ORDER_COMPLETED"}'
    assert signature_headers(SECRET, app, at, body) == {
        "x-blvd-hmac-salt": f"blvd-webhook-v1:{app}:{TOKEN_AT}",
        "x-blvd-hmac-sha256": "ri7wFvtnNioTA6zNmh7yG/4AUmHWt4stnV5vzZFghNI=",
    }


def test_created_webhook_is_pinged_and_gets_only_its_events(
    practice: Practice, caught: Caught
) -> None:
    create = """mutation($input: CreateWebhookInput!) {
        createWebhook(input: $input) { webhook { id url subscriptions { eventType } } } }"""
    wanted = {"name": "t", "url": caught.url, "subscriptions": [{"eventType": "ORDER_COMPLETED"}]}
    insecure = ask(practice, create, input=wanted | {"url": "http://example.test/hook"})
    assert "https" in message(insecure)
    webhook = ask(practice, create, input=wanted)["data"]["createWebhook"]["webhook"]
    practice.flush()
    assert [json.loads(body)["event"] for body in caught.bodies] == ["ping"]
    order = practice.order()
    both = ["APPOINTMENT_COMPLETED", "ORDER_COMPLETED"]
    practice.post(f"/orders/{order['orderId']}/complete", events=both)
    practice.flush()
    assert [json.loads(body)["event"] for body in caught.bodies] == ["ping", "order.completed"]
    delete = "mutation($input: WebhookIdInput!) { deleteWebhook(input: $input) { webhook { id } } }"
    ask(practice, delete, input={"id": webhook["id"]})
    practice.post(f"/orders/{order['orderId']}/complete")
    practice.flush()
    assert len(caught.bodies) == 2


def test_order_event_is_thin_and_appointment_event_is_fat(
    practice: Practice, caught: Caught
) -> None:
    practice.box.webhook_urls["boulevard"] = caught.url
    order = practice.order()
    practice.post(f"/orders/{order['orderId']}/complete", events=["APPOINTMENT_COMPLETED"])
    practice.flush()
    practice.post(f"/orders/{order['orderId']}/complete")
    practice.flush()
    fat, thin = (json.loads(body) for body in caught.bodies)
    assert fat["event"] == "appointment.completed"
    assert fat["data"]["node"]["client"]["email"] == PATIENT["email"]
    assert "price" not in json.dumps(fat["data"]).lower()
    assert thin["event"] == "order.completed"
    assert thin["data"]["node"] == {"__typename": "Order", "id": order["orderId"]}
    assert fat["idempotencyKey"] != thin["idempotencyKey"]
    assert caught.headers[1]["x-blvd-idempotency-key"] == thin["idempotencyKey"]
    assert caught.headers[1]["x-blvd-event-type"] == "ORDER_COMPLETED"


def test_appointment_event_alone_leaves_the_order_open(practice: Practice) -> None:
    order = practice.order()
    path = f"/orders/{order['orderId']}/complete"
    assert practice.post(path, events=["APPOINTMENT_COMPLETED"])["closedAt"] is None
    closed = practice.post(path)["closedAt"]
    assert closed is not None
    assert practice.post(path)["closedAt"] == closed
    assert practice.desk.post(path, json={"events": ["ORDER_CLOSED"]}).status_code == 400


def test_amended_order_is_announced_again_under_a_new_key(
    practice: Practice, caught: Caught
) -> None:
    practice.box.webhook_urls["boulevard"] = caught.url
    order = practice.order()
    practice.post(f"/orders/{order['orderId']}/complete")
    lines = [{"kind": "service", "ref": "s", "name": "x", "quantity": 0.5, "unitPriceCents": 1301}]
    amended = practice.post(f"/orders/{order['orderId']}/amend", lines=lines)
    practice.flush()
    assert amended["totalCents"] == 651
    keys = [json.loads(body)["idempotencyKey"] for body in caught.bodies]
    assert len(set(keys)) == 2
    stored = practice.desk.get(f"/orders/{order['orderId']}").json()
    assert stored["summary"]["initialTotal"] == 72361


def test_gone_unsubscribes_for_good(practice: Practice, caught: Caught) -> None:
    practice.box.webhook_urls["boulevard"] = caught.url
    caught.answers = [410]
    practice.post("/ping")
    practice.flush()
    assert practice.post("/ping")["keys"] == []
    practice.post("/webhooks/enable")
    assert len(practice.post("/ping")["keys"]) == 1
    practice.flush()
    assert len(caught.bodies) == 2


def test_many_and_long_failures_disable_a_webhook() -> None:
    box = new_box()
    box.webhook_urls["boulevard"] = "http://127.0.0.1:1/hook"
    webhook = targets(box, "PING", None)[0]
    assert not any(note_answer(box, webhook["id"], 500) for _ in range(30))
    box.state.put("setting", "boulevard", {"disableAfterSeconds": 0})
    assert not note_answer(box, webhook["id"], 200)
    answers = [note_answer(box, webhook["id"], 500) for _ in range(14)]
    assert not any(answers)
    assert not any(note_answer(box, webhook["id"], 429) for _ in range(5))
    assert note_answer(box, webhook["id"], 0)
    assert targets(box, "PING", None) == []


def test_calls_are_recorded(practice: Practice) -> None:
    ask(practice, "query($id: ID!) { client(id: $id) { id } }", id="c1")
    call = practice.box.state.list("call")[-1]
    assert (call["vendor"], call["operation"]) == ("boulevard", "client")
    assert call["request"] == {"query": "client", "variables": {"id": "c1"}}
