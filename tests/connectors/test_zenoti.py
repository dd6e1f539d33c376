"""Zenoti: the connector against a served organisation, and the proof of its events."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from connectors.pms.zenoti import Zenoti
from connectors.pms.zenoti_shapes import cents, client_of, instant
from connectors.ports import (
    BadRequest,
    Misconfigured,
    OutcomeUnknown,
    PmsClient,
    PmsVisit,
    ProviderUnavailable,
    RateLimited,
    Refused,
    SignatureRefused,
)
from sandbox.box import Box
from sandbox.faults import Fault
from sandbox.zenoti import zenoti_app, zenoti_control
from tests.sandbox_fixture import new_box, serve

SECRET = "zenoti-test-secret"
CENTER = "cccccccc-0000-4000-8000-000000000001"
LASER = "ffffffff-0000-4000-8000-000000000001"
NOW = datetime(2026, 11, 5, 18, 0, tzinfo=UTC)


class Organisation:
    """A served organisation, and what it called back."""

    def __init__(self, box: Box) -> None:
        self.box, self.url = box, ""
        self.hooks: list[tuple[bytes, dict[str, str]]] = []
        # Plain HTTP: reading the certificates would cost more than every call.
        self._http = httpx.Client(verify=False)

    def desk(self, verb: str, **body: Any) -> Any:
        answer = self._http.post(f"{self.url}/_control/zenoti/{verb}", json=body)
        answer.raise_for_status()
        return answer.json()

    def guest(self) -> str:
        person = {"first_name": "Ana", "last_name": "Test", "email": "ana@example.test"}
        more = {"number": "5125550100", "date_of_birth": "1990-04-02T00:00:00"}
        made = self.desk("guests", center_id=CENTER, postal_code="78701", **person, **more)
        return str(made["id"])

    def appointment(self, guest_id: str, at: datetime, **more: Any) -> tuple[str, str]:
        body = {"center_id": CENTER, "service_id": LASER, "price": 320, **more}
        made = self.desk("appointments", guest_id=guest_id, starts_at=at.isoformat(), **body)
        return made["id"], made["invoice_id"]

    def fault(self, **rule: Any) -> None:
        self.box.faults.add(Fault(vendor="zenoti", **rule))


@pytest.fixture
def org() -> Iterator[Organisation]:
    box = new_box({"zenoti_api_key": "key", "zenoti_webhook_secret": SECRET})
    made = Organisation(box)

    async def hook(request: Request) -> Response:
        made.hooks.append((await request.body(), dict(request.headers)))
        return Response(status_code=204)

    routes = [
        Mount("/_control/zenoti", zenoti_control(box)),
        Route("/hook", hook, methods=["POST"]),
    ]
    with serve(Starlette(routes=[*routes, Mount("/zenoti", zenoti_app(box))])) as url:
        made.url = url
        box.webhook_urls["zenoti"] = f"{url}/hook"
        yield made


@pytest.fixture
async def zenoti(org: Organisation) -> AsyncIterator[Zenoti]:
    made = Zenoti(base_url=f"{org.url}/zenoti", api_key="key", webhook_secret=SECRET)
    yield made
    await made.aclose()


async def test_a_closed_invoice_is_a_visit(org: Organisation, zenoti: Zenoti) -> None:
    guest = org.guest()
    appointment, invoice = org.appointment(guest, NOW, quantity=2, price=640)
    assert (await visit(zenoti, invoice)).closed_at is None
    org.desk(f"invoices/{invoice}/complete", redeemed=True)
    found = await visit(zenoti, invoice)
    assert (found.visit_id, found.client_ref, found.location_ref) == (invoice, guest, CENTER)
    assert (found.service_at, found.appointment_ref) == (NOW, appointment)
    assert (found.total_cents, found.unpaid_cents, found.tax_cents) == (64_000, 0, 0)
    [line] = found.lines
    assert (line.kind, line.code, line.quantity) == ("service", LASER, Decimal(2))
    [payment] = found.payments
    assert (payment.kind, payment.amount_cents) == ("voucher", 64_000)
    assert await zenoti.visit_of_appointment(appointment) == invoice
    assert (await visit(zenoti, invoice)).raw_sha256 == found.raw_sha256


async def visit(zenoti: Zenoti, visit_id: str) -> PmsVisit:
    found = await zenoti.read_visit(visit_id)
    assert isinstance(found, PmsVisit)
    return found


async def test_what_is_new_to_us_keeps_its_name_and_no_money_is_guessed(
    org: Organisation, zenoti: Zenoti
) -> None:
    _, invoice = org.appointment(org.guest(), NOW, type=3)
    org.desk(f"invoices/{invoice}/pay", payment_type="BITCOIN", amount=20)
    found = await visit(zenoti, invoice)
    assert [(line.kind, line.code) for line in found.lines] == [("other", "type-3")]
    assert [payment.kind for payment in found.payments] == ["unknown"]
    tenders = await zenoti.read_tenders(invoice)
    assert not isinstance(tenders, Refused)
    assert tenders.unpaid_cents == 30_000


async def test_the_next_booking_is_ahead_and_stands(org: Organisation, zenoti: Zenoti) -> None:
    guest = org.guest()
    assert await zenoti.next_booking(guest, CENTER, NOW) is None
    _, done = org.appointment(guest, NOW + timedelta(days=1))
    org.desk(f"invoices/{done}/complete", redeemed=True)
    cancelled, _ = org.appointment(guest, NOW + timedelta(days=2))
    org.desk(f"appointments/{cancelled}/cancel")
    org.appointment(guest, NOW - timedelta(hours=1))
    assert await zenoti.next_booking(guest, CENTER, NOW) is None
    for days in (9, 5):
        org.appointment(guest, NOW + timedelta(days=days))
    assert await zenoti.next_booking(guest, CENTER, NOW) == NOW + timedelta(days=5)


async def test_every_page_is_read(org: Organisation, zenoti: Zenoti) -> None:
    guest = org.guest()
    for hours in range(101):
        org.appointment(guest, NOW + timedelta(days=3, hours=-hours / 4))
    assert await zenoti.next_booking(guest, CENTER, NOW) == NOW + timedelta(days=2, hours=-1)


async def test_the_sweep_reads_windows_of_seven_days(org: Organisation, zenoti: Zenoti) -> None:
    guest = org.guest()
    wanted = []
    for days in (0, 8, 15):
        _, invoice = org.appointment(guest, NOW + timedelta(days=days))
        org.desk(f"invoices/{invoice}/complete", redeemed=True)
        wanted.append(invoice)
    org.appointment(guest, NOW + timedelta(days=3))
    since, until = NOW - timedelta(days=1), NOW + timedelta(days=16)
    assert await zenoti.visits_closed(CENTER, since, until) == wanted
    assert await zenoti.visits_closed("another", since, until) == []


async def test_a_guest_s_contact(org: Organisation, zenoti: Zenoti) -> None:
    found = await zenoti.read_client(org.guest())
    assert isinstance(found, PmsClient)
    assert (found.phone_e164, found.birth_date) == ("+15125550100", "1990-04-02")
    assert isinstance(await zenoti.read_client("nobody"), Refused)


async def test_a_note_is_left_once(org: Organisation, zenoti: Zenoti) -> None:
    guest = org.guest()
    first = await zenoti.write_note(guest, "paid", "FU-1")
    assert await zenoti.write_note(guest, "paid", "FU-1") == first
    org.fault(operation="notes", kind="reset_after", skip=1)
    with pytest.raises(OutcomeUnknown):
        await zenoti.write_note(guest, "paid", "FU-2")
    again = await zenoti.write_note(guest, "paid", "FU-2")
    assert len(org.box.state.list("zenoti_note")) == 2
    assert again != first


async def test_a_note_for_a_guest_who_is_gone_is_refused(org: Organisation, zenoti: Zenoti) -> None:
    refused = Refused(code="404", kind="not_found")
    for search in (True, False):
        assert await zenoti.write_note("nobody", "paid", "FU-1", search=search) == refused
    assert org.box.state.list("zenoti_note") == []


async def test_refusals_are_in_the_house_s_words(org: Organisation, zenoti: Zenoti) -> None:
    org.box.state.put("setting", "zenoti_limit", {"per_minute": 1})
    await zenoti.read_client("nobody")
    with pytest.raises(RateLimited) as limited:
        await zenoti.read_client("nobody")
    assert limited.value.retry_after_seconds is not None
    org.box.state.put("setting", "zenoti_limit", {"per_minute": 1000})
    org.fault(operation="guest", kind="error_before", status=503)
    with pytest.raises(ProviderUnavailable):
        await zenoti.read_client("nobody")
    stranger = Zenoti(base_url=f"{org.url}/zenoti", api_key="no", webhook_secret=SECRET)
    with pytest.raises(Misconfigured):
        await stranger.read_client("nobody")
    await stranger.aclose()


async def test_its_events_are_signed_and_only_the_closed_one_opens_a_visit(
    org: Organisation, zenoti: Zenoti
) -> None:
    _, invoice = org.appointment(org.guest(), NOW)
    org.desk(f"invoices/{invoice}/complete", redeemed=True)
    for _ in range(200):
        if len(org.hooks) == 3:
            break
        await asyncio.sleep(0.01)
    told = [zenoti.verify(raw, headers, NOW) for raw, headers in org.hooks]
    hints = [zenoti.hint(event.event_type, event.body) for event in told]
    opened = [hint for hint in hints if hint is not None]
    assert [(hint.visit_id, hint.location_ref) for hint in opened] == [(invoice, CENTER)]
    assert len({event.event_id for event in told}) == 3
    raw, headers = org.hooks[0]
    with pytest.raises(SignatureRefused):
        zenoti.verify(raw + b" ", headers, NOW)


VECTOR = b'{"event_type":"Invoice.Closed","data":{}}'
DIGITS = (
    "64-AB-CD-C1-E2-F6-2F-01-29-AD-4C-52-8B-4D-52-3C-"
    "FD-BC-27-41-EB-8D-D6-88-7F-5B-8F-83-FD-F1-26-06"
)


@pytest.fixture(scope="module")
def known() -> Zenoti:
    return Zenoti(base_url="http://127.0.0.1:1", api_key="k", webhook_secret=SECRET)


@pytest.mark.parametrize("prefix", ["sha256 =", "sha256=", ""])
def test_the_vector_verifies_however_it_is_prefixed(known: Zenoti, prefix: str) -> None:
    event = known.verify(VECTOR, {"Zenoti-Webhook-Signature": prefix + DIGITS}, NOW)
    assert (event.source, event.event_type, event.occurred_at) == ("zenoti", "Invoice.Closed", NOW)


@pytest.mark.parametrize("header", ["", "sha256 =", "sha256 =" + DIGITS[:-1] + "7", "é"])
def test_any_other_signature_is_refused(known: Zenoti, header: str) -> None:
    with pytest.raises(SignatureRefused):
        known.verify(VECTOR, {"zenoti-webhook-signature": header}, NOW)


def test_an_empty_secret_signs_nothing() -> None:
    bare = Zenoti(base_url="http://127.0.0.1:1", api_key="k", webhook_secret="")
    with pytest.raises(SignatureRefused):
        bare.verify(VECTOR, {"zenoti-webhook-signature": "sha256 =" + DIGITS}, NOW)


def test_an_event_without_an_invoice_is_a_fault(known: Zenoti) -> None:
    closed = json.loads(VECTOR)
    with pytest.raises(BadRequest):
        known.hint("Invoice.Closed", closed)
    assert known.hint("Guest.Updated", closed) is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-01-05T18:22:43.3847049Z", datetime(2026, 1, 5, 18, 22, 43, 384704, tzinfo=UTC)),
        ("2026-01-05T08:00:00", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("2026-01-05T08:00:00-06:00", datetime(2026, 1, 5, 14, tzinfo=UTC)),
    ],
)
def test_instants(written: str, meant: datetime) -> None:
    assert instant(written) == meant


def test_amounts_are_exact() -> None:
    assert (cents(488), cents(Decimal("12.34"))) == (48_800, 1234)
    for wrong in (Decimal("0.001"), "12", True, None):
        with pytest.raises(ValueError, match="amount"):
            cents(wrong)


@pytest.mark.parametrize(
    ("given", "phone"),
    [
        ("+1 5555550100", "+15555550100"),
        ({"phone_code": 1, "number": "(512) 555-0100"}, "+15125550100"),
        ({"phone_code": None, "number": "5125550100"}, None),
        (None, None),
    ],
)
def test_phones(given: Any, phone: str | None) -> None:
    guest = {"id": "g", "personal_info": {"mobile_phone": given}}
    assert client_of(guest).phone_e164 == phone
