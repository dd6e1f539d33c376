"""A scripted plan behind the real activity names: its facts, its patient, its desk."""

from datetime import date, datetime, time, timedelta
from typing import Any

from temporalio import activity

from activities.plan_contracts import (
    ApplyPlanIn,
    ApplyPlanOut,
    AskPlanIn,
    AskPlanOut,
    LookUpIn,
    LookUpOut,
    OpenInstallmentIn,
    ReadPlanIn,
    ReadPlanOut,
    SignedOut,
    SignIn,
    TouchIn,
    TouchOut,
)
from activities.plan_decisions import RESTS
from domain import calendar
from domain.plan_case import Installment, Lender, PlanStanding, PlanStatus
from domain.plan_course import PlanFacts, Session, is_pointless
from tests.workflows.fakes import Fake, Message, World


class FakePlans(Fake):
    """Does to memory what the real activities do to the books, in allowed hours alone."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.facts = PlanFacts(
            plan=PlanStanding(
                location_id="lumin",
                lender=Lender.CHERRY,
                plan_id="app-1",
                client_id="client-1",
                status=PlanStatus.APPROVED,
                status_as_of=datetime.fromtimestamp(0).astimezone(),
                is_confirmed=True,
                revision=1,
            )
        )
        self.pointless: list[str] = []
        self.missed: list[str] = []
        self.financed: str | None = None
        """The visit that the plan pays for."""
        self.over_cents = 0
        self.opened: list[tuple[int, date]] = []
        """Instalments that have a case, and the local day on which it was opened."""
        self.rests: list[int] = []
        """What is left by the time of the next answers about it, which then cannot be done."""
        self.answers: list[TouchOut] = []
        """Answers of the next touches, one each, instead of a hand-over."""

    def plan(self, **changes: Any) -> None:
        """The books learn something of the plan."""
        self.facts = self.facts.model_copy(
            update={"plan": self.facts.plan.model_copy(update=changes)}
        )

    def patient(self, **changes: Any) -> None:
        """The books learn something of its patient."""
        self.facts = self.facts.model_copy(update=changes)

    def session(self, at: datetime) -> None:
        """A completed session more."""
        one = Session(visit_id=f"visit-{len(self.facts.sessions) + 1}", completed_at=at)
        self.patient(sessions=(*self.facts.sessions, one))

    def activities(self) -> list[Any]:
        return [
            self.read_plan,
            self.touch_patient,
            self.look_up_touch,
            self.sign_plan,
            self.open_installment,
            self.ask_about_plan,
            self.apply_to_plan,
        ]

    @activity.defn
    async def read_plan(self, ask: ReadPlanIn) -> ReadPlanOut:
        self.heard(ask)
        return ReadPlanOut(facts=self.facts)

    @activity.defn
    async def touch_patient(self, ask: TouchIn) -> TouchOut:
        world = self.heard(ask)
        self.missed += [touch.key for touch in ask.missed]
        if ask.touch is None:
            return TouchOut(status="off")
        if self.answers:
            return self.answers.pop(0).model_copy(update={"facts": self.facts})
        opens = calendar.allowed_from(ask.at, world.zone, time(9), time(20))
        if opens > ask.at:
            return TouchOut(status="snoozed", until=opens, facts=self.facts)
        step = ask.touch.step
        reason = is_pointless(step, self.facts)
        if reason is not None:
            self.pointless.append(f"{step.name}: {reason}")
            return TouchOut(status="pointless", reason=reason, facts=self.facts)
        for channel in step.channels:
            world.messages.append(
                Message(step.name, channel.value, world.local(ask.at), ask.touch.key)
            )
        last_touch_on = calendar.local_date(ask.at, world.zone)
        self.patient(last_touch_on=last_touch_on)
        return TouchOut(status="sent", facts=self.facts)

    @activity.defn
    async def look_up_touch(self, ask: LookUpIn) -> LookUpOut:
        world = self.heard(ask)
        state = world.lookups.pop(0) if world.lookups else "unknown"
        return LookUpOut(unknown=ask.message_keys if state == "unknown" else ())

    @activity.defn
    async def sign_plan(self, ask: SignIn) -> SignedOut:
        self.heard(ask)
        return SignedOut(visit_case_id=self.financed, over_cents=self.over_cents)

    @activity.defn
    async def open_installment(self, ask: OpenInstallmentIn) -> None:
        self.opened.append((ask.number, self.heard(ask).local(ask.at).date()))
        if self.facts.rest_part is not None and self.facts.rest_part.number == ask.number:
            self.patient(rest_part=None)

    @activity.defn
    async def ask_about_plan(self, ask: AskPlanIn) -> AskPlanOut:
        world = self.heard(ask)
        return AskPlanOut(review_id=world.open(ask.code, ask.plan.case_id, ask.review_no))

    @activity.defn
    async def apply_to_plan(self, ask: ApplyPlanIn) -> ApplyPlanOut:
        world, decision = self.heard(ask), ask.decision
        if waits := world.waits(decision):
            return ApplyPlanOut(effect=waits)
        if ask.code == "PLAN_REST" and self.rests:
            self.patient(rest_cents=self.rests.pop(0))
            return ApplyPlanOut(effect="failed")
        world.decide(decision)
        if decision.choice == "enter_date":
            self._date(decision.until, ask.at)
        elif decision.choice == "confirm_date":
            self.plan(is_date_confirmed=True)
        elif decision.choice == "link_client":
            self.plan(client_id=decision.client_id)
        elif decision.choice == "set_status":
            self.plan(status=PlanStatus(decision.status or ""))
        elif decision.choice == "bill":
            due_on = calendar.local_date(ask.at, world.zone) + timedelta(days=14)
            cents = self.facts.rest_cents
            last = Installment(number=9, due_on=due_on, amount_cents=cents, is_rest=True)
            self.patient(rest_cents=0, rest_part=last)
        elif decision.choice == "write_off":
            self.patient(rest_cents=0)
        elif decision.choice == "leave_open" and decision.until is not None:
            back_at = calendar.instant(decision.until, time(9), world.zone)
            return ApplyPlanOut(effect="rest", until=back_at)
        elif decision.choice == "stop" and self.facts.plan.lender is Lender.IN_HOUSE:
            self.plan(status=PlanStatus.CANCELLED, ended_at=ask.at)
            return ApplyPlanOut(effect="read")
        elif decision.choice in RESTS:
            return ApplyPlanOut(effect="rest", until=ask.at + RESTS[decision.choice])
        return ApplyPlanOut(effect={"stop": "stop"}.get(decision.choice, "read"))

    def _date(self, entered: date | None, ask_at: datetime) -> None:
        if self.facts.plan.first_payment_on is None:
            self.plan(first_payment_on=entered, first_payment_known_at=ask_at)
        else:
            self.plan(final_payment_on=entered)
