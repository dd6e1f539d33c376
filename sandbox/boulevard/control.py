"""The front desk, for tests and demos: everything below /_control/boulevard.

POST /clients                 {firstName, lastName, email, mobilePhone, dob, zip} -> {id}
POST /orders                  {client, locationId, lines, gratuity, fees, taxCents, startAt,
                              closedAt} -> {orderId, appointmentId}; a line is {kind, ref,
                              name, quantity, unitPriceCents, discountCents, staff}
POST /orders/{id}/complete    {events: [APPOINTMENT_COMPLETED, ORDER_COMPLETED], closedAt}
POST /orders/{id}/amend       {lines, gratuity, fees, taxCents}; announces the order again
POST /orders/{id}/payments    {kind, amountCents, note, label} -> {paymentId, unpaidCents}
POST /orders/{id}/refunds     {paymentId, amountCents}; announces the refund
POST /orders/{id}/cancel      voids the appointment and announces it
GET  /orders/{id}             the order as stored
POST /ping                    a PING to every webhook
PUT  /settings                {bucketPoints, leakPointsPerSecond, disableAfterSeconds,
                              ordersFilter}
POST /webhooks/enable         switch webhooks that were disabled or unsubscribed on again
"""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.boulevard.desk import (
    add_payment,
    add_refund,
    amend,
    appointment_of,
    find,
    keep,
    new_client,
    new_order,
    stamp,
)
from sandbox.boulevard.hooks import announce, appointment_event, order_event
from sandbox.box import Box
from sandbox.state import Doc

Handler = Callable[[Request], Awaitable[JSONResponse]]
SETTINGS = {"bucketPoints", "leakPointsPerSecond", "disableAfterSeconds", "ordersFilter"}


def boulevard_control(box: Box) -> Starlette:
    """The verbs of the module's docstring; a missing order is a 404, a missing key a 400."""

    def verb(act: Callable[[Doc, Doc], Doc]) -> Handler:
        """A route on one order: finds it, reads the body, answers with what `act` returns."""

        async def handle(request: Request) -> JSONResponse:
            order = find(box, "Order", request.path_params["id"])
            if order is None:
                return JSONResponse({"error": "no such order"}, 404)
            body = await request.json() if await request.body() else {}
            try:
                return JSONResponse(act(order, body))
            except (KeyError, ValueError) as error:
                return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

        return handle

    async def clients(request: Request) -> JSONResponse:
        return JSONResponse({"id": new_client(box, await request.json())["id"]})

    async def orders(request: Request) -> JSONResponse:
        try:
            order, appointment = new_order(box, await request.json())
        except (KeyError, ValueError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
        appointment_id = appointment["id"] if appointment else None
        return JSONResponse({"orderId": order["id"], "appointmentId": appointment_id})

    async def ping(_: Request) -> JSONResponse:
        node = {"__typename": "Webhook"}
        return JSONResponse({"keys": announce(box, "PING", "Ping", node, None)})

    async def settings(request: Request) -> JSONResponse:
        wanted = await request.json()
        if set(wanted) - SETTINGS:
            return JSONResponse({"error": f"one of {', '.join(sorted(SETTINGS))}"}, 400)
        kept = (box.state.get("setting", "boulevard") or {}) | wanted
        return JSONResponse(box.state.put("setting", "boulevard", kept))

    async def enable(_: Request) -> JSONResponse:
        webhooks = box.state.list("boulevard_Webhook")
        for webhook in webhooks:
            keep(box, "Webhook", webhook | {"off": False, "failures": 0, "failingSince": None})
        return JSONResponse({"enabled": len(webhooks)})

    return Starlette(
        routes=[
            Route("/clients", clients, methods=["POST"]),
            Route("/orders", orders, methods=["POST"]),
            Route("/orders/{id}", verb(lambda order, _: order), methods=["GET"]),
            Route("/orders/{id}/complete", verb(_complete(box)), methods=["POST"]),
            Route("/orders/{id}/amend", verb(_amend(box)), methods=["POST"]),
            Route("/orders/{id}/payments", verb(_pay(box)), methods=["POST"]),
            Route("/orders/{id}/refunds", verb(_refund(box)), methods=["POST"]),
            Route("/orders/{id}/cancel", verb(_cancel(box)), methods=["POST"]),
            Route("/ping", ping, methods=["POST"]),
            Route("/settings", settings, methods=["PUT"]),
            Route("/webhooks/enable", enable, methods=["POST"]),
        ]
    )


def _complete(box: Box) -> Callable[[Doc, Doc], Doc]:
    """Close the visit; an order stays open when only its appointment is announced."""

    def act(order: Doc, body: Doc) -> Doc:
        events = body.get("events", ["ORDER_COMPLETED"])
        if set(events) - {"APPOINTMENT_COMPLETED", "ORDER_COMPLETED"}:
            raise ValueError("events are APPOINTMENT_COMPLETED and ORDER_COMPLETED")
        at = stamp(box.now())
        if events != ["APPOINTMENT_COMPLETED"]:
            order |= {"closedAt": order["closedAt"] or body.get("closedAt") or at, "updatedAt": at}
            keep(box, "Order", order)
        appointment = appointment_of(box, order)
        if appointment:
            keep(box, "Appointment", appointment | {"state": "FINAL"})
        keys = []
        for event in events:
            announce_it = order_event if event == "ORDER_COMPLETED" else appointment_event
            keys += announce_it(box, event, order)
        return {"closedAt": order["closedAt"], "keys": keys}

    return act


def _amend(box: Box) -> Callable[[Doc, Doc], Doc]:
    def act(order: Doc, body: Doc) -> Doc:
        amended = amend(box, order, body)
        return {
            "totalCents": amended["summary"]["currentTotal"],
            "keys": order_event(box, "ORDER_COMPLETED", amended),
        }

    return act


def _pay(box: Box) -> Callable[[Doc, Doc], Doc]:
    def act(order: Doc, body: Doc) -> Doc:
        payment = add_payment(box, order, body)
        unpaid_cents = order["paymentGroups"][0]["totalUnpaid"]
        return {"paymentId": payment["id"], "unpaidCents": unpaid_cents}

    return act


def _refund(box: Box) -> Callable[[Doc, Doc], Doc]:
    def act(order: Doc, body: Doc) -> Doc:
        refund = add_refund(box, order, body)
        node = {"__typename": "OrderRefund", "id": refund["id"], "orderId": order["id"]}
        resource = f"OrderRefund{order['number']}"
        keys = announce(box, "ORDER_REFUND_CLOSED", resource, node, order["locationId"])
        return {"refundId": refund["id"], "keys": keys}

    return act


def _cancel(box: Box) -> Callable[[Doc, Doc], Doc]:
    def act(order: Doc, body: Doc) -> Doc:
        appointment = appointment_of(box, order)
        if appointment is None:
            raise ValueError("a retail sale has no appointment to cancel")
        reason = {"reason": body.get("reason", "VOIDED"), "cancelledAt": stamp(box.now())}
        cancelled = {"state": "CANCELLED", "cancelled": True, "cancellation": reason}
        keep(box, "Appointment", appointment | cancelled)
        return {"keys": appointment_event(box, "APPOINTMENT_CANCELLED", order)}

    return act
