"""A plan of the practice's own in real books: told, signed, billed, and asked about at its end."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from activities.contracts import BuildIn, BuildOut, CaseRef
from activities.plan_contracts import (
    ApplyPlanIn,
    AskPlanIn,
    PlanRef,
    ReadPlanIn,
    SignedOut,
    SignIn,
)
from activities.plans import PlanActivities
from domain import ids
from domain.case import Decision
from domain.in_house import Terms, signed
from domain.plan_case import Ask, Lender
from domain.plan_course import PlanFacts
from domain.plan_desk import asks
from domain.plan_facts import FactSource
from domain.plan_policy import DEFAULT_PLAN
from store import plans
from store.db import transaction
from tests.activities.desk import Scene, carried
from tests.activities.practice import AT, ZONE, Practice

TERMS = Terms(total_cents=20_001, installments=3, first_due_on=date(2026, 11, 20), every="month")


class Own:
    """One plan of the practice's own, over one visit."""

    def __init__(self, practice: Practice, client_ref: str) -> None:
        self.practice, self.client_ref = practice, client_ref
        self.plan_id = str(uuid4())
        location_id = practice.world.location_id
        self.ref = PlanRef(
            case_id=ids.plan_workflow_id(location_id, Lender.IN_HOUSE, self.plan_id),
            location_id=location_id,
            lender=Lender.IN_HOUSE,
            plan_id=self.plan_id,
            zone=ZONE,
        )
        self.acts = PlanActivities(practice.tools, practice.world.engine)

    async def told(self, visit_id: str | None = None, **changes: Any) -> None:
        fact = signed(
            TERMS,
            location_id=self.ref.location_id,
            plan_id=self.plan_id,
            key=str(uuid4()),
            as_of=AT,
            observed_at=AT,
            source=FactSource.STAFF,
            patient_ref=self.client_ref,
            visit_ref=visit_id,
        ).model_copy(update=changes)
        async with transaction(self.practice.world.pool) as conn:
            await plans.record(conn, fact)

    async def sign(self) -> SignedOut:
        return await self.acts.sign_plan(SignIn(plan=self.ref, at=AT))

    def case(self, number: int) -> CaseRef:
        return CaseRef(
            case_id=ids.installment_workflow_id(self.ref.location_id, self.plan_id, number),
            location_id=self.ref.location_id,
            pms=Lender.IN_HOUSE,
            visit_id=ids.installment_visit_id(self.plan_id, number),
            zone=ZONE,
        )

    async def bill(self, number: int, days: int = 0) -> BuildOut:
        ask = BuildIn(case=self.case(number), at=AT + timedelta(days=days), review_no="run/1")
        return await self.practice.build.build_invoice(ask)

    async def facts(self, at: datetime = AT) -> PlanFacts:
        return (await self.acts.read_plan(ReadPlanIn(plan=self.ref, at=at))).facts

    async def asks(self, at: datetime = AT) -> list[Ask]:
        return asks(await self.facts(at), DEFAULT_PLAN, at, ZONE)

    async def asked(self, less_cents: int = 0) -> Scene:
        """What its case asks at the end, and does with the answer; as if less were left."""
        [ask] = await self.asks()
        cents = ask.money_cents - less_cents
        return await self._asked(ask.model_copy(update={"money_cents": cents}))

    async def stopped(self) -> str:
        """A person ends the sequence when two instalments were missed."""
        scene = await self._asked(Ask(code="INSTALLMENTS_MISSED", key="missed/2"))
        return await scene.does(
            Decision(review_id=scene.review.review_id, choice="stop", by="dana")
        )

    async def _asked(self, ask: Ask) -> Scene:
        opened = await self.acts.ask_about_plan(
            AskPlanIn(
                plan=self.ref,
                client_id=self.practice.client_id(self.client_ref),
                code=ask.code,
                subject=ask.key,
                says=ask.says,
                money_cents=ask.money_cents,
                review_no=f"run/{uuid4()}",
                at=AT,
            )
        )
        return await carried(self.practice, opened.review_id, self.client_ref, self.answer)

    async def answer(self, decision: Decision) -> str:
        """As the plan's case: the answer, and the invoice of what is to be billed at once."""
        ask = ApplyPlanIn(
            plan=self.ref,
            client_id=self.practice.client_id(self.client_ref),
            code="PLAN_REST",
            decision=decision,
            at=AT,
        )
        done = await self.acts.apply_to_plan(ask)
        if (last := (await self.facts()).rest_part) is not None:
            await self.bill(last.number)
        return done.effect
