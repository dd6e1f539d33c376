"""Podium's webhooks: signed by it, ours alone are kept, and each tells the right case."""

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from activities.intake import Intake
from connectors.messaging.podium import PodiumTexts
from sandbox.podium import signed_headers
from starter.web import build_web
from store import invoices, touchpoints
from tests.web.conftest import BASE_URL, World, bill

SECRET = "podium-secret"
PATH = "/webhooks/podium"


@pytest.fixture
def podium_world(world: World) -> World:
    port = PodiumTexts(
        client_id="c",
        client_secret="s",
        refresh_token="r",
        webhook_secret=SECRET,
        locations={world.location_id: "uid"},
    )
    wiring = world.wiring
    intake = Intake(
        wiring.pool,
        wiring.vault,
        wiring.pms,
        wiring.processor,
        wiring.text,
        wiring.engine,
        (port,),
    )
    world.wiring = dataclasses.replace(wiring, podium=port, intake=intake)
    return world


def message(kind: str, words: str, **data: Any) -> bytes:
    given = {"uid": str(uuid4()), "body": words, "failureReason": None, **data}
    return json.dumps({"data": given, "metadata": {"event_type": kind}}).encode()


async def post(world: World, raw: bytes, secret: str = SECRET) -> tuple[int, str]:
    """Status of the answer, and state of the row that was kept, if one was."""
    app = build_web(world.wiring)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
        headers = signed_headers(secret, raw, datetime.now(UTC))
        answer = await http.post(PATH, content=raw, headers=headers)
        await app.state.tasks.drain(5)
    uid = json.loads(raw)["data"]["uid"]
    row = await world.pool.fetchrow(
        "SELECT state FROM inbox WHERE source = 'podium' AND event_id LIKE $1"
        " ORDER BY received_at DESC LIMIT 1",
        f"{uid}%",
    )
    return answer.status_code, row["state"] if row else ""


async def test_not_set_up_or_not_signed_is_refused(world: World, podium_world: World) -> None:
    raw = message("message.sent", f"{BASE_URL}/p/x")
    assert await post(podium_world, raw, "another") == (401, "")
    podium_world.wiring = dataclasses.replace(podium_world.wiring, podium=None)
    assert await post(podium_world, raw) == (401, "")


async def test_what_the_desk_wrote_by_hand_is_not_kept(podium_world: World) -> None:
    assert await post(podium_world, message("message.sent", "See you at 3!")) == (204, "")
    assert await post(podium_world, message("message.failed", "See you at 3!")) == (204, "")
    assert await post(podium_world, message("review.created", f"{BASE_URL}/p/x")) == (204, "")


async def test_a_lost_answer_is_proved_and_a_failure_tells_the_case(podium_world: World) -> None:
    world = podium_world
    owed = await bill(world)
    world.engine.running.add(owed.case_id)
    async with world.pool.acquire() as conn:
        await conn.execute(
            "INSERT INTO channel_settings (location_id, channel, provider, is_on, baa_on, set_by,"
            " reason) VALUES ($1, 'sms', 'podium', true, '2026-02-01', 'test', 'test')",
            world.location_id,
        )
        token = await invoices.pay_link(conn, owed.case_id, owed.client_id, world.location_id)
        key = uuid4().hex
        row = touchpoints.Touchpoint(
            message_key=key,
            case_id=owed.case_id,
            client_id=owed.client_id,
            location_id=world.location_id,
            step="invoice",
            channel="sms",
            template_version=1,
            local_date=datetime.now(UTC).date(),
            at=datetime.now(UTC),
        )
        await touchpoints.open_intent(conn, row)
        await touchpoints.mark_sending(conn, key, 1)
        await touchpoints.mark(conn, key, "unknown")
    uid, words = str(uuid4()), f"New statement: {BASE_URL}/p/{token}"
    assert await post(world, message("message.sent", words, uid=uid)) == (204, "ignored")
    async with world.pool.acquire() as conn:
        known = await touchpoints.get(conn, key)
    assert (known.state, known.provider_id) == ("accepted", f"podium:{uid}")
    landline = "Attempted to send SMS to a landline."
    # A check-in leads to no page: a failure is known by the id alone.
    failed = message("message.failed", "How are you?", uid=uid, failureReason=landline)
    assert await post(world, failed) == (204, "dispatched")
    [(case_id, signal, told)] = world.engine.signals
    assert (case_id, signal) == (owed.case_id, "delivery_failed")
    assert (told.message_key, told.code) == (key, "invalid_address")
