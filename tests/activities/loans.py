"""Visits that a lender pays, in real books."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from activities.contracts import CaseRef
from activities.lender_money import LenderMoneyActivities
from activities.loan_contracts import (
    ApplyLoanIn,
    ApplyLoanOut,
    LoanRef,
    SettleLoanIn,
    SettleLoanOut,
)
from activities.plan_intake import PlanIntake
from activities.previews import preview
from connectors.ports import PmsPayment
from domain import ids
from domain.case import Decision
from domain.lender_money import LenderTerms
from domain.lender_news import FundingFact, FundingState
from domain.matching_policy import FeeRule
from domain.plan_case import Lender, PlanStatus
from domain.plan_facts import FactSource, PlanFact
from store import ledger, lender_loans, reviews, seen
from store.db import transaction
from tests.activities.desk import booked_by, booked_since
from tests.activities.practice import AT, ZONE, Practice

VISIT = (("TOXIN-UNIT", "50"),)
DUE, FEE, NET = 65_000, 6_435, 58_565
"""50 units; 9.9 % of them; what arrives."""
POLL = FactSource.POLL


class Loans:
    """Visits that Cherry pays, and what its case does with the money."""

    def __init__(self, practice: Practice) -> None:
        self.practice = practice
        self.world = practice.world
        self.work = LenderMoneyActivities(self.world.pool, self.world.engine)
        self.intake = PlanIntake(self.world.pool, self.world.engine)
        self.number = 0

    @property
    def place(self) -> str:
        return self.world.location_id

    async def agree(self, rate: str | None = "0.099", days: int | None = None) -> None:
        fees = ()
        if rate is not None:
            since = date(2026, 1, 1)
            fees = (FeeRule(lender="cherry", rate=Decimal(rate), effective_from=since),)
        terms = LenderTerms(lender=Lender.CHERRY, fees=fees, fund_business_days=days)
        async with transaction(self.world.pool) as conn:
            await lender_loans.put_terms(conn, self.place, terms, "dana")

    async def billed(self) -> tuple[str, CaseRef]:
        who = self.practice.client()
        case = self.practice.chart(who, *VISIT)
        await self.practice.bill(case)
        return who, case

    async def visit(self, loan_id: str = "", cents: int = DUE) -> tuple[str, CaseRef, str]:
        """A visit whose tender at the desk names its loan."""
        who, case = await self.billed()
        loan_id = loan_id or f"tx{uuid4().hex[:10]}1"
        self.practice.tenders(case, tender(cents, f"Cherry loan {loan_id}"))
        await self.practice.read(case, who)
        return who, case, loan_id

    async def plan(self, case: CaseRef, status: PlanStatus, **said: Any) -> str:
        base = {
            "location_id": self.place,
            "lender": Lender.CHERRY,
            "plan_id": f"app-{case.visit_id[:8]}",
            "source": POLL,
            "key": uuid4().hex,
            "as_of": AT,
            "observed_at": AT,
            "status": status,
            "contract_id": f"tx-{case.visit_id[:8]}",
            "visit_ref": case.visit_id,
            "financed_cents": DUE,
        }
        fact = PlanFact.model_validate({**base, **said})
        await self.intake.take([fact], "test")
        return fact.contract_id or ""

    async def deposit(self, loan_id: str, **said: Any) -> str:
        base = {
            "location_id": self.place,
            "lender": Lender.CHERRY,
            "funding_id": f"dep-{uuid4().hex[:10]}",
            "loan_id": loan_id,
            "source": POLL,
            "key": uuid4().hex,
            "as_of": AT,
            "observed_at": AT,
            "state": FundingState.COMPLETED,
            "gross_cents": DUE,
            "fee_cents": FEE,
            "net_cents": NET,
        }
        fact = FundingFact.model_validate({**base, **said})
        await self.intake.keep_fundings([fact])
        return fact.funding_id

    def ref(self, loan_id: str, case: CaseRef | None = None) -> LoanRef:
        return LoanRef(
            case_id=ids.loan_workflow_id(self.place, "cherry", case.visit_id if case else loan_id),
            location_id=self.place,
            lender=Lender.CHERRY,
            loan_id=loan_id,
            payment_id=ids.payment_id("cherry", case.visit_id) if case else None,
            zone=ZONE,
        )

    async def settle(
        self, ref: LoanRef, days: int = 0, *, is_resting: bool = False
    ) -> SettleLoanOut:
        self.number += 1
        return await self.work.settle_loan(
            SettleLoanIn(
                loan=ref,
                at=AT + timedelta(days=days),
                review_no=f"run/{self.number}",
                is_resting=is_resting,
            )
        )

    async def decide(
        self, ref: LoanRef, settled: SettleLoanOut, choice: str, second: str = "eve", **more: Any
    ) -> ApplyLoanOut:
        (asked,) = settled.questions
        decision = Decision(
            review_id=asked.review_id, choice=choice, by="dana", reason="looked at", **more
        )
        async with self.world.pool.acquire() as conn:
            since = await seen.start(conn)
            shown = await preview(conn, decision, AT)
        done = await self.work.apply_to_loan(ApplyLoanIn(loan=ref, decision=decision, at=AT))
        if done.effect == "proposed":
            yes = decision.model_copy(update={"confirmed_by": second})
            done = await self.work.apply_to_loan(ApplyLoanIn(loan=ref, decision=yes, at=AT))
        if done.effect == "again":
            await self.settle(ref)
        assert await booked_since(self.practice, since) == booked_by(shown), "what was shown"
        assert (done.effect == "failed") == (shown.problem is not None)
        assert shown.follows or shown.problem
        return done

    async def books(self, *also: str) -> dict[str, int]:
        """Net debits of the location's accounts, without the sale itself."""
        async with self.world.pool.acquire() as conn:
            found = await ledger.account_balances(conn, self.place)
        return {account: cents for account, cents in found.items() if cents and account != "4010"}

    async def shown(self, settled: SettleLoanOut) -> dict[str, Any]:
        async with self.world.pool.acquire() as conn:
            return (await reviews.get(conn, settled.questions[0].review_id)).shown


def tender(cents: int, note: str, label: str = "Cherry") -> PmsPayment:
    return PmsPayment(
        payment_id=uuid4().hex, kind="other", amount_cents=cents, note=note, label=label
    )
