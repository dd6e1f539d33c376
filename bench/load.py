"""Visits under load: the product over real HTTP, and the engine with nothing inside."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from temporalio.worker import Worker

from bench.cpu import Meter
from bench.floor import BEFORE_DECISION, BEFORE_PAYMENT, FloorVisit, NoOps
from bench.watch import EVERY_SECONDS, Watch
from domain import ids
from domain.case import Decision
from starter.deciding import send_decision
from starter.demo.cast import SERUM, TOXIN, line
from starter.rehearsal import Patient, Rehearsal
from store import reviews
from worker import CASES_CACHED_MAX, STICKY, sandboxed

ANSWER = "x" * 400
READING_SECONDS = 2.0
"""How long a person reads a question. Less than this, and a loaded case does not wait for the
answer yet: it refuses it, and the second try would be billed to the visit."""


async def unloaded(practice: Rehearsal, visits: int) -> dict[str, int]:
    """Event received to invoice accepted on both channels, one visit at a time."""
    found = []
    async with Watch(practice.pool) as watch:
        for order in await orders(practice, visits):
            case_id = await practice.check_out(order)
            found.append(await watch.until("sent", case_id))
    return percentiles(found)


async def half_load(practice: Rehearsal, per_second: float, seconds: int) -> dict[str, int]:
    """The same while visits arrive at random at half the measured rate, and get paid."""
    dice = random.Random(7)
    charted = await orders(practice, max(1, int(per_second * seconds)))
    cases: list[asyncio.Task[int]] = []
    lives: list[asyncio.Task[None]] = []
    async with Watch(practice.pool) as watch:
        for order in charted:
            await asyncio.sleep(dice.expovariate(per_second))
            case_id = ids.visit_workflow_id(practice.location_id, "boulevard", order)
            lives.append(asyncio.create_task(_live(practice, watch, order)))
            cases.append(asyncio.create_task(watch.until("sent", case_id)))
        found = await asyncio.gather(*cases)
        await asyncio.gather(*lives)
    return percentiles(found)


@dataclass(frozen=True)
class Rate:
    """Visits per second; on Linux also how many of the machine's cores worked meanwhile, and
    milliseconds of CPU per visit by process."""

    per_second: float
    busy_cores: float | None = None
    cpu_ms: Mapping[str, float] | None = None


async def product_rate(practice: Rehearsal, visits: int, in_flight: int, meter: Meter) -> Rate:
    """Whole visits: webhook, invoice, messages, payment, write-back, desk, closed."""
    charted = await orders(practice, visits)
    async with Watch(practice.pool) as watch:
        return await _rate(charted, lambda order: _live(practice, watch, order), in_flight, meter)


async def floor_rate(practice: Rehearsal, visits: int, in_flight: int, meter: Meter) -> Rate:
    """Empty visits on the same server, with a worker process like the product's."""
    queue, no_ops = f"floor-{uuid4()}", NoOps()
    worker = Worker(
        practice.engine,
        task_queue=queue,
        workflows=[FloorVisit],
        activities=[no_ops.no_op],
        workflow_runner=sandboxed("bench"),
        max_cached_workflows=CASES_CACHED_MAX,
        sticky_queue_schedule_to_start_timeout=STICKY,
    )
    async with worker:
        names = [f"floor-{uuid4()}" for _ in range(visits)]
        return await _rate(
            names, lambda name: _empty_life(practice, no_ops, name, queue), in_flight, meter
        )


async def _empty_life(practice: Rehearsal, no_ops: NoOps, name: str, queue: str) -> None:
    """Paid and decided when the visit waits for it, as the product's visits are."""
    case = await practice.engine.start_workflow(
        FloorVisit.run, ANSWER, id=name, task_queue=queue, execution_timeout=timedelta(hours=1)
    )
    await no_ops.more(name, BEFORE_PAYMENT)
    await asyncio.sleep(EVERY_SECONDS)
    await case.signal(FloorVisit.pay, "x")
    await no_ops.more(name, BEFORE_DECISION)
    await asyncio.sleep(READING_SECONDS)
    await case.execute_update(FloorVisit.decide, "x")
    await case.result()


async def _live(practice: Rehearsal, watch: Watch, order: str) -> None:
    """One visit paid at once and confirmed by the desk."""
    case_id = await practice.check_out(order)
    invoice_id = await watch.until("invoice", case_id)
    await practice.control(f"stripe/invoices/{invoice_id}/pay", {})
    review_id = await watch.until("task", case_id)
    await asyncio.sleep(READING_SECONDS)
    async with practice.pool.acquire() as conn:
        asked = await reviews.get(conn, review_id)
    decision = Decision(review_id=asked.review_id, choice="done", by="desk")
    await send_decision(practice.engine, asked, decision)
    await practice.case(case_id).result()


async def _rate(
    names: Sequence[str], live: Callable[[str], Awaitable[None]], in_flight: int, meter: Meter
) -> Rate:
    slots = asyncio.Semaphore(in_flight)

    async def one(name: str) -> None:
        async with slots:
            await live(name)

    began, before = time.monotonic(), meter.read()
    await asyncio.gather(*(one(name) for name in names))
    seconds, after = time.monotonic() - began, meter.read()
    if before is None or after is None:
        return Rate(len(names) / seconds)
    cpu_ms = {
        process: (spent - before.processes[process]) * 1_000 / len(names)
        for process, spent in after.processes.items()
    }
    return Rate(len(names) / seconds, (after.machine - before.machine) / seconds, cpu_ms)


async def orders(practice: Rehearsal, visits: int) -> list[str]:
    """Patients and charts, entered before the clock starts."""
    run = uuid4().hex[:6]
    charted = []
    for number in range(visits):
        patient = Patient(
            "Pat", f"Load{number}", f"pat{number}.{run}@patients.example", _phone(number)
        )
        urn = await practice.admit(patient)
        lines = [line(TOXIN, "Wrinkle relaxer", 20, 1_300), line(SERUM, "Serum", 1, 6_800)]
        charted.append(await practice.treat(urn, lines))
    return charted


def _phone(number: int) -> str:
    """Ends in 5, away from the numbers that the twin makes misbehave."""
    return f"+1512{2_000_015 + number * 10:07d}"


def percentiles(found_ms: Sequence[int]) -> dict[str, int]:
    """Nearest-rank p50, p95 and p99 in milliseconds, and how many they come from."""
    ordered = sorted(found_ms)

    def rank(part: int) -> int:
        return ordered[min(len(ordered) - 1, -(-len(ordered) * part // 100) - 1)]

    return {"p50": rank(50), "p95": rank(95), "p99": rank(99), "n": len(ordered)}
