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
        self._closing = asyncio.Event()
        self._slots = asyncio.Semaphore(CONCURRENT)

    def spawn(self, name: str, work: Coroutine[Any, Any, Any], wait_seconds: int = 0) -> None:
        """Start the work, now or after a pause, and return at once.

        A pause that the shutdown cuts short leaves the work to the redrive.
        """
        task = asyncio.create_task(self._run(name, work, wait_seconds), name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def drain(self, timeout_seconds: int) -> None:
        """Wait for what is under way, then cancel the rest; what still pauses is left out."""
        self._closing.set()
        if not self._running:
            return
        _, late = await asyncio.wait(set(self._running), timeout=timeout_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, name: str, work: Coroutine[Any, Any, Any], wait_seconds: int) -> None:
        if wait_seconds and await self._closes_within(wait_seconds):
            work.close()
            return
        async with self._slots:
            try:
                await work
            except Exception as error:  # the text may quote a payload, so only the type is logged
                log.warning("background_failed", task=name, error=type(error).__name__)

    async def _closes_within(self, seconds: int) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._closing.wait()
        except TimeoutError:
            return False
