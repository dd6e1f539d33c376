"""Lenders' webhooks: proven on the raw bytes, kept once, and told to the plan's case."""

import dataclasses
import hmac
import json
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest

from activities.intake import Intake
from activities.lender_intake import LenderIntake
from connectors.lenders.access import LenderAccess
from connectors.lenders.cherry import cherry
from domain import ids
from starter.web import build_web
from tests.web.conftest import BASE_URL, World

SECRET = "cherry-secret"


@pytest.fixture
def lending(world: World) -> World:
    access = LenderAccess(
        base_url="http://127.0.0.1:9",
        api_key="k",
        webhook_secret=SECRET,
        accounts={world.location_id: "m-1"},
    )
    wiring = dataclasses.replace(world.wiring, lenders={"cherry": cherry(access)})
    known = LenderIntake(wiring.pool, wiring.engine, wiring.lenders, wiring.plans)
    intake = Intake(
        wiring.pool,
        wiring.vault,
        wiring.pms,
        wiring.processor,
        wiring.text,
        wiring.engine,
        lenders=known,
    )
    world.wiring = dataclasses.replace(wiring, intake=intake)
    return world


def event(plan_id: str, **more: object) -> bytes:
    data = {"id": plan_id, "status": "approved", "updated_at": datetime.now(UTC).isoformat()}
    body = {"id": f"evt_{plan_id}", "type": "application.approved", "merchant_id": "m-1"}
    return json.dumps({**body, "data": data, **more}).encode()


async def post(world: World, raw: bytes, where: str | None = None, secret: str = SECRET) -> int:
    stamp = str(int(datetime.now(UTC).timestamp()))
    digest = hmac.digest(secret.encode(), stamp.encode() + b"." + raw, "sha256").hex()
    headers = {"cherry-signature": f"t={stamp},v1={digest}", "content-type": "application/json"}
    app = build_web(world.wiring)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
        path = where or f"/webhooks/lenders/cherry/{world.location_id}"
        answer = await http.post(path, content=raw, headers=headers)
        await app.state.tasks.drain(5)
    return answer.status_code


async def kept(world: World, plan_id: str) -> list[str]:
    rows = await world.pool.fetch("SELECT state FROM inbox WHERE event_id = $1", f"evt_{plan_id}")
    return [row["state"] for row in rows]


async def test_a_proven_webhook_is_kept_once_and_opens_its_plan(lending: World) -> None:
    plan_id = f"app-{uuid4().hex[:8]}"
    raw = event(plan_id)
    assert await post(lending, raw) == 204
    assert await post(lending, raw) == 204
    assert await kept(lending, plan_id) == ["dispatched"]
    opened = [workflow_id for _, workflow_id, _, _ in lending.engine.started]
    assert opened == [
        ids.plan_workflow_id(lending.location_id, "cherry", plan_id),
        ids.look_workflow_id(lending.location_id, "cherry", "application", plan_id),
    ]
    assert lending.engine.signals == []


async def test_what_is_not_proven_is_counted_and_not_kept(lending: World) -> None:
    plan_id = f"app-{uuid4().hex[:8]}"
    raw = event(plan_id)
    assert await post(lending, raw, secret="another") == 401
    assert await post(lending, event(plan_id, merchant_id="m-2")) == 401
    assert await post(lending, raw, "/webhooks/lenders/cherry/elsewhere") == 401
    assert await post(lending, raw, f"/webhooks/lenders/unheard/{lending.location_id}") == 401
    assert await kept(lending, plan_id) == []


async def test_an_event_that_concerns_no_plan_is_set_aside(lending: World) -> None:
    name = f"report-{uuid4().hex[:8]}"
    assert await post(lending, event(name, type="report.ready")) == 204
    assert await kept(lending, name) == ["ignored"]
