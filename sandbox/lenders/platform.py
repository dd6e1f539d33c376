"""Cherry, PatientFi and Alphaeon: three lists each, single reads, webhooks; all of it assumed.

Documents: `<lender>_application`, `<lender>_contract`, `<lender>_funding`. Settings:
`<lender>_key` {activated}, `<lender>_limits`, `<lender>_empty` {times}: so many lists say how much
there is and show nothing; `<lender>_skew` {seconds}: its clock against ours. Faults: vendor is
the lender, operations `<thing>.list` and `<thing>.read`, webhooks `webhook:<type>`. A practice with
several accounts has `<account>-<place>` beside the first; a document's `merchant_id` says whose it
is, and the webhook address `<lender>:<account>` where it is told.
"""

import base64
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.box import Box
from sandbox.lenders.limits import Limits, limits_of
from sandbox.state import Doc
from sandbox.webhooks import Delivery

THINGS = ("application", "contract", "funding")
STALE = timedelta(days=4)


@dataclass(frozen=True)
class Platform:
    """One lender's own paths, words and ways."""

    name: str
    paths: dict[str, str]
    words: dict[str, str]
    """Our neutral word -> the lender's, where it has its own."""
    prefixes: dict[str, str]
    """Thing -> first part of its events' type; a thing without one has no events."""
    silent: frozenset[str] = frozenset()
    """Words of statuses that no event tells."""
    auth: str = "bearer"
    signature: str = ""
    is_signed: bool = True


_PREFIXES = {"application": "application", "contract": "transaction", "funding": "funding"}
PLATFORMS = {
    "cherry": Platform(
        "cherry",
        {
            "application": "/v1/applications",
            "contract": "/v1/transactions",
            "funding": "/v1/disbursements",
        },
        {},
        _PREFIXES,
        signature="Cherry-Signature",
    ),
    "patientfi": Platform(
        "patientfi",
        {"application": "/applications", "contract": "/transactions", "funding": "/fundings"},
        {"pending_patient": "pending", "funded": "disbursed"},
        _PREFIXES,
        auth="x-api-key",
        signature="PatientFi-Signature",
    ),
    "alphaeon": Platform(
        "alphaeon",
        {"application": "/prequalifications", "contract": "/receipts", "funding": "/settlements"},
        {
            "approved": "prequalified",
            "declined": "not_prequalified",
            "in_review": "pending_review",
            "accepted": "receipt",
            "cancelled": "voided",
            "funded": "settled",
            "completed": "settled",
            "processing": "settling",
        },
        {"application": "prequalification", "contract": "receipt"},
        silent=frozenset({"pending_review", "settled"}),
        auth="basic",
        signature="X-Alphaeon-Token",
        is_signed=False,
    ),
}


class Books:
    """One lender's documents: changed by control verbs, read by callers, told by webhooks."""

    def __init__(self, box: Box, platform: Platform) -> None:
        self._box, self._platform = box, platform

    def find(self, thing: str, id: str) -> Doc | None:
        """One document."""
        return self._box.state.get(f"{self._platform.name}_{thing}", id)

    def all(self, thing: str) -> list[Doc]:
        """Every document of a kind, the one that changed longest ago first."""
        docs = self._box.state.list(f"{self._platform.name}_{thing}")
        return sorted(docs, key=lambda doc: doc["updated_at"])

    def change(self, thing: str, id: str, fields: dict[str, Any], quiet: bool = False) -> Doc:
        """Make or change a document, and tell it unless it is `quiet`."""
        known = self.find(thing, id) or {"id": id}
        word = fields.get("status")
        if word is not None:
            fields = {**fields, "status": self._platform.words.get(word, word)}
        doc = {**known, "updated_at": self._now().isoformat(), **fields}
        self._box.state.put(f"{self._platform.name}_{thing}", id, doc)
        if not quiet:
            self._tell(thing, doc)
        return doc

    def _now(self) -> datetime:
        skew = self._box.state.get("setting", f"{self._platform.name}_skew") or {}
        return self._box.now() + timedelta(seconds=skew.get("seconds", 0))

    def _tell(self, thing: str, doc: Doc) -> None:
        platform, prefix = self._platform, self._platform.prefixes.get(thing)
        account = doc.get("merchant_id") or self._box.credentials[f"{platform.name}_account"]
        urls = self._box.webhook_urls
        url = urls.get(f"{platform.name}:{account}") or urls.get(platform.name)
        if not url or prefix is None or doc.get("status") in platform.silent:
            return
        body = {
            "id": f"evt_{uuid4().hex}",
            "type": f"{prefix}.{doc.get('status')}",
            "created_at": doc["updated_at"],
            "merchant_id": account,
            "data": doc,
        }
        self._box.pump.send(
            Delivery(
                vendor=platform.name,
                event_type=body["type"],
                event_id=body["id"],
                url=url,
                body=json.dumps(body).encode(),
                sign=lambda raw: self._signed(raw, self._now()),
                sign_stale=lambda raw: self._signed(raw, self._now() - STALE),
            )
        )

    def _signed(self, raw: bytes, at: datetime) -> dict[str, str]:
        platform = self._platform
        secret = self._box.credentials[f"{platform.name}_webhook_secret"]
        if not platform.is_signed:
            # Nothing about the bytes is proven, so a forged body needs a forged secret.
            secret = secret[::-1] if raw.endswith(b" ") else secret
            return {"Content-Type": "application/json", platform.signature: secret}
        stamp = str(int(at.timestamp()))
        # The pump forges by signing other bytes than it sends.
        digest = hmac.digest(secret.encode(), stamp.encode() + b"." + raw, "sha256").hex()
        return {"Content-Type": "application/json", platform.signature: f"t={stamp},v1={digest}"}


