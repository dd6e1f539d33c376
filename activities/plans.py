"""What a financing plan does to the world: read its facts, speak, ask, carry out."""

from temporalio import activity

from activities.errors import vendor_errors
from activities.plan_contracts import (
    ApplyPlanIn,
    ApplyPlanOut,
    AskPlanIn,
    AskPlanOut,
    LookUpIn,
    LookUpOut,
    ReadPlanIn,
    ReadPlanOut,
    TouchIn,
    TouchOut,
)
from activities.tools import Tools


class PlanActivities:
    """Financing plans."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    @vendor_errors
    async def read_plan(self, ask: ReadPlanIn) -> ReadPlanOut:
        """Every fact of the plan by now, and what is booked."""
        raise NotImplementedError

    @activity.defn
    @vendor_errors
    async def touch_patient(self, ask: TouchIn) -> TouchOut:
        """Say one thing, unless the facts of this moment say otherwise."""
        raise NotImplementedError

    @activity.defn
    @vendor_errors
    async def look_up_touch(self, ask: LookUpIn) -> LookUpOut:
        """What became of messages of unknown outcome."""
        raise NotImplementedError

    @activity.defn
    @vendor_errors
    async def ask_about_plan(self, ask: AskPlanIn) -> AskPlanOut:
        """Put one question to the desk."""
        raise NotImplementedError

    @activity.defn
    @vendor_errors
    async def apply_to_plan(self, ask: ApplyPlanIn) -> ApplyPlanOut:
        """Carry out what a person decided."""
        raise NotImplementedError
