"""What one person proposes, another confirms or refuses; no tool gets around it."""

import pytest

from domain.case import VisitStatus
from tests.workflows.clinic import Case, Clinic
from tests.workflows.fakes import World


@pytest.fixture
async def unpaid(case: Case, world: World) -> Case:
    """A case after its last reminder, where a write-off needs two people."""
    world.two_people = ("write_off",)
    await case.day(15)
    return case


def _second(case: Case, choice: str, by: str):
    return case.answer(choice).model_copy(update={"by": by})


async def test_a_second_person_confirms_and_only_then_the_case_goes_on(
    unpaid: Case, world: World
) -> None:
    await unpaid.decide("write_off", reason="moved")
    assert world.open_codes == ["CHASE_EXHAUSTED"]
    assert "waits for a second person: write_off" in await unpaid.details()
    for same in ("desk-1", "DESK -1", " desk-1 "):
        refused = await unpaid.refused(_second(unpaid, "confirm", same))
        assert "another person confirms" in refused.message
    other = await unpaid.refused(unpaid.answer("keep_open"))
    assert other.message == "An answer of desk-1 waits for a second person."
    await unpaid.update("review_decided", _second(unpaid, "confirm", "manager"))
    assert (await unpaid.ended()).status == VisitStatus.WRITTEN_OFF
    first, second = world.of("apply_decision")
    assert (first.decision.confirmed_by, second.decision.confirmed_by) == (None, "manager")
    assert second.decision.by == "desk-1"


async def test_what_is_refused_can_be_answered_anew(unpaid: Case, world: World) -> None:
    await unpaid.decide("write_off", reason="moved")
    await unpaid.update("review_decided", _second(unpaid, "refuse", "manager"))
    assert world.open_codes == ["CHASE_EXHAUSTED"]
    refused = await unpaid.refused(_second(unpaid, "confirm", "manager"))
    assert refused.type == "QuestionNotOpen"
    await unpaid.decide("keep_open")
    assert world.open_codes == []


async def test_no_signal_gets_around_the_second_person(unpaid: Case, world: World) -> None:
    forged = unpaid.answer("write_off", reason="moved", confirmed_by="manager")
    await unpaid.signal("review_decided", forged)
    assert "A second person answers for themselves." in await unpaid.details()
    assert world.times("apply_decision") == 0
    await unpaid.signal("review_decided", unpaid.answer("write_off", reason="moved"))
    await unpaid.signal("review_decided", _second(unpaid, "confirm", "Desk-1"))
    assert "another person confirms or refuses" in await unpaid.details()
    assert world.open_codes == ["CHASE_EXHAUSTED"]
    await unpaid.signal("review_decided", _second(unpaid, "confirm", "manager"))
    assert (await unpaid.ended()).status == VisitStatus.WRITTEN_OFF


async def test_a_confirmation_that_comes_twice_is_one(unpaid: Case, world: World) -> None:
    await unpaid.decide("write_off", reason="moved")
    yes = _second(unpaid, "confirm", "manager")
    world.failing["apply_decision"] = "BadRequest"
    for _ in range(2):
        assert await unpaid.update("review_decided", yes) == "accepted"
    world.failing.clear()
    await unpaid.decide("try_again", "STATE_UNKNOWN")
    assert (await unpaid.ended()).status == VisitStatus.WRITTEN_OFF


async def test_an_answer_that_failed_for_good_is_replaced(case: Case, world: World) -> None:
    await case.day(15)
    world.failing["apply_decision"] = "BadRequest"
    await case.decide("write_off", reason="moved")
    assert world.open_codes == ["CHASE_EXHAUSTED", "STATE_UNKNOWN"]
    world.failing.clear()
    await case.decide("keep_open", "CHASE_EXHAUSTED")
    assert world.open_codes == []
    assert await case.runs()


async def test_money_without_a_reference_waits_for_two_people_too(
    clinic: Clinic, world: World
) -> None:
    world.two_people = ("refund",)
    money = await clinic.money()
    await money.decide("refund")
    assert await money.runs()
    await money.update("review_decided", money.answer("confirm").model_copy(update={"by": "eve"}))
    assert (await money.ended()).status == "refund"
