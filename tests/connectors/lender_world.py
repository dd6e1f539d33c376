"""Every lender's twin, served to tests in a thread, and what they called back."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from connectors.lenders.access import LenderAccess
from sandbox.lenders import PLATFORMS, carecredit_app, lenders_control, platform_app
from tests.sandbox_fixture import new_box

ACCOUNT = {"cherry": "m-1", "patientfi": "m-2", "alphaeon": "m-3", "carecredit": "5348120012345678"}
KEYS = {
    key: value
    for name in ACCOUNT
    for key, value in {
        f"{name}_api_key": f"key-of-{name}",
        f"{name}_webhook_secret": f"secret-of-{name}",
        f"{name}_account": ACCOUNT[name],
    }.items()
}


class Twins:
    """Every lender, served, and what they called back."""

    def __init__(self) -> None:
        self.box = new_box(KEYS)
        self.url = ""
        self.hooks: list[tuple[str, bytes, dict[str, str]]] = []
        self._client = httpx.Client(verify=False)

    def access(self, name: str, **changes: Any) -> LenderAccess:
        base = {
            "base_url": f"{self.url}/{name}",
            "api_key": KEYS[f"{name}_api_key"],
            "webhook_secret": KEYS[f"{name}_webhook_secret"],
            "accounts": {"lumin": ACCOUNT[name]},
        }
        return LenderAccess.model_validate({**base, **changes})

    def act(self, name: str, verb: str, **body: Any) -> Any:
        answer = self._client.post(f"{self.url}/_control/lenders/{name}/{verb}", json=body)
        answer.raise_for_status()
        return answer.json()

    def set(self, name: str, **settings: Any) -> None:
        url = f"{self.url}/_control/lenders/{name}/settings"
        self._client.put(url, json=settings).raise_for_status()

    def forget(self) -> None:
        """Begin anew, with webhooks that come back to `hooks`."""
        self.box.state.clear()
        self.box.faults.rules.clear()
        self.box.meters["lenders"].forget()
        self.hooks.clear()
        self.box.webhook_urls.update({name: f"{self.url}/hook/{name}" for name in PLATFORMS})

    def calls(self, name: str) -> dict[str, int]:
        """The fullest window, refusals and calls of a lender."""
        counted: dict[str, int] = self.box.meters["lenders"].count(name)
        return counted

    async def heard(self, count: int) -> list[tuple[str, bytes, dict[str, str]]]:
        for _ in range(250):
            if len(self.hooks) >= count:
                return self.hooks
            await asyncio.sleep(0.01)
        raise AssertionError(f"{len(self.hooks)} of {count} came")


@contextlib.contextmanager
def serving() -> Iterator[Twins]:
    """Until the test module ends."""
    made = Twins()

    async def hook(request: Request) -> Response:
        name = request.path_params["name"]
        made.hooks.append((name, await request.body(), dict(request.headers)))
        return Response(status_code=204)

    app = Starlette(
        routes=[
            *(Mount(f"/{name}", platform_app(made.box, name)) for name in PLATFORMS),
            Mount("/carecredit", carecredit_app(made.box)),
            Mount("/_control/lenders", lenders_control(made.box)),
            Route("/hook/{name}", hook, methods=["POST"]),
        ]
    )
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield made
    server.should_exit = server.force_exit = True
    thread.join(timeout=5)
