"""An expired lot's case: it waits for a named person, and asks again when it was left."""

from datetime import date

import pytest

from domain.case import Decision
from domain.lot_case import LotInput
from tests.workflows.clinic import Clinic
from tests.workflows.fakes import World
from tests.workflows.undoing import first_input, reopened, undo_of


async def test_unused_value_waits_for_a_named_person_who_knows_the_rule(
    clinic: Clinic, world: World
) -> None:
    lot = await clinic.lot()
    await lot.day(20)
    assert world.codes == ["BREAKAGE"]
    assert [day for _, day, _ in world.reminders] == [1, 3, 7]
    refused = await lot.refused(lot.answer("to_income"))
    assert "needs a reason" in refused.message
    await lot.decide("to_income", reason="the state exempts them")
    assert (await lot.ended()).status == "to_income"


async def test_what_is_left_owed_is_asked_about_again_in_ninety_days(
    clinic: Clinic, world: World
) -> None:
    lot = await clinic.lot()
    await lot.decide("leave")
    await lot.day(89)
    assert world.open_codes == []
    clinic.lots.is_expired = False
    await lot.day(91)
    assert (await lot.ended()).status == "gone"


async def test_a_new_last_day_lies_ahead(clinic: Clinic) -> None:
    lot = await clinic.lot()
    today = (await lot.now()).date()
    refused = await lot.refused(lot.answer("extend", until=today, reason="ill"))
    assert refused.message == f"{today} is over; give a later day."
    await lot.decide("extend", until=date(2030, 1, 1), reason="ill")
    assert (await lot.ended()).status == "extended"


@pytest.mark.parametrize("choice", ["to_state", "to_income"])
async def test_a_lot_that_was_drawn_meanwhile_needs_no_answer(clinic: Clinic, choice: str) -> None:
    lot = await clinic.lot()
    clinic.lots.is_expired = False
    await lot.decide(choice, reason="rule")
    assert (await lot.ended()).status == "gone"
    assert [question.state for question in lot.world.questions] == ["withdrawn"]


async def test_much_money_is_kept_by_two_people(clinic: Clinic, world: World) -> None:
    world.two_people = ("to_income",)
    lot = await clinic.lot()
    asked = world.question("BREAKAGE").review_id
    await lot.decide("to_income", reason="rule")
    assert world.open_codes == ["BREAKAGE"]
    await lot.update("review_decided", Decision(review_id=asked, choice="confirm", by="owner"))
    assert (await lot.ended()).status == "to_income"
    (decided,) = [question.decision for question in world.questions]
    assert decided is not None
    assert (decided.by, decided.confirmed_by) == ("desk-1", "owner")


async def test_what_was_left_owed_is_asked_about_when_that_is_taken_back(
    clinic: Clinic, world: World
) -> None:
    lot = await clinic.lot()
    await lot.decide("leave")
    assert world.open_codes == []
    await lot.signal("decision_undone", undo_of(world))
    assert world.open_codes == ["BREAKAGE"]
    await lot.decide("to_income", reason="rule")
    assert (await lot.ended()).status == "to_income"


async def test_an_ended_lot_is_asked_about_again_in_a_new_run(clinic: Clinic, world: World) -> None:
    lot = await clinic.lot()
    start = await first_input(lot, LotInput)
    await lot.decide("to_income", reason="rule")
    assert (await lot.ended()).status == "to_income"
    await reopened(lot, "ExpiredLot", start)
    assert world.open_codes == ["BREAKAGE"]
    assert world.times("ask_about_lot") == 1
    await lot.decide("to_state", reason="rule")
    assert (await lot.ended()).status == "to_state"


async def test_an_answer_taken_back_while_it_is_carried_out_is_asked_again(
    clinic: Clinic, world: World
) -> None:
    lot = await clinic.lot()
    world.during_look.append(lambda: lot.handle.signal("decision_undone", undo_of(world)))
    await lot.decide("to_income", reason="rule")
    assert world.open_codes == ["BREAKAGE"]


async def test_a_new_run_that_the_books_refuse_ends_with_the_lot_as_it_is(
    clinic: Clinic, world: World
) -> None:
    lot = await clinic.lot()
    start = await first_input(lot, LotInput)
    await lot.decide("extend", until=date(2030, 1, 1), reason="ill")
    await lot.ended()
    clinic.lots.is_expired = False
    world.refuses_undos.append("The lot was used since it has its new last day.")
    await reopened(lot, "ExpiredLot", start)
    assert (await lot.ended()).status == "gone"
    assert world.open_codes == []
