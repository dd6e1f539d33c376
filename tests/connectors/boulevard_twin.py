"""A Boulevard twin over real HTTP with its front desk, and a catcher of webhooks."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from connectors.pms.boulevard import Boulevard
from sandbox.boulevard import boulevard_app, boulevard_control
from sandbox.box import Box
from sandbox.faults import Fault
from tests.sandbox_fixture import new_box, serve

LOCATION = "urn:blvd:Location:77777777-0000-4000-8000-000000000001"
TOXIN = "urn:blvd:Service:88888888-0000-4000-8000-000000000001"
SERUM = "urn:blvd:Product:88888888-0000-4000-8000-000000000002"
INJECTOR = "urn:blvd:Staff:99999999-0000-4000-8000-000000000001"
PATIENT = {
    "firstName": "Ana",
    "lastName": "Test",
    "email": "ana@example.test",
    "mobilePhone": "+15555550100",
    "dob": "1990-02-03",
    "zip": "78701",
}


@dataclass
class Caught:
    """Webhooks that arrived, newest last; answers each with the next of `answers`, else 200."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        self.headers.append(dict(request.headers))
        return Response(status_code=self.answers.pop(0) if self.answers else 200)


@dataclass
class Practice:
    """One served twin with its front desk."""

    box: Box
    url: str
    desk: httpx.Client

    @property
    def admin_url(self) -> str:
        return f"{self.url}/boulevard/api/2020-01/admin"

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """A control verb; its answer, which must be a success."""
        answer = self.desk.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, operation: str, kind: str, **more: Any) -> None:
        self.box.faults.add(Fault("boulevard", operation, kind, **more))

    def client(self, **changes: Any) -> str:
        return self.post("/clients", **(PATIENT | changes))["id"]

    def order(self, client: str | None = None, **changes: Any) -> dict[str, Any]:
        """50 toxin units at $13.00 and a $68.00 serum with $5.61 tax, still open."""
        body = {
            "client": client or self.client(),
            "locationId": LOCATION,
            "lines": [
                line("service", TOXIN, 50, 1300, staff=INJECTOR),
                line("product", SERUM, 1, 6800),
            ],
            "taxCents": 561,
            "startAt": "2026-01-08T16:30:00+00:00",
        }
        return self.post("/orders", **(body | changes))

    def flush(self) -> None:
        self.desk.post(f"{self.url}/flush")


def line(kind: str, ref: str, quantity: Any, cents: int, **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "ref": ref,
        "name": "An item",
        "quantity": quantity,
        "unitPriceCents": cents,
        **more,
    }


@contextlib.contextmanager
def serve_catcher() -> Iterator[Caught]:
    catcher = Caught()
    app = Starlette(routes=[Route("/hook", catcher.take, methods=["POST"])])
    with serve(app) as base_url:
        catcher.url = f"{base_url}/hook"
        yield catcher


@contextlib.contextmanager
def serve_practice() -> Iterator[Practice]:
    box = new_box()

    async def flush(_: Request) -> Response:
        await box.pump.flush()
        return Response()

    app = Starlette(
        routes=[
            Mount("/boulevard", boulevard_app(box)),
            Mount("/control", boulevard_control(box)),
            Route("/flush", flush, methods=["POST"]),
        ]
    )
    with serve(app) as url, httpx.Client(base_url=f"{url}/control", timeout=30) as desk:
        yield Practice(box, url, desk)


def connect(practice: Practice, **changes: Any) -> Boulevard:
    held = practice.box.credentials
    settings: dict[str, Any] = {
        "base_url": practice.admin_url,
        "business_id": held["boulevard_business_id"],
        "api_key": held["boulevard_api_key"],
        "api_secret": held["boulevard_api_secret"],
        "app_id": held["boulevard_app_id"],
        "timeout_seconds": 2,
    }
    return Boulevard(**(settings | changes))
