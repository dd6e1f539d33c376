"""A line of the daily control: asked about once, until it ties or a person explains it."""

from domain.control_case import ControlInput, ControlSeen
from tests.workflows.clinic import Case, Clinic
from tests.workflows.fakes import World
from tests.workflows.undoing import first_input, reopened, undo_of


async def seen(case: Case) -> None:
    await case.signal("control_seen", ControlSeen(until=(await case.now()).date()))


async def test_nobody_is_asked_about_what_is_over_within_two_hours(
    clinic: Clinic, world: World
) -> None:
    line = await clinic.control()
    await line.pass_(hours=1)
    assert world.times("ask_about_control") == 0
    clinic.control_.off_cents = 0
    await line.pass_(hours=2)
    assert (await line.ended()).status == "ties"
    assert world.codes == []


async def test_one_question_stands_while_the_same_difference_does(
    clinic: Clinic, world: World
) -> None:
    line = await clinic.control()
    for day in range(1, 6):
        await line.day(day)
        await seen(line)
    assert world.codes == ["CONTROL_DIFF"]
    assert world.open_codes == ["CONTROL_DIFF"]
    assert len({ask.control.since for ask in world.of("ask_about_control")}) == 1
    await line.day(20)
    assert [day for _, day, _ in world.reminders] == [1, 3, 7]


async def test_a_line_that_ties_again_takes_its_question_back(clinic: Clinic) -> None:
    line = await clinic.control()
    await line.day(1)
    clinic.control_.off_cents = 0
    await seen(line)
    assert (await line.ended()).status == "ties"
    assert [question.state for question in line.world.questions] == ["withdrawn"]


async def test_another_amount_is_another_question(clinic: Clinic, world: World) -> None:
    line = await clinic.control()
    await line.day(1)
    clinic.control_.off_cents = -2
    await seen(line)
    assert [question.state for question in world.questions] == ["withdrawn", "open"]
    assert len({question.review_id for question in world.questions}) == 2


async def test_an_explanation_needs_a_reason_and_ends_the_case(
    clinic: Clinic, world: World
) -> None:
    line = await clinic.control()
    await line.day(1)
    refused = await line.refused(line.answer("explained"))
    assert "needs a reason" in refused.message
    await line.decide("explained", reason="the bank's own fee")
    assert (await line.ended()).status == "explained"
    assert [question.state for question in world.questions] == ["decided"]


async def test_look_again_is_asked_again_a_day_later_and_not_before(
    clinic: Clinic, world: World
) -> None:
    line = await clinic.control()
    await line.day(1)
    await line.decide("look_again")
    await seen(line)
    await line.pass_(hours=23)
    assert world.open_codes == []
    await line.pass_(hours=2)
    assert world.open_codes == ["CONTROL_DIFF"]


async def test_news_during_the_last_look_is_looked_at(clinic: Clinic, world: World) -> None:
    line = await clinic.control()
    clinic.control_.off_cents = 0

    async def off_again() -> None:
        clinic.control_.off_cents = 1
        await line.handle.signal("control_seen", ControlSeen(until=(await line.now()).date()))

    world.during_look = [off_again]
    await line.pass_(hours=3)
    assert world.open_codes == ["CONTROL_DIFF"]


async def test_a_look_that_fails_is_made_again(clinic: Clinic, world: World) -> None:
    world.failing["ask_about_control"] = "Misconfigured"
    line = await clinic.control()
    await line.pass_(hours=2.5)
    world.failing.clear()
    assert world.codes == []
    await line.pass_(hours=1)
    assert world.open_codes == ["CONTROL_DIFF"]


async def test_a_rest_that_is_taken_back_is_asked_about_at_once(
    clinic: Clinic, world: World
) -> None:
    line = await clinic.control()
    await line.day(1)
    await line.decide("look_again")
    await line.signal("decision_undone", undo_of(world))
    assert world.open_codes == ["CONTROL_DIFF"]
    await line.decide("explained", reason="known")
    assert (await line.ended()).status == "explained"


async def test_an_explanation_that_is_taken_back_is_asked_about_in_a_new_run(
    clinic: Clinic, world: World
) -> None:
    line = await clinic.control()
    await line.day(1)
    start = await first_input(line, ControlInput)
    await line.decide("explained", reason="known")
    await line.ended()
    looks = world.times("ask_about_control")
    await reopened(line, "ControlTotal", start)
    assert world.open_codes == ["CONTROL_DIFF"]
    assert world.times("ask_about_control") == looks
    clinic.control_.off_cents = 0
    await seen(line)
    assert (await line.ended()).status == "ties"
    assert world.open_codes == []


async def test_an_explanation_taken_back_while_it_is_carried_out_is_asked_again(
    clinic: Clinic, world: World
) -> None:
    line = await clinic.control()
    await line.day(1)
    world.during_look.append(lambda: line.handle.signal("decision_undone", undo_of(world)))
    await line.decide("explained", reason="known")
    assert world.open_codes == ["CONTROL_DIFF"]
