"""The messaging twins on free ports, and a hook that keeps what they call back."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from connectors.messaging.twilio import TwilioTexts
from sandbox.box import Box
from sandbox.faults import Faults
from sandbox.state import Doc, State
from sandbox.twilio import twilio_app, twilio_control
from sandbox.webhooks import WebhookPump

CREDENTIALS = {
    "twilio_account_sid": "AC" + "1" * 32,
    "twilio_auth_token": "token-of-the-sandbox",
    "twilio_messaging_service_sid": "MG" + "2" * 32,
}


def new_box() -> Box:
    """An empty box in memory."""
    state, faults = State(None), Faults()
    return Box(state, faults, WebhookPump(state, faults), CREDENTIALS, "")


@dataclass
class Twin:
    """A served Twilio twin."""

    box: Box
    url: str = ""
    callbacks: list[tuple[bytes, dict[str, str], str]] = field(default_factory=list)

    @property
    def hook_url(self) -> str:
        return f"{self.url}/hook"

    def sms(self) -> list[Doc]:
        return self.box.state.list("sms", lambda doc: doc["direction"] == "outbound-api")

    async def until(self, look: Callable[[], Any]) -> Any:
        """What `look` finds, once it finds something; fails after five seconds."""
        for _ in range(250):
            found = look()
            if found:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError("it never came")

    def texts(self, **changes: object) -> TwilioTexts:
        settings: dict[str, object] = {
            "account_sid": CREDENTIALS["twilio_account_sid"],
            "auth_token": CREDENTIALS["twilio_auth_token"],
            "messaging_service_sid": CREDENTIALS["twilio_messaging_service_sid"],
            "callback_url": self.hook_url,
            "base_url": f"{self.url}/twilio",
            "timeout_seconds": 0.5,
        }
        return TwilioTexts(**{**settings, **changes})  # type: ignore[arg-type]


@contextlib.contextmanager
def served_twin() -> Iterator[Twin]:
    """The twin in a thread, until the block ends."""
    twin = Twin(new_box())

    async def hook(request: Request) -> Response:
        twin.callbacks.append((await request.body(), dict(request.headers), str(request.url)))
        return Response(status_code=204)

    app = Starlette(
        routes=[
            Mount("/twilio", twilio_app(twin.box)),
            Mount("/_control/twilio", twilio_control(twin.box)),
            Route("/hook", hook, methods=["POST"]),
        ]
    )
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    twin.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield twin
    finally:
        server.should_exit = server.force_exit = True
        thread.join(timeout=5)


@contextlib.asynccontextmanager
async def slow_server(pause_seconds: float) -> AsyncIterator[str]:
    """A server that sends a byte of its answer now and then, for ten seconds; yields its URL."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(int(10 / pause_seconds)):
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(pause_seconds)
        writer.close()

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@contextlib.asynccontextmanager
async def closing(texts: TwilioTexts) -> AsyncIterator[TwilioTexts]:
    """The connector, closed when the block ends."""
    try:
        yield texts
    finally:
        await texts.aclose()
