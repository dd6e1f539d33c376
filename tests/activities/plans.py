"""One financing plan in real books."""

from datetime import date, datetime
from typing import Any
from uuid import uuid4

from activities.plan_contracts import (
    ApplyPlanIn,
    AskPlanIn,
    PlanRef,
    ReadPlanIn,
    ReadPlanOut,
    TouchIn,
    TouchOut,
)
from activities.plans import PlanActivities
from domain import ids
from domain.case import Channel, Decision
from domain.plan_case import Lender, PlanStatus
from domain.plan_course import Touch, touches
from domain.plan_facts import FactSource, PlanFact
from domain.plan_policy import DEFAULT_PLAN
from store import consents, plans, touchpoints
from store.db import transaction
from tests.activities.practice import AT, ZONE, Practice

DUE = date(2026, 12, 10)


class Plan:
    """One plan of one patient in the books."""

    def __init__(self, practice: Practice, ref: str) -> None:
        self.practice, self.client_ref = practice, ref
        location_id = practice.world.location_id
        plan_id = f"app-{uuid4()}"
        self.ref = PlanRef(
            case_id=ids.plan_workflow_id(location_id, Lender.CHERRY, plan_id),
            location_id=location_id,
            lender=Lender.CHERRY,
            plan_id=plan_id,
            zone=ZONE,
        )
        self.acts = PlanActivities(practice.tools, practice.world.engine)

    @property
    def client_id(self) -> str:
        return self.practice.client_id(self.client_ref)

    async def told(self, at: datetime = AT, **said: Any) -> None:
        """A poll of the lender says something of the plan."""
        fact = PlanFact(
            location_id=self.ref.location_id,
            lender=Lender(self.ref.lender),
            plan_id=self.ref.plan_id,
            source=FactSource.POLL,
            key=str(uuid4()),
            as_of=at,
            observed_at=at,
            **{"patient_ref": self.client_ref, **said},
        )
        async with transaction(self.practice.world.pool) as conn:
            await plans.record(conn, fact)

    async def read(self, at: datetime = AT) -> ReadPlanOut:
        return await self.acts.read_plan(ReadPlanIn(plan=self.ref, at=at))

    async def touch(self, name: str) -> Touch:
        """A touch that the facts call for."""
        facts = (await self.read()).facts
        return next(t for t in touches(facts, DEFAULT_PLAN, ZONE) if t.step.name == name)

    async def say(self, touch: Touch | None, at: datetime = AT, **more: Any) -> TouchOut:
        known = {"client_id": self.client_id, "policy_version": 7, "done": ()}
        ask = TouchIn(plan=self.ref, touch=touch, at=at, **{**known, **more})
        return await self.acts.touch_patient(ask)

    async def rows(self) -> list[tuple[str, str, str | None]]:
        """(step, state, reason) of every message of the plan."""
        async with self.practice.world.pool.acquire() as conn:
            found = await touchpoints.of_case(conn, self.ref.case_id)
        return [(row.step.split("/")[0], row.state, row.reason) for row in found]

    async def ask(self, code: str, subject: str = "first") -> str:
        asked = await self.acts.ask_about_plan(
            AskPlanIn(
                plan=self.ref,
                client_id=self.client_id,
                code=code,
                subject=subject,
                says=(),
                review_no=f"run/{uuid4()}",
                at=AT,
            )
        )
        return asked.review_id

    async def decide(self, code: str, choice: str, subject: str = "first", **more: Any) -> str:
        decision = Decision(
            review_id=await self.ask(code, subject), choice=choice, by="dana", **more
        )
        ask = ApplyPlanIn(
            plan=self.ref, client_id=self.client_id, code=code, decision=decision, at=AT
        )
        first, again = await self.acts.apply_to_plan(ask), await self.acts.apply_to_plan(ask)
        assert first == again
        return first.effect


async def accepted(plan: Plan, **said: Any) -> None:
    dates = {"first_payment_on": DUE, "final_payment_on": date(2027, 11, 10)}
    terms = {"financed_cents": 280_000, "monthly_cents": 11_667}
    await plan.told(AT, status=PlanStatus.ACCEPTED, contract_id="c-1", **{**dates, **terms, **said})


async def agree_to_details(plan: Plan) -> None:
    """Texts, and texts alone, may name lender, amount and date."""
    async with transaction(plan.practice.world.pool) as conn:
        await consents.opt_in(
            conn, plan.client_id, Channel.SMS, "billing", "form", "signed", detail="detailed"
        )
