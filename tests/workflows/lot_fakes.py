"""A scripted lot behind the real activity names."""

from typing import Any

from temporalio import activity

from activities.lot_contracts import ApplyLotIn, ApplyLotOut, AskLotIn, AskLotOut
from tests.workflows.fakes import Fake, World


class FakeLots(Fake):
    """A lot that is expired until it is told otherwise."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.is_expired = True

    def activities(self) -> list[Any]:
        return [self.ask_about_lot, self.apply_to_lot]

    @activity.defn
    async def ask_about_lot(self, ask: AskLotIn) -> AskLotOut:
        world = self.heard(ask)
        if not self.is_expired:
            return AskLotOut()
        return AskLotOut(review_id=world.open("BREAKAGE", ask.lot.case_id, ask.review_no))

    @activity.defn
    async def apply_to_lot(self, ask: ApplyLotIn) -> ApplyLotOut:
        world = self.heard(ask)
        if (effect := world.waits(ask.decision)) is not None:
            return ApplyLotOut(effect=effect)
        if ask.decision.choice != "leave" and not self.is_expired:
            return ApplyLotOut(effect="failed", note="Nothing is left in the lot.")
        world.decide(ask.decision)
        await self.meanwhile()
        return ApplyLotOut(effect="rest" if ask.decision.choice == "leave" else "done")
