"""What people do to a case: hold, close, decide, be reminded, and mend what failed for good."""

from typing import Any

import pytest

from domain.case import Close, Hold, Release, VisitStatus
from tests.workflows.clinic import Case, Clinic
from tests.workflows.fakes import World


async def test_hold_pauses_and_release_goes_on(case: Case, world: World) -> None:
    await case.hold()
    await case.day(5)
    assert world.said == ["invoice", "invoice"]
    await case.update("release", Release(by="desk-1"))
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_reply_holds_by_signal(case: Case, world: World) -> None:
    await case.signal("hold", Hold(by="patient", reason="REPLY"))
    await case.day(5)
    assert world.said == ["invoice", "invoice"]


async def test_payment_while_held_still_ends_the_case(case: Case, world: World) -> None:
    await case.hold()
    await case.day(2)
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID


async def test_part_payment_while_held_stays_held(case: Case, world: World) -> None:
    await case.hold()
    await case.pay(5_000)
    await case.day(8)
    assert world.balance_cents == 15_000
    assert world.said == ["invoice", "invoice"]


async def test_close_ends_at_once_and_leaves_the_books_alone(case: Case, world: World) -> None:
    await case.update("close", Close(by="desk-1", reason="moved"))
    result = await case.ended()
    assert (result.status, result.balance_cents) == ("closed_by_staff", 20_000)
    assert world.ends == [("closed_by_staff", "desk-1")]


async def test_an_end_that_the_books_refuse_is_asked_about(case: Case, world: World) -> None:
    world.refuses_ends.append("it is off by 20000 cents and nobody has closed it")
    await case.pay()
    assert (world.open_codes, world.ends) == (["STATE_UNKNOWN"], [])
    await case.decide("try_again")
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.ends == [("paid", None)]


async def test_an_end_by_a_person_that_the_books_refuse_is_no_end(case: Case, world: World) -> None:
    world.refuses_ends.append("it names nobody")
    await case.update("close", Close(by=" ", reason="moved"))
    assert world.open_codes == ["STATE_UNKNOWN"]
    await case.decide("stop", reason="moved")
    assert (await case.ended()).status == VisitStatus.CLOSED_BY_STAFF
    assert world.ends == [("closed_by_staff", "desk-1")]


async def test_close_takes_an_open_question_back(case: Case, world: World) -> None:
    await case.day(15)
    await case.update("close", Close(by="desk-1", reason="moved"))
    assert (await case.ended()).status == VisitStatus.CLOSED_BY_STAFF
    assert world.open_codes == []


async def test_close_works_while_held_and_while_a_draft_waits(clinic: Clinic, world: World) -> None:
    world.hold_code = "CATALOG_UNMAPPED"
    case = await clinic.visit()
    await case.hold()
    await case.update("close", Close(by="desk-1", reason="test visit"))
    assert (await case.ended()).status == VisitStatus.CLOSED_BY_STAFF
    assert world.open_codes == []


@pytest.fixture
async def asked(clinic: Clinic, world: World) -> Case:
    """A case whose draft waits for a code to be mapped."""
    world.hold_code = "CATALOG_UNMAPPED"
    return await clinic.visit()


async def test_decision_on_a_closed_question_is_refused(asked: Case, world: World) -> None:
    old = asked.answer("map", sku="BTX")
    world.hold_code = "QUANTITY_BOUND"
    await asked.amended()
    refused = await asked.refused(old)
    assert (refused.message, refused.type) == (
        "This question is no longer open.",
        "QuestionNotOpen",
    )
    assert world.times("apply_decision") == 0


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"choice": "discount"}, "CATALOG_UNMAPPED can be decided by"),
        ({"choice": "map"}, "The choice map needs the catalog item that it stands for."),
        ({"choice": "one_off_price"}, "The choice one_off_price needs an amount."),
        ({"choice": "not_billable"}, "The choice not_billable needs a reason."),
    ],
)
async def test_decision_that_cannot_be_carried_out_is_refused_in_one_sentence(
    asked: Case, world: World, answer: dict[str, Any], sentence: str
) -> None:
    refused = await asked.refused(asked.answer(**answer))
    assert refused.message.startswith(sentence)
    assert refused.message.count(".") == 1
    assert world.times("apply_decision") == 0
    assert world.open_codes == ["CATALOG_UNMAPPED"]


