"""A scripted payout behind the real activity names."""

from typing import Any

from temporalio import activity

from activities.payout_contracts import ApplyPayoutIn, ApplyPayoutOut, TieIn, TieOut
from tests.workflows.fakes import Fake, World


class FakePayouts(Fake):
    """Answers what each look finds: an end, on_the_way, missing, or the code of a question."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.answers: list[str] = ["tied"]
        """One per look; the last one stays."""
        self.missing: tuple[str, ...] = ()
        """What `add_missing` names, once."""

    def activities(self) -> list[Any]:
        return [self.tie_payout, self.apply_payout]

    @activity.defn
    async def tie_payout(self, ask: TieIn) -> TieOut:
        world = self.heard(ask)
        await self.meanwhile()
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not found.startswith("PAYOUT_"):
            return TieOut(status=found)
        if ask.open_review_id is not None:
            return TieOut(status="asked", review_id=ask.open_review_id, code=found)
        review_id = world.open(found, ask.payout.case_id, ask.review_no)
        return TieOut(status="asked", review_id=review_id, code=found)

    @activity.defn
    async def apply_payout(self, ask: ApplyPayoutIn) -> ApplyPayoutOut:
        world = self.heard(ask)
        if ask.decision.choice == "accept" and self.missing:
            return ApplyPayoutOut(effect="failed", note="a payment is missing")
        world.decide(ask.decision)
        if ask.decision.choice == "call_processor":
            return ApplyPayoutOut(effect="rest")
        added, self.missing = len(self.missing), ()
        return ApplyPayoutOut(
            effect="again", added=added if ask.decision.choice == "add_missing" else 0
        )
