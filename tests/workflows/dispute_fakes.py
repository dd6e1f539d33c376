"""A scripted dispute behind the real activity names."""

from typing import Any

from temporalio import activity

from activities.contracts import Mismatch
from activities.dispute_contracts import FollowDisputeIn, FollowDisputeOut
from tests.workflows.fakes import Fake, World


class FakeDisputes(Fake):
    """Answers what each look finds: an end, waits, missing, or the code of a question."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.answers: list[str] = ["won"]
        """One per look; the last one stays."""

    def activities(self) -> list[Any]:
        return [self.follow_dispute]

    @activity.defn
    async def follow_dispute(self, ask: FollowDisputeIn) -> FollowDisputeOut:
        world = self.heard(ask)
        await self.meanwhile()
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not found.startswith("DISPUTE_"):
            return FollowDisputeOut(status=found)
        review_id = world.open(found, ask.dispute.case_id, found)
        one = Mismatch(review_id=review_id, code=found)
        return FollowDisputeOut(status="asked", questions=(one,))