async def test_decision_without_a_name_is_refused(asked: Case) -> None:
    nameless = asked.answer("map", sku="BTX").model_copy(update={"by": " "})
    assert "name of the person" in (await asked.refused(nameless)).message


async def test_decision_by_signal_has_the_same_effect(asked: Case, world: World) -> None:
    world.hold_code = None
    await asked.signal("review_decided", asked.answer("map", sku="BTX"))
    assert world.said == ["invoice", "invoice"]
    assert world.question("CATALOG_UNMAPPED").decision.sku == "BTX"  # type: ignore[union-attr]


@pytest.mark.parametrize("rubbish", ["map it", {"choice": 3}, [], None])
async def test_unreadable_signal_leaves_a_note_and_the_case_goes_on(
    asked: Case, world: World, rubbish: Any
) -> None:
    await asked.signal("review_decided", rubbish)
    assert "a decision could not be read and was ignored" in await asked.details()
    world.hold_code = None
    await asked.decide("map", sku="BTX")
    assert world.said == ["invoice", "invoice"]


async def test_refused_signal_leaves_a_note(asked: Case, world: World) -> None:
    await asked.signal("review_decided", asked.answer("map"))
    assert "a decision was refused: The choice map needs" in await asked.details()
    assert world.open_codes == ["CATALOG_UNMAPPED"]


async def test_same_decision_twice_has_one_effect(case: Case, world: World) -> None:
    await case.day(15)
    decision = case.answer("keep_open")
    await case.update("review_decided", decision)
    assert await case.update("review_decided", decision) == "accepted"
    assert world.times("apply_decision") == 1


async def test_second_person_with_another_answer_is_told(case: Case, world: World) -> None:
    await case.day(15)
    decision = case.answer("keep_open")
    await case.update("review_decided", decision)
    other = decision.model_copy(update={"choice": "stop", "by": "desk-2", "reason": "no"})
    assert (await case.refused(other)).message == "This question was already answered by desk-1."


async def test_difference_from_the_pms_that_is_left_lets_the_case_go_on(
    case: Case, world: World
) -> None:
    await case.pay(5_000, "changed")
    assert world.open_codes == ["PMS_DISAGREES"]
    await case.day(5)
    assert world.said == ["invoice", "invoice"]
    await case.decide("stop", reason="a tip")
    assert await case.runs()
    assert world.said == ["invoice", "invoice", "day-3"]
    assert (world.times("build_invoice"), world.times("read_standing")) == (1, 1)
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.codes == ["PMS_DISAGREES"]


async def test_pms_that_is_right_has_its_chart_and_payments_read_again(
    case: Case, world: World
) -> None:
    await case.pay(5_000, "changed")
    world.due_cents = 26_000
    world.announced.append((4_000, "desk"))
    await case.day(2)
    assert (world.times("build_invoice"), world.times("read_standing")) == (1, 1)
    await case.decide("take_pms")
    assert (world.times("build_invoice"), world.times("read_standing")) == (2, 2)
    assert (world.asked_cents, world.open_codes) == (22_000, [])
    assert world.said == ["invoice"] * 4
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID


async def test_staff_are_reminded_on_business_days_1_3_and_7(asked: Case, world: World) -> None:
    await asked.day(20)
    assert [(code, day, f"{at:%a %m-%d %H:%M}") for code, day, at in world.reminders] == [
        ("CATALOG_UNMAPPED", 1, "Fri 10-16 09:00"),
        ("CATALOG_UNMAPPED", 3, "Tue 10-20 09:00"),
        ("CATALOG_UNMAPPED", 7, "Mon 10-26 09:00"),
    ]
    assert await asked.runs()


