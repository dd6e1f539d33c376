"""A scripted refund behind the real activity names."""

from typing import Any

from temporalio import activity

from activities.contracts import Mismatch
from activities.refund_contracts import (
    AskRefundIn,
    AskRefundOut,
    SettleRefundIn,
    SettleRefundOut,
)
from tests.workflows.fakes import Fake, World


class FakeRefunds(Fake):
    """Answers what each look finds: an end, waits, missing, or the code of a question."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.answers: list[str] = ["paid"]
        """One per look; the last one stays."""
        self.refuses = ""

    def activities(self) -> list[Any]:
        return [self.ask_refund, self.settle_refund]

    @activity.defn
    async def ask_refund(self, ask: AskRefundIn) -> AskRefundOut:
        world = self.heard(ask)
        if self.refuses:
            return AskRefundOut(status="refused", why=self.refuses)
        review_id = world.open("REFUND_ASKED", ask.refund.case_id, ask.review_no)
        return AskRefundOut(status="asked", review_id=review_id, code="REFUND_ASKED")

    @activity.defn
    async def settle_refund(self, ask: SettleRefundIn) -> SettleRefundOut:
        world = self.heard(ask)
        await self.meanwhile()
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not found.startswith("REFUND_"):
            return SettleRefundOut(status=found)
        review_id = world.open(found, ask.refund.case_id, found)
        return SettleRefundOut(
            status="asked", questions=(Mismatch(review_id=review_id, code=found),)
        )
