"""A financing plan's case: G1-G10 and F1-F7 on a real engine, in the plan's own time."""

from datetime import timedelta

from domain.plan_case import (
    Booked,
    CardDeclined,
    DatesKnown,
    PlanOutcome,
    PlanStatus,
    SessionCompleted,
)
from tests.workflows.clinic import THURSDAY, Clinic
from tests.workflows.fakes import World
from tests.workflows.plans import SIGNED, changed, running, said, session


async def test_g1_an_approval_is_told_within_minutes_and_only_once(
    clinic: Clinic, world: World
) -> None:
    plan = await clinic.plan()
    await changed(plan)
    await changed(plan)
    assert said(world) == ["approval 10-15 14:00"]
    assert {message.channel for message in world.messages} == {"sms", "email"}


async def test_g1_an_approval_at_night_waits_for_the_morning(clinic: Clinic, world: World) -> None:
    plan = await clinic.plan(at=THURSDAY.replace(hour=22))
    assert said(world) == []
    await plan.day(1, hour=10)
    assert said(world) == ["approval 10-16 09:00"]


async def test_g1_a_decline_before_the_word_went_out_silences_the_approval(
    clinic: Clinic, world: World
) -> None:
    plan = await clinic.plan(at=THURSDAY.replace(hour=22))
    await changed(plan, status=PlanStatus.DECLINED, declined_at=await plan.now())
    await plan.day(1, hour=11)
    assert said(world) == ["declined 10-16 09:00"]


async def test_g2_two_nudges_then_a_person(clinic: Clinic, world: World) -> None:
    plan = await clinic.plan(approval_expires_on=SIGNED + timedelta(days=30))
    await plan.day(8)
    assert said(world) == [
        "approval 10-15 14:00",
        "booking-48h 10-17 14:00",
        "booking-5d 10-20 14:00",
    ]
    assert world.open_codes == []
    await plan.day(10)
    assert world.open_codes == ["NOT_BOOKED"]
    await plan.decide("wait")
    assert world.open_codes == []
    await plan.day(25)
    assert world.codes == ["NOT_BOOKED"] * 2
    await plan.day(28)
    assert said(world)[3:] == ["booking-expiry 11-11 10:00"]


async def test_g2_a_booking_ends_the_nudges_also_when_nobody_told_of_it(
    clinic: Clinic, world: World
) -> None:
    plan = await clinic.plan()
    clinic.plans.patient(booked_on=SIGNED + timedelta(days=12))
    await plan.day(11)
    assert said(world) == ["approval 10-15 14:00"]
    assert clinic.plans.pointless == ["booking-48h: booked", "booking-5d: booked"]
    assert world.codes == []


async def test_g2_a_booking_answers_the_question_by_itself(clinic: Clinic, world: World) -> None:
    plan = await clinic.plan()
    await plan.day(10)
    assert world.open_codes == ["NOT_BOOKED"]
    clinic.plans.patient(booked_on=SIGNED + timedelta(days=12))
    await plan.signal("booked", Booked(starts_at=await plan.now(), as_of=await plan.now()))
    assert [question.state for question in world.questions] == ["withdrawn"]


async def test_g3_three_days_and_one_day_before_and_never_on_the_day(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic)
    await plan.day(40)
    first = [line for line in said(world) if line.startswith("first-payment")]
    assert first == ["first-payment-3 11-11 10:00", "first-payment-1 11-13 10:00"]


async def test_g3_a_moved_date_moves_the_reminders_and_repeats_none(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic)
    await plan.day(28)
    clinic.plans.plan(first_payment_on=SIGNED + timedelta(days=45))
    told = DatesKnown(
        revision=3, first_payment_on=SIGNED + timedelta(days=45), final_payment_on=None
    )
    await plan.signal("dates_known", told)
    await plan.signal("dates_known", told)
    await plan.day(50)
    first = [line for line in said(world) if line.startswith("first-payment")]
    assert first == [
        "first-payment-3 11-11 10:00",
        "first-payment-3 11-26 10:00",
        "first-payment-1 11-28 10:00",
    ]


