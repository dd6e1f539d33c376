"""The edges that G1-G10 name, on a real engine, beside the rules themselves in `test_plans`."""

from datetime import timedelta

import pytest

from activities.plan_contracts import TouchOut
from domain.case import Release
from domain.plan_case import Lender, PlanOutcome, PlanStatus
from tests.workflows.clinic import THURSDAY, Clinic
from tests.workflows.fakes import World
from tests.workflows.plans import SIGNED, changed, running, said, session


def steps(world: World, name: str) -> list[str]:
    """When a step was said, by local day and hour; channels together."""
    return [line.removeprefix(f"{name} ") for line in said(world) if line.startswith(f"{name} ")]


async def test_g1_an_approval_that_ran_out_overnight_is_not_told(
    clinic: Clinic, world: World
) -> None:
    plan = await clinic.plan(at=THURSDAY.replace(hour=22), approval_expires_on=SIGNED)
    await plan.day(1, hour=11)
    assert world.said == []
    assert "approval" in {key.split("/")[0] for key in clinic.plans.missed}
    await changed(plan, status=PlanStatus.EXPIRED)
    assert world.open_codes == ["APPROVAL_EXPIRED"]


async def test_g1_who_has_booked_hears_of_the_approval_and_is_not_nudged(
    clinic: Clinic, world: World
) -> None:
    clinic.plans.patient(booked_on=SIGNED + timedelta(days=12))
    plan = await clinic.plan()
    await plan.day(9)
    assert said(world) == ["approval 10-15 14:00"]
    assert clinic.plans.pointless == ["booking-48h: booked", "booking-5d: booked"]


@pytest.mark.parametrize(
    ("days_left", "t3", "t1"),
    [
        (4, ["10-16 10:00"], ["10-18 10:00"]),
        (3, ["10-15 14:00"], ["10-17 10:00"]),
        (2, ["10-15 14:00"], ["10-16 10:00"]),
        (1, [], ["10-15 14:00"]),
        (0, [], []),
    ],
)
async def test_g3_learned_late_what_is_left_goes_and_nothing_on_the_day(
    clinic: Clinic, world: World, days_left: int, t3: list[str], t1: list[str]
) -> None:
    plan = await running(clinic, first_payment_on=SIGNED + timedelta(days=days_left))
    await plan.day(days_left + 2)
    assert (steps(world, "first-payment-3"), steps(world, "first-payment-1")) == (t3, t1)


async def test_g5_two_sessions_of_one_day_count_as_two_and_are_spoken_of_once(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic, first_payment_on=SIGNED + timedelta(days=90))
    await plan.day(5)
    await session(plan)
    await session(plan)
    await plan.day(20)
    assert len(steps(world, "check-in")) == len(steps(world, "mid-plan")) == 1


async def test_g5_a_booking_is_no_session(clinic: Clinic, world: World) -> None:
    plan = await running(clinic, first_payment_on=SIGNED + timedelta(days=90))
    clinic.plans.patient(booked_on=SIGNED + timedelta(days=3))
    await plan.day(5)
    clinic.plans.patient(booked_on=None)  # the patient did not come
    await plan.day(20)
    assert {"check-in", "mid-plan"} & set(world.said) == set()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"overdue_installments": 1}, "overdue"),
        ({"is_disputed": True}, "disputed"),
        ({"has_reaction": True}, "reaction"),
    ],
)
async def test_g6_no_offer_while_something_is_wrong(
    clinic: Clinic, world: World, wrong: dict[str, object], reason: str
) -> None:
    plan = await running(clinic, final_payment_on=SIGNED + timedelta(days=90), sessions_planned=0)
    clinic.plans.patient(**wrong)
    await plan.pass_to_the_end()
    assert "renewal" not in world.said
    assert f"renewal: {reason}" in clinic.plans.pointless


async def test_g6_without_a_yes_to_marketing_there_is_no_offer_and_no_question(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic, final_payment_on=SIGNED + timedelta(days=90), sessions_planned=0)
    await plan.day(50)
    clinic.plans.answers = [TouchOut(status="no_consent")]
    await plan.pass_to_the_end()
    assert "renewal" not in world.said
    assert "CONSENT_MISSING" not in world.codes


