"""The schedules that run the sweeps; made by the first worker, left alone by the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)

from connectors.ports import LenderPort, LenderReads
from domain.model import Record
from store import locations
from store.db import Pool
from workflows.lender_sweeps import LenderSweepStart
from workflows.sweeps import SweepStart

# A sweep missed in an outage is not made up for: the next one looks back far enough.
CATCH_UP = timedelta(minutes=10)


@dataclass(frozen=True)
class Sweep:
    """One sweep: how often, and how far back it looks so that windows overlap."""

    workflow: str
    every: timedelta
    back: timedelta
    per_location: bool = False
    offset: timedelta = timedelta(0)
    """From midnight UTC, of those that run by the day."""
    name: str = ""
    """Of its schedule; the workflow's own where it has one schedule."""


SWEEPS = (
    Sweep("InboxRedrive", every=timedelta(seconds=30), back=timedelta(seconds=15)),
    Sweep("ProcessorCatchUp", every=timedelta(minutes=5), back=timedelta(minutes=20)),
    Sweep("DeskPayments", every=timedelta(minutes=1), back=timedelta(minutes=6)),
    # After an outage that was longer than the window of the sweep above.
    Sweep(
        "DeskPayments", every=timedelta(hours=1), back=timedelta(hours=26), name="DeskPaymentsOfDay"
    ),
    # Three looks at each text, the first one 12 to 36 hours after it went out.
    Sweep("TextReports", every=timedelta(days=1), back=timedelta(hours=84)),
    # The bank can send a payout back for several days after it arrived.
    Sweep("Payouts", every=timedelta(hours=1), back=timedelta(days=14)),
    Sweep("LenderLoans", every=timedelta(hours=1), back=timedelta(0), per_location=True),
    Sweep("ExpiredLots", every=timedelta(days=1), back=timedelta(0), per_location=True),
    # In the night of every state, when a day is over and little is under way.
    Sweep(
        "ControlTotals",
        every=timedelta(days=1),
        back=timedelta(0),
        per_location=True,
        offset=timedelta(hours=10),
    ),
    Sweep("MissedVisits", every=timedelta(hours=1), back=timedelta(hours=26), per_location=True),
)


async def ensure(client: Client, pool: Pool, task_queue: str) -> None:
    """Create what is missing."""
    async with pool.acquire() as conn:
        known = await locations.list_locations(conn)
    for sweep in SWEEPS:
        places = [one.location_id for one in known] if sweep.per_location else [None]
        for place in places:
            await _create(client, sweep, place, task_queue)


async def ensure_lenders(
    client: Client, lenders: Mapping[str, LenderPort], task_queue: str
) -> None:
    """Create what is missing for each lender at each of its locations."""
    for name, port in lenders.items():
        workflow = "LenderPoll" if isinstance(port, LenderReads) else "LenderImport"
        every = ScheduleIntervalSpec(every=timedelta(minutes=port.contract.poll_minutes))
        for location_id in port.locations:
            start = LenderSweepStart(location_id=location_id, lender=port.contract.lender)
            await _put(
                client, workflow, f"{workflow}/{location_id}/{name}", start, every, task_queue
            )


async def _create(client: Client, sweep: Sweep, location_id: str | None, task_queue: str) -> None:
    name = f"{sweep.name or sweep.workflow}/{location_id or 'all'}"
    start = SweepStart(location_id=location_id, back_seconds=int(sweep.back.total_seconds()))
    every = ScheduleIntervalSpec(every=sweep.every, offset=sweep.offset)
    await _put(client, sweep.workflow, name, start, every, task_queue)


async def _put(
    client: Client,
    workflow: str,
    name: str,
    start: Record,
    every: ScheduleIntervalSpec,
    task_queue: str,
) -> None:
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(workflow, start, id=name, task_queue=task_queue),
        spec=ScheduleSpec(intervals=[every]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )
    try:
        await client.create_schedule(name, schedule)
    except ScheduleAlreadyRunningError:
        return
