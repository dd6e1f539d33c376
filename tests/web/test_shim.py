"""Webhooks: what is kept, what is refused, and that a refusal reaches no case."""

import json
import time
from uuid import uuid4

import asyncpg
import httpx
import pytest
from starlette.applications import Starlette

from starter.web import build_web
from store import inbox
from tests.fakes import SIGNATURE, SIGNED, STALE
from tests.web.conftest import BASE_URL, SIGNED_HEADERS, World, assemble
from tests.web.events import loose

ORDER = "urn:blvd:Order:55555555-0000-4000-8000-000000000001"


def order_completed(event_id: str | None = None, order: str = ORDER) -> bytes:
    return json.dumps(
        {
            "idempotencyKey": event_id or str(uuid4()),
            "event": "order.completed",
            "data": {"node": {"__typename": "Order", "id": order}},
        }
    ).encode()


def path(world: World) -> str:
    return f"/webhooks/boulevard/{world.location_id}"


async def rows(world: World) -> list[asyncpg.Record]:
    query = "SELECT * FROM inbox WHERE location_id = $1"
    return await world.pool.fetch(query, world.location_id)


async def refused(world: World, source: str, why: str) -> int:
    async with world.pool.acquire() as conn:
        return (await inbox.refused_counts(conn)).get((source, why), 0)


async def test_a_signed_event_opens_its_case(
    world: World, app: Starlette, http: httpx.AsyncClient
) -> None:
    answer = await http.post(path(world), content=order_completed("e1"), headers=SIGNED_HEADERS)
    assert answer.status_code == 204
    await app.state.tasks.drain(5)
    [(workflow, workflow_id, start, location_id)] = world.engine.started
    assert workflow == "TreatmentVisit"
    assert workflow_id == f"visit/{world.location_id}/boulevard/{ORDER[-36:]}"
    assert (start.event_id, start.zone) == ("e1", "America/Chicago")
    assert (start.clock_shift_seconds, location_id) == (3600, world.location_id)
    [row] = await rows(world)
    assert (row["state"], row["workflow_id"]) == ("dispatched", workflow_id)


async def test_the_row_is_there_before_the_answer(
    world: World, app: Starlette, http: httpx.AsyncClient
) -> None:
    world.engine.down = True
    answer = await http.post(path(world), content=order_completed(), headers=SIGNED_HEADERS)
    assert answer.status_code == 204
    await app.state.tasks.drain(5)
    [row] = await rows(world)
    assert (row["state"], row["attempts"]) == ("failed", 1)
    world.engine.down = False
    await world.intake.redrive(0)
    [row] = await rows(world)
    assert row["state"] == "dispatched"


async def test_ten_duplicates_open_one_case(
    world: World, app: Starlette, http: httpx.AsyncClient
) -> None:
    body = order_completed("same")
    for _ in range(10):
        answer = await http.post(path(world), content=body, headers=SIGNED_HEADERS)
        assert answer.status_code == 204
    await app.state.tasks.drain(5)
    assert len(world.engine.started) == 1
    assert world.engine.signals == []
    assert len(await rows(world)) == 1


@pytest.mark.parametrize("signature", ["forged", STALE, ""])
@pytest.mark.parametrize(
    ("where", "source", "kind", "status"),
    [
        ("boulevard", "boulevard", "application/json", 401),
        ("stripe", "stripe", "application/json", 400),
        ("twilio", "twilio", "application/x-www-form-urlencoded", 401),
    ],
)
async def test_an_unsigned_event_is_counted_and_goes_nowhere(
    world: World,
    app: Starlette,
    http: httpx.AsyncClient,
    signature: str,
    where: str,
    source: str,
    kind: str,
    status: int,
) -> None:
    before = await refused(world, source, "signature")
    target = path(world) if where == "boulevard" else f"/webhooks/{where}"
    headers = {"content-type": kind, SIGNATURE: signature}
    answer = await http.post(target, content=order_completed(), headers=headers)
    await app.state.tasks.drain(5)
    assert answer.status_code == status
    assert await refused(world, source, "signature") == before + 1
    assert await rows(world) == []
    assert world.engine.started == []


async def test_an_unknown_location_is_not_a_dead_endpoint(
    http: httpx.AsyncClient, app: Starlette
) -> None:
    answer = await http.post(
        "/webhooks/boulevard/nowhere", content=order_completed(), headers=SIGNED_HEADERS
    )
    assert answer.status_code == 401


async def test_a_location_that_the_books_do_not_know(
    world: World, app: Starlette, http: httpx.AsyncClient
) -> None:
    world.wiring.pms["elsewhere"] = world.pms  # type: ignore[index]
    answer = await http.post(
        "/webhooks/boulevard/elsewhere", content=order_completed(), headers=SIGNED_HEADERS
    )
    assert answer.status_code == 401
    assert world.engine.started == []


