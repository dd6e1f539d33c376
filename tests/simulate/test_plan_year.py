"""Financing plans under faults: many without an engine, some on a real one, and planted bugs."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.testing import TimeSkipper

from activities.contracts import RemindIn, WithdrawIn
from activities.plan_contracts import (
    AskPlanIn,
    AskPlanOut,
    OpenInstallmentIn,
    ReadPlanIn,
    ReadPlanOut,
    SignedOut,
    SignIn,
    TouchIn,
    TouchOut,
)
from domain import ids, plan_course
from domain.plan_case import Lender, PlanInput, StatusChanged
from domain.plan_policy import DEFAULT_PLAN, Anchor
from tests.simulate import plan_year
from tests.simulate.plan_stories import FAULTS, stories
from tests.simulate.plan_town import Patient, violations
from tests.workflows.clinic import Case, Clinic
from tests.workflows.conftest import engine
from worker import make_worker
from workflows import attributes

__all__ = ["engine"]

_AT_ONCE = 8
A_FEW = {"seed": 1, "plans": 6, "months": 3}
ON_THE_ENGINE = int(os.environ.get("PLANS_PER_LENDER", "2"))
"""Plans of each lender; a larger number for a run by hand."""


def test_a_few_months_of_every_lender_break_no_promise() -> None:
    figures: dict[str, Any] = plan_year.play(**A_FEW)
    assert figures["violations"] == {}
    assert figures["plans"] == 6 * 3 * len(Lender)
    assert set(FAULTS) <= set(figures["faults"])
    assert {step.name for step in DEFAULT_PLAN.steps} <= set(figures["messages"])


def _no_cap(self: Patient, touch: Any, at: datetime) -> TouchOut:
    self.heard.append((at, touch))
    return TouchOut(status="sent", facts=self.facts(at))


def _forgets(self: Patient, touch: Any, at: datetime) -> TouchOut:
    return TouchOut(status="sent", facts=self.facts(at))


def _late_by_a_day(touch: plan_course.Touch) -> plan_course.Touch:
    if touch.step.anchor is not Anchor.FIRST_PAYMENT:
        return touch
    day = timedelta(days=1)
    return touch.model_copy(update={"due_at": touch.due_at + day, "last_on": touch.last_on + day})


def _all_late(real: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: [_late_by_a_day(touch) for touch in real(*args)]


@pytest.mark.parametrize(
    ("where", "bug", "seen"),
    [
        ("say", _no_cap, {"after the opt-out", "at night"}),
        ("say", _forgets, {"lost"}),
        ("touches", _all_late(plan_course.touches), {"on the due day"}),
    ],
)
def test_a_planted_bug_is_seen(
    monkeypatch: pytest.MonkeyPatch, where: str, bug: Any, seen: set[str]
) -> None:
    monkeypatch.setattr(Patient if where == "say" else plan_course, where, bug)
    figures: dict[str, Any] = plan_year.play(**A_FEW)
    assert seen <= set(figures["violations"])


class Town:
    """The patients of a few plans behind the real activity names, by case."""

    def __init__(self) -> None:
        self.patients: dict[str, Patient] = {}

    def activities(self) -> list[Any]:
        return [
            self.read_plan,
            self.touch_patient,
            self.ask_about_plan,
            self.sign_plan,
            self.open_installment,
            self.withdraw_review,
            self.remind_staff,
        ]

    @activity.defn
    async def read_plan(self, ask: ReadPlanIn) -> ReadPlanOut:
        return ReadPlanOut(facts=self.patients[ask.plan.case_id].facts(ask.at))

    @activity.defn
    async def touch_patient(self, ask: TouchIn) -> TouchOut:
        patient = self.patients[ask.plan.case_id]
        for touch in ask.missed:
            patient.miss(touch)
        return patient.say(ask.touch, ask.at) if ask.touch else TouchOut(status="off")

    @activity.defn
    async def ask_about_plan(self, ask: AskPlanIn) -> AskPlanOut:
        self.patients[ask.plan.case_id].asked.append(ask.code)
        return AskPlanOut(review_id=ids.review_id(ask.plan.case_id, ask.code, ask.review_no))

    @activity.defn
    async def sign_plan(self, _: SignIn) -> SignedOut:
        return SignedOut()

    @activity.defn
    async def open_installment(self, _: OpenInstallmentIn) -> None: ...

    @activity.defn
    async def withdraw_review(self, _: WithdrawIn) -> None: ...

    @activity.defn
    async def remind_staff(self, _: RemindIn) -> None: ...


async def _live(client: Client, clinic: Clinic, patient: Patient, town: Town) -> None:
    """One plan on the engine, in its own time, from its first telling to its end."""
    story, instants = patient.story, patient.story.instants()
    began = instants[0]
    shift = timedelta(seconds=int((began - datetime.now(UTC)).total_seconds()))
    start = PlanInput(
        location_id="lumin",
        lender=story.lender,
        plan_id=story.plan_id,
        zone=story.zone,
        policy=DEFAULT_PLAN,
        event_id="event-1",
        clock_shift_seconds=int(shift.total_seconds()),
    )
    case_id = ids.plan_workflow_id("lumin", story.lender, story.plan_id)
    town.patients[case_id] = patient
    handle = await client.start_workflow(
        "FinancingPlan",
        start,
        id=case_id,
        task_queue=clinic.queue,
        search_attributes=attributes.at_start("lumin"),
    )
    case = Case(clinic, handle, TimeSkipper(client), shift, began)
    await case.settled()
    for at in instants[1:]:
        if not await case.runs():
            return
        await case.clock(at + timedelta(seconds=1))
        news = StatusChanged(revision=2, status=patient.facts(at).plan.status)
        await case.signal("status_changed", news)
    if await case.runs():
        await case.clock(story.ends)


@pytest.mark.slow
@pytest.mark.timeout(120 + 30 * ON_THE_ENGINE)
@pytest.mark.parametrize("lender", list(Lender))
async def test_on_a_real_engine_the_same_promises_hold(engine: Client, lender: Lender) -> None:
    clinic, town = Clinic(engine), Town()
    told = [Patient(story) for story in stories(11, lender, 2, ON_THE_ENGINE)]
    worker = make_worker(engine, clinic.queue, town.activities())
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def play(patient: Patient) -> None:
        async with at_once:
            await _live(engine, clinic, patient, town)

    async with worker:
        await asyncio.gather(*map(play, told))
    for patient in told:
        assert violations(patient) == [], patient.story.plan_id
        alone = plan_year.live(patient.story)
        assert [touch.key for _, touch in patient.heard] == [t.key for _, t in alone.heard]
