"""All stories once in peace and once with a death at every posting: the same ledger hash.

The deaths are died together: whoever comes to a posting where one was asked for hangs there, and
when no more come, the worker is killed with all of them. The engine gives each attempt out anew.
"""

import asyncio
import contextlib
import hashlib
import json
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.exceptions import ApplicationError

from store import seen
from tests.crash import doomed
from tests.crash.story import Story
from tests.crash.town import Town
from tests.e2e.play import ROOT, playing

BREATH_SECONDS = 0.6
"""So long nobody else comes to a death: all who will have come."""
WORKER_DIED = "WorkerDied"
TERMS = ROOT / "examples" / "lender-terms.json"

_BOOKED = """
SELECT event, json_agg(json_build_array(account, debit_cents, credit_cents, client_id IS NOT NULL,
    case_id IS NOT NULL) ORDER BY account, debit_cents, credit_cents)::text AS said
FROM ledger_entries JOIN ledger_postings USING (entry_id) WHERE recorded_at >= $1
GROUP BY entry_id, event
UNION ALL SELECT 'part of a payment', amount_cents::text FROM payment_allocations
    WHERE recorded_at >= $1
UNION ALL SELECT 'lot moved', concat_ws(' ', kind, quantity, cents) FROM lot_movements
    WHERE recorded_at >= $1
UNION ALL SELECT 'document', concat_ws(' ', kind, change_due_cents) FROM documents
    WHERE recorded_at >= $1
"""


@dataclass(frozen=True)
class Told:
    """What the stories booked between them."""

    books: Counter[tuple[str, str]]
    events: frozenset[str]

    @property
    def ledger_hash(self) -> str:
        """Of entries with their lines, parts of payments, lots and documents; of no id or time."""
        rows = sorted((*what, count) for what, count in self.books.items())
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


@contextlib.asynccontextmanager
async def in_town() -> AsyncIterator[Town]:
    """A stack whose worker can be killed at a posting."""
    folder = Path(tempfile.mkdtemp(prefix="tieout-deaths-"))
    try:
        worker = ("-m", "tests.crash.doomed", str(folder), "worker")
        async with playing(worker=worker) as play:
            town = Town(play.stack, play.practice, folder)
            terms = ("lender", "terms", town.practice.location_id, str(TERMS))
            assert (await town.run(*terms, "--by", "dana")).code == 0
            yield town
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _tell(town: Town, stories: Iterable[Story]) -> Told:
    """Side by side, those of payouts at the end; what they booked."""
    async with town.practice.pool.acquire() as conn:
        since = await seen.start(conn)
    told = list(stories)
    for is_last in (False, True):
        async with asyncio.TaskGroup() as group:
            for one in told:
                if one.is_last == is_last:
                    group.create_task(one.tell(town), name=one.name)
    return await _books(town, since)


async def _books(town: Town, since: datetime) -> Told:
    """Once they are still."""
    before: Counter[tuple[str, str]] | None = None
    while True:
        rows = await town.fetch(_BOOKED, since)
        found = Counter((row[0], row[1]) for row in rows)
        if found == before:
            break
        before = found
        await asyncio.sleep(BREATH_SECONDS)
    names = [
        name for name, _ in found if name not in ("part of a payment", "lot moved", "document")
    ]
    return Told(found, frozenset(names))


async def _tell_dying(town: Town, stories: Sequence[Story]) -> tuple[Told, int]:
    """The same while the worker dies; also how often it was killed."""
    kills = 0

    async def reap() -> None:
        nonlocal kills
        while True:
            await asyncio.sleep(0.1)
            if town.hung():
                await _until_still(town)
                await _kill(town)
                kills += 1
                await _end_attempts(town)
                await town.stack.start("worker")

    reaper, told = asyncio.create_task(reap()), asyncio.create_task(_tell(town, stories))
    try:
        await asyncio.wait((told, reaper), return_when=asyncio.FIRST_COMPLETED)
        if reaper.done():
            reaper.result()
        return await told, kills
    finally:
        reaper.cancel()
        told.cancel()


async def _until_still(town: Town) -> None:
    count, since = 0, time.monotonic()
    while time.monotonic() - since < BREATH_SECONDS:
        if len(town.hung()) != count:
            count, since = len(town.hung()), time.monotonic()
        await asyncio.sleep(0.05)


async def _kill(town: Town) -> None:
    with contextlib.ExitStack() as until_dead:
        await asyncio.to_thread(until_dead.enter_context, doomed.alone(town.deaths))
        await town.stack.kill("worker", signal.SIGKILL)


async def _end_attempts(town: Town) -> None:
    """What the dead worker was doing fails now, and not half a minute later."""
    engine = town.practice.engine

    async def of_one(case_id: str, run_id: str) -> None:
        found = await engine.get_workflow_handle(case_id, run_id=run_id).describe()
        for one in found.raw_description.pending_activities:
            if one.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED:
                attempt = engine.get_async_activity_handle(
                    workflow_id=case_id, run_id=run_id, activity_id=one.activity_id
                )
                await attempt.fail(ApplicationError("the worker died", type=WORKER_DIED))

    running = engine.list_workflows("ExecutionStatus = 'Running'")
    await asyncio.gather(*[of_one(one.id, one.run_id) async for one in running])


@dataclass(frozen=True)
class Found:
    """Both runs. `unmet` are deaths that nobody died, `untold` entries that no story booked."""

    calm: Told
    dying: Told
    deaths: int
    kills: int
    unmet: tuple[str, ...]
    untold: frozenset[str]
    seconds: int

    @property
    def is_right(self) -> bool:
        """The same books, and every death was died."""
        same = self.calm.ledger_hash == self.dying.ledger_hash
        return same and not self.unmet and not self.untold


async def run(town: Town, stories: Sequence[Story], events: Collection[str] = ()) -> Found:
    """Tell the stories twice; the second time with a death on both sides of the commit of each of
    these entries, or of whatever the stories booked the first time."""
    began = time.monotonic()
    calm = await _tell(town, stories)
    told = frozenset[str]().union(*(one.books for one in stories))
    asked = sorted(events or calm.events)
    doomed.ask(town.deaths, asked)
    dying, kills = await _tell_dying(town, stories)
    return Found(
        calm=calm,
        dying=dying,
        deaths=len(asked) * len(doomed.SIDES),
        kills=kills,
        unmet=tuple(doomed.unmet(town.deaths)),
        untold=told - calm.events,
        seconds=round(time.monotonic() - began),
    )
