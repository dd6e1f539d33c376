"""The control API: what a test or a demo tells the box, and what it may ask it.

    GET  /health                      {"ok": true}
    PUT  /webhooks                    {"boulevard": url, "stripe": url, "twilio": url, …}
    POST /faults                      one fault (see sandbox.faults.Fault); DELETE clears all,
                                      or with ?label= ends those and keeps their hits
    GET  /faults                      rules with their hits
    GET  /docs/{kind}                 every document of a kind (call, delivery, sms, email, …),
                                      or with ?has= those whose JSON holds that text
    GET  /urls                        path and query of each call to a twin since the start
    POST /release                     {subject, backwards?}: send a subject's late webhooks
    POST /flush                       release held webhooks and wait for deliveries
    DELETE /state                     forget everything

Each twin adds its own verbs (seed an order, amend it, pay at the desk, …) below
/_control/<vendor>.
"""

from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from sandbox.boulevard import boulevard_control
from sandbox.box import Box
from sandbox.faults import Fault
from sandbox.lenders import lenders_control
from sandbox.podium import podium_control
from sandbox.stripe import stripe_control
from sandbox.twilio import twilio_control
from sandbox.zenoti import zenoti_control


def control_app(box: Box) -> Starlette:
    """Unauthenticated by design: the sandbox listens on loopback and holds no real data."""

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"ok": True})

    async def webhooks(request: Request) -> JSONResponse:
        box.webhook_urls.update(await request.json())
        box.state.put("setting", "webhook_urls", dict(box.webhook_urls))
        return JSONResponse(box.webhook_urls)

    async def faults(request: Request) -> JSONResponse:
        label = request.query_params.get("label")
        if request.method == "DELETE" and label:
            box.faults.end(label)
        elif request.method == "DELETE":
            box.faults.rules.clear()
        elif request.method == "POST":
            try:
                box.faults.add(rule := Fault(**await request.json()))
            except (TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 400)
            return JSONResponse(vars(rule))
        return JSONResponse([vars(rule) for rule in box.faults.rules])

    async def docs(request: Request) -> JSONResponse:
        has = request.query_params.get("has", "")
        return JSONResponse(box.state.list(request.path_params["kind"], has=has))

    async def urls(_: Request) -> JSONResponse:
        return JSONResponse(list(box.urls))

    async def release(request: Request) -> JSONResponse:
        wanted = await request.json()
        backwards = bool(wanted.get("backwards"))
        return JSONResponse({"sent": box.pump.release(wanted["subject"], backwards=backwards)})

    async def flush(_: Request) -> JSONResponse:
        await box.pump.flush()
        return JSONResponse({"ok": True})

    async def clear(_: Request) -> JSONResponse:
        box.state.clear()
        box.faults.rules.clear()
        return JSONResponse({"ok": True})

    app = Starlette(
        routes=[
            Route("/health", health),
            Route("/webhooks", webhooks, methods=["PUT"]),
            Route("/faults", faults, methods=["GET", "POST", "DELETE"]),
            Route("/docs/{kind}", docs),
            Route("/urls", urls),
            Route("/release", release, methods=["POST"]),
            Route("/flush", flush, methods=["POST"]),
            Route("/state", clear, methods=["DELETE"]),
            Mount("/boulevard", boulevard_control(box)),
            Mount("/lenders", lenders_control(box)),
            Mount("/podium", podium_control(box)),
            Mount("/stripe", stripe_control(box)),
            Mount("/twilio", twilio_control(box)),
            Mount("/zenoti", zenoti_control(box)),
        ]
    )

    async def happen(act: dict[str, Any]) -> None:
        """A control verb that somebody else uses at the very moment of a call."""
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://box") as client:
            at = box.now().isoformat()
            answer = await client.post(act["path"], json=act.get("body") or {})
        box.state.append("happened", {"at": at, "act": act, "status": answer.status_code})

    box.faults.happen = happen
    return app
