"""Every case's own clock, kept in step with the practice's.

A case is brought to the present before anything happens to it, and moved on exactly to the
instants at which it wants to act, so that what it does is seen at the time it thinks it is.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from starter.rehearsal import Rehearsal
from starter.simulate.clock import Clock
from workflows.attributes import NEXT_ACTION_AT, STAGE

POLL_SECONDS, POLL_SECONDS_MAX = 0.02, 0.12
IDLE_SECONDS = 120
DESK = "desk"
_AT_ONCE = 8
_LOOKS_AT_ONCE = 4
"""How many cases are watched until they rest: the others meanwhile come to rest unwatched."""
_IN_STEP = timedelta(milliseconds=50)
_ABOUT_TO_SECONDS = 2
"""How long after its time a case may be silent; one that is, is moved on and seen again."""
_SOON = timedelta(seconds=1)
_AT_ANY_MOMENT = timedelta(milliseconds=200)
_FAR_AHEAD = timedelta(seconds=2)
_SKIPS_MAX = 10_000
"""A call that fails for days is repeated every five minutes."""


@dataclass
class Tracked:
    """What is known of one run of a case."""

    run_id: str
    first_shift: timedelta
    """The shift that the product gave it when the run began."""
    ahead: timedelta
    """How far its clock is ahead of the wall clock, in all."""
    running: bool = True
    stage: str = ""
    wake: datetime | None = None
    """When it acts next by itself, in the practice's time."""
    retrying: bool = False
    passed: datetime | None = None
    """A time that it announced and let pass: no wake-up any more."""
    asks: bool = False
    """Whether a question of it is open."""

    @property
    def for_desk(self) -> bool:
        """Whether it waits for a person: its stage says so until it next says of another."""
        return self.stage == DESK and self.asks

    @property
    def silent(self) -> bool:
        """Whether it runs, waits for no person, and says of no time at which it acts."""
        return self.running and not self.for_desk and self.wake in (None, self.passed)

    @property
    def looks_up(self) -> bool:
        """Whether it may be busy by itself with what became of a message."""
        return self.running and not self.for_desk and not self.retrying


class NotIdle(Exception):
    """A case went on working for longer than anything should take."""


