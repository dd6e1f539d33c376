"""Podium's API v4 as far as texts go: a token, one POST, signed webhooks, 300 calls a minute.

Shapes follow Podium's public reference (message object, pagination-free endpoints, error codes).
There is no message list, no idempotency key and no report of arrival, as there is none there.

Documents: `podium_message` (uid, to, body, at, status, location_uid), `podium_inbound`,
`podium_opt_out` by number. Last four digits of the recipient: 0002 is refused (400), 0003 fails
as a landline, 0005 fails without a reason that anybody knows. Faults: vendor `podium`,
operations `oauth.token` and `messages.send`; webhooks `webhook:message.*`.
"""

import asyncio
import hmac
import json
import re
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.box import Box
from sandbox.state import Doc
from sandbox.webhooks import Delivery

VERSION = "2021.04.01"
TOKEN_SECONDS = 36_000
CALLS_PER_MINUTE = 300
PACE_SECONDS = 0.05
STALE = timedelta(days=2)
PARAMETERS = frozenset(
    {"body", "channel", "contactName", "locationUid", "senderName", "setOpenInbox", "subject"}
)
FAILING_RECIPIENTS = {
    "0003": "Attempted to send SMS to a landline.",
    "0005": "The message could not be delivered.",
}
STOP_WORDS = frozenset({"STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "CANCEL"})


class Refusal(Exception):
    """An error in Podium's shape."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        more = f"https://docs.podium.com/docs/errors#{code}"
        self.answer = JSONResponse({"code": code, "message": message, "moreInfo": more}, status)


class Conversations:
    """The practice's inbox at Podium and the patients' phones behind it."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._journeys: set[asyncio.Task[None]] = set()

    def accept(self, body: dict[str, Any]) -> Doc:
        """Keep a message and start its journey."""
        doc: Doc = {
            "uid": str(uuid4()),
            "to": body["channel"]["identifier"],
            "body": body["body"],
            "at": self._box.now().isoformat(),
            "location_uid": body["locationUid"],
            "status": "accepted",
            "failure": None,
        }
        self._box.state.put("podium_message", doc["uid"], doc)
        journey = asyncio.create_task(self._travel(doc))
        self._journeys.add(journey)
        journey.add_done_callback(self._journeys.discard)
        return doc

    async def _travel(self, doc: Doc) -> None:
        pace = self._box.state.get("setting", "podium_pace") or {}
        await asyncio.sleep(pace.get("sent_seconds", PACE_SECONDS))
        failure = FAILING_RECIPIENTS.get(doc["to"][-4:])
        if self._box.state.get("podium_opt_out", doc["to"]):
            failure = "The contact has opted out of text messages."
        doc.update(status="failed" if failure else "sent", failure=failure)
        self._box.state.put("podium_message", doc["uid"], doc)
        self._tell(f"message.{doc['status']}", message_object(doc))

    def receive(self, sender: str, body: str, location_uid: str) -> Doc:
        """A patient texts the practice."""
        doc: Doc = {
            "uid": str(uuid4()),
            "to": sender,
            "body": body,
            "at": self._box.now().isoformat(),
            "location_uid": location_uid,
            "status": "received",
            "failure": None,
        }
        self._box.state.put("podium_inbound", doc["uid"], doc)
        if body.strip().upper() in STOP_WORDS:
            self._box.state.put("podium_opt_out", sender, {"number": sender, "at": doc["at"]})
        elif body.strip().upper() == "START":
            self._box.state.delete("podium_opt_out", sender)
        self._tell("message.received", message_object(doc))
        return doc

    def _tell(self, event_type: str, data: dict[str, Any]) -> None:
        url = self._box.webhook_urls.get("podium")
        if not url:
            return
        body = {"data": data, "metadata": {"event_type": event_type, "version": VERSION}}
        secret = self._box.credentials["podium_webhook_secret"]
        now = self._box.now
        self._box.pump.send(
            Delivery(
                vendor="podium",
                event_type=event_type,
                event_id=data["uid"],
                url=url,
                body=json.dumps(body).encode(),
                sign=lambda raw: signed_headers(secret, raw, now()),
                sign_stale=lambda raw: signed_headers(secret, raw, now() - STALE),
            )
        )


def message_object(doc: Doc) -> dict[str, Any]:
    """The message as Podium's reference shows it; a conversation is one phone at one location."""
    conversation = str(uuid5(NAMESPACE_URL, f"{doc['location_uid']}/{doc['to']}"))
    return {
        "uid": doc["uid"],
        "body": doc["body"],
        "attachmentUrl": None,
        "contactName": None,
        "createdAt": doc["at"],
        "failureReason": doc["failure"],
        "items": [{"type": "text", "body": doc["body"], "uid": doc["uid"]}],
        "conversation": {
            "uid": conversation,
            "assignedUserUid": None,
            "channel": {"type": "phone", "identifier": doc["to"]},
            "startedAt": doc["at"],
        },
        "location": {"uid": doc["location_uid"], "organizationUid": str(uuid5(NAMESPACE_URL, "o"))},
        "sender": {},
    }


def signed_headers(secret: str, raw: bytes, at: datetime) -> dict[str, str]:
    """`podium-timestamp` in milliseconds and HMAC-SHA256 of `<timestamp>.<raw body>`, in hex."""
    stamp = str(int(at.timestamp() * 1000))
    digest = hmac.digest(secret.encode(), stamp.encode() + b"." + raw, "sha256")
    return {
        "Content-Type": "application/json",
        "podium-timestamp": stamp,
        "podium-signature": digest.hex(),
    }


def podium_app(box: Box) -> Starlette:
    """`/oauth/token` and `/v4/messages`."""
    conversations = Conversations(box)
    tokens: set[str] = set()
    calls: deque[float] = deque(maxlen=CALLS_PER_MINUTE)

    async def token(request: Request) -> Response:
        given = await request.json()
        names = ("client_id", "client_secret", "refresh_token")
        wanted = {name: box.credentials[f"podium_{name}"] for name in names}
        if given != {"grant_type": "refresh_token", **wanted}:
            return JSONResponse({"error": "invalid_grant"}, 400)
        tokens.add(fresh := secrets.token_hex(16))
        box.state.append("podium_token", {"at": box.now().isoformat()})
        return JSONResponse(
            {"access_token": fresh, "token_type": "bearer", "expires_in": TOKEN_SECONDS}
        )

    async def send(request: Request) -> Response:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in tokens:
            raise Refusal(401, "unauthenticated", "ID token expired")
        if len(calls) == CALLS_PER_MINUTE and time.monotonic() - calls[0] < 60:
            raise too_many()
        calls.append(time.monotonic())
        body = await request.json()
        box.record_call("podium", "messages.send", body)
        check(box, body)
        doc = conversations.accept(body)
        return JSONResponse({"data": message_object(doc), "metadata": {"version": VERSION}})

    async def expire(_: Request) -> Response:
        tokens.clear()
        return JSONResponse({"ok": True})

    return Starlette(
        routes=[
            Route("/oauth/token", _faulty(box, "oauth.token", token), methods=["POST"]),
            Route("/v4/messages", _faulty(box, "messages.send", send), methods=["POST"]),
            Route("/oauth/expire", expire, methods=["POST"]),
        ]
    )


def too_many() -> Refusal:
    """Podium's 429; it names no pause."""
    return Refusal(429, "rate_limit", "The request has been rate-limited.")


def check(box: Box, body: dict[str, Any]) -> None:
    """Refuse what Podium would refuse; a parameter that it does not publish is our defect."""
    unknown = sorted(set(body) - PARAMETERS)
    channel = body.get("channel") or {}
    if unknown or not body.get("body") or channel.get("type") != "phone":
        raise Refusal(400, "bad_request", f"Invalid request: {unknown or 'body or channel'}")
    number = str(channel.get("identifier", ""))
    if not re.fullmatch(r"\+[1-9]\d{6,14}", number) or number.endswith("0002"):
        raise Refusal(400, "invalid_request_values", "channel.identifier is not a valid phone")
    if body.get("locationUid") != box.credentials["podium_location_uid"]:
        raise Refusal(404, "resource_not_found", "The location could not be found.")


def _faulty(
    box: Box, operation: str, handle: Callable[[Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        async def answer() -> Response:
            try:
                return await handle(request)
            except Refusal as refusal:
                return refusal.answer

        return await box.faults.around(
            "podium", operation, request, answer, lambda: too_many().answer
        )

    return endpoint


def podium_control(box: Box) -> Starlette:
    """A patient's side.

    POST /inbound {from, body}     text the practice
    PUT  /pace {sent_seconds}      how fast messages leave
    """
    conversations = Conversations(box)

    async def inbound(request: Request) -> JSONResponse:
        said = await request.json()
        location_uid = box.credentials["podium_location_uid"]
        return JSONResponse(conversations.receive(said["from"], said["body"], location_uid), 201)

    async def pace(request: Request) -> JSONResponse:
        return JSONResponse(box.state.put("setting", "podium_pace", await request.json()))

    return Starlette(
        routes=[
            Route("/inbound", inbound, methods=["POST"]),
            Route("/pace", pace, methods=["PUT"]),
        ]
    )
