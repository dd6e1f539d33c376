"""Stripe's REST API over HTTP: authentication, parameters, idempotency keys, answers."""

import hashlib
import json
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.box import Box
from sandbox.faults import HangUp
from sandbox.stripe import billing, checkout, disputes, lists, payments, payouts, refunds
from sandbox.stripe.checkout_page import checkout_routes
from sandbox.stripe.pages import pay_routes
from sandbox.stripe.params import check_params
from sandbox.stripe.twin import Twin
from sandbox.stripe.wire import Doc, StripeError, check_key, parse_form

KEY_SECONDS = 24 * 3600

Handler = Callable[[Twin, str, Doc], Doc]
"""(account, id in the path or "", parameters) -> object."""


def _read(kind: str) -> Handler:
    return lambda t, id, _: t.need(kind, id)


def _event(t: Twin, id: str, _: Doc) -> Doc:
    found = t.event(id)
    if found is None:
        raise StripeError(404, f"No such event: '{id}'", "resource_missing", "id")
    return found


def _send(t: Twin, id: str, _: Doc) -> Doc:
    bill = t.need("invoice", id)
    t.emit("invoice.sent", bill)
    return bill


ROUTES: tuple[tuple[str, str, str, Handler], ...] = (
    ("POST", "/customers", "customers.create", lambda t, _, f: billing.create_customer(t, f)),
    ("GET", "/customers", "customers.list", lambda t, _, f: lists.customers(t, f)),
    ("GET", "/customers/search", "customers.search", lambda t, _, f: lists.search_customers(t, f)),
    ("GET", "/customers/{id}", "customers.retrieve", _read("customer")),
    ("POST", "/customers/{id}", "customers.update", billing.update_customer),
    ("POST", "/invoices", "invoices.create", lambda t, _, f: billing.create_invoice(t, f)),
    ("GET", "/invoices", "invoices.list", lambda t, _, f: lists.invoices(t, f)),
    ("GET", "/invoices/{id}", "invoices.retrieve", _read("invoice")),
    ("POST", "/invoices/{id}", "invoices.update", billing.update_invoice),
    ("DELETE", "/invoices/{id}", "invoices.delete", lambda t, i, _: billing.delete_invoice(t, i)),
    ("POST", "/invoices/{id}/finalize", "invoices.finalize", billing.finalize),
    ("POST", "/invoices/{id}/pay", "invoices.pay", payments.pay),
    ("POST", "/invoices/{id}/void", "invoices.void", lambda t, i, _: billing.void(t, i)),
    (
        "POST",
        "/invoices/{id}/mark_uncollectible",
        "invoices.mark_uncollectible",
        lambda t, i, _: billing.mark_uncollectible(t, i),
    ),
    (
        "POST",
        "/invoices/{id}/attach_payment",
        "invoices.attach_payment",
        payments.attach_payment,
    ),
    ("POST", "/invoices/{id}/send", "invoices.send", _send),
    ("POST", "/invoiceitems", "invoiceitems.create", lambda t, _, f: billing.create_item(t, f)),
    ("GET", "/invoiceitems", "invoiceitems.list", lambda t, _, f: lists.items(t, f)),
    ("GET", "/invoiceitems/{id}", "invoiceitems.retrieve", _read("invoiceitem")),
    (
        "GET",
        "/invoice_payments",
        "invoice_payments.list",
        lambda t, _, f: lists.invoice_payments(t, f),
    ),
    ("GET", "/invoice_payments/{id}", "invoice_payments.retrieve", _read("invoice_payment")),
    (
        "POST",
        "/credit_notes",
        "credit_notes.create",
        lambda t, _, f: billing.create_credit_note(t, f),
    ),
    ("GET", "/credit_notes", "credit_notes.list", lambda t, _, f: lists.credit_notes(t, f)),
    ("GET", "/credit_notes/{id}", "credit_notes.retrieve", _read("credit_note")),
    (
        "POST",
        "/payment_records/report_payment",
        "payment_records.report_payment",
        lambda t, _, f: payments.report_payment(t, f),
    ),
    ("GET", "/payment_records/{id}", "payment_records.retrieve", _read("payment_record")),
    (
        "POST",
        "/payment_intents",
        "payment_intents.create",
        lambda t, _, f: payments.create_intent(t, f),
    ),
    ("GET", "/payment_intents", "payment_intents.list", lambda t, _, f: lists.intents(t, f)),
    ("GET", "/payment_intents/{id}", "payment_intents.retrieve", _read("payment_intent")),
    (
        "POST",
        "/payment_intents/{id}/confirm",
        "payment_intents.confirm",
        payments.confirm_intent,
    ),
    (
        "POST",
        "/payment_intents/{id}/cancel",
        "payment_intents.cancel",
        lambda t, i, _: payments.cancel_intent(t, i),
    ),
    (
        "POST",
        "/checkout/sessions",
        "checkout.sessions.create",
        lambda t, _, f: checkout.create_session(t, f),
    ),
    (
        "GET",
        "/checkout/sessions/{id}",
        "checkout.sessions.retrieve",
        checkout.read_session,
    ),
    (
        "POST",
        "/checkout/sessions/{id}/expire",
        "checkout.sessions.expire",
        checkout.expire_session,
    ),
    ("GET", "/charges", "charges.list", lambda t, _, f: lists.charges(t, f)),
    ("GET", "/charges/{id}", "charges.retrieve", _read("charge")),
    ("POST", "/refunds", "refunds.create", lambda t, _, f: refunds.create_refund(t, f)),
    ("GET", "/refunds", "refunds.list", lambda t, _, f: lists.refunds(t, f)),
    ("GET", "/refunds/{id}", "refunds.retrieve", _read("refund")),
    ("POST", "/refunds/{id}/cancel", "refunds.cancel", refunds.cancel),
    ("GET", "/disputes", "disputes.list", lambda t, _, f: disputes.disputes(t, f)),
    ("GET", "/disputes/{id}", "disputes.retrieve", _read("dispute")),
    ("POST", "/disputes/{id}", "disputes.update", disputes.update),
    ("POST", "/disputes/{id}/close", "disputes.close", disputes.close),
    ("GET", "/payouts", "payouts.list", lambda t, _, f: payouts.payouts(t, f)),
    ("GET", "/payouts/{id}", "payouts.retrieve", _read("payout")),
    ("GET", "/events", "events.list", lambda t, _, f: lists.events(t, f)),
    ("GET", "/events/{id}", "events.retrieve", _event),
    (
        "GET",
        "/balance_transactions",
        "balance_transactions.list",
        lambda t, _, f: lists.balance_transactions(t, f),
    ),
    (
        "GET",
        "/balance_transactions/{id}",
        "balance_transactions.retrieve",
        _read("balance_transaction"),
    ),
)


