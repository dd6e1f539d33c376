"""The REST interface below /v1: an API key, one bucket for the organisation, pages, errors.

Setting `zenoti_limit` {per_minute}. Faults: vendor zenoti, operations `invoice`, `appointment`,
`appointments`, `guest`, `guest.appointments`, `notes`.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.box import Box
from sandbox.state import Doc
from sandbox.zenoti.records import every, find, keep, shown

PER_MINUTE = 60
SIZE_MAX = 100
DAYS_MAX = 7


class Bad(Exception):
    """A refusal with its status, code and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Bucket:
    """Tokens that come back one a second; as many at once as fit a minute."""

    def __init__(self) -> None:
        self._spent, self._at = 0.0, time.monotonic()

    def take(self, per_minute: int) -> int:
        """0 when there was a token, else the seconds until there is one."""
        now = time.monotonic()
        self._spent = max(0.0, self._spent - (now - self._at) * per_minute / 60)
        self._at = now
        if self._spent + 1 > per_minute:
            return max(1, int((self._spent + 1 - per_minute) * 60 / per_minute) + 1)
        self._spent += 1
        return 0


def zenoti_app(box: Box) -> Starlette:
    """What an integration may call."""
    bucket = Bucket()

    def route(
        path: str, operation: str, answer: Callable[[Request], Awaitable[Doc]], *methods: str
    ) -> Route:
        async def endpoint(request: Request) -> Response:
            async def handle() -> Response:
                return await _answered(box, bucket, request, answer)

            asked = {"path": request.url.path, "query": str(request.url.query)}
            box.record_call("zenoti", operation, asked)
            return await box.faults.around("zenoti", operation, request, handle)

        return Route(path, endpoint, methods=list(methods or ("GET",)))

    reads = _Reads(box)
    return Starlette(
        routes=[
            route("/v1/invoices/{id}", "invoice", reads.invoice),
            route("/v1/appointments", "appointments", reads.appointments),
            route("/v1/appointments/{id}", "appointment", reads.appointment),
            route("/v1/guests/{id}", "guest", reads.guest),
            route("/v1/guests/{id}/appointments", "guest.appointments", reads.of_guest),
            route("/v1/guests/{id}/notes", "notes", reads.notes, "GET", "POST"),
        ]
    )


async def _answered(
    box: Box, bucket: Bucket, request: Request, answer: Callable[[Request], Awaitable[Doc]]
) -> Response:
    if request.headers.get("authorization") != f"apikey {box.credentials['zenoti_api_key']}":
        return JSONResponse(_error(401, "Unauthorized"), 401)
    per_minute = (box.state.get("setting", "zenoti_limit") or {}).get("per_minute", PER_MINUTE)
    wait_seconds = bucket.take(per_minute)
    if wait_seconds:
        return JSONResponse(
            _error(429, "Too many requests"), 429, {"Retry-After": str(wait_seconds)}
        )
    try:
        return JSONResponse({**await answer(request), "error": None})
    except Bad as bad:
        return JSONResponse(_error(bad.status, str(bad)), bad.status)


def _error(code: int, message: str) -> Doc:
    return {"error": {"code": code, "message": message}}


class _Reads:
    """Each answer, without the envelope."""

    def __init__(self, box: Box) -> None:
        self._box = box

    async def invoice(self, request: Request) -> Doc:
        found = self._one(request, "invoice")
        parts = request.query_params.getlist("expand")
        return {"invoice": shown(self._box, found, parts)}

    async def appointment(self, request: Request) -> Doc:
        found = self._one(request, "appointment")
        return {"appointment_id": found["id"], **found}

    async def appointments(self, request: Request) -> Doc:
        """Of a centre, in a window of at most seven days."""
        asked = request.query_params
        start, end = (date.fromisoformat(asked[name]) for name in ("start_date", "end_date"))
        if (end - start).days >= DAYS_MAX:
            raise Bad(400, "The dates may span at most 7 days.")
        found = [
            one
            for one in every(self._box, "appointment")
            if one["center_id"] == asked["center_id"]
            and start.isoformat() <= one["start_time_utc"][:10] <= end.isoformat()
        ]
        # The calendar's block-outs are in the list, too: no guest, no service.
        block_out = {"appointment_id": str(uuid4()), "guest": None, "service": None, "status": 10}
        return self._page(request, "appointments", [block_out, *found])

    async def guest(self, request: Request) -> Doc:
        return self._one(request, "guest")

    async def of_guest(self, request: Request) -> Doc:
        """A guest's appointments at every centre, from a day on."""
        guest = self._one(request, "guest")
        since = request.query_params.get("start_date", "")
        found = [
            one
            for one in every(self._box, "appointment")
            if one["guest_id"] == guest["id"] and one["start_time_utc"][:10] >= since
        ]
        return self._page(request, "appointments", found)

    async def notes(self, request: Request) -> Doc:
        guest = self._one(request, "guest")
        if request.method == "POST":
            body = await request.json()
            note = {"id": str(uuid4()), "guest_id": guest["id"], "notes": body["notes"]}
            return keep(self._box, "note", note)
        found = [one for one in every(self._box, "note") if one["guest_id"] == guest["id"]]
        return self._page(request, "notes", found)

    def _one(self, request: Request, kind: str) -> Doc:
        found = find(self._box, kind, request.path_params["id"])
        if found is None:
            raise Bad(404, f"No such {kind}.")
        return found

    def _page(self, request: Request, key: str, rows: list[Any]) -> Doc:
        asked = request.query_params
        page, size = int(asked.get("page", 1)), int(asked.get("size", 10))
        if size > SIZE_MAX:
            raise Bad(422, f"You cannot request more than {SIZE_MAX} items.")
        start = (page - 1) * size
        info = {"total": len(rows), "page": page, "size": size}
        return {key: rows[start : start + size], "page_info": info}
