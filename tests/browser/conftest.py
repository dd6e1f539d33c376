"""A browser on a phone-sized screen, and the web process on a port of its own."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from starter.web import build_web
from tests.web.conftest import World, settings, world  # noqa: F401

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def browser_path() -> str:
    """A Chromium of this machine; without one the tests are skipped, or fail when required."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    if os.environ.get("TIEOUT_REQUIRE_BROWSER") == "1":
        pytest.fail("no Chromium or Chrome on the PATH, and TIEOUT_REQUIRE_BROWSER is 1")
    pytest.skip("no Chromium or Chrome on the PATH")


@pytest.fixture(scope="session")
async def browser(browser_path: str) -> AsyncIterator[Browser]:
    """One Chromium for all tests; starting it costs more than most of them."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=browser_path, args=list(FLAGS))
        yield started
        await started.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """One page on a phone that nobody has used before."""
    context = await browser.new_context(viewport=PHONE, device_scale_factor=2)
    yield await context.new_page()
    await context.close()


async def serve(app: Starlette, port: int = 0) -> tuple[uvicorn.Server, asyncio.Task[None], str]:
    """Serve on a free loopback port; returns the server, its task and its address."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110  # uvicorn offers no event to wait for
        await asyncio.sleep(0.01)
    return server, task, f"http://127.0.0.1:{listener.getsockname()[1]}"


async def elsewhere(title: str) -> AsyncIterator[str]:
    """Another origin that answers every path with one page."""

    async def answer(_: Request) -> HTMLResponse:
        return HTMLResponse(f"<title>{title}</title><h1>{title}</h1>")

    server, task, url = await serve(Starlette(routes=[Route("/{rest:path}", answer)]))
    yield url
    server.should_exit = True
    await task


@pytest.fixture
async def processor_url() -> AsyncIterator[str]:
    """Stands for the processor's hosted page."""
    async for url in elsewhere("Hosted invoice"):
        yield url


@pytest.fixture
async def ui_url() -> AsyncIterator[str]:
    """Stands for the Temporal UI."""
    async for url in elsewhere("Temporal UI"):
        yield url


@pytest.fixture
async def site(
    world: World,  # noqa: F811
    processor_url: str,
    ui_url: str,
) -> AsyncIterator[str]:
    """The web process, told where its two neighbours are."""
    told = world.wiring.settings.model_copy(
        update={"sandbox_url": processor_url, "temporal_ui_url": ui_url}
    )
    server, task, url = await serve(build_web(replace(world.wiring, settings=told)))
    yield url
    server.should_exit = True
    await task