def platform_app(box: Box, name: str) -> Starlette:
    """One lender's interface."""
    limits = limits_of(box)
    platform = PLATFORMS[name]
    books = Books(box, platform)
    routes = []
    for thing in THINGS:
        path = platform.paths[thing]
        listing = _guarded(box, platform, limits, f"{thing}.list", _lister(box, books, name, thing))
        reading = _guarded(box, platform, limits, f"{thing}.read", _reader(books, thing))
        routes += [Route(path, listing), Route(f"{path}/{{id}}", reading)]
    return Starlette(routes=routes)


def _lister(box: Box, books: Books, name: str, thing: str) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        asked = request.query_params
        since = datetime.fromisoformat(asked["updated_since"])
        account = box.credentials[f"{name}_account"]
        found = [
            doc
            for doc in books.all(thing)
            if datetime.fromisoformat(doc["updated_at"]) >= since
            and doc.get("merchant_id", account) == request.headers["x-merchant"]
        ]
        start, limit = int(asked.get("cursor", 0)), min(int(asked.get("limit", 20)), 100)
        page, end = found[start : start + limit], start + limit
        if found and _one_empty(box, name):
            page, end = [], len(found)
        following = str(end) if end < len(found) else None
        return JSONResponse({"items": page, "total": len(found), "next_cursor": following})

    return answer


def _one_empty(box: Box, name: str) -> bool:
    left = int((box.state.get("setting", f"{name}_empty") or {}).get("times", 0))
    if left > 0:
        box.state.put("setting", f"{name}_empty", {"times": left - 1})
    return left > 0


def _reader(books: Books, thing: str) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        doc = books.find(thing, request.path_params["id"])
        return JSONResponse(doc) if doc else JSONResponse({"code": "not_found"}, 404)

    return answer


def _guarded(
    box: Box,
    platform: Platform,
    limits: Limits,
    operation: str,
    handle: Callable[[Request], Response],
) -> Callable[[Request], Awaitable[Response]]:
    """Count, sign in, then at most one fault around the answer."""
    name = platform.name

    async def endpoint(request: Request) -> Response:
        async def answer() -> Response:
            refused = limits.refusal(name) or _signed_in(box, platform, request)
            return refused or handle(request)

        asked = {"path": request.url.path, "query": dict(request.query_params)}
        box.record_call(name, operation, asked)
        return await box.faults.around(name, operation, request, answer)

    return endpoint


def _signed_in(box: Box, platform: Platform, request: Request) -> Response | None:
    name, key = platform.name, box.credentials[f"{platform.name}_api_key"]
    basic = base64.b64encode(f"{key}:".encode()).decode()
    wanted = {
        "bearer": ("authorization", f"Bearer {key}"),
        "basic": ("authorization", f"Basic {basic}"),
        "x-api-key": ("x-api-key", key),
    }[platform.auth]
    if request.headers.get(wanted[0]) != wanted[1]:
        return JSONResponse({"code": "unauthorized"}, 401)
    if not (box.state.get("setting", f"{name}_key") or {"activated": True})["activated"]:
        return JSONResponse({"code": "key_not_activated"}, 401)
    account, given = box.credentials[f"{name}_account"], request.headers.get("x-merchant", "")
    if given != account and not given.startswith(f"{account}-"):
        return JSONResponse({"code": "forbidden"}, 403)
    return None
