"""Bounces tell the case and stop the address; complaints end e-mail; nobody else can say so."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import httpx
import pytest

from activities.intake import Intake
from connectors.messaging.mail_reports import MailReports
from domain.case import Channel, DeliveryFailed
from sandbox.mail_reports import signed_headers
from starter.web import build_web
from store import clients, consents, touchpoints
from store.clients import Contact
from store.db import transaction
from store.touchpoints import Touchpoint
from tests.connectors.test_mail_reports import bounce
from tests.web.conftest import BASE_URL, World, add_client

SECRET = "shared"
NOW = datetime(2026, 11, 5, 18, 0, tzinfo=UTC)


@pytest.fixture
async def relay(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The application with the relay's reports set up; answers when all is dispatched."""
    port = MailReports(SECRET)
    wired = world.wiring
    intake = Intake(
        wired.pool, wired.vault, wired.pms, wired.processor, wired.text, wired.engine, (), port
    )
    app = build_web(replace(wired, mail_reports=port, intake=intake))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
        http.app = app  # type: ignore[attr-defined]
        yield http


async def post(relay: httpx.AsyncClient, raw: bytes, secret: str = SECRET) -> int:
    headers = signed_headers(secret.encode(), raw)
    answer = await relay.post("/webhooks/mail", content=raw, headers=headers)
    await relay.app.state.tasks.drain(5)  # type: ignore[attr-defined]
    return answer.status_code


async def sent(world: World, email: str) -> tuple[str, str]:
    """An accepted e-mail to a new client: client id and message key."""
    client_id = await add_client(world, "+15125550199")
    key = uuid4().hex
    async with transaction(world.pool) as conn:
        await clients.upsert_client(
            conn,
            world.vault,
            client_id,
            world.location_id,
            "boulevard",
            client_id,
            Contact(first_name="Ada", last_name="Quill", email=email),
        )
        message = Touchpoint(
            message_key=key,
            case_id=f"visit/{world.location_id}/boulevard/{uuid4()}",
            client_id=client_id,
            location_id=world.location_id,
            document_id="d",
            step="invoice",
            channel=Channel.EMAIL,
            template_version=1,
            local_date=date(2026, 11, 5),
            at=NOW,
        )
        world.engine.running.add(message.case_id)
        await touchpoints.open_intent(conn, message)
        await touchpoints.mark_sending(conn, key, 1)
        await touchpoints.mark(conn, key, "accepted", provider_id=f"<{key}@x>")
    return client_id, key


def about(raw: bytes, key: str, email: str) -> bytes:
    return raw.replace(b"0123456789abcdef" * 2, key.encode()).replace(
        b"ana@quill.example", email.encode()
    )


async def reason(world: World, client_id: str) -> str | None:
    async with world.pool.acquire() as conn:
        return (await consents.permission(conn, client_id, Channel.EMAIL, "billing")).reason


async def state(world: World, key: str) -> str:
    async with world.pool.acquire() as conn:
        return (await touchpoints.get(conn, key)).state


async def test_a_dead_mailbox_tells_the_case_and_is_written_to_no_more(
    world: World, relay: httpx.AsyncClient
) -> None:
    email = f"{uuid4().hex}@quill.example"
    client_id, key = await sent(world, email)
    raw = about(bounce(), key, email)
    for _ in range(2):
        assert await post(relay, raw) == 204
    assert await state(world, key) == "failed"
    [(_, signal, failed)] = world.engine.signals
    expected = DeliveryFailed(message_key=key, channel=Channel.EMAIL, code="invalid_address")
    assert (signal, failed) == ("delivery_failed", expected)
    assert await reason(world, client_id) == "address_suppressed"


async def test_a_forwarders_bounce_stops_the_address_that_we_wrote_to(
    world: World, relay: httpx.AsyncClient
) -> None:
    client_id, key = await sent(world, f"{uuid4().hex}@quill.example")
    await post(relay, about(bounce(), key, "other@elsewhere.example"))
    assert await reason(world, client_id) == "address_suppressed"


async def test_an_address_that_was_corrected_meanwhile_stays_free(
    world: World, relay: httpx.AsyncClient
) -> None:
    email = f"{uuid4().hex}@quill.example"
    client_id, key = await sent(world, email)
    async with world.pool.acquire() as conn:
        contact = Contact(first_name="Ada", last_name="Quill", email=f"new-{email}")
        await clients.upsert_client(
            conn, world.vault, client_id, world.location_id, "boulevard", client_id, contact
        )
    await post(relay, about(bounce(), key, email))
    assert await reason(world, client_id) is None
    assert await state(world, key) == "failed"


async def test_a_full_mailbox_may_be_tried_again(world: World, relay: httpx.AsyncClient) -> None:
    email = f"{uuid4().hex}@quill.example"
    client_id, key = await sent(world, email)
    await post(relay, about(bounce("4.2.2"), key, email))
    [(_, _, failed)] = world.engine.signals
    assert isinstance(failed, DeliveryFailed)
    assert failed.code == "retry_later"
    assert await reason(world, client_id) is None


async def test_a_relay_that_is_still_trying_changes_nothing(
    world: World, relay: httpx.AsyncClient
) -> None:
    email = f"{uuid4().hex}@quill.example"
    _, key = await sent(world, email)
    await post(relay, about(bounce("4.4.1", "delayed"), key, email))
    assert await state(world, key) == "accepted"
    assert world.engine.signals == []


async def test_a_complaint_ends_every_email_to_the_address(
    world: World, relay: httpx.AsyncClient
) -> None:
    email = f"{uuid4().hex}@quill.example"
    client_id, key = await sent(world, email)
    twin, _ = await sent(world, email)
    raw = (
        b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <"
        + key.encode()
        + b"@pay.example>\r\n\r\nHi\r\n--b--\r\n"
    )
    assert await post(relay, raw) == 204
    assert [await reason(world, one) for one in (client_id, twin)] == ["opted_out"] * 2
    assert await state(world, key) == "accepted"


async def test_a_report_that_the_relay_did_not_sign_is_refused(
    world: World, relay: httpx.AsyncClient, http: httpx.AsyncClient
) -> None:
    email = f"{uuid4().hex}@quill.example"
    client_id, key = await sent(world, email)
    raw = about(bounce(), key, email)
    assert await post(relay, raw, "guessed") == 401
    unset = await http.post("/webhooks/mail", content=raw, headers=signed_headers(b"", raw))
    assert unset.status_code == 401
    assert await reason(world, client_id) is None
    assert await state(world, key) == "accepted"


async def test_a_report_on_a_strangers_mail_tells_nobody(
    world: World, relay: httpx.AsyncClient
) -> None:
    assert await post(relay, about(bounce(), uuid4().hex, "x@elsewhere.example")) == 204
    assert await post(relay, b"Subject: no report\r\n\r\n") == 204
    assert world.engine.signals == []
