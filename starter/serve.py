"""The body of `tieout serve`: the web process until it is told to stop."""

import uvicorn

from starter.settings import Settings
from starter.web import build_web
from starter.wiring import wired

SHUTDOWN_SECONDS = 10


async def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was answered but not yet dispatched."""
    async with wired(settings) as wiring:
        server = uvicorn.Server(
            uvicorn.Config(
                build_web(wiring),
                host=settings.web_host,
                port=settings.web_port,
                http="httptools",
                access_log=False,
                log_level="warning",
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        await server.serve()
