"""The Stripe twin behind a real server on a free port, and what tests say to it."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from connectors.payments.stripe import StripeProcessor
from connectors.ports import CheckoutOrder
from sandbox.box import Box
from sandbox.faults import Fault, Faults
from sandbox.state import State
from sandbox.stripe import stripe_app, stripe_control
from sandbox.webhooks import WebhookPump

KEY = "sk_test_51sandbox"
SECRET = "whsec_sandbox"
CLIENT = "0b2f4d5e-6a7b-5c8d-9e0f-112233445566"
DOCUMENT = "5f0c1d2e-3a4b-5c6d-8e7f-aabbccddeeff"
CASE = "visit/lumin-austin/boulevard/3f1c2b7a-8d9e-4f60-a1b2-c3d4e5f60718"
OPEN_KEY = f"{CASE}:document:1"
CHECKOUTS = {
    "paid": "c0000001-1111-4111-8111-000000000001",
    "closed": "c0000002-2222-4222-8222-000000000002",
}


def order(customer_id: str, **changes: object) -> CheckoutOrder:
    """A payment page of 90 dollars for our one link."""
    checkout_id = changes.get("checkout_id", CHECKOUTS["paid"])
    link = "https://pay.example.test/p/" + "t" * 22
    base = {
        "checkout_id": checkout_id,
        "customer_id": customer_id,
        "amount_cents": 9000,
        "currency": "USD",
        "done_url": f"{link}/done/{checkout_id}",
        "back_url": f"{link}/back/{checkout_id}",
        "expires_at": datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=40),
    }
    return CheckoutOrder.model_validate({**base, **changes})


@dataclass
class ShiftedBox(Box):
    """A box whose clock a test can move."""

    shift: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return super().now() + self.shift


class World:
    """A running twin. `hooks` are the webhooks received: (headers, raw body)."""

    def __init__(self) -> None:
        state, faults = State(None), Faults()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.box = ShiftedBox(
            state=state,
            faults=faults,
            pump=WebhookPump(state, faults),
            credentials={"stripe_secret_key": KEY, "stripe_webhook_secret": SECRET},
            base_url=self.url,
        )
        self.hooks: list[tuple[dict[str, str], bytes]] = []
        self.server = uvicorn.Server(uvicorn.Config(self._app(), log_level="critical"))

    def _app(self) -> Starlette:
        async def hook(request: Request) -> Response:
            self.hooks.append((dict(request.headers), await request.body()))
            return Response(status_code=200)

        async def flush(_: Request) -> Response:
            await self.box.pump.flush()
            return Response(status_code=200)

        return Starlette(
            routes=[
                Mount("/stripe", stripe_app(self.box)),
                Mount("/_control/stripe", stripe_control(self.box)),
                Route("/hook", hook, methods=["POST"]),
                Route("/flush", flush, methods=["POST"]),
            ]
        )

    @classmethod
    @contextmanager
    def served(cls) -> Iterator[Self]:
        """A twin that answers in a thread of its own until the block ends."""
        world = cls()
        thread = world.start()
        yield world
        world.server.should_exit = True
        thread.join(10)

    def start(self) -> threading.Thread:
        thread = threading.Thread(
            target=lambda: asyncio.run(self.server.serve(sockets=[self.socket])), daemon=True
        )
        thread.start()
        deadline = time.monotonic() + 10
        while not self.server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return thread

    def reset(self) -> None:
        self.box.state.clear()
        self.box.faults.rules.clear()
        self.box.webhook_urls.clear()
        self.box.shift = timedelta()
        self.hooks.clear()

    def fault(self, operation: str, kind: str, **more: float) -> None:
        self.box.faults.add(Fault("stripe", operation, kind, **more))

    def calls(self, operation: str | None = None) -> list[dict]:
        rows = self.box.state.list("call")
        return [row for row in rows if operation in (None, row["operation"])]

    def operations(self) -> list[str]:
        return [row["operation"] for row in self.calls()]

    def stored(self, kind: str) -> list[dict]:
        return self.box.state.list(f"stripe.{kind}")

    async def control(self, path: str, **body: object) -> dict:
        async with httpx.AsyncClient(verify=False) as http:
            answer = await http.post(f"{self.url}/_control/stripe{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def events(self) -> list[dict]:
        async with httpx.AsyncClient(verify=False) as http:
            return (await http.get(f"{self.url}/_control/stripe/events")).json()

    async def flush(self) -> list[dict]:
        """Wait for every webhook; returns their bodies."""
        async with httpx.AsyncClient(verify=False, timeout=30) as http:
            await http.post(f"{self.url}/flush")
        return [json.loads(raw) for _, raw in self.hooks]

    def processor(self, timeout_seconds: int = 5) -> StripeProcessor:
        return StripeProcessor(KEY, SECRET, f"{self.url}/stripe", timeout_seconds)
