"""A scripted line of the daily control behind the real activity names."""

from typing import Any

from temporalio import activity

from activities.control_contracts import (
    ApplyControlIn,
    ApplyControlOut,
    AskControlIn,
    AskControlOut,
)
from domain.control import CODE
from tests.workflows.fakes import Fake, World


class FakeControl(Fake):
    """A line that is off by `off_cents`, whatever a person says of it."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.off_cents = 1
        self.asked: dict[str, int] = {}

    def activities(self) -> list[Any]:
        return [self.ask_about_control, self.apply_to_control]

    @activity.defn
    async def ask_about_control(self, ask: AskControlIn) -> AskControlOut:
        world = self.heard(ask)
        off_cents = self.off_cents
        await self.meanwhile()
        if not off_cents:
            return AskControlOut(status="ties")
        if ask.review_id is not None:
            is_same = self.asked.get(ask.review_id, off_cents) == off_cents
            return AskControlOut(status="asked" if is_same else "changed", review_id=ask.review_id)
        review_id = world.open(CODE, ask.control.case_id, ask.review_no)
        self.asked[review_id] = off_cents
        return AskControlOut(status="asked", review_id=review_id)

    @activity.defn
    async def apply_to_control(self, ask: ApplyControlIn) -> ApplyControlOut:
        world = self.heard(ask)
        world.decide(ask.decision)
        await self.meanwhile()
        return ApplyControlOut(effect="rest" if ask.decision.choice == "look_again" else "done")
