"""A Temporal dev server of the tests' own."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from starter import binaries, compose
from tests.sandbox_fixture import free_port


@contextlib.asynccontextmanager
async def dev_server() -> AsyncIterator[str]:
    """The dev server with the flags of temporal-dev.yml; yields its address."""
    with tempfile.TemporaryDirectory(prefix="tieout-temporal-") as folder:
        port = free_port()
        flags = [word for word in compose.temporal_flags() if not word.startswith("--ui-")]
        places = {
            "--ip": "127.0.0.1",
            "--port": str(port),
            "--db-filename": str(Path(folder) / "temporal.db"),
            "--headless": "true",
        }
        command = [str(binaries.find("temporal")), *compose.moved(flags, places)]
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
        try:
            await _answers(f"127.0.0.1:{port}")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            await process.wait()


async def _answers(address: str) -> None:
    for _ in range(200):
        try:
            await Client.connect(address)
        except (RuntimeError, RPCError):
            await asyncio.sleep(0.05)
        else:
            return
    raise TimeoutError("the dev server did not come up")