async def test_a_wrong_content_type_is_refused(world: World, http: httpx.AsyncClient) -> None:
    headers = SIGNED_HEADERS | {"content-type": "text/plain"}
    answer = await http.post(path(world), content=order_completed(), headers=headers)
    assert answer.status_code == 415
    assert await rows(world) == []


async def test_five_megabytes_are_refused_before_they_are_read(
    world: World, http: httpx.AsyncClient
) -> None:
    read = 0

    async def endless():  # type: ignore[no-untyped-def]
        nonlocal read
        for _ in range(80):
            read += 1
            yield b"x" * 65_536

    answer = await http.post(path(world), content=endless(), headers=SIGNED_HEADERS)
    assert answer.status_code == 413
    assert answer.text.endswith(".")
    assert await rows(world) == []


async def test_a_body_of_just_one_megabyte_passes(world: World, http: httpx.AsyncClient) -> None:
    body = json.loads(order_completed())
    body["padding"] = ""
    body["padding"] = "x" * (1_000_000 - len(json.dumps(body)))
    answer = await http.post(path(world), content=json.dumps(body), headers=SIGNED_HEADERS)
    assert answer.status_code == 204


async def test_what_a_body_promises_and_lacks_waits_for_a_person(
    world: World, app: Starlette, http: httpx.AsyncClient
) -> None:
    body = json.dumps({"idempotencyKey": "e", "event": "order.completed", "data": {}})
    answer = await http.post(path(world), content=body, headers=SIGNED_HEADERS)
    await app.state.tasks.drain(5)
    assert answer.status_code == 204
    [row] = await rows(world)
    assert row["state"] == "failed"
    assert row["note"] == "The body has no data.node.id."


async def test_a_database_that_is_away_makes_the_vendor_try_again(world: World) -> None:
    broken = await asyncpg.create_pool(min_size=0, host="127.0.0.1", port=1, user="nobody")
    away = assemble(broken, world.wiring.settings, world.location_id)
    transport = httpx.ASGITransport(app=build_web(away.wiring))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
        answer = await http.post(path(world), content=order_completed(), headers=SIGNED_HEADERS)
        ready, alive = await http.get("/readyz"), await http.get("/healthz")
        page = await http.get("/p/some-token-of-22-chars")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert page.status_code == 503
    assert "Nothing was charged" in page.text


async def test_the_url_that_twilio_signed_is_the_public_one(
    world: World, http: httpx.AsyncClient
) -> None:
    answer = await http.post(
        "/webhooks/twilio?key=abc%20d",
        content=f"MessageSid=SM{uuid4().hex}&MessageStatus=sent",
        headers={SIGNATURE: SIGNED, "content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 204
    assert answer.content == b""
    assert world.text.verified_urls == [f"{BASE_URL}/webhooks/twilio?key=abc%20d"]


@pytest.mark.parametrize(("status", "kept"), [("sent", 0), ("accepted", 0), ("delivered", 1)])
async def test_a_text_on_its_way_leaves_no_row(
    world: World, http: httpx.AsyncClient, status: str, kept: int
) -> None:
    sid = f"SM{uuid4().hex}"
    answer = await http.post(
        "/webhooks/twilio?key=abc",
        content=f"MessageSid={sid}&MessageStatus={status}",
        headers={SIGNATURE: SIGNED, "content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 204
    query = "SELECT count(*) FROM inbox WHERE event_id = $1"
    assert await world.pool.fetchval(query, f"{sid}:{status}") == kept


async def test_a_loose_payment_waits_for_the_event_beside_it(
    world: World, app: Starlette, http: httpx.AsyncClient
) -> None:
    intent, event_id = f"pi_{uuid4().hex}", f"evt_{uuid4().hex}"
    body = {"id": event_id, "type": "payment_intent.succeeded", "data": {"object": {"id": intent}}}
    answer = await http.post("/webhooks/stripe", json=body, headers={SIGNATURE: SIGNED})
    assert answer.status_code == 204
    await app.state.tasks.drain(5)
    query = "SELECT inbox_id, state FROM inbox WHERE event_id = $1"
    row = await world.pool.fetchrow(query, event_id)
    assert row is not None
    assert row["state"] == "received"
    assert world.processor.asked == []
    # What the shutdown cut short, the redrive does.
    world.processor.payments[intent] = loose(intent)
    assert await world.intake.dispatch(row["inbox_id"]) == f"payment/stripe/{intent}"


async def test_ready_and_alive(http: httpx.AsyncClient) -> None:
    assert (await http.get("/readyz")).status_code == 200
    assert (await http.get("/healthz")).status_code == 200


async def test_an_event_is_answered_fast(world: World, http: httpx.AsyncClient) -> None:
    await http.post(path(world), content=order_completed(), headers=SIGNED_HEADERS)
    milliseconds = []
    for _ in range(20):
        started = time.perf_counter()
        await http.post(path(world), content=order_completed(), headers=SIGNED_HEADERS)
        milliseconds.append((time.perf_counter() - started) * 1000)
    # The target is 50 ms; the bound leaves room for a busy machine.
    assert sorted(milliseconds)[10] < 200