def _answer(t: Twin, status: int, text: str, replayed: bool = False) -> Response:
    headers = {"Request-Id": t.request_id or ""}
    if t.request_key:
        headers["Idempotency-Key"] = t.request_key
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(text, status, headers, "application/json")


def _run(t: Twin, operation: str, id: str, form: Doc, handler: Handler) -> tuple[int, str, bool]:
    """Status, body and whether an idempotency key remembers them."""
    try:
        check_params(operation, form)
        result = t.expand(handler(t, id, form), form.get("expand"))
    except StripeError as error:
        return error.status, json.dumps(error.body), error.saved
    if t.box.state.get("stripe_saved_failure", operation):
        t.box.state.delete("stripe_saved_failure", operation)
        failure = {"type": "api_error", "message": "An unknown error occurred."}
        return 500, json.dumps({"error": failure}), True
    return 200, json.dumps(result), True


def _once(t: Twin, operation: str, request: Request, form: Doc, handler: Handler) -> Response:
    """Run a request, or replay what its idempotency key remembers of the first one."""
    id = request.path_params.get("id", "")
    key = t.request_key
    if key is None:
        status, text, _ = _run(t, operation, id, form, handler)
        return _answer(t, status, text)
    plain = json.dumps([request.method, request.url.path, form], sort_keys=True)
    print_ = hashlib.sha256(plain.encode()).hexdigest()
    known = t.box.state.get("stripe_key", key)
    if known and t.now() - known["at"] < KEY_SECONDS:
        if known["print"] != print_:
            message = "Keys for idempotent requests can only be used with the same parameters."
            error = StripeError(400, message, type="idempotency_error")
            return _answer(t, 400, json.dumps(error.body))
        return _answer(t, known["status"], known["text"], replayed=True)
    status, text, saved = _run(t, operation, id, form, handler)
    if saved:
        doc = {"at": t.now(), "print": print_, "status": status, "text": text}
        t.box.state.put("stripe_key", key, doc)
    return _answer(t, status, text)


def _lower_currencies(form: Doc) -> Doc:
    """Stripe takes a currency code in any case and always answers in lower case."""
    for holder in (form, form.get("amount_requested")):
        if isinstance(holder, dict) and isinstance(holder.get("currency"), str):
            holder["currency"] = holder["currency"].lower()
    return form


def _endpoint(
    t: Twin, operation: str, handler: Handler
) -> Callable[[Request], Awaitable[Response]]:
    box = t.box

    async def endpoint(request: Request) -> Response:
        sent = (await request.body()).decode() if request.method == "POST" else request.url.query
        key = request.headers.get("idempotency-key") if request.method == "POST" else None

        def begin() -> None:
            t.request_id, t.request_key = t.new_id("req"), key

        async def handle() -> Response:
            begin()
            try:
                check_key(
                    request.headers.get("authorization"), box.credentials["stripe_secret_key"]
                )
                form = _lower_currencies(parse_form(sent))
                if key is not None and len(key) > 255:
                    raise StripeError(400, "The idempotency key is too long.", saved=False)
            except StripeError as error:
                return _answer(t, error.status, json.dumps(error.body))
            record = {"form": form, "id": request.path_params.get("id"), "idempotency_key": key}
            box.record_call("stripe", operation, record)
            try:
                return _once(t, operation, request, form, handler)
            finally:
                # What happens between requests (a patient pays) carries no request's key.
                t.request_id = t.request_key = None

        def failed(status: int, message: str, **more: str) -> Response:
            begin()
            body = {"error": {"message": message, **more}}
            return _answer(t, status, json.dumps(body))

        answer = await box.faults.around(
            "stripe",
            operation,
            request,
            handle,
            lambda: failed(429, "Too many requests", code="rate_limit", type="api_error"),
        )
        if "request-id" not in answer.headers and not isinstance(answer, HangUp):
            return failed(answer.status_code, "An unknown error occurred.", type="api_error")
        return answer

    return endpoint


def stripe_app(box: Box) -> Starlette:
    """`/v1/…` as the SDK calls it and `/pay/<page>` as a patient opens it."""
    t = Twin(box)
    routes = [
        Route(f"/v1{path}", _endpoint(t, operation, handler), methods=[method])
        for method, path, operation, handler in ROUTES
    ]
    return Starlette(routes=[*routes, *pay_routes(t), *checkout_routes(t)])
