"""The activities of a financing plan, each with what it needs to know and its options."""

from collections.abc import Callable, Set
from datetime import date, datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.plan_contracts import (
        ApplyPlanIn,
        ApplyPlanOut,
        AskPlanIn,
        LookUpIn,
        OpenInstallmentIn,
        PlanRef,
        ReadPlanIn,
        ReadPlanOut,
        SignedOut,
        SignIn,
        TouchIn,
        TouchOut,
    )
    from activities.plans import PlanActivities
    from domain.case import ChasePolicy, Decision
    from domain.plan_case import Ask
    from domain.plan_course import Touch
    from workflows.options import BOOKS, SEND


class PlanSteps:
    """Calls on behalf of one plan. `client_id` is known once somebody knows whose plan it is."""

    def __init__(self, plan: PlanRef, policy_version: int, now: Callable[[], datetime]) -> None:
        self._plan = plan
        self.case_id = plan.case_id
        self._policy_version = policy_version
        self._now = now
        self.client_id: str | None = None

    async def read(self) -> ReadPlanOut:
        """All that is known of the plan by now."""
        return await workflow.execute_activity_method(
            PlanActivities.read_plan,
            ReadPlanIn(plan=self._plan, at=self._now()),
            summary="read the plan",
            **BOOKS,
        )

    async def say(self, touch: Touch, done: Set[str]) -> TouchOut:
        """Say one thing, unless the facts of that moment say otherwise."""
        return await self._touch(touch, (), done, f"say {touch.step.name}")

    async def miss(self, missed: tuple[Touch, ...], done: Set[str]) -> None:
        """Record what was not said in its time."""
        await self._touch(None, missed, done, "record what was missed")

    async def _touch(
        self, touch: Touch | None, missed: tuple[Touch, ...], done: Set[str], summary: str
    ) -> TouchOut:
        return await workflow.execute_activity_method(
            PlanActivities.touch_patient,
            TouchIn(
                plan=self._plan,
                client_id=self.client_id,
                touch=touch,
                missed=missed,
                policy_version=self._policy_version,
                done=tuple(sorted(done)),
                at=self._now(),
            ),
            summary=summary,
            **SEND,
        )

    async def look_up(
        self, touch: Touch, keys: tuple[str, ...], last_look: bool
    ) -> tuple[str, ...]:
        """Which of these messages are still of unknown outcome."""
        found = await workflow.execute_activity_method(
            PlanActivities.look_up_touch,
            LookUpIn(
                plan=self._plan,
                touch=touch,
                message_keys=keys,
                last_look=last_look,
                at=self._now(),
            ),
            summary="look up messages of unknown outcome",
            **SEND,
        )
        return found.unknown

    async def sign(self) -> SignedOut:
        """Book that the patient owes by instalments."""
        return await workflow.execute_activity_method(
            PlanActivities.sign_plan,
            SignIn(plan=self._plan, at=self._now()),
            summary="book the signed plan",
            **BOOKS,
        )

    async def open_installment(self, number: int, due_on: date, chase: ChasePolicy) -> None:
        """Open the case of an instalment, once."""
        await workflow.execute_activity_method(
            PlanActivities.open_installment,
            OpenInstallmentIn(
                plan=self._plan, number=number, due_on=due_on, chase=chase, at=self._now()
            ),
            summary=f"open instalment {number}",
            **BOOKS,
        )

    async def ask(self, ask: Ask, review_no: str) -> str:
        """Put a question to the desk; returns its id."""
        asked = await workflow.execute_activity_method(
            PlanActivities.ask_about_plan,
            AskPlanIn(
                plan=self._plan,
                client_id=self.client_id,
                code=ask.code,
                subject=ask.key,
                says=ask.says,
                money_cents=ask.money_cents,
                review_no=review_no,
                at=self._now(),
            ),
            summary="ask the desk",
            **BOOKS,
        )
        return asked.review_id

    async def apply(self, code: str, decision: Decision) -> ApplyPlanOut:
        """Carry a decision out in the books."""
        return await workflow.execute_activity_method(
            PlanActivities.apply_to_plan,
            ApplyPlanIn(
                plan=self._plan,
                client_id=self.client_id,
                code=code,
                decision=decision,
                at=self._now(),
            ),
            summary=f"carry out: {decision.choice}",
            **BOOKS,
        )