async def test_g6_a_paused_plan_offers_nothing_until_it_goes_on(
    clinic: Clinic, world: World
) -> None:
    final = SIGNED + timedelta(days=90)
    plan = await running(clinic, final_payment_on=final, sessions_planned=0)
    await plan.day(50)
    await plan.hold()
    await plan.day(62)
    assert "renewal" not in world.said
    await plan.update("release", Release(by="desk-1"))
    assert steps(world, "renewal") == ["12-16 14:00"]


async def test_g6_a_plan_shorter_than_30_days_hears_it_at_its_last_session(
    clinic: Clinic, world: World
) -> None:
    plan = await running(
        clinic,
        first_payment_on=SIGNED + timedelta(days=10),
        final_payment_on=SIGNED + timedelta(days=25),
        sessions_planned=2,
    )
    await plan.day(12)
    await session(plan)
    await plan.day(16)
    assert "renewal" not in world.said
    await plan.day(20)
    await session(plan)
    await plan.day(22)
    assert len(steps(world, "renewal")) == 1


async def test_g6_an_early_payoff_waits_a_week_after_the_last_word(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic)
    await plan.day(30)  # the day before, the first payment was announced
    await changed(plan, status=PlanStatus.PAID_OFF, ended_at=await plan.now())
    await plan.day(34)
    assert "renewal" not in world.said
    await plan.day(38)
    assert len(steps(world, "renewal")) == 1


@pytest.mark.parametrize(
    "status",
    [
        PlanStatus.REFINANCED,
        PlanStatus.REFUNDED,
        PlanStatus.REVERSED,
        PlanStatus.CHARGED_OFF,
        PlanStatus.TRANSFERRED,
        PlanStatus.WITHDRAWN,
    ],
)
async def test_g8_what_ends_a_plan_ends_its_words(
    clinic: Clinic, world: World, status: PlanStatus
) -> None:
    plan = await running(clinic)
    await plan.day(26)
    before = said(world)
    await changed(plan, status=status, ended_at=await plan.now())
    assert (await plan.ended()).outcome == PlanOutcome.CANCELLED
    assert said(world) == before
    assert world.open_codes == []


async def test_g8_a_refund_in_part_changes_nothing_of_the_sequence(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic)
    await plan.day(20)
    await changed(plan, status=PlanStatus.PARTLY_REFUNDED)
    await plan.day(31)
    assert steps(world, "first-payment-3") == ["11-11 10:00"]
    assert steps(world, "first-payment-1") == ["11-13 10:00"]


async def test_g9_what_a_file_tells_late_is_said_from_the_day_it_was_learned(
    clinic: Clinic, world: World
) -> None:
    plan = await running(
        clinic,
        lender=Lender.CARECREDIT,
        first_payment_on=None,
        first_payment_known_at=None,
    )
    await plan.day(28)
    learned = {
        "first_payment_on": SIGNED + timedelta(days=30),
        "first_payment_known_at": await plan.now(),
    }
    await changed(plan, **learned)
    await changed(plan, **learned)  # the row of the next file again
    await plan.day(33)
    assert steps(world, "first-payment-3") == ["11-12 14:00"]
    assert steps(world, "first-payment-1") == ["11-13 10:00"]


async def test_g10_stopped_coming_and_stopped_paying_are_two_questions(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic, lender=Lender.IN_HOUSE)
    await plan.day(5)
    await session(plan)
    await plan.day(62)
    assert world.open_codes == ["PLAN_DROPPED"]
    clinic.plans.patient(overdue_installments=2)
    await changed(plan)
    assert set(world.open_codes) == {"PLAN_DROPPED", "INSTALLMENTS_MISSED"}


async def test_g10_who_comes_or_books_is_not_dropped(clinic: Clinic, world: World) -> None:
    plan = await running(clinic, first_payment_on=SIGNED + timedelta(days=90))
    await plan.day(5)
    await session(plan)
    clinic.plans.patient(booked_on=SIGNED + timedelta(days=70))
    await plan.day(65)
    assert "come-back" not in world.said
    assert "PLAN_DROPPED" not in world.codes