async def test_f4_a_missing_date_is_asked_about_at_once_and_late_it_still_counts(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic, first_payment_on=None, first_payment_known_at=None)
    assert world.open_codes == ["NULL_DATE"]
    await plan.day(27)
    assert "needs a date" in (await plan.refused(plan.answer("enter_date", "NULL_DATE"))).message
    await plan.decide("enter_date", "NULL_DATE", until=SIGNED + timedelta(days=29))
    assert world.open_codes == ["NOT_BOOKED"]
    await plan.day(31)
    first = [line for line in said(world) if line.startswith("first-payment")]
    assert first == ["first-payment-3 11-11 14:00", "first-payment-1 11-12 10:00"]


async def test_f4_the_lender_tells_the_date_and_the_question_goes(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic, first_payment_on=None, first_payment_known_at=None)
    await plan.decide("ask_lender")
    await plan.day(1)
    assert world.open_codes == []
    await plan.day(3)
    assert world.codes == ["NULL_DATE"] * 2
    await changed(
        plan, first_payment_on=SIGNED + timedelta(days=30), first_payment_known_at=THURSDAY
    )
    assert world.open_codes == []
    assert world.questions[-1].state == "withdrawn"


async def test_f4_an_absurd_date_waits_for_a_person(clinic: Clinic, world: World) -> None:
    plan = await running(clinic, first_payment_on=SIGNED - timedelta(days=2))
    assert world.open_codes == ["ABSURD_DATE"]
    await plan.day(10)
    assert [day for code, day, _ in world.reminders if code == "ABSURD_DATE"] == [1, 3]
    await plan.decide("confirm_date", "ABSURD_DATE")
    await plan.day(12)
    assert not [line for line in said(world) if line.startswith("first-payment")]


async def test_g4_a_check_in_a_day_after_each_session_outside_quiet_hours(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic)
    await plan.day(5, hour=19, minute=30)
    await session(plan)
    await plan.day(7)
    await plan.day(33, hour=21)
    await session(plan)
    await plan.day(36)
    check_ins = [line for line in said(world) if line.startswith("check-in")]
    assert check_ins == ["check-in 10-21 19:30", "check-in 11-19 09:00"]


async def test_g4_a_session_that_was_taken_back_is_not_asked_about(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic)
    await plan.day(5)
    await session(plan)
    clinic.plans.patient(sessions=())
    gone = SessionCompleted(visit_case_id="visit/1", at=await plan.now(), is_cancelled=True)
    await plan.signal("session_completed", gone)
    await plan.day(8)
    assert not [line for line in said(world) if line.startswith("check-in")]


async def test_g5_mid_plan_once_after_the_second_of_four_when_nothing_is_booked(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic, first_payment_on=SIGNED + timedelta(days=90))
    for day in (5, 33):
        await plan.day(day)
        await session(plan)
    await plan.day(45)
    mid = [line for line in said(world) if line.startswith("mid-plan")]
    assert mid == ["mid-plan 11-20 14:00"]


async def test_g5_who_has_booked_hears_no_mid_plan_word(clinic: Clinic, world: World) -> None:
    plan = await running(clinic)
    for day in (5, 33):
        await plan.day(day)
        await session(plan)
    clinic.plans.patient(booked_on=SIGNED + timedelta(days=61))
    await plan.day(50)
    assert "mid-plan: booked" in clinic.plans.pointless
    assert "mid-plan" not in world.said


async def test_g6_the_renewal_goes_30_days_before_the_end_and_the_plan_ends_after_it(
    clinic: Clinic, world: World
) -> None:
    final = SIGNED + timedelta(days=120)
    plan = await running(clinic, final_payment_on=final, sessions_planned=0)
    result = await plan.pass_to_the_end()
    renewal = [m.local for m in world.messages if m.step == "renewal"]
    assert {at.date() for at in renewal} == {final - timedelta(days=30)}
    assert result.outcome == PlanOutcome.COMPLETED


async def test_g6_an_early_payoff_brings_the_renewal_once(clinic: Clinic, world: World) -> None:
    plan = await running(clinic)
    await plan.day(60)
    now = await plan.now()
    await changed(plan, status=PlanStatus.PAID_OFF, ended_at=now)
    assert [m.step for m in world.messages].count("renewal") == 2  # a step on two channels
    result = await plan.ended()
    assert result.outcome == PlanOutcome.COMPLETED


