"""`python -m sandbox`: serve every twin, the control API and the mail sink on loopback."""

import argparse
import contextlib
import gc
import importlib.util
import json
import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.boulevard import boulevard_app
from sandbox.box import Box
from sandbox.control import control_app
from sandbox.faults import Faults
from sandbox.lenders import PLATFORMS, carecredit_app, platform_app
from sandbox.mail import serve_mail
from sandbox.podium import podium_app
from sandbox.state import State
from sandbox.stripe import stripe_app
from sandbox.twilio import twilio_app
from sandbox.webhooks import WebhookPump
from sandbox.zenoti import zenoti_app


def build(box: Box, smtp_port: int) -> Starlette:
    """All twins under one server: a path for each vendor, /_control; mail on its own port."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sink = await serve_mail(box, smtp_port)
        yield
        sink.close()
        await box.pump.close()

    return Starlette(
        routes=[
            Mount("/boulevard", _noting_urls(box, boulevard_app(box))),
            Mount("/carecredit", _noting_urls(box, carecredit_app(box))),
            *(Mount(f"/{name}", _noting_urls(box, platform_app(box, name))) for name in PLATFORMS),
            Mount("/podium", _noting_urls(box, podium_app(box))),
            Mount("/stripe", _noting_urls(box, stripe_app(box))),
            Mount("/twilio", _noting_urls(box, twilio_app(box))),
            Mount("/zenoti", _noting_urls(box, zenoti_app(box))),
            Mount("/_control", control_app(box)),
        ],
        lifespan=lifespan,
    )


def _noting_urls(box: Box, app: ASGIApp) -> ASGIApp:
    """Keep path and query of every call, as any proxy or log on the way would."""

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            box.urls.append(f"{scope['path']}?{scope['query_string'].decode('latin-1')}")
        await app(scope, receive, send)

    return noted


def main() -> None:
    """Parse flags and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8400)
    parser.add_argument("--smtp-port", type=int, default=8425)
    parser.add_argument("--state", type=Path, help="log of changes; in memory without it")
    parser.add_argument("--credentials", type=Path, required=True, help="JSON file of vendor keys")
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    state, faults = State(args.state), Faults()
    box = Box(
        state=state,
        faults=faults,
        pump=WebhookPump(state, faults),
        credentials=json.loads(args.credentials.read_text()),
        base_url=f"http://127.0.0.1:{args.port}",
    )
    box.webhook_urls.update(state.get("setting", "webhook_urls") or {})
    if importlib.util.find_spec("sniffio") is None:
        # httpcore asks for it on each call, and a miss searches the whole path.
        sys.modules["sniffio"] = None  # type: ignore[assignment]
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    server = uvicorn.Server(
        uvicorn.Config(
            build(box, args.smtp_port),
            host="127.0.0.1",
            port=args.port,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
        )
    )
    server.run()


if __name__ == "__main__":
    main()
