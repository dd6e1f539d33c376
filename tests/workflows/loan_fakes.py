"""A scripted loan behind the real activity names."""

from datetime import timedelta
from typing import Any

from temporalio import activity

from activities.contracts import Mismatch
from activities.loan_contracts import ApplyLoanIn, ApplyLoanOut, SettleLoanIn, SettleLoanOut
from activities.sweeps import SweepIn, SweepOut
from tests.workflows.fakes import Fake, World

_RESTS = {"call_lender": timedelta(days=2), "contest": timedelta(days=14)}


class FakeLoans(Fake):
    """Answers what each look finds: done, waits, or the code of a question."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.found = "waits"
        self.waits_days = 3

    def activities(self) -> list[Any]:
        return [self.settle_loan, self.apply_to_loan, self.find_loans]

    @activity.defn
    async def settle_loan(self, ask: SettleLoanIn) -> SettleLoanOut:
        world = self.heard(ask)
        await self.meanwhile()
        if self.found == "done":
            return SettleLoanOut(status="done")
        if self.found == "waits" or ask.is_resting:
            return SettleLoanOut(status="waits", until=ask.at + timedelta(days=self.waits_days))
        open_now = [q for q in world.questions if (q.code, q.state) == (self.found, "open")]
        review_id = (
            open_now[0].review_id
            if open_now
            else world.open(self.found, ask.loan.case_id, ask.review_no)
        )
        return SettleLoanOut(
            status="asked", questions=(Mismatch(review_id=review_id, code=self.found),)
        )

    @activity.defn
    async def apply_to_loan(self, ask: ApplyLoanIn) -> ApplyLoanOut:
        self.heard(ask).decide(ask.decision)
        rest = _RESTS.get(ask.decision.choice)
        if rest is None:
            self.found = "done"
            return ApplyLoanOut(effect="again")
        return ApplyLoanOut(effect="rest", until=ask.at + rest)

    @activity.defn
    async def find_loans(self, ask: SweepIn) -> SweepOut:
        self.heard(ask)
        return SweepOut(counts={})