async def test_g7_a_declined_patient_hears_one_word_and_an_approval_after_all(
    clinic: Clinic, world: World
) -> None:
    plan = await clinic.plan(status=PlanStatus.DECLINED, approved_at=None, declined_at=THURSDAY)
    await plan.day(3)
    assert said(world) == ["declined 10-15 15:00"]
    await changed(plan, status=PlanStatus.APPROVED, approved_at=await plan.now())
    assert said(world)[1:] == ["approval 10-18 14:00"]


async def test_g7_a_decline_rests_and_ends(clinic: Clinic, world: World) -> None:
    plan = await clinic.plan(status=PlanStatus.DECLINED, approved_at=None, declined_at=THURSDAY)
    assert (await plan.pass_to_the_end()).outcome == PlanOutcome.DECLINED
    assert world.said == ["declined"]


async def test_g8_a_cancelled_plan_ends_at_once(clinic: Clinic, world: World) -> None:
    plan = await running(clinic, first_payment_on=None)
    assert world.open_codes == ["NULL_DATE"]
    await changed(plan, status=PlanStatus.CANCELLED, ended_at=await plan.now())
    assert (await plan.ended()).outcome == PlanOutcome.CANCELLED
    assert [question.state for question in world.questions] == ["withdrawn"]


async def test_g8_a_word_that_nobody_knows_is_a_question(clinic: Clinic, world: World) -> None:
    plan = await clinic.plan(status=PlanStatus.UNKNOWN)
    assert world.open_codes == ["PLAN_STATUS_UNKNOWN"]
    assert world.said == []
    await plan.decide("set_status", status="approved")
    assert said(world) == ["approval 10-15 14:00"]


async def test_g8_a_plan_of_nobody_says_nothing(clinic: Clinic, world: World) -> None:
    plan = await clinic.plan(client_id=None)
    assert world.open_codes == ["PLAN_UNKNOWN_CLIENT"]
    assert world.said == []
    await plan.decide("link_client", client_id="client-2")
    assert said(world) == ["approval 10-15 14:00"]
    assert world.of("touch_patient")[-1].client_id == "client-2"


async def test_g10_who_stops_coming_hears_from_us_and_then_from_a_person(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic, first_payment_on=SIGNED + timedelta(days=90))
    await plan.day(5)
    await session(plan)
    await plan.day(48)
    assert said(world)[-1] == "come-back 12-01 10:00"
    await plan.day(62)
    assert world.open_codes == ["PLAN_DROPPED"]
    await plan.decide("called")
    await plan.day(80)
    assert world.codes == ["PLAN_DROPPED"]


async def test_f7_a_declined_card_is_asked_about_once(clinic: Clinic, world: World) -> None:
    plan = await running(clinic)
    declined = CardDeclined(event_id="e-9", at=await plan.now(), code="insufficient_funds")
    await plan.signal("card_declined", declined)
    await plan.signal("card_declined", declined)
    assert world.codes == ["CARD_DECLINED"]
    await plan.decide("called")
    await plan.signal("card_declined", declined)
    assert world.codes == ["CARD_DECLINED"]


async def test_other_instalments_are_waited_for_a_week_and_asked_about_again(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic)
    declined = CardDeclined(event_id="e-9", at=await plan.now(), code="insufficient_funds")
    await plan.signal("card_declined", declined)
    await plan.decide("plan")
    await plan.pass_(days=6)
    assert (world.codes, world.open_codes) == (["CARD_DECLINED"], [])
    await plan.pass_(days=2)
    assert world.codes == ["CARD_DECLINED"] * 2
    await changed(plan, status=PlanStatus.CANCELLED)
    assert (await plan.ended()).outcome == PlanOutcome.CANCELLED
    assert world.open_codes == []


async def test_a_bounce_is_told_to_a_person_once(clinic: Clinic, world: World) -> None:
    plan = await clinic.plan()
    await plan.bounced()
    await plan.bounced()
    assert world.codes == ["UNREACHABLE"]
