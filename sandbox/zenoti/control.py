"""The front desk of a Zenoti organisation, for tests and demos: below /_control/zenoti.

POST /guests                    {center_id, first_name, last_name, email, number, date_of_birth,
                                postal_code} -> {id}
POST /appointments              {center_id, guest_id, service_id, starts_at, price, quantity?}
                                -> {id, invoice_id}
POST /appointments/{id}/cancel  the guest does not come
POST /invoices/{id}/complete    {redeemed?}: the treatment is done (its event), then the invoice is
                                closed: "closed" comes once too early, as it may, and then in
                                earnest. `redeemed` settles the balance from the guest's package
POST /invoices/{id}/pay         {payment_type, amount, note?}
PUT  /settings                  {per_minute}
POST /ping                      the set-up page's test button: an empty, unsigned POST
"""

import aiohttp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.box import Box
from sandbox.state import Doc
from sandbox.zenoti.hooks import appointment_event, invoice_event
from sandbox.zenoti.records import (
    CANCELLED,
    balance,
    close,
    find,
    keep,
    new_appointment,
    new_guest,
    pay,
)


def zenoti_control(box: Box) -> Starlette:
    """The verbs of the module's docstring; a missing thing is a 404, a bad one a 400."""

    async def guests(request: Request) -> JSONResponse:
        return JSONResponse({"id": new_guest(box, await request.json())["id"]})

    async def appointments(request: Request) -> JSONResponse:
        made = new_appointment(box, await request.json())
        return JSONResponse({"id": made["id"], "invoice_id": made["invoice_id"]})

    async def cancel(request: Request) -> JSONResponse:
        found = find(box, "appointment", request.path_params["id"])
        if found is None:
            return JSONResponse({"error": "no such appointment"}, 404)
        return JSONResponse(keep(box, "appointment", found | {"status": CANCELLED}))

    async def complete(request: Request) -> JSONResponse:
        invoice = find(box, "invoice", request.path_params["id"])
        if invoice is None:
            return JSONResponse({"error": "no such invoice"}, 404)
        if (await request.json()).get("redeemed"):
            invoice = pay(box, invoice, "PACKAGE", balance(invoice))
        return JSONResponse({"is_closed": _complete(box, invoice)["is_closed"]})

    async def paid(request: Request) -> JSONResponse:
        invoice, body = find(box, "invoice", request.path_params["id"]), await request.json()
        if invoice is None:
            return JSONResponse({"error": "no such invoice"}, 404)
        done = pay(box, invoice, body["payment_type"], body["amount"], body.get("note"))
        return JSONResponse({"balance": balance(done)})

    async def settings(request: Request) -> JSONResponse:
        return JSONResponse(box.state.put("setting", "zenoti_limit", await request.json()))

    async def ping(_: Request) -> JSONResponse:
        async with aiohttp.ClientSession() as http, http.post(box.webhook_urls["zenoti"]) as said:
            return JSONResponse({"status": said.status})

    return Starlette(
        routes=[
            Route("/guests", guests, methods=["POST"]),
            Route("/appointments", appointments, methods=["POST"]),
            Route("/appointments/{id}/cancel", cancel, methods=["POST"]),
            Route("/invoices/{id}/complete", complete, methods=["POST"]),
            Route("/invoices/{id}/pay", paid, methods=["POST"]),
            Route("/settings", settings, methods=["PUT"]),
            Route("/ping", ping, methods=["POST"]),
        ]
    )


def _complete(box: Box, invoice: Doc) -> Doc:
    for id in invoice["appointment_ids"]:
        appointment_event(box, find(box, "appointment", id) or {})
    invoice_event(box, invoice)
    closed = close(box, invoice)
    invoice_event(box, closed)
    return closed
