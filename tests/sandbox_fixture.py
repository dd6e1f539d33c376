"""Serves sandbox apps to tests: one twin in a thread, or the whole box as a program."""

import contextlib
import json
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import uvicorn

from sandbox.box import Box
from sandbox.faults import Faults
from sandbox.state import State
from sandbox.webhooks import WebhookPump


def new_credentials() -> dict[str, str]:
    """Fresh vendor keys of a made-up practice, by the names that `Box` lists."""
    return {
        "boulevard_business_id": str(uuid4()),
        "boulevard_api_key": str(uuid4()),
        "boulevard_api_secret": b64encode(secrets.token_bytes(32)).decode(),
        "boulevard_app_id": str(uuid4()),
        "stripe_secret_key": "sk_test_" + secrets.token_hex(24),
        "stripe_webhook_secret": "whsec_" + secrets.token_hex(24),
        "twilio_account_sid": "AC" + secrets.token_hex(16),
        "twilio_auth_token": secrets.token_hex(16),
        "twilio_messaging_service_sid": "MG" + secrets.token_hex(16),
    }


def new_box(credentials: Mapping[str, str] | None = None, base_url: str = "") -> Box:
    """A box in memory."""
    state, faults = State(None), Faults()
    return Box(
        state, faults, WebhookPump(state, faults), credentials or new_credentials(), base_url
    )


def free_port() -> int:
    """A loopback port that nobody listened on a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve an ASGI app on a free loopback port in a thread; yields its base URL."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the test server did not start")
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(5)


@contextlib.contextmanager
def run_sandbox(
    port: int, smtp_port: int, credentials: Mapping[str, str], state: Path | None = None
) -> Iterator[str]:
    """`python -m sandbox` as a process; yields its base URL once it answers."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "credentials.json"
        keys.write_text(json.dumps(dict(credentials)))
        command = [sys.executable, "-m", "sandbox", "--credentials", str(keys)]
        command += ["--port", str(port), "--smtp-port", str(smtp_port)]
        command += ["--state", str(state)] if state else []
        process = subprocess.Popen(command, cwd=Path(__file__).parents[1])
        base_url = f"http://127.0.0.1:{port}"
        try:
            _wait_until_healthy(process, f"{base_url}/_control/health")
            yield base_url
        finally:
            process.terminate()
            process.wait(10)


def _wait_until_healthy(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the sandbox ended with {process.returncode}")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=1).is_success:
                return
        time.sleep(0.05)
    raise RuntimeError("the sandbox did not answer in time")
