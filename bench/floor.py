"""The engine's own floor: the commands of a visit paid at once, with nothing inside."""

import asyncio
from collections import defaultdict
from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from domain.case import Attention, Stage
    from workflows.attributes import ATTENTION, STAGE
    from workflows.options import BOOKS

BEFORE_PAYMENT = 3
"""build, payment door, send."""
BEFORE_DECISION = 2
"""standing, write-back."""
AFTER_DECISION = 2
"""the decision itself, and the end that is kept in the books."""


class NoOps:
    """The activity that does nothing, and a count per visit, so that the driver asks nobody."""

    def __init__(self) -> None:
        self._done: defaultdict[str, asyncio.Queue[None]] = defaultdict(asyncio.Queue)

    @activity.defn
    async def no_op(self, text: str) -> str:
        """Return what came, about as large as a real answer."""
        self._done[activity.info().workflow_id or ""].put_nowait(None)
        return text

    async def more(self, case_id: str, count: int) -> None:
        """Wait until `count` more activities of a visit have run."""
        for _ in range(count):
            await self._done[case_id].get()


@workflow.defn
class FloorVisit:
    """Three activities, a wait for a signal, two activities, a wait for an update, two more."""

    def __init__(self) -> None:
        self.paid = False
        self.decided = False

    @workflow.run
    async def run(self, text: str) -> str:
        """The shape of a visit paid at once."""
        await self._steps(BEFORE_PAYMENT, text)
        self._enter(Stage.AWAITING_PAYMENT, Attention.PATIENT)
        await workflow.wait_condition(lambda: self.paid, timeout=timedelta(days=3))
        await self._steps(BEFORE_DECISION, text)
        self._enter(Stage.DESK, Attention.STAFF)
        await workflow.wait_condition(lambda: self.decided, timeout=timedelta(days=3))
        await self._steps(AFTER_DECISION, text)
        return text

    async def _steps(self, count: int, text: str) -> None:
        for _ in range(count):
            await workflow.execute_activity_method(NoOps.no_op, text, **BOOKS)

    def _enter(self, stage: Stage, attention: Attention) -> None:
        workflow.upsert_search_attributes([STAGE.value_set(stage), ATTENTION.value_set(attention)])

    @workflow.signal
    def pay(self, _: str) -> None:
        """Money came."""
        self.paid = True

    @workflow.update
    async def decide(self, _: str) -> str:
        """A person answered."""
        self.decided = True
        return "accepted"
