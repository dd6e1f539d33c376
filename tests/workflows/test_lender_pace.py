"""The engine gives out no more of a lender's calls than its limit, to any number of workers."""

import asyncio
import bisect
import time
from decimal import Decimal
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from activities.lending_contracts import ReadOneIn, ReadOneOut
from connectors.engine.client import EngineAddress, connect
from domain.lender_case import LookInput
from domain.lender_news import Thing
from domain.lender_pace import most, pace
from domain.plan_case import Lender
from tests.workflows.clinic import Clinic
from tests.workflows.conftest import KEYS
from worker import make_lender_worker
from workflows.lender_sweeps import queue_of

HOUR_SECONDS, LIMIT, CALLS = 2, 40, 48
"""An hour of two seconds: the same limiter, the same arithmetic, another window."""


class Calls:
    """Notes when each call leaves."""

    def __init__(self) -> None:
        self.at: list[float] = []

    @activity.defn
    async def read_lender_thing(self, _: ReadOneIn) -> ReadOneOut:
        self.at.append(time.monotonic())
        return ReadOneOut(status="read")

    def fullest(self, seconds: float) -> int:
        """The most calls that any window of this length saw."""
        ends = (bisect.bisect_left(self.at, start + seconds) for start in self.at)
        return max(end - place for place, end in enumerate(ends))


def worker(client: Client, clinic: Clinic, calls: Calls, rate: Decimal) -> Worker:
    queue = queue_of(clinic.queue, Lender.CHERRY)
    return make_lender_worker(client, queue, [calls.read_lender_thing], rate)


async def test_no_window_of_two_workers_is_above_the_limit(clinic: Clinic) -> None:
    calls, rate = Calls(), pace(LIMIT, HOUR_SECONDS, held_seconds=1)
    address = clinic.client.service_client.config.target_host
    other = await connect(EngineAddress(address, "default", KEYS, "k1"))
    async with worker(clinic.client, clinic, calls, rate), worker(other, clinic, calls, rate):
        began = time.monotonic()
        await asyncio.gather(*(_look(clinic, n) for n in range(CALLS)))
        seconds = time.monotonic() - began
    assert len(calls.at) == CALLS
    # Without a limit they would have left at once; with it, none of them too early.
    assert seconds > (CALLS - 2 * float(rate) - 1) / float(rate)
    assert most(rate, HOUR_SECONDS, held_seconds=1) < LIMIT < CALLS
    assert calls.fullest(HOUR_SECONDS) <= most(rate, HOUR_SECONDS, held_seconds=1)


async def _look(clinic: Clinic, number: int) -> Any:
    start = LookInput(
        location_id="lumin", lender=Lender.CHERRY, thing=Thing.CONTRACT, thing_id=f"tx_{number}"
    )
    return await clinic.client.execute_workflow(
        "LenderLook", start, id=f"{clinic.queue}/{number}", task_queue=clinic.queue
    )
