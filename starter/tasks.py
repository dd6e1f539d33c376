"""Work that goes on after an answer was sent; waited for on shutdown."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

CONCURRENT = 16
"""Below the pool's size times its turnover; more would only queue inside the database pool."""

log = structlog.get_logger("tieout.web")


class Tasks:
    """A set of background tasks. A failure is logged by type; the redrive repeats the work."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(CONCURRENT)

    def spawn(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """Start the work and return at once."""
        task = asyncio.create_task(self._run(name, work), name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def drain(self, timeout_seconds: int) -> None:
        """Wait for what is under way, then cancel the rest."""
        if not self._running:
            return
        _, late = await asyncio.wait(set(self._running), timeout=timeout_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        async with self._slots:
            try:
                await work
            except Exception as error:  # the text may quote a payload, so only the type is logged
                log.warning("background_failed", task=name, error=type(error).__name__)
