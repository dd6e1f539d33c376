"""A payout's case: looks until it ties, asks a person, opens what is missing, undoes nothing."""

from domain.payout_case import PayoutInput
from tests.workflows.clinic import Clinic
from tests.workflows.fakes import World
from tests.workflows.undoing import first_input, reopened, undo_of


def looks(world: World) -> int:
    return world.times("tie_payout")


async def test_a_payout_that_ties_ends_with_one_look(clinic: Clinic, world: World) -> None:
    payout = await clinic.payout()
    assert (await payout.ended()).status == "tied"
    assert looks(world) == 1
    assert world.codes == []


async def test_on_its_way_it_is_looked_at_again_by_news_or_after_six_hours(
    clinic: Clinic, world: World
) -> None:
    clinic.payouts.answers = ["on_the_way", "on_the_way", "on_the_way", "tied"]
    payout = await clinic.payout()
    await payout.moved("in_transit")
    assert looks(world) == 2
    await payout.pass_(hours=5)
    assert looks(world) == 2
    await payout.pass_(hours=2)
    assert looks(world) == 3
    await payout.moved("paid")
    assert (await payout.ended()).status == "tied"


async def test_a_missing_payment_gets_six_hours_before_anybody_is_asked(
    clinic: Clinic, world: World
) -> None:
    clinic.payouts.answers = ["missing"]
    payout = await clinic.payout()
    await payout.pass_(hours=5.5)
    assert [ask.patient for ask in world.of("tie_payout")] == [True] * 6
    clinic.payouts.answers = ["PAYOUT_DIFF"]
    await payout.pass_(hours=1)
    assert [ask.patient for ask in world.of("tie_payout")] == [True] * 6 + [False]
    assert world.open_codes == ["PAYOUT_DIFF"]


async def test_added_payments_get_two_minutes_to_be_booked(clinic: Clinic, world: World) -> None:
    clinic.payouts.answers = ["PAYOUT_DIFF", "tied"]
    clinic.payouts.missing = ("pi_lost",)
    payout = await clinic.payout()
    await payout.decide("add_missing")
    assert looks(world) == 1
    await payout.pass_(minutes=3)
    assert (await payout.ended()).status == "tied"


async def test_what_cannot_be_accepted_waits_for_another_answer(
    clinic: Clinic, world: World
) -> None:
    clinic.payouts.answers = ["PAYOUT_DIFF"]
    clinic.payouts.missing = ("pi_lost",)
    payout = await clinic.payout()
    await payout.decide("accept", reason="whatever")
    assert world.codes == world.open_codes == ["PAYOUT_DIFF"]
    assert "a payment is missing" in await payout.details()
    await payout.decide("call_processor")
    assert world.open_codes == []


async def test_a_difference_waits_for_a_named_person(clinic: Clinic, world: World) -> None:
    clinic.payouts.answers = ["PAYOUT_DIFF"]
    payout = await clinic.payout()
    await payout.day(20)
    assert world.codes == ["PAYOUT_DIFF"]
    assert [day for _, day, _ in world.reminders] == [1, 3, 7]
    refused = await payout.refused(payout.answer("accept"))
    assert "needs a reason" in refused.message
    clinic.payouts.answers = ["tied"]
    await payout.decide("accept", reason="the processor lost a cent")
    assert (await payout.ended()).status == "tied"


async def test_an_open_question_is_taken_back_when_the_payout_ties_by_itself(
    clinic: Clinic, world: World
) -> None:
    clinic.payouts.answers = ["PAYOUT_DIFF", "PAYOUT_DIFF", "tied"]
    payout = await clinic.payout()
    await payout.moved("paid")
    assert world.codes == ["PAYOUT_DIFF"]
    await payout.pass_(days=1.1)
    assert (await payout.ended()).status == "tied"
    assert [question.state for question in world.questions] == ["withdrawn"]


async def test_asking_the_processor_brings_the_question_back_in_a_week(
    clinic: Clinic, world: World
) -> None:
    clinic.payouts.answers = ["PAYOUT_MANUAL"]
    payout = await clinic.payout()
    await payout.decide("call_processor")
    await payout.day(6)
    assert world.open_codes == []
    await payout.day(8)
    assert world.codes == ["PAYOUT_MANUAL"] * 2
    clinic.payouts.answers = ["tied"]
    await payout.decide("book")
    assert (await payout.ended()).status == "tied"


async def test_a_failing_step_waits_and_goes_on(clinic: Clinic, world: World) -> None:
    world.failing["tie_payout"] = "Misconfigured"
    payout = await clinic.payout()
    assert "a step failed: Misconfigured" in await payout.details()
    world.failing.clear()
    await payout.pass_(hours=1.1)
    assert (await payout.ended()).status == "tied"


async def test_a_payout_that_ended_is_opened_again_by_its_failure(
    clinic: Clinic, world: World
) -> None:
    payout = await clinic.payout(payout_id="po_back")
    assert (await payout.ended()).status == "tied"
    clinic.payouts.answers = ["returned"]
    again = await clinic.payout(payout_id="po_back")
    assert (await again.ended()).status == "returned"


async def test_an_accepted_payout_is_asked_about_again_in_a_new_run(
    clinic: Clinic, world: World
) -> None:
    clinic.payouts.answers = ["PAYOUT_DIFF", "tied"]
    payout = await clinic.payout()
    start = await first_input(payout, PayoutInput)
    await payout.decide("accept", reason="theirs")
    assert (await payout.ended()).status == "tied"
    await reopened(payout, "PayoutTieOut", start)
    assert (world.open_codes, looks(world)) == (["PAYOUT_DIFF"], 2)
    # It is read again each day, as before, and the question goes when it ties.
    await payout.pass_(days=1.1)
    assert (await payout.ended()).status == "tied"
    assert world.open_codes == []


async def test_a_rest_taken_back_ends_and_the_question_waits(clinic: Clinic, world: World) -> None:
    clinic.payouts.answers = ["PAYOUT_MANUAL"]
    payout = await clinic.payout()
    await payout.decide("call_processor")
    await payout.signal("decision_undone", undo_of(world))
    assert world.open_codes == ["PAYOUT_MANUAL"]
    clinic.payouts.answers = ["tied"]
    await payout.decide("book")
    assert (await payout.ended()).status == "tied"


async def test_an_acceptance_taken_back_during_the_last_look_is_heard(
    clinic: Clinic, world: World
) -> None:
    clinic.payouts.answers = ["PAYOUT_DIFF", "tied"]
    payout = await clinic.payout()
    world.during_look.append(lambda: payout.handle.signal("decision_undone", undo_of(world)))
    await payout.decide("accept", reason="theirs")
    assert world.open_codes == ["PAYOUT_DIFF"]
