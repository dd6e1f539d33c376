"""Faults for one subject alone: what the simulation plants, whatever else happens meanwhile."""

import asyncio
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.control import control_app
from sandbox.faults import Fault
from sandbox.webhooks import Delivery
from tests.sandbox_fixture import new_box


def delivery(body: bytes) -> Delivery:
    return Delivery("twilio", "received", "e", "http://127.0.0.1:9/x", body, lambda _: {})


async def test_a_call_fault_for_one_subject_leaves_the_others_alone() -> None:
    box = new_box()
    box.faults.add(Fault("twilio", "messages.create", "error_before", subject="15125550101"))

    async def endpoint(request: Request) -> Response:
        async def fine() -> Response:
            return JSONResponse({})

        return await box.faults.around("twilio", "messages.create", request, fine)

    app = Starlette(routes=[Route("/", endpoint, methods=["POST"])])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://box"
    ) as client:
        other = await client.post("/", data={"To": "+15125550102"})
        meant = await client.post("/", data={"To": "+15125550101"})
    assert [other.status_code, meant.status_code] == [200, 503]


async def test_late_webhooks_wait_for_their_subjects_release() -> None:
    box, tried = new_box(), []

    async def post(one: Delivery, _: Any) -> int:
        tried.append(one.body)
        return 204

    box.pump._post = post  # type: ignore[method-assign]
    box.faults.add(Fault("twilio", "webhook:*", "late", times=2, subject="111"))
    for body in (b"a 111", b"b 111", b"c 222"):
        box.pump.send(delivery(body))
    await box.pump.flush()
    assert tried == [b"c 222"]
    assert box.pump.release("222") == 0
    assert box.pump.release("111", backwards=True) == 2
    await box.pump.flush()
    assert tried == [b"c 222", b"b 111", b"a 111"]


async def test_meanwhile_runs_a_control_verb_before_the_call_has_its_effect() -> None:
    box = new_box()
    control = control_app(box)
    act = {"path": "/boulevard/clients", "body": {"firstName": "A"}}
    box.faults.add(Fault("smtp", "smtp.data", "meanwhile", act=act))
    assert box.faults.happen is not None
    await box.faults.happen(act)
    assert [one["firstName"] for one in box.state.list("boulevard_Client")] == ["A"]
    assert control is not None


async def test_ended_faults_keep_their_hits() -> None:
    box = new_box()
    box.faults.add(Fault("stripe", "*", "error_before", times=9, label="outage"))
    box.faults.add(Fault("stripe", "*", "reset_after", label="other"))
    box.faults.take("stripe", "x", ("error_before",))
    box.faults.end("outage")
    assert box.faults.take("stripe", "x", ("error_before",)) is None
    assert box.faults.take("stripe", "x", ("reset_after",)) is not None
    assert [(one.label, one.hits) for one in box.faults.rules] == [("outage", 1), ("other", 1)]
    await asyncio.sleep(0)
