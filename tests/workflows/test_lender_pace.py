"""The engine gives out no more of a lender's calls than its limit, and the urgent ones first."""

import asyncio
import bisect
import contextlib
import time
from decimal import Decimal
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.lending_contracts import ReadOneIn, ReadOneOut, ReadPageIn, ReadPageOut
from connectors.engine.client import EngineAddress, connect
from domain.lender_case import LookInput
from domain.lender_news import Thing
from domain.lender_pace import most, pace
from domain.plan_case import Lender
from tests.workflows.clinic import Clinic
from tests.workflows.conftest import KEYS
from worker import make_lender_worker
from workflows.lender_sweeps import LenderSweepStart, queue_of

HOUR_SECONDS, LIMIT, CALLS = 2, 40, 48
"""An hour of two seconds: the same limiter, the same arithmetic, another window."""
SWEEPS = 8


class Calls:
    """Notes when each call leaves."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.named: list[str] = []

    @activity.defn
    async def read_lender_thing(self, _: ReadOneIn) -> ReadOneOut:
        self.at.append(time.monotonic())
        self.named.append("thing")
        return ReadOneOut(status="read")

    @activity.defn
    async def read_lender_page(self, _: ReadPageIn) -> ReadPageOut:
        self.named.append("page")
        raise ApplicationError("one page is enough", non_retryable=True)

    def fullest(self, seconds: float) -> int:
        """The most calls that any window of this length saw."""
        ends = (bisect.bisect_left(self.at, start + seconds) for start in self.at)
        return max(end - place for place, end in enumerate(ends))


def worker(client: Client, clinic: Clinic, calls: Calls, rate: Decimal) -> Worker:
    queue = queue_of(clinic.queue, Lender.CHERRY)
    return make_lender_worker(
        client, queue, [calls.read_lender_thing, calls.read_lender_page], rate
    )


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


async def test_what_a_webhook_named_goes_before_the_sweeps_that_waited_longer(
    clinic: Clinic,
) -> None:
    calls = Calls()
    sweeps = [await _sweep(clinic, n) for n in range(SWEEPS)]
    await _queued(sweeps)
    look = asyncio.create_task(_look(clinic, 0))
    await _queued([clinic.client.get_workflow_handle(f"{clinic.queue}/0")])
    async with worker(clinic.client, clinic, calls, Decimal(5)):
        await look
    for sweep in sweeps:
        await sweep.terminate()
    # The pollers hold some tasks already when the engine picks the next by its rank.
    assert calls.named.index("thing") <= SWEEPS / 2, calls.named


async def _sweep(clinic: Clinic, number: int) -> WorkflowHandle[Any, Any]:
    start = LenderSweepStart(location_id="lumin", lender=Lender.CHERRY)
    name = f"{clinic.queue}/sweep/{number}"
    return await clinic.client.start_workflow("LenderPoll", start, id=name, task_queue=clinic.queue)


async def _queued(cases: list[WorkflowHandle[Any, Any]]) -> None:
    """Until each of these waits for a call that no worker takes yet."""
    for case in cases:
        while True:
            with contextlib.suppress(RPCError):
                if (await case.describe()).raw_description.pending_activities:
                    break
            await asyncio.sleep(0.05)


async def _look(clinic: Clinic, number: int) -> Any:
    start = LookInput(
        location_id="lumin", lender=Lender.CHERRY, thing=Thing.CONTRACT, thing_id=f"tx_{number}"
    )
    return await clinic.client.execute_workflow(
        "LenderLook", start, id=f"{clinic.queue}/{number}", task_queue=clinic.queue
    )