async def test_answered_question_is_not_reminded_of(asked: Case, world: World) -> None:
    await asked.day(2)
    world.hold_code = None
    await asked.decide("map", sku="BTX")
    await asked.day(30)
    assert [r[:2] for r in world.reminders if r[0] == "CATALOG_UNMAPPED"] == [
        ("CATALOG_UNMAPPED", 1)
    ]


@pytest.mark.parametrize(
    "step", ["build_invoice", "open_payment_door", "send_step", "read_standing", "write_back"]
)
async def test_step_that_fails_for_good_waits_for_a_person_and_is_done_again(
    clinic: Clinic, world: World, step: str
) -> None:
    world.failing[step] = "Misconfigured"
    case = await clinic.visit()
    if step in ("read_standing", "write_back"):
        await case.pay()
    await case.day(1)
    assert world.open_codes == ["STATE_UNKNOWN"]
    assert world.of("open_review")[0].facts == ("a step failed: Misconfigured",)
    assert await case.runs()
    del world.failing[step]
    await case.decide("try_again")
    if step not in ("read_standing", "write_back"):
        assert world.said == ["invoice", "invoice"]
        await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.said == ["invoice", "invoice"]


async def test_step_that_keeps_failing_asks_again_and_again(case: Case, world: World) -> None:
    world.failing["send_step"] = "BadRequest"
    await case.day(3)
    await case.decide("try_again")
    await case.decide("try_again")
    assert world.codes == ["STATE_UNKNOWN"] * 3


async def test_amendment_that_failed_is_not_forgotten(case: Case, world: World) -> None:
    world.failing["build_invoice"] = "BadRequest"
    world.due_cents = 26_000
    await case.amended()
    assert world.open_codes == ["STATE_UNKNOWN"]
    world.failing.clear()
    await case.decide("try_again")
    assert world.asked_cents == 26_000
    assert world.said == ["invoice"] * 4


async def test_case_can_be_stopped_while_the_processor_refuses(case: Case, world: World) -> None:
    world.failing["open_payment_door"] = "Misconfigured"
    await case.pay(5_000, "desk")
    assert world.open_codes == ["STATE_UNKNOWN"]
    await case.decide("stop", reason="by hand")
    assert (await case.ended()).status == VisitStatus.CLOSED_BY_STAFF


async def test_a_debt_at_an_agency_ends_the_case_and_stays_owed(case: Case, world: World) -> None:
    await case.day(15)
    said = len(world.said)
    await case.decide("agency", reason="no answer")
    result = await case.ended()
    assert (result.status, result.balance_cents) == (VisitStatus.AGENCY, 20_000)
    assert len(world.said) == said


async def test_decision_that_fails_for_good_is_carried_out_when_tried_again(
    case: Case, world: World
) -> None:
    await case.day(15)
    world.failing["apply_decision"] = "BadRequest"
    await case.decide("write_off", reason="moved")
    assert world.open_codes == ["CHASE_EXHAUSTED", "STATE_UNKNOWN"]
    world.failing.clear()
    await case.decide("try_again", "STATE_UNKNOWN")
    result = await case.ended()
    assert (result.status, result.balance_cents) == ("written_off", 0)


async def test_answer_that_the_books_cannot_take_is_tried_again_after_an_hour(
    case: Case, world: World
) -> None:
    world.failing.update({"send_step": "BadRequest", "apply_decision": "BadRequest"})
    await case.day(3)
    await case.decide("try_again")
    assert world.open_codes == ["STATE_UNKNOWN"]
    world.failing.clear()
    await case.pass_(hours=2)
    assert world.open_codes == []
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_books_that_do_not_answer_are_asked_again_after_an_hour(
    case: Case, world: World
) -> None:
    world.failing.update({"send_step": "BadRequest", "open_review": "BadRequest"})
    await case.day(3, hour=12)
    assert await case.runs()
    world.failing.clear()
    await case.day(3, hour=16)
    assert world.said == ["invoice", "invoice", "day-3"]
