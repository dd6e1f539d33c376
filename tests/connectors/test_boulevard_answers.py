"""Every answer Boulevard may give, by what it tells the caller to do."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.pms.boulevard import Boulevard
from connectors.pms.boulevard_answers import NotFound, data_of, readable, unanswered
from connectors.pms.boulevard_orders import cents, closings_of, instant, quantity, visit_of
from connectors.ports import (
    BadRequest,
    ConnectorError,
    Misconfigured,
    OutcomeUnknown,
    ProviderUnavailable,
    RateLimited,
    Refused,
)

PRIVATE = "Ana Test +15555550100"


def errors(message: str) -> dict[str, Any]:
    return {"data": None, "errors": [{"message": message}]}


TABLE: list[tuple[int, Any, type[ConnectorError], type[ConnectorError]]] = [
    (401, {}, Misconfigured, Misconfigured),
    (403, {}, Misconfigured, Misconfigured),
    (429, {}, RateLimited, RateLimited),
    (500, {}, ProviderUnavailable, OutcomeUnknown),
    (502, b"<html>", ProviderUnavailable, OutcomeUnknown),
    (503, {}, ProviderUnavailable, OutcomeUnknown),
    (302, {}, BadRequest, BadRequest),
    (400, {}, BadRequest, BadRequest),
    (404, {}, BadRequest, BadRequest),
    (200, b"<html>", ProviderUnavailable, OutcomeUnknown),
    (200, b"", ProviderUnavailable, OutcomeUnknown),
    (200, [], ProviderUnavailable, OutcomeUnknown),
    (200, {}, ProviderUnavailable, OutcomeUnknown),
    (200, {"data": None}, ProviderUnavailable, OutcomeUnknown),
    (200, errors("API limit reached, please wait 1500 ms"), RateLimited, RateLimited),
    (200, errors("API limit"), RateLimited, RateLimited),
    (200, errors(f'Cannot query field "x" {PRIVATE}'), BadRequest, BadRequest),
    (200, errors(f"Cannot query field 'x' {PRIVATE}"), BadRequest, BadRequest),
    (200, errors(f"Variable $id got {PRIVATE}"), BadRequest, BadRequest),
    (200, errors("Order not found"), NotFound, NotFound),
    (200, errors("Order does not exist or you need access"), NotFound, NotFound),
    (200, errors("You do not have permission"), Misconfigured, Misconfigured),
    (200, errors("Internal server error"), ProviderUnavailable, OutcomeUnknown),
    (200, errors("Request timed out"), ProviderUnavailable, OutcomeUnknown),
    (200, {"data": {"order": {"id": "1"}}, "errors": [{"message": "x"}]}, BadRequest, BadRequest),
]


@pytest.mark.parametrize(("status", "body", "on_read", "on_write"), TABLE)
def test_answers(
    status: int, body: Any, on_read: type[ConnectorError], on_write: type[ConnectorError]
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = httpx.Response(status, content=content)
    for write, expected in ((False, on_read), (True, on_write)):
        with pytest.raises(ConnectorError) as caught:
            data_of(answer, "order", write)
        assert type(caught.value) is expected
        assert PRIVATE not in str(caught.value)


def test_pauses() -> None:
    def pause(status: int, body: Any, **headers: str) -> Decimal | None:
        answer = httpx.Response(status, json=body, headers=headers)
        with pytest.raises(RateLimited) as caught:
            data_of(answer, "order", False)
        return caught.value.retry_after_seconds

    assert pause(200, errors("API limit reached, please wait 1500 ms")) == Decimal("1.5")
    assert pause(200, errors("API limit exceeded; wait: 20ms")) == Decimal("0.02")
    assert pause(200, errors("API limit")) is None
    assert pause(429, {}, **{"retry-after": "7"}) == 7
    assert pause(429, {}, **{"retry-after": "Mon, 05 Jan 2026 00:00:00 GMT"}) is None


def test_unknown_field_is_named() -> None:
    answer = httpx.Response(200, json=errors('Cannot query field "address" on type "Client".'))
    with pytest.raises(BadRequest, match="address"):
        data_of(answer, "client", False)


@pytest.mark.parametrize(
    ("error", "on_read", "on_write"),
    [
        (httpx.ConnectError("x"), ProviderUnavailable, ProviderUnavailable),
        (httpx.ConnectTimeout("x"), ProviderUnavailable, ProviderUnavailable),
        (httpx.PoolTimeout("x"), ProviderUnavailable, ProviderUnavailable),
        (httpx.ReadTimeout("x"), ProviderUnavailable, OutcomeUnknown),
        (httpx.WriteTimeout("x"), ProviderUnavailable, OutcomeUnknown),
        (httpx.ReadError("x"), ProviderUnavailable, OutcomeUnknown),
        (httpx.WriteError("x"), ProviderUnavailable, OutcomeUnknown),
        (httpx.RemoteProtocolError("x"), ProviderUnavailable, OutcomeUnknown),
    ],
)
def test_no_answer(
    error: httpx.TransportError, on_read: type[ConnectorError], on_write: type[ConnectorError]
) -> None:
    assert type(unanswered("order", error, False)) is on_read
    assert type(unanswered("order", error, True)) is on_write


def test_an_answer_of_another_form() -> None:
    def broken() -> str:
        return str({}["id"])

    with pytest.raises(BadRequest):
        readable("order", broken)
    with pytest.raises(OutcomeUnknown):
        readable("createClientNote", broken, write=True)


def order(**changes: Any) -> dict[str, Any]:
    return {
        "id": "urn:blvd:Order:1",
        "clientId": "urn:blvd:Client:1",
        "locationId": "urn:blvd:Location:1",
        "createdAt": "2026-01-05T10:00:00Z",
        "closedAt": None,
        "lineGroups": [],
        "feeLines": [],
        "summary": {"currentTotal": 0, "currentTaxAmount": 0},
        "paymentGroups": [],
    } | changes


def test_unknown_types_keep_their_name_and_are_not_money() -> None:
    part = {
        "__typename": "OrderCryoLine",
        "id": "l1",
        "quantity": 1,
        "currentSubtotal": 900,
        "currentDiscountAmount": 0,
    }
    payment = {"__typename": "OrderBarterPayment", "id": "p1", "paidAmount": 500}
    groups = [{"totalUnpaid": 400, "payments": [payment]}]
    unknown = order(lineGroups=[{"lines": [part]}], paymentGroups=groups)
    visit = visit_of(unknown, None, "USD")
    assert [(one.kind, one.code, one.subtotal_cents) for one in visit.lines] == [
        ("other", "OrderCryoLine", 900)
    ]
    assert [(one.kind, one.amount_cents) for one in visit.payments] == [("unknown", 500)]
    assert visit.unpaid_cents == 400
    assert visit.service_at == datetime(2026, 1, 5, 10, tzinfo=UTC)


def test_provider_is_the_selected_one() -> None:
    providers = [
        {"selected": False, "staff": {"id": "s1"}},
        {"selected": True, "staff": None},
        {"selected": True, "staff": {"id": "s2"}},
    ]
    part = {
        "__typename": "OrderServiceLine",
        "id": "l1",
        "serviceId": "v",
        "quantity": 1,
        "currentSubtotal": 1,
        "currentDiscountAmount": 0,
    }

    def provider(*some: dict[str, Any]) -> str | None:
        lines = [part | {"providers": list(some)}]
        return visit_of(order(lineGroups=[{"lines": lines}]), None, "USD").lines[0].provider_ref

    assert provider(*providers) == "s2"
    assert provider(*providers[:2]) == "s1"
    assert provider() is None


@pytest.mark.parametrize("value", [Decimal("1.5"), "1", None, True])
def test_money_is_an_integer(value: Any) -> None:
    with pytest.raises(ValueError, match="Money"):
        cents(value)


@pytest.mark.parametrize(
    ("value", "text"), [(50, "50"), (Decimal("50.0"), "50"), (Decimal("0.50"), "0.5"), (-1, "-1")]
)
def test_quantity_has_one_spelling(value: Any, text: str) -> None:
    assert str(quantity(value)) == text


@pytest.mark.parametrize("value", [1.5, "1", None, True])
def test_quantity_is_exact(value: Any) -> None:
    with pytest.raises(ValueError, match="quantity"):
        quantity(value)


def test_a_time_needs_an_offset() -> None:
    with pytest.raises(ValueError, match="offset"):
        instant("2026-01-05T10:00:00")


def test_the_last_page_has_no_cursor() -> None:
    def cursor(more: bool) -> str | None:
        page = {"hasNextPage": more, "endCursor": "c"}
        return closings_of({"orders": {"edges": [], "pageInfo": page}}).next_cursor

    assert (cursor(True), cursor(False)) == ("c", None)


def over(handle: Callable[[dict[str, Any]], httpx.Response]) -> Boulevard:
    """A connector whose requests a function answers; for accounts that the twin is not like."""
    connector = Boulevard(business_id="b", api_key="k", api_secret="c2VjcmV0", app_id="a")
    connector._transport = httpx.MockTransport(lambda asked: handle(json.loads(asked.content)))
    return connector


async def test_an_account_without_client_addresses() -> None:
    asked: list[str] = []

    def handle(body: dict[str, Any]) -> httpx.Response:
        asked.append(body["query"])
        if "address" in body["query"]:
            return httpx.Response(200, json=errors('Cannot query field "address" on type "Client"'))
        client = {"id": "urn:blvd:Client:1", "firstName": "Ana", "lastName": None, "email": None}
        client |= {"mobilePhone": None, "dob": None}
        return httpx.Response(200, json={"data": {"client": client}})

    boulevard = over(handle)
    for _ in range(2):
        client = await boulevard.read_client("1")
        assert not isinstance(client, Refused)
        assert (client.first_name, client.last_name, client.postal_code) == ("Ana", "", None)
    assert len(asked) == 3


async def test_a_sale_without_a_client_is_no_case() -> None:
    boulevard = over(lambda _: httpx.Response(200, json={"data": {"order": order(clientId=None)}}))
    assert await boulevard.read_visit("1") == Refused(code="order_without_client", kind="not_found")


async def test_an_order_of_another_form_is_a_defect() -> None:
    boulevard = over(lambda _: httpx.Response(200, json={"data": {"order": {"clientId": "1"}}}))
    with pytest.raises(BadRequest, match="unexpected form"):
        await boulevard.read_visit("1")
