"""Zenoti's one address: an event names its centre, and only a closed invoice counts."""

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx

from activities.intake import Intake
from connectors.pms.zenoti import Zenoti
from starter.web import build_web
from store import locations
from store.db import transaction
from tests.web.conftest import BASE_URL, World

INVOICE = "55555555-0000-4000-8000-000000000001"
TYPE = {"content-type": "application/json"}
SECRET = "zenoti-test-secret"


def zenoti_event(center: str, is_closed: bool) -> tuple[bytes, dict[str, str]]:
    """An event of a Zenoti organisation, signed."""
    invoice = {"id": INVOICE, "center_id": center, "is_closed": is_closed}
    envelope = {"event_id": str(uuid4()), "event_type": "Invoice.Closed"}
    raw = json.dumps({**envelope, "data": {"invoice": invoice}}).encode()
    digest = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest().upper()
    dashed = "-".join(digest[place : place + 2] for place in range(0, 64, 2))
    return raw, {"zenoti-webhook-signature": f"sha256 ={dashed}", **TYPE}


async def test_an_organisation_s_event_opens_the_visit_at_the_centre_that_it_names(
    world: World,
) -> None:
    organisation = Zenoti(base_url="http://127.0.0.1:1", api_key="k", webhook_secret=SECRET)
    center = str(uuid4())
    async with transaction(world.pool) as conn:
        place = await locations.get_location(conn, world.location_id)
        changed = {"pms": "zenoti", "pms_location_ref": center}
        await locations.put_location(conn, place.model_copy(update=changed))
    pms: dict[str, Any] = {world.location_id: organisation}
    intake = Intake(
        world.pool,
        world.vault,
        pms,
        world.processor,
        world.text,
        world.engine,
        organisations=(organisation,),
    )
    wired = replace(world.wiring, intake=intake, zenoti=organisation, pms=pms)
    app = build_web(wired)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:

        async def post(raw: bytes, headers: dict[str, str]) -> int:
            return (await http.post("/webhooks/zenoti", content=raw, headers=headers)).status_code

        for told in ((center, False), (str(uuid4()), True), (center, True)):
            assert await post(*zenoti_event(*told)) == 204
        assert await post(zenoti_event(center, True)[0], TYPE) == 401
        assert await post(b"", {}) == 200  # the set-up page's test
        await app.state.tasks.drain(5)
    opened = [(workflow_id, where) for _, workflow_id, _, where in world.engine.started]
    assert opened == [(f"visit/{world.location_id}/zenoti/{INVOICE}", world.location_id)]
