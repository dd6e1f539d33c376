"""What a test or a demo tells the Stripe twin, below /_control/stripe.

POST /invoices/{id}/pay         {"amount_cents"?, "card"?}: a patient pays on the page
POST /invoices/{id}/processing  {"amount_cents"?}: a patient starts a bank debit
POST /invoices/{id}/settle      {"succeeded": bool, "code"?}: the bank answers
POST /sessions/{id}/pay         {"card"?}: a payer pays on a Checkout page
POST /sessions/{id}/processing  {}: a payer starts a bank debit there
POST /sessions/{id}/settle      {"succeeded": bool, "code"?}: the bank answers
POST /loose_payment             {"amount_cents", "currency", "descriptor"?, "description"?,
                                "customer"?}
POST /refund                    {"payment_intent", "amount_cents"?}: from the Dashboard
POST /next_refund               {"status": pending | requires_action | failed}
POST /refunds/{id}/succeed      {}: it has arrived
POST /refunds/{id}/fail         {"reason"?}: it came back
POST /disputes                  {"payment_intent", "amount_cents"?, "reason"?, "status"?}
POST /disputes/{id}/decide      {"outcome": won | lost | warning_closed, "won_cents"?}
POST /disputes/{id}/escalate    {}: an inquiry becomes a chargeback
POST /payouts                   {"amount_cents"?, "arrives_in_days"?, "reconciled"?, "paid"?}: a
                                payout of all that is free, or by hand of an amount
POST /payouts/{id}/reconcile    {}: its parts can be listed
POST /payouts/{id}/pay          {}: the bank has it
POST /payouts/{id}/fail         {"code"?}: the bank sends it back
POST /wrong_cent                {"payout" | "payment_intent", "cents"?}: plants an error
POST /adjustment                {"amount_cents", "category"?, "fee_cents"?, "source"?}
POST /saved_failure             {"operation"}: its next call works, yet its key keeps a 500
GET  /events                    the event log, oldest first
"""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.box import Box
from sandbox.stripe import checkout, disputes, payments, payouts, refunds
from sandbox.stripe.params import TABLE
from sandbox.stripe.twin import Twin
from sandbox.stripe.wire import Doc, StripeError

VISA = "4242424242424242"


def stripe_control(box: Box) -> Starlette:
    """Unauthenticated by design, like all of the control API."""
    t = Twin(box)

    def pay(id: str, body: Doc) -> Doc:
        card = str(body.get("card") or VISA).replace(" ", "")
        return payments.pay_invoice(t, id, body.get("amount_cents"), card)

    def processing(id: str, body: Doc) -> Doc:
        return payments.pay_invoice(t, id, body.get("amount_cents"), VISA, ach=True)

    def settle(id: str, body: Doc) -> Doc:
        return payments.settle_processing(t, id, **{"succeeded": True, **body})

    def pay_session(id: str, body: Doc) -> Doc:
        card = str(body.get("card") or VISA).replace(" ", "")
        return checkout.pay_session(t, id, card)

    def session_processing(id: str, _: Doc) -> Doc:
        return checkout.pay_session(t, id, VISA, ach=True)

    def settle_session(id: str, body: Doc) -> Doc:
        return checkout.settle_session(t, id, **{"succeeded": True, **body})

    def loose(_: str, body: Doc) -> Doc:
        customer = body.get("customer")
        intent = payments.new_intent(t, body["amount_cents"], body["currency"], customer)
        intent["statement_descriptor"] = body.get("descriptor")
        intent["description"] = body.get("description")
        payments.charge_intent(t, intent, VISA)
        return intent

    def refund(_: str, body: Doc) -> Doc:
        form = {"payment_intent": body["payment_intent"]}
        if body.get("amount_cents"):
            form["amount"] = str(body["amount_cents"])
        return refunds.create_refund(t, form)

    def saved_failure(_: str, body: Doc) -> Doc:
        if body["operation"] not in TABLE:
            raise StripeError(400, "unknown operation", param="operation")
        box.state.put("stripe_saved_failure", body["operation"], {"id": body["operation"]})
        return {"ok": True}

    async def events(_: Request) -> JSONResponse:
        return JSONResponse(t.events(0)[::-1])

    verbs: dict[str, Callable[[str, Doc], Doc]] = {
        "/invoices/{id}/pay": pay,
        "/invoices/{id}/processing": processing,
        "/invoices/{id}/settle": settle,
        "/sessions/{id}/pay": pay_session,
        "/sessions/{id}/processing": session_processing,
        "/sessions/{id}/settle": settle_session,
        "/loose_payment": loose,
        "/refund": refund,
        "/next_refund": lambda _, body: refunds.next_refund(t, body["status"]),
        "/refunds/{id}/succeed": lambda id, _: refunds.succeed(t, id),
        "/refunds/{id}/fail": lambda id, body: refunds.fail(t, id, **body),
        "/disputes": lambda _, body: disputes.open_dispute(t, body),
        "/disputes/{id}/decide": lambda id, body: disputes.decide(t, id, **body),
        "/disputes/{id}/escalate": lambda id, _: disputes.escalate(t, id),
        "/payouts": lambda _, body: payouts.run(t, body),
        "/payouts/{id}/reconcile": lambda id, _: payouts.reconcile(t, id),
        "/payouts/{id}/pay": lambda id, _: payouts.pay(t, id),
        "/payouts/{id}/fail": lambda id, body: payouts.fail(t, id, **body),
        "/wrong_cent": lambda _, body: payouts.wrong_cent(t, body),
        "/adjustment": lambda _, body: payouts.adjustment(t, body),
        "/saved_failure": saved_failure,
    }
    routes = [Route(path, _verb(act), methods=["POST"]) for path, act in verbs.items()]
    return Starlette(routes=[*routes, Route("/events", events)])


def _verb(act: Callable[[str, Doc], Doc]) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def endpoint(request: Request) -> JSONResponse:
        body: Any = await request.json() if await request.body() else {}
        try:
            return JSONResponse(act(request.path_params.get("id", ""), body))
        except StripeError as error:
            return JSONResponse(error.body, error.status)
        except (KeyError, TypeError) as error:
            return JSONResponse({"error": {"message": f"bad request: {error}"}}, 400)

    return endpoint
