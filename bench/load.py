"""Visits under load: the product over real HTTP, and the engine with nothing inside."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import uuid4

from temporalio.worker import Worker

from bench.floor import FloorVisit, no_op
from domain import ids
from domain.case import Decision
from starter.deciding import send_decision
from starter.demo.cast import SERUM, TOXIN, line
from starter.rehearsal import Patient, Rehearsal
from store import reviews
from store.reviews import Review
from worker import CASES_CACHED_MAX, STICKY, sandboxed

_SENT = """
SELECT (extract(epoch FROM max(t.accepted_at) - min(i.received_at)) * 1000)::bigint
FROM touchpoints t JOIN inbox i ON i.workflow_id = t.case_id
WHERE t.case_id = $1 AND t.step = 'invoice' AND t.accepted_at IS NOT NULL
HAVING count(DISTINCT t.channel) = 2
"""
ANSWER = "x" * 400
POLL = 0.05


async def unloaded(practice: Rehearsal, visits: int) -> dict[str, int]:
    """Event received to invoice accepted on both channels, one visit at a time."""
    found = []
    for order in await orders(practice, visits):
        case_id = await practice.check_out(order)
        found.append(await _sent_ms(practice, case_id))
        await asyncio.sleep(0.05)
    return percentiles(found)


async def half_load(practice: Rehearsal, per_second: float, seconds: int) -> dict[str, int]:
    """The same while visits arrive at random at half the measured rate, and get paid."""
    dice = random.Random(7)
    charted = await orders(practice, max(1, int(per_second * seconds)))
    cases: list[asyncio.Task[int]] = []
    lives: list[asyncio.Task[None]] = []
    for order in charted:
        await asyncio.sleep(dice.expovariate(per_second))
        case_id = ids.visit_workflow_id(practice.location_id, "boulevard", order)
        lives.append(asyncio.create_task(_live(practice, order)))
        cases.append(asyncio.create_task(_sent_ms(practice, case_id, 0.25)))
    found = await asyncio.gather(*cases)
    await asyncio.gather(*lives)
    return percentiles(found)


async def product_rate(practice: Rehearsal, visits: int, in_flight: int) -> float:
    """Whole visits per second: webhook, invoice, messages, payment, write-back, desk, closed."""
    charted = await orders(practice, visits)
    return await _rate(charted, lambda order: _live(practice, order), in_flight)


async def floor_rate(practice: Rehearsal, visits: int, in_flight: int) -> float:
    """Empty visits per second on the same server, with a worker process like the product's."""
    queue = f"floor-{uuid4()}"
    worker = Worker(
        practice.engine,
        task_queue=queue,
        workflows=[FloorVisit],
        activities=[no_op],
        workflow_runner=sandboxed("bench"),
        max_cached_workflows=CASES_CACHED_MAX,
        sticky_queue_schedule_to_start_timeout=STICKY,
    )
    async with worker:
        names = [f"floor-{uuid4()}" for _ in range(visits)]
        return await _rate(names, lambda name: _empty_life(practice, name, queue), in_flight)


async def _empty_life(practice: Rehearsal, name: str, queue: str) -> None:
    case = await practice.engine.start_workflow(
        FloorVisit.run, ANSWER, id=name, task_queue=queue, execution_timeout=timedelta(hours=1)
    )
    await case.signal(FloorVisit.pay, "x")
    await case.execute_update(FloorVisit.decide, "x")
    await case.result()


async def _live(practice: Rehearsal, order: str) -> None:
    """One visit paid at once and confirmed by the desk."""
    case_id = await practice.check_out(order)

    async def invoice() -> str | None:
        async with practice.pool.acquire() as conn:
            found: str | None = await conn.fetchval(
                "SELECT processor_invoice_id FROM processor_invoices JOIN touchpoints t"
                " USING (case_id) WHERE case_id = $1 AND t.step = 'invoice'"
                " AND t.state IN ('accepted', 'delivered') LIMIT 1",
                case_id,
            )
        return found

    async def task() -> Review | None:
        async with practice.pool.acquire() as conn:
            waiting = await reviews.open_of_case(conn, case_id)
        return waiting[0] if waiting else None

    invoice_id = await practice.until(invoice, "an invoice", 120, POLL)
    await practice.control(f"stripe/invoices/{invoice_id}/pay", {})
    asked = await practice.until(task, "the desk's task", 120, POLL)
    decision = Decision(review_id=asked.review_id, choice="done", by="desk")
    await send_decision(practice.engine, asked, decision)
    await practice.case(case_id).result()


async def _rate(
    names: Sequence[str], live: Callable[[str], Awaitable[None]], in_flight: int
) -> float:
    slots = asyncio.Semaphore(in_flight)

    async def one(name: str) -> None:
        async with slots:
            await live(name)

    began = time.monotonic()
    await asyncio.gather(*(one(name) for name in names))
    return len(names) / (time.monotonic() - began)


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


async def _sent_ms(practice: Rehearsal, case_id: str, poll_seconds: float = 0.02) -> int:
    async def sent() -> int | None:
        async with practice.pool.acquire() as conn:
            found: int | None = await conn.fetchval(_SENT, case_id)
        return found

    return await practice.until(sent, "an invoice on both channels", 120, poll_seconds)


def percentiles(found_ms: Sequence[int]) -> dict[str, int]:
    """Nearest-rank p50, p95 and p99 in milliseconds, and how many they come from."""
    ordered = sorted(found_ms)

    def rank(part: int) -> int:
        return ordered[min(len(ordered) - 1, -(-len(ordered) * part // 100) - 1)]

    return {"p50": rank(50), "p95": rank(95), "p99": rank(99), "n": len(ordered)}
