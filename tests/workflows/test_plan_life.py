"""A plan's case whatever it is about: outages, holds, failures, chapters, sixty months."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from activities.plan_contracts import TouchOut
from domain.case import Attention, ClientHeld, ClientReleased, Close, Release, Stage
from domain.plan_case import PlanOutcome, PlanStatus
from tests.workflows.clinic import THURSDAY, Clinic
from tests.workflows.fakes import ZONE, World
from tests.workflows.plans import SIGNED, changed, running, said, session


async def test_after_an_outage_the_latest_word_goes_once(clinic: Clinic, world: World) -> None:
    await clinic.rest()
    plan = await clinic.plan(at=THURSDAY)
    clinic.plans.plan(approved_at=THURSDAY - timedelta(days=5, hours=1))
    await clinic.work()
    await plan.settled()
    assert said(world) == ["booking-5d 10-15 14:00"]
    assert [key.split("/")[0] for key in clinic.plans.missed] == ["approval", "booking-48h"]


async def test_a_touch_that_waits_past_its_day_is_recorded_as_missed(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic)
    await plan.day(26)
    day = SIGNED + timedelta(days=29)
    late = datetime(day.year, day.month, day.day, 10, tzinfo=ZoneInfo(ZONE))
    clinic.plans.answers = [TouchOut(status="snoozed", until=late)]
    await plan.day(31)
    first = [line for line in said(world) if line.startswith("first-payment")]
    assert first == ["first-payment-1 11-13 10:00"]
    assert [key.split("/")[0] for key in clinic.plans.missed] == ["first-payment-3"]


async def test_a_held_patient_hears_nothing_until_the_release(clinic: Clinic, world: World) -> None:
    plan = await clinic.plan(at=THURSDAY.replace(hour=8))
    await plan.hold()
    await plan.day(0, hour=12)
    assert world.said == []
    await plan.update("release", Release(by="desk-1"))
    assert said(world) == ["approval 10-15 12:00"]


async def test_a_client_hold_is_asked_about_again_after_its_release(
    clinic: Clinic, world: World
) -> None:
    clinic.plans.answers = [TouchOut(status="held")]
    plan = await clinic.plan()
    assert world.said == []
    await plan.signal("client_released", ClientReleased(hold_id="hold-1"))
    assert said(world) == ["approval 10-15 14:00"]


async def test_a_plan_that_sleeps_hears_at_once_that_its_patient_is_silent(
    clinic: Clinic, world: World
) -> None:
    plan = await running(clinic, first_payment_on=SIGNED + timedelta(days=60))
    clinic.plans.patient(silenced_by=("adverse_event",), has_reaction=True)
    await plan.signal("client_held", ClientHeld(hold_id="hold-1"))
    page = await plan.details()
    assert f"**{Stage.HELD}**, waiting for **{Attention.STAFF}**" in page
    assert "the client is silent: adverse event" in page
    clinic.plans.patient(silenced_by=(), has_reaction=False)
    await plan.signal("client_released", ClientReleased(hold_id="hold-1"))
    assert "the client is silent" not in await plan.details()


async def test_an_unknown_outcome_is_looked_up_and_never_sent_again(
    clinic: Clinic, world: World
) -> None:
    clinic.plans.answers = [TouchOut(status="unknown", message_keys=("key-1",))]
    plan = await clinic.plan()
    await plan.day(1)
    assert world.times("look_up_touch") == 2
    assert world.said == []
    assert "it is not sent again" in await plan.details()


async def test_who_cannot_be_written_to_is_called(clinic: Clinic, world: World) -> None:
    clinic.plans.answers = [TouchOut(status="no_consent")]
    await clinic.plan()
    assert world.open_codes == ["CONSENT_MISSING"]


async def test_who_cannot_be_written_to_gets_a_letter(clinic: Clinic, world: World) -> None:
    clinic.plans.answers = [TouchOut(status="no_consent")]
    plan = await clinic.plan()
    await plan.decide("letter")
    await plan.day(1)
    assert (world.codes, world.open_codes, said(world)) == (["CONSENT_MISSING"], [], [])


async def test_a_person_ends_the_sequence(clinic: Clinic, world: World) -> None:
    plan = await clinic.plan()
    assert await plan.update("close", Close(by="desk-1", reason="MOVED")) == "closing"
    assert (await plan.ended()).outcome == PlanOutcome.CLOSED_BY_STAFF


async def test_a_failed_step_is_tried_again_in_an_hour(clinic: Clinic, world: World) -> None:
    world.failing["read_plan"] = "Misconfigured"
    plan = await clinic.plan()
    assert "a step failed: Misconfigured" in await plan.details()
    world.failing.clear()
    await plan.pass_(hours=1.1)
    assert said(world) == ["approval 10-15 15:00"]


async def test_each_chapter_is_a_run_and_keeps_what_was_said_and_asked(
    clinic: Clinic, world: World
) -> None:
    plan = await clinic.plan()
    first_run = (await plan.handle.describe()).run_id
    await changed(
        plan, status=PlanStatus.ACCEPTED, accepted_at=await plan.now(), sessions_planned=4
    )
    assert (await plan.handle.describe()).run_id != first_run
    assert world.open_codes == ["NULL_DATE"]
    await plan.decide("enter_date", until=date(2026, 11, 14))
    await plan.day(40)
    assert said(world) == [
        "approval 10-15 14:00",
        "booking-48h 10-17 14:00",
        "booking-5d 10-20 14:00",
        "first-payment-3 11-11 10:00",
        "first-payment-1 11-13 10:00",
    ]


async def test_a_plan_of_60_months_stays_small_and_ends(clinic: Clinic, world: World) -> None:
    final = SIGNED + timedelta(days=5 * 365)
    plan = await running(clinic, final_payment_on=final, sessions_planned=24)
    sizes, runs = [], set()
    for month in range(60):
        await plan.day(30 * month + 20)
        if month % 3 == 0:
            await session(plan)
        described = await plan.handle.describe()
        sizes.append(described.history_length)
        runs.add(described.run_id)
    result = await plan.pass_to_the_end()
    assert max(sizes) < 2_000
    assert len(runs) == 6 - 1
    assert result.outcome == PlanOutcome.COMPLETED
    assert len({m.document_id for m in world.messages if m.step == "renewal"}) == 1
    keys = [(m.document_id, m.channel) for m in world.messages]
    assert len(keys) == len(set(keys))
