"""Outgoing webhooks of every twin: signed by the twin, carried here, with retries and faults."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import aiohttp

from sandbox.faults import Faults, WebhookFault
from sandbox.state import State

log = logging.getLogger("sandbox.webhooks")

RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)


@dataclass(frozen=True)
class Delivery:
    """One webhook to carry. `sign` makes headers for the body at the moment of each try."""

    vendor: str
    event_type: str
    event_id: str
    url: str
    body: bytes
    sign: Callable[[bytes], dict[str, str]]
    sign_stale: Callable[[bytes], dict[str, str]] | None = None
    on_answer: Callable[[int], bool] | None = None
    """Hears the status of every honest try (0: no answer); True ends the retries."""


class WebhookPump:
    """Delivers in the background; keeps a log of every try under kind `delivery`."""

    def __init__(self, state: State, faults: Faults) -> None:
        self._state = state
        self._faults = faults
        self._client: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._kept_back: list[Delivery] = []
        self._late: list[tuple[str, Delivery]] = []

    def send(self, delivery: Delivery) -> None:
        """Queue one delivery and return at once."""
        fault = self._faults.take(
            delivery.vendor,
            f"webhook:{delivery.event_type}",
            get_args(WebhookFault),
            f"{delivery.url}\n{delivery.body.decode('latin-1')}",
        )
        kind = fault.kind if fault else None
        if kind == "drop":
            self._log(delivery, "dropped", 0)
        elif kind == "reorder":
            self._kept_back.append(delivery)
        elif kind == "late" and fault:
            self._late.append((fault.subject, delivery))
        elif kind == "delay" and fault:
            self._spawn(self._deliver(delivery, wait_seconds=fault.seconds))
        elif kind in ("forge", "stale"):
            self._spawn(self._deliver(delivery, forge=kind == "forge", stale=kind == "stale"))
        else:
            for _ in range(10 if kind == "duplicate" else 1):
                self._spawn(self._deliver(delivery))
            self._release_kept_back()

    async def flush(self) -> None:
        """Release what a reorder fault holds and wait for every delivery."""
        self._release_kept_back()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def release(self, subject: str, *, backwards: bool = False) -> int:
        """Send what a `late` fault holds of one subject; how many there were."""
        held = [one for known, one in self._late if known == subject]
        self._late = [pair for pair in self._late if pair[0] != subject]
        for place, delivery in enumerate(reversed(held) if backwards else held):
            # One after the other, so that the order is the one that was asked for.
            self._spawn(self._deliver(delivery, wait_seconds=0.05 * place))
        return len(held)

    async def close(self) -> None:
        """Stop without waiting for retries."""
        for task in self._tasks:
            task.cancel()
        if self._client is not None:
            await self._client.close()

    def _release_kept_back(self) -> None:
        kept, self._kept_back = self._kept_back, []
        for delivery in reversed(kept):
            self._spawn(self._deliver(delivery, wait_seconds=0.3))

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(
        self,
        delivery: Delivery,
        wait_seconds: float = 0.0,
        forge: bool = False,
        stale: bool = False,
    ) -> None:
        await asyncio.sleep(wait_seconds)
        for pause_seconds in (*RETRY_SECONDS, None):
            sign = delivery.sign_stale if stale and delivery.sign_stale else delivery.sign
            headers = sign(delivery.body + b" " if forge else delivery.body)
            try:
                status = await self._post(delivery, headers)
                outcome = "delivered" if 200 <= status < 300 else "refused"
            except (aiohttp.ClientError, TimeoutError):
                status, outcome = 0, "unreachable"
            self._log(delivery, outcome, status)
            honest = not (forge or stale)
            give_up = delivery.on_answer(status) if honest and delivery.on_answer else False
            if give_up or outcome == "delivered" or (status and not honest):
                return
            if pause_seconds is None:
                log.warning("gave up on a %s webhook", delivery.vendor)
                return
            await asyncio.sleep(pause_seconds)

    async def _post(self, delivery: Delivery, headers: dict[str, str]) -> int:
        if self._client is None:
            timeout = aiohttp.ClientTimeout(total=10)
            self._client = aiohttp.ClientSession(timeout=timeout, raise_for_status=False)
        async with self._client.post(
            delivery.url, data=delivery.body, headers=headers, allow_redirects=False
        ) as answer:
            return answer.status

    def _log(self, delivery: Delivery, outcome: str, status: int) -> None:
        self._state.append(
            "delivery",
            {
                "vendor": delivery.vendor,
                "event_type": delivery.event_type,
                "event_id": delivery.event_id,
                "outcome": outcome,
                "status": status,
            },
        )
