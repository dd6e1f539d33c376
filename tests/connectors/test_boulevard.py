"""The Boulevard connector against the twin over real HTTP, on good days and bad ones."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.pms.boulevard import Boulevard
from connectors.ports import (
    ConnectorError,
    Misconfigured,
    OutcomeUnknown,
    PmsPort,
    PmsTenders,
    PmsVisit,
    ProviderUnavailable,
    RateLimited,
    Refused,
)
from tests.connectors.boulevard_twin import (
    INJECTOR,
    LOCATION,
    SERUM,
    TOXIN,
    Practice,
    connect,
    line,
)
from tests.sandbox_fixture import free_port

REF = "TO-ABCDEFGHIJKLMNOP"
VISIT = "55555555-0000-4000-8000-000000000001"


def bare(urn: str) -> str:
    return urn.rsplit(":", 1)[1]


def notes(practice: Practice, client: str) -> list[str]:
    stored = practice.box.state.get("boulevard_Client", client)
    assert stored is not None
    return [note["text"] for note in stored["notes"]]


def calls(practice: Practice) -> list[str]:
    return [call["operation"] for call in practice.box.state.list("call")]


async def read(boulevard: Boulevard, order_id: str) -> PmsVisit:
    visit = await boulevard.read_visit(bare(order_id))
    assert isinstance(visit, PmsVisit)
    return visit


def test_is_a_pms_port(practice: Practice) -> None:
    port: PmsPort = connect(practice)
    assert port.name == "boulevard"
    assert port.capabilities.writes_payments is False
    assert port.capabilities.writes_notes is True


async def test_reads_a_visit(practice: Practice, boulevard: Boulevard) -> None:
    client = practice.client()
    order = practice.order(client, gratuity=1000, fees=[{"label": "Room", "amountCents": 200}])
    practice.post(f"/orders/{order['orderId']}/complete", closedAt="2026-01-08T17:00:00Z")
    visit = await read(boulevard, order["orderId"])
    assert visit.visit_id == bare(order["orderId"])
    assert visit.client_ref == client
    assert visit.location_ref == LOCATION
    assert visit.appointment_ref == order["appointmentId"]
    assert visit.currency == "USD"
    assert visit.service_at == datetime(2026, 1, 8, 16, 30, tzinfo=UTC)
    assert visit.closed_at == datetime(2026, 1, 8, 17, tzinfo=UTC)
    assert visit.cancelled is False
    assert (visit.total_cents, visit.unpaid_cents, visit.tax_cents) == (73561, 73561, 561)
    assert [(part.kind, part.code, part.quantity) for part in visit.lines] == [
        ("service", TOXIN, Decimal(50)),
        ("tip", "OrderGratuityLine", Decimal(1)),
        ("product", SERUM, Decimal(1)),
        ("fee", "Room", Decimal(1)),
    ]
    assert [part.subtotal_cents for part in visit.lines] == [65000, 1000, 6800, 200]
    assert visit.lines[0].provider_ref == INJECTOR
    assert calls(practice) == ["order", "appointment"]


async def test_reads_the_tenders_alone_in_one_call(
    practice: Practice, boulevard: Boulevard
) -> None:
    order = practice.order(practice.client())
    practice.post(f"/orders/{order['orderId']}/payments", kind="cash", amountCents=1000)
    practice.desk.put("/settings", json={"bucketPoints": 20, "leakPointsPerSecond": 1})
    tenders = await boulevard.read_tenders(bare(order["orderId"]))
    assert calls(practice) == ["order"]
    practice.desk.put("/settings", json={"bucketPoints": 1000, "leakPointsPerSecond": 1})
    visit = await read(boulevard, order["orderId"])
    assert isinstance(tenders, PmsTenders)
    assert tenders.payments == visit.payments
    assert (tenders.unpaid_cents, visit.unpaid_cents) == (71361, 71361)
    assert [(tender.kind, tender.amount_cents) for tender in tenders.payments] == [("cash", 1000)]
    missing = await boulevard.read_tenders(VISIT)
    assert isinstance(missing, Refused)
    assert missing.kind == "not_found"


async def test_a_half_unit_is_exact(practice: Practice, boulevard: Boulevard) -> None:
    part = line("service", TOXIN, 12.5, 1301, discountCents=100)
    order = practice.order(lines=[part])
    visit = await read(boulevard, order["orderId"])
    assert str(visit.lines[0].quantity) == "12.5"
    assert visit.lines[0].subtotal_cents == 16263 - 100
    assert visit.lines[0].discount_cents == 100


async def test_unknown_lines_and_credits_hold(practice: Practice, boulevard: Boulevard) -> None:
    kinds = ["OrderGiftCardLine", "OrderAccountCreditLine", "OrderProductCardLine"]
    order = practice.order(lines=[line(kind, "x", 1, 5000) for kind in kinds])
    visit = await read(boulevard, order["orderId"])
    assert [(part.kind, part.code) for part in visit.lines] == [("other", kind) for kind in kinds]


async def test_a_retail_sale_counts_from_its_closing(
    practice: Practice, boulevard: Boulevard
) -> None:
    serum = [line("product", SERUM, 1, 6800)]
    order = practice.order(lines=serum, closedAt="2026-01-09T12:00:00Z")
    visit = await read(boulevard, order["orderId"])
    assert visit.appointment_ref is None
    assert visit.service_at == visit.closed_at == datetime(2026, 1, 9, 12, tzinfo=UTC)
    assert calls(practice) == ["order"]


async def test_an_open_order_is_not_closed(practice: Practice, boulevard: Boulevard) -> None:
    order = practice.order(startAt="2026-01-08T10:30:00-06:00")
    practice.post(f"/orders/{order['orderId']}/complete", events=["APPOINTMENT_COMPLETED"])
    visit = await read(boulevard, order["orderId"])
    assert visit.closed_at is None
    assert visit.service_at == datetime(2026, 1, 8, 16, 30, tzinfo=UTC)


async def test_payments_by_kind(practice: Practice, boulevard: Boulevard) -> None:
    order = practice.order()
    path = f"/orders/{order['orderId']}/payments"
    kinds = ["card", "cash", "gift_card", "account_credit", "voucher", "product_card"]
    paid = [practice.post(path, kind=kind, amountCents=100 + n) for n, kind in enumerate(kinds)]
    practice.post(path, kind="other", amountCents=200, note="Wire 77", label="Wire")
    practice.post(path, kind="other", amountCents=300, label="Check")
    refund = {"paymentId": paid[0]["paymentId"], "amountCents": 40}
    practice.post(f"/orders/{order['orderId']}/refunds", **refund)
    visit = await read(boulevard, order["orderId"])
    seen = [(one.kind, one.amount_cents, one.refunded_cents, one.note) for one in visit.payments]
    assert seen == [
        ("card", 100, 40, None),
        *[(kind, 101 + n, 0, None) for n, kind in enumerate(kinds[1:])],
        ("other", 200, 0, "Wire 77"),
        ("other", 300, 0, "Check"),
    ]
    assert [one.payment_id for one in visit.payments][:6] == [one["paymentId"] for one in paid]
    assert visit.unpaid_cents == visit.total_cents - sum(one.amount_cents for one in visit.payments)


async def test_cancelled_and_amended(practice: Practice, boulevard: Boulevard) -> None:
    order = practice.order()
    first = await read(boulevard, order["orderId"])
    assert (await read(boulevard, order["orderId"])).raw_sha256 == first.raw_sha256
    lines = [line("service", TOXIN, 40, 1300)]
    practice.post(f"/orders/{order['orderId']}/amend", lines=lines)
    amended = await read(boulevard, order["orderId"])
    assert amended.raw_sha256 != first.raw_sha256
    assert amended.total_cents == 52000
    practice.post(f"/orders/{order['orderId']}/cancel")
    assert (await read(boulevard, order["orderId"])).cancelled is True


async def test_missing_objects_are_refused(practice: Practice, boulevard: Boulevard) -> None:
    visit = await boulevard.read_visit(VISIT)
    assert visit == Refused(code="no_such_order", kind="not_found")
    client = await boulevard.read_client("urn:blvd:Client:nobody")
    assert client == Refused(code="no_such_client", kind="not_found")
    assert await boulevard.visit_of_appointment("urn:blvd:Appointment:none") is None
    for search in (True, False):
        note = await boulevard.write_note("urn:blvd:Client:nobody", "x", REF, search=search)
        assert note == Refused(code="no_such_client", kind="not_found")


async def test_reads_a_client(practice: Practice, boulevard: Boulevard) -> None:
    full = await boulevard.read_client(practice.client())
    assert not isinstance(full, Refused)
    assert (full.first_name, full.last_name, full.email) == ("Ana", "Test", "ana@example.test")
    assert (full.phone_e164, full.birth_date, full.postal_code) == (
        "+15555550100",
        "1990-02-03",
        "78701",
    )
    bare_bones = practice.client(email="", mobilePhone="555-0100", dob=None, zip=None)
    sparse = await boulevard.read_client(bare(bare_bones))
    assert not isinstance(sparse, Refused)
    assert sparse.client_ref == bare_bones
    assert (sparse.email, sparse.phone_e164, sparse.birth_date, sparse.postal_code) == (
        None,
        None,
        None,
        None,
    )


async def test_finds_the_visit_of_an_appointment(practice: Practice, boulevard: Boulevard) -> None:
    order = practice.order()
    assert await boulevard.visit_of_appointment(order["appointmentId"]) == bare(order["orderId"])


async def test_a_note_is_left_once(practice: Practice, boulevard: Boulevard) -> None:
    client = practice.client()
    first = await boulevard.write_note(client, "Paid by link.", REF)
    assert await boulevard.write_note(client, "Paid by link.", REF) == first
    other = await boulevard.write_note(client, "See TO-OTHER.", "TO-OTHER")
    assert other != first
    assert notes(practice, client) == [f"Paid by link. [{REF}]", "See TO-OTHER."]


async def test_tenders_and_note_are_read_in_one_call(
    practice: Practice, boulevard: Boulevard
) -> None:
    client = practice.client()
    order = bare(practice.order(client)["orderId"])
    tenders, is_noted = await boulevard.read_before_note(order, client, REF)
    assert (tenders, is_noted) == (await boulevard.read_tenders(order), False)
    assert calls(practice) == ["order,client", "order"]
    await boulevard.write_note(client, "Paid by link.", REF, search=False)
    assert calls(practice)[2:] == ["createClientNote"]
    assert await boulevard.read_before_note(order, client, REF) == (tenders, True)
    assert notes(practice, client) == [f"Paid by link. [{REF}]"]


async def test_tenders_are_read_where_the_note_is_not(
    practice: Practice, boulevard: Boulevard
) -> None:
    order = bare(practice.order(practice.client())["orderId"])
    tenders, is_noted = await boulevard.read_before_note(order, "nobody", REF)
    assert (tenders, is_noted) == (await boulevard.read_tenders(order), None)
    missing, is_noted = await boulevard.read_before_note(VISIT, practice.client(), REF)
    assert isinstance(missing, Refused)
    assert is_noted is None


@pytest.mark.parametrize("filterable", [True, False])
async def test_sweep_finds_the_window(
    practice: Practice, boulevard: Boulevard, monkeypatch: pytest.MonkeyPatch, filterable: bool
) -> None:
    monkeypatch.setattr("connectors.pms.boulevard.PAGE_SIZE", 2)
    practice.desk.put("/settings", json={"ordersFilter": filterable})
    client = practice.client()
    start = datetime(2026, 1, 5, tzinfo=UTC)
    times = [start + timedelta(hours=hours) for hours in (-48, -24, -1, 0, 5, 23, 24, 30)]
    orders = [practice.order(client, closedAt=at.isoformat())["orderId"] for at in times]
    practice.order(client)
    found = await boulevard.visits_closed(LOCATION, start, start + timedelta(days=1))
    assert sorted(found) == sorted(bare(id) for id in orders[3:6])
    pages = calls(practice).count("orders")
    # Without the filter: one refusal, then pages until one is wholly older than the window.
    assert pages == (2 if filterable else 5)
    assert await boulevard.visits_closed("elsewhere", start, start + timedelta(days=1)) == []


@pytest.mark.parametrize("size", [1, 50])
async def test_money_taken_after_the_visit_shows_by_the_last_change(
    practice: Practice, boulevard: Boulevard, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("connectors.pms.boulevard_money.PAGE_SIZE", size)
    client = practice.client()
    old = [practice.order(client, closedAt="2026-01-05T10:00:00Z")["orderId"] for _ in range(3)]
    since = datetime.now(UTC)
    assert await boulevard.tenders_touched(LOCATION, since) == {}
    for order in old[:2]:
        practice.post(f"/orders/{order}/payments", kind="cash", amountCents=500)
    found = await boulevard.tenders_touched(LOCATION, since)
    assert found is not None
    assert found.keys() == {bare(order) for order in old[:2]}
    for order in old[:2]:
        assert found[bare(order)] == await boulevard.read_tenders(order)
    assert await boulevard.tenders_touched("elsewhere", since) == {}


async def test_a_refused_filter_is_an_answer(practice: Practice, boulevard: Boulevard) -> None:
    practice.desk.put("/settings", json={"ordersFilter": False})
    assert await boulevard.tenders_touched(LOCATION, datetime.now(UTC)) is None


def reading(boulevard: Boulevard, client: str) -> Awaitable[Any]:
    return boulevard.read_client(client)


def writing(boulevard: Boulevard, client: str) -> Awaitable[Any]:
    return boulevard.write_note(client, "Paid by link.", REF)


FAULTS = [
    ("client", reading, "rate_limit", RateLimited),
    ("client", reading, "error_before", ProviderUnavailable),
    ("client", reading, "error_after", ProviderUnavailable),
    ("client", reading, "timeout_before", ProviderUnavailable),
    ("client", reading, "timeout_after", ProviderUnavailable),
    ("client", reading, "reset_before", ProviderUnavailable),
    ("client", reading, "reset_after", ProviderUnavailable),
    ("createClientNote", writing, "rate_limit", RateLimited),
    ("createClientNote", writing, "error_before", OutcomeUnknown),
    ("createClientNote", writing, "error_after", OutcomeUnknown),
    ("createClientNote", writing, "timeout_before", OutcomeUnknown),
    ("createClientNote", writing, "timeout_after", OutcomeUnknown),
    ("createClientNote", writing, "reset_before", OutcomeUnknown),
    ("createClientNote", writing, "reset_after", OutcomeUnknown),
]


@pytest.mark.parametrize(("operation", "act", "kind", "expected"), FAULTS)
async def test_faults_and_the_call_after(
    practice: Practice,
    operation: str,
    act: Callable[[Boulevard, str], Awaitable[Any]],
    kind: str,
    expected: type[ConnectorError],
) -> None:
    boulevard = connect(practice, timeout_seconds=0.3)
    client = practice.client()
    practice.fault(operation, kind, seconds=0.8)
    with pytest.raises(expected) as caught:
        await act(boulevard, client)
    assert type(caught.value) is expected
    assert "Paid by link" not in str(caught.value)
    if kind.startswith("timeout"):
        await asyncio.sleep(0.8)
    await act(boulevard, client)
    expected_notes = [f"Paid by link. [{REF}]"] if act is writing else []
    assert notes(practice, client) == expected_notes
    await boulevard.aclose()


async def test_the_api_limit_names_its_wait(practice: Practice, boulevard: Boulevard) -> None:
    order = practice.order()
    practice.desk.put("/settings", json={"bucketPoints": 60, "leakPointsPerSecond": 1})
    await boulevard.read_visit(bare(order["orderId"]))
    with pytest.raises(RateLimited) as caught:
        await boulevard.read_visit(bare(order["orderId"]))
    pause = caught.value.retry_after_seconds
    assert pause is not None
    assert 0 < pause < 60


async def test_nobody_listening_is_unavailable(practice: Practice) -> None:
    boulevard = connect(practice, base_url=f"http://127.0.0.1:{free_port()}/")
    client = practice.client()
    with pytest.raises(ProviderUnavailable):
        await boulevard.read_client(client)
    with pytest.raises(ProviderUnavailable):
        await boulevard.write_note(client, "x", REF)
    await boulevard.aclose()


@pytest.mark.parametrize(
    "changes",
    [
        {"api_key": "other"},
        {"api_secret": "b3RoZXI="},
        {"business_id": "other"},
        {"clock": lambda: datetime.now(UTC) - timedelta(minutes=6)},
        {"clock": lambda: datetime.now(UTC) + timedelta(minutes=6)},
    ],
)
async def test_bad_credentials_are_for_an_operator(
    practice: Practice, changes: dict[str, Any]
) -> None:
    boulevard = connect(practice, **changes)
    with pytest.raises(Misconfigured):
        await boulevard.read_client("urn:blvd:Client:any")
    await boulevard.aclose()


async def test_a_secret_that_is_not_base64_is_refused_at_once(practice: Practice) -> None:
    with pytest.raises(Misconfigured) as caught:
        connect(practice, api_secret="not base64!")
    assert "not base64!" not in str(caught.value)


async def test_accepts_ids_as_urns(practice: Practice) -> None:
    held = practice.box.credentials
    business = f"urn:blvd:Business:{held['boulevard_business_id']}"
    boulevard = connect(practice, business_id=business)
    order = practice.order()
    assert isinstance(await boulevard.read_visit(order["orderId"]), PmsVisit)
    await boulevard.aclose()


async def test_the_next_booking_lies_ahead_and_is_neither_cancelled_nor_done(
    practice: Practice,
) -> None:
    client, other = practice.client(), practice.client(email="other@example.test")
    for starts in ("2026-03-01", "2026-05-01", "2026-04-01"):
        practice.order(client, startAt=f"{starts}T16:30:00+00:00")
    practice.order(other, startAt="2026-03-20T16:30:00+00:00")
    gone = practice.order(client, startAt="2026-03-15T16:30:00+00:00")
    practice.post(f"/orders/{bare(gone['orderId'])}/cancel")
    done = practice.order(client, startAt="2026-03-16T16:30:00+00:00")
    practice.post(f"/orders/{bare(done['orderId'])}/complete")
    boulevard = connect(practice)
    now = datetime(2026, 3, 5, tzinfo=UTC)
    found = await boulevard.next_booking(client, LOCATION, now)
    assert found == datetime(2026, 4, 1, 16, 30, tzinfo=UTC)
    later = datetime(2026, 6, 1, tzinfo=UTC)
    assert await boulevard.next_booking(client, LOCATION, later) is None
