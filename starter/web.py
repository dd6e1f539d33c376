"""The web process: webhooks in, pay page out, codec server for people who debug.

Answers `GET /healthz` (the process lives) and `GET /readyz` (the books answer; Temporal may be
away, because a webhook only needs the inbox).
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.engine.codec import EncryptionCodec
from starter.codec_endpoint import CodecEndpoint
from starter.pages import Pages
from starter.pay_page import PayPage
from starter.shim import DATABASE_FAULTS, Shim
from starter.tasks import Tasks
from starter.unsubscribe import Unsubscribe
from starter.wiring import Wiring

DRAIN_SECONDS = 10
READY_TIMEOUT_SECONDS = 2
_QUIET = frozenset({"/healthz", "/readyz"})

log = structlog.get_logger("tieout.access")


def build_web(wiring: Wiring) -> Starlette:
    """The application. `app.state.tasks` is what still runs after the answers."""
    settings, tasks, pages = wiring.settings, Tasks(), Pages(wiring.settings.sandbox_url)
    codec = EncryptionCodec(settings.codec_key_bytes, settings.codec_key_id)
    codec_pages = Pages(settings.temporal_ui_url)

    async def ready(_: Request) -> Response:
        try:
            async with asyncio.timeout(READY_TIMEOUT_SECONDS), wiring.pool.acquire() as conn:
                await conn.fetchval("SELECT 1")
        except DATABASE_FAULTS:
            return PlainTextResponse("The database does not answer.", 503)
        return PlainTextResponse("ready")

    async def broken(_: Request, error: Exception) -> Response:
        log.error("page_failed", error=type(error).__name__)
        return pages.render("broken.html", 503)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await tasks.drain(DRAIN_SECONDS)

    app = Starlette(
        routes=[
            Route("/healthz", alive),
            Route("/readyz", ready),
            *Shim(wiring, tasks).routes(),
            *PayPage(wiring, pages).routes(),
            *Unsubscribe(wiring, pages).routes(),
            *CodecEndpoint(settings, wiring.vault, codec, codec_pages).routes(),
            *pages.routes(),
        ],
        middleware=[Middleware(AccessLog)],
        exception_handlers=dict.fromkeys(DATABASE_FAULTS, broken),
        lifespan=lifespan,
    )
    app.state.tasks = tasks
    return app


async def alive(_: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("alive")


class AccessLog:
    """One line per request: method, route template, status, milliseconds. Never the raw path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and log its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = 500, time.perf_counter_ns()

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            route = getattr(scope.get("route"), "path", "-")
            if route not in _QUIET:
                ms = (time.perf_counter_ns() - started) // 1_000_000
                log.info("request", method=scope["method"], route=route, status=status, ms=ms)
