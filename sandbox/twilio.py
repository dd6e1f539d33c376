"""Twilio's Messages API: sends that walk to delivery, signed callbacks, opt-outs, faults."""

import base64
import functools
import hmac
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import twilio_contract as contract
from sandbox.box import Box
from sandbox.state import Doc
from sandbox.twilio_phones import Phones


class Refusal(Exception):
    """A 4xx answer in Twilio's shape."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.answer = JSONResponse(
            {
                "code": code,
                "message": message,
                "more_info": f"https://www.twilio.com/docs/errors/{code}",
                "status": status,
            },
            status,
        )


def too_many_requests() -> Response:
    """Twilio's 429: nothing was processed."""
    answer = Refusal(429, 20429, "Too Many Requests").answer
    answer.headers["Retry-After"] = "1"
    return answer


def resource(box: Box, doc: Doc) -> dict[str, Any]:
    """A message as the API shows it."""
    account = box.credentials["twilio_account_sid"]
    path = f"/{contract.API_VERSION}/Accounts/{account}/Messages/{doc['sid']}"
    return {
        "account_sid": account,
        "api_version": contract.API_VERSION,
        "body": doc["body"],
        "date_created": _rfc2822(doc["at"]),
        "date_sent": _rfc2822(doc["sent_at"]),
        "date_updated": _rfc2822(doc["updated_at"]),
        "direction": doc["direction"],
        "error_code": doc["error_code"],
        "error_message": None,
        "from": doc["from"],
        "messaging_service_sid": doc["service_sid"],
        "num_media": "0",
        "num_segments": str(1 + (len(doc["body"]) - 1) // 153 if len(doc["body"]) > 160 else 1),
        "price": None,
        "price_unit": None,
        "sid": doc["sid"],
        "status": doc["status"],
        "subresource_uris": {"media": f"{path}/Media.json"},
        "to": doc["to"],
        "uri": f"{path}.json",
    }


def _rfc2822(iso: str | None) -> str | None:
    return None if iso is None else format_datetime(datetime.fromisoformat(iso).astimezone(UTC))


def check_create(box: Box, form: dict[str, str]) -> None:
    """Refuse what Twilio would refuse at once; a parameter it does not know is our defect."""
    unknown = sorted(set(form) - contract.CREATE_PARAMETERS)
    to, body = form.get("To", ""), form.get("Body", "")
    if unknown:
        raise Refusal(400, 20001, f"Unknown parameter {unknown[0]}")
    if not to:
        raise Refusal(400, 21604, "A 'To' phone number is required.")
    if not re.fullmatch(r"\+[1-9]\d{6,14}", to):
        raise Refusal(400, 21211, "Invalid 'To' Phone Number")
    if "From" not in form and "MessagingServiceSid" not in form:
        raise Refusal(400, 21603, "A 'From' phone number is required.")
    if form.get("MessagingServiceSid", _service(box)) != _service(box):
        raise Refusal(400, 21701, "The Messaging Service does not exist.")
    if not (body or form.get("MediaUrl") or form.get("ContentSid")):
        raise Refusal(400, 21602, "Message body is required.")
    if len(body) > contract.BODY_LIMIT_CHARACTERS:
        raise Refusal(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
    validity = form.get("ValidityPeriod", "36000")
    if not validity.isdecimal() or int(validity) not in contract.VALIDITY_SECONDS:
        raise Refusal(400, 20001, "ValidityPeriod must be between 1 and 36000.")
    if "SendAt" in form and not {"ScheduleType", "MessagingServiceSid"} <= set(form):
        raise Refusal(400, 20001, "SendAt needs ScheduleType=fixed and a messaging service.")
    if not re.match(r"https?://\w", form.get("StatusCallback", "http://x")):
        raise Refusal(400, 21609, "Invalid 'StatusCallback' URL")
    if box.state.get("sms_opt_out", to):
        raise Refusal(400, 21610, "Attempt to send to unsubscribed recipient")
    if to[-4:] in contract.REFUSED_RECIPIENTS:
        raise Refusal(400, *contract.REFUSED_RECIPIENTS[to[-4:]])


def _service(box: Box) -> str:
    return box.credentials["twilio_messaging_service_sid"]


_FILTERS = (("To", "to"), ("From", "from"))


def list_page(box: Box, request: Request) -> dict[str, Any]:
    """Newest first, PageSize 50 up to 1000; `To` and `From` match exactly."""
    query = dict(request.query_params)
    unknown = sorted(set(query) - contract.LIST_PARAMETERS)
    if unknown:
        raise Refusal(400, 20001, f"Unknown parameter {unknown[0]}")
    size, page = min(int(query.get("PageSize", 50)), 1000), int(query.get("Page", 0))

    def wanted(doc: Doc) -> bool:
        return all(query.get(name, doc[field]) == doc[field] for name, field in _FILTERS)

    found = box.state.list("sms", wanted)[::-1]
    rows = found[page * size : (page + 1) * size]
    path = f"/{contract.API_VERSION}/Accounts/{box.credentials['twilio_account_sid']}/Messages.json"

    def uri(number: int) -> str:
        return f"{path}?{urlencode({**query, 'PageSize': size, 'Page': number})}"

    return {
        "messages": [resource(box, doc) for doc in rows],
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + max(len(rows) - 1, 0),
        "uri": uri(page),
        "first_page_uri": uri(0),
        "next_page_uri": uri(page + 1) if len(found) > (page + 1) * size else None,
        "previous_page_uri": uri(page - 1) if page else None,
    }


def twilio_app(box: Box) -> Starlette:
    """`/2010-04-01/Accounts/{sid}/Messages…`, Basic auth, form in, JSON out."""
    phones = Phones(box)

    async def create(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        box.record_call("twilio", "messages.create", form)
        check_create(box, form)
        doc = phones.accept(form["To"], form.get("Body", ""), form, "outbound-api")
        return JSONResponse(resource(box, doc), 201)

    async def list_(request: Request) -> Response:
        return JSONResponse(list_page(box, request))

    async def read(request: Request) -> Response:
        return JSONResponse(resource(box, _message(box, request)))

    async def update(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        box.record_call("twilio", "messages.update", form)
        doc = _message(box, request)
        if set(form) - contract.UPDATE_PARAMETERS or form.get("Status") != "canceled":
            raise Refusal(400, 20001, "Only Status=canceled is supported.")
        if doc["status"] != "scheduled":
            raise Refusal(400, 30409, "This message cannot be canceled")
        doc.update(status="canceled", updated_at=box.now().isoformat())
        return JSONResponse(resource(box, box.state.put("sms", doc["sid"], doc)))

    guarded = functools.partial(_guarded, box)
    base = f"/{contract.API_VERSION}/Accounts/{{account}}/Messages"
    return Starlette(
        routes=[
            Route(f"{base}.json", guarded("messages.create", create), methods=["POST"]),
            Route(f"{base}.json", guarded("messages.list", list_), methods=["GET"]),
            Route(f"{base}/{{sid}}.json", guarded("messages.read", read), methods=["GET"]),
            Route(f"{base}/{{sid}}.json", guarded("messages.update", update), methods=["POST"]),
        ]
    )


def _message(box: Box, request: Request) -> Doc:
    doc = box.state.get("sms", request.path_params["sid"])
    if doc is None:
        raise Refusal(404, 20404, "The requested resource was not found")
    return doc


def _guarded(
    box: Box, operation: str, handle: Callable[[Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """Check the account and the Basic credentials, then run with the current fault."""
    account, token = box.credentials["twilio_account_sid"], box.credentials["twilio_auth_token"]
    expected = "Basic " + base64.b64encode(f"{account}:{token}".encode()).decode()

    async def endpoint(request: Request) -> Response:
        async def answer() -> Response:
            try:
                return await handle(request)
            except Refusal as refusal:
                return refusal.answer

        if not hmac.compare_digest(request.headers.get("authorization", ""), expected):
            return Refusal(401, 20003, "Authenticate").answer
        if request.path_params["account"] != account:
            return Refusal(404, 20404, "The requested resource was not found").answer
        return await box.faults.around("twilio", operation, request, answer, too_many_requests)

    return endpoint


def twilio_control(box: Box) -> Starlette:
    """A patient's side, and the speed of the network.

    POST /inbound {from, body}                       text the practice
    PUT  /pace {sent_seconds, delivered_seconds}     how fast messages move on
    """
    phones = Phones(box)

    async def inbound(request: Request) -> JSONResponse:
        message = await request.json()
        return JSONResponse(phones.receive(message["from"], message["body"]), 201)

    async def pace(request: Request) -> JSONResponse:
        return JSONResponse(box.state.put("setting", "twilio_pace", await request.json()))

    return Starlette(
        routes=[
            Route("/inbound", inbound, methods=["POST"]),
            Route("/pace", pace, methods=["PUT"]),
        ]
    )