class Cases:
    """All cases that the driver knows, by workflow id."""

    def __init__(self, practice: Rehearsal, clock: Clock) -> None:
        self._practice = practice
        self._clock = clock
        config = TimeSkippingConfig(max_session_skip_count=_SKIPS_MAX)
        self._skipper = TimeSkipper(practice.engine, config=config)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._watchers = asyncio.Semaphore(_LOOKS_AT_ONCE)
        self.known: dict[str, Tracked] = {}
        self.skips = 0
        self.overtook: set[str] = set()
        """Cases that the engine moved further than it was asked to: not to be judged."""

    def running(self, case_id: str) -> bool:
        """Whether the case was running when it was last looked at."""
        known = self.known.get(case_id)
        return known is not None and known.running

    def asked(self, case_ids: set[str]) -> None:
        """Whose questions are open."""
        for case_id, known in self.known.items():
            known.asks = case_id in case_ids

    def silent(self) -> set[str]:
        """Cases that say of no time at which they act: they may be busy with a look-up."""
        return {case_id for case_id, known in self.known.items() if known.silent}

    def soon(self, case_ids: Iterable[str], until: datetime) -> set[str]:
        """Those of the cases that are silent, or act by themselves until then."""
        known = {one: self.known[one] for one in case_ids if one in self.known}
        return {
            case_id
            for case_id, one in known.items()
            if one.silent or (one.running and one.wake is not None and one.wake <= until)
        }

    async def sync(self, case_id: str) -> None:
        """Let the case live up to the present; it may act on the way."""
        known = self.known.get(case_id)
        if known is None or not known.running:
            return
        behind = self._clock.shift - known.ahead
        if behind < _IN_STEP:
            return
        async with self._slots:
            handle = self._practice.engine.get_workflow_handle(case_id)
            try:
                if await self._skipper.fast_forward(handle, behind):
                    known.ahead += behind
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                known.running = False
        # A case that ended on the way, or was not moved, is found out by the look that follows.
        self.skips += 1

    async def idle(self, case_ids: Iterable[str]) -> None:
        """Wait until none of the cases has work under way, and learn what they wait for."""
        await asyncio.gather(*(self._watch(case_id) for case_id in case_ids))

    async def _watch(self, case_id: str) -> None:
        async with self._watchers:
            await self._idle(case_id)

    async def _idle(self, case_id: str) -> None:
        clock = asyncio.get_running_loop().time
        began = quiet_since = clock()
        pause = POLL_SECONDS
        while True:
            asked = datetime.now(UTC)
            found = await self._describe(case_id)
            if found is None:
                return
            busy = self._learn(case_id, found, asked)
            known = self.known[case_id]
            if busy:
                quiet_since = clock()
            else:
                acts_in = self._acts_in(known)
                if acts_in == 0 and clock() - quiet_since >= _ABOUT_TO_SECONDS:
                    known.passed, acts_in = known.wake, None
                if acts_in is None:
                    return
                if acts_in:
                    pause = POLL_SECONDS
                    await asyncio.sleep(acts_in)
                    quiet_since = clock()
            if clock() - began > IDLE_SECONDS:
                waits = [
                    f"{one.activity_type.name} (attempt {one.attempt}: {one.last_failure.message})"
                    for one in found.raw_description.pending_activities
                ]
                raise NotIdle(f"{case_id} works on {waits or 'a workflow task'}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, POLL_SECONDS_MAX)

    def _acts_in(self, known: Tracked) -> float | None:
        """Seconds until a time that it has announced and that is all but here."""
        if not known.running or known.wake is None or known.wake == known.passed:
            return None
        if known.retrying:
            return None
        left = known.wake - datetime.now(UTC) - known.ahead
        return max(left.total_seconds(), 0) if left <= _SOON else None

    async def end_attempts(self, case_id: str) -> None:
        """End what a dead worker was doing at once, as its time limit would half a minute later."""
        found = await self._describe(case_id)
        if found is None:
            return
        for activity in found.raw_description.pending_activities:
            if activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED:
                attempt = self._practice.engine.get_async_activity_handle(
                    workflow_id=case_id, run_id=found.run_id, activity_id=activity.activity_id
                )
                await attempt.fail(ApplicationError("the worker died", type="WorkerDied"))

    async def _describe(self, case_id: str) -> WorkflowExecutionDescription | None:
        try:
            return await self._practice.engine.get_workflow_handle(case_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None  # its webhook is late or lost
            raise

    def _learn(self, case_id: str, found: WorkflowExecutionDescription, asked: datetime) -> bool:
        """Take in what a description says that was asked for at a time; whether work is under way.

        A case's clock is told from before the question, not from after the answer: it may then be
        behind the practice's by the time of an answer, and never ahead of it, as if it were early.
        """
        known = self.known.get(case_id)
        if known is None or known.run_id != found.run_id:
            first = self._clock.told_at(found.start_time)
            known = self.known[case_id] = Tracked(found.run_id or "", first, first)
        known.running = found.status is WorkflowExecutionStatus.RUNNING
        clocks = found.raw_description.workflow_extended_info.time_skipping_info
        if clocks.HasField("current_time"):
            skipped = clocks.current_time.ToDatetime(tzinfo=UTC) - asked
            known.ahead = known.first_shift + skipped
            if known.ahead - self._clock.shift > _FAR_AHEAD:
                self.overtook.add(case_id)
        known.wake, known.retrying = None, False
        if not known.running:
            return False
        raw = found.raw_description
        known.stage = found.typed_search_attributes.get(STAGE) or ""
        if raw.HasField("pending_workflow_task"):
            return True
        if raw.pending_activities:
            return self._learn_retries(known, raw.pending_activities)
        if known.stage != DESK:
            known.wake = found.typed_search_attributes.get(NEXT_ACTION_AT)
        return False

    def _learn_retries(self, known: Tracked, pending: Iterable[PendingActivityInfo]) -> bool:
        """What a case with a failing call waits for; whether a call is under way now."""
        lived = datetime.now(UTC) + known.ahead  # by the case's own time, which may be behind
        times = []
        for activity in pending:
            again = activity.next_attempt_schedule_time.ToDatetime(tzinfo=UTC) + known.first_shift
            if activity.attempt < 2 or again <= lived + _AT_ANY_MOMENT:
                return True
            times.append(again)
        known.retrying, known.wake = True, min(times)
        return False
