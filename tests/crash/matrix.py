"""All stories once in peace and once with a death at every posting: the same ledger hash.

The deaths are died together: whoever comes to a posting where one was asked for hangs there, and
when no more come, the worker and the web process are killed with all of theirs. The engine gives
each attempt out anew, the vendors tell again, and a payer presses again.
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
from typing import get_args

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.exceptions import ApplicationError

from domain.ledger import Event
from store import seen
from tests.crash import doomed
from tests.crash.story import UNDONE, Story
from tests.crash.town import TERMS, Town
from tests.e2e.play import playing

BREATH_SECONDS = 0.6
"""So long nobody else comes to a death: all who will have come."""
SCHEDULE_SECONDS = 8
PARTS = ("worker", "web")
WORKER_DIED = "WorkerDied"

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
UNION ALL SELECT 'checkouts', amount_cents::text FROM checkouts
    WHERE recorded_at >= $1 AND outcome = 'paid'
UNION ALL SELECT 'plan_facts', concat_ws(' ', source, status) FROM plan_facts
    WHERE recorded_at >= $1 AND source <> 'poll'
UNION ALL SELECT 'lender_files', rows::text FROM lender_files WHERE imported_at >= $1
"""
_KEPT = {
    "agency_exports": "agency",
    "agency_recalls": "reason",
    "agency_remittances": "concat_ws(' ', gross_cents, fee_cents)",
    "agency_remittance_parts": "gross_cents",
    "bank_claims": "kind",
    "bank_lines": "amount_cents",
    "bank_payouts": "leg",
    "client_hold_releases": "reason",
    "lender_fundings": "state",
    "memberships": "tier",
    "payments": "concat_ws(' ', state, amount_cents, allocated_cents)",
    "period_closes": "reason",
    "review_undo_proposals": "reason",
}
"""What else is kept of money, and how a row of it is told."""
_ALL = _BOOKED + "".join(
    f"UNION ALL SELECT '{table}', ({told})::text FROM {table} WHERE recorded_at >= $1 "
    for table, told in _KEPT.items()
)


@dataclass(frozen=True)
class Told:
    """What the stories booked between them."""

    books: Counter[tuple[str, str]]
    events: frozenset[str]

    @property
    def ledger_hash(self) -> str:
        """Of entries with their lines and of what else is kept of money; of no id or time."""
        rows = sorted((*what, count) for what, count in self.books.items())
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


@contextlib.asynccontextmanager
async def in_town() -> AsyncIterator[Town]:
    """A stack whose worker can be killed at a posting."""
    folder = Path(tempfile.mkdtemp(prefix="tieout-deaths-"))
    try:
        doomed_as = ("-m", "tests.crash.doomed", str(folder))
        parts = {"worker": (*doomed_as, "worker"), "web": (*doomed_as, "serve")}
        async with playing(**parts) as play:
            town = Town(play.stack, play.practice, folder)
            terms = ("lender", "terms", town.practice.location_id, str(TERMS))
            assert (await town.run(*terms, "--by", "dana")).code == 0
            yield town
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _tell(town: Town, stories: Iterable[Story]) -> Told:
    """Side by side, those of payouts at the end, each for itself; what they booked."""
    async with town.practice.pool.acquire() as conn:
        since = await seen.start(conn)
    told = list(stories)
    async with asyncio.TaskGroup() as group:
        for one in told:
            if not one.is_last:
                group.create_task(one.tell(town), name=one.name)
    for one in told:
        if one.is_last:
            await one.tell(town)
    return await _books(town, since)


async def _books(town: Town, since: datetime) -> Told:
    """Once they are still."""
    before: Counter[tuple[str, str]] | None = None
    while True:
        rows = await town.fetch(_ALL, since)
        found = Counter((row[0], row[1]) for row in rows)
        if found == before:
            break
        before = found
        await asyncio.sleep(BREATH_SECONDS)
    known = set(get_args(Event))
    events = {name for name, _ in found if {name, name.removesuffix(UNDONE)} & known}
    return Told(found, frozenset(events))


async def _tell_dying(town: Town, stories: Sequence[Story]) -> tuple[Told, int]:
    """The same while the worker dies; also how often it was killed."""
    kills = 0

    async def reap() -> None:
        nonlocal kills
        while True:
            await asyncio.sleep(0.1)
            if town.hung():
                await _until_still(town)
                kills += len(await _kill(town))

    told = asyncio.create_task(_tell(town, stories))
    others = [asyncio.create_task(one) for one in (reap(), _keep_schedules(town))]
    try:
        await asyncio.wait((told, *others), return_when=asyncio.FIRST_COMPLETED)
        for one in others:
            if one.done():
                one.result()
        return await told, kills
    finally:
        for one in (told, *others):
            one.cancel()


async def _until_still(town: Town) -> None:
    count, since = 0, time.monotonic()
    while time.monotonic() - since < BREATH_SECONDS:
        if len(town.hung()) != count:
            count, since = len(town.hung()), time.monotonic()
        await asyncio.sleep(0.05)


async def _kill(town: Town) -> list[str]:
    """Those that hang, and bring them back; which."""
    with contextlib.ExitStack() as until_dead:
        await asyncio.to_thread(until_dead.enter_context, doomed.alone(town.deaths))
        dying = [name for name in PARTS if town.hung(name)]
        for name in dying:
            await town.stack.kill(name, signal.SIGKILL)
    if "worker" in dying:
        await _end_attempts(town)
    await asyncio.gather(*map(town.stack.start, dying))
    return dying


async def _keep_schedules(town: Town) -> None:
    """What the schedules find, sooner: what was kept and not handed on, or not told of; once the
    web process has died for good, what vendors have given up telling, which its pages see first.

    Beside the killing, never in its way: a sweep may wait for what one who hangs has locked.
    """
    here = {"location_id": town.practice.location_id}
    while True:
        await asyncio.sleep(SCHEDULE_SECONDS)
        await town.sweep("InboxRedrive", back_seconds=SCHEDULE_SECONDS)
        await town.sweep("LenderLoans", **here)
        if not any(f".{doomed.WEB}." in death for death in doomed.unmet(town.deaths)):
            await town.sweep("ProcessorCatchUp", back_seconds=1_800)
            await town.sweep("MissedVisits", back_seconds=26 * 3_600, **here)


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
    these entries, or of whatever the stories booked the first time, and of what the web process
    and the desk write in them."""
    began = time.monotonic()
    calm = await _tell(town, stories)
    told = frozenset[str]().union(*(one.books for one in stories))
    asked = sorted({*(events or calm.events), *frozenset().union(*(one.deaths for one in stories))})
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
