"""A decision is taken back by a message to its case, also to one that has closed (F6)."""

import asyncio

from domain.case import Undo, UnmatchedInput, VisitInput, VisitStatus
from tests.workflows.clinic import Case, Clinic
from tests.workflows.fakes import World
from tests.workflows.undoing import first_input, reopened, undo_of


async def test_a_debt_that_rests_is_asked_about_again(case: Case, world: World) -> None:
    await case.day(15)
    await case.decide("keep_open")
    assert world.open_codes == []
    await case.signal("decision_undone", undo_of(world))
    assert world.open_codes == ["CHASE_EXHAUSTED"]
    await case.decide("stop", reason="moved")
    assert (await case.ended()).status == VisitStatus.CLOSED_BY_STAFF


async def test_a_written_off_visit_opens_again_and_asks_the_desk_not_the_patient(
    case: Case, world: World
) -> None:
    await case.day(15)
    start = await first_input(case, VisitInput)
    await case.decide("write_off", reason="moved")
    assert (await case.ended()).status == VisitStatus.WRITTEN_OFF
    said = list(world.said)
    await reopened(case, "TreatmentVisit", start)
    assert world.open_codes == ["CHASE_EXHAUSTED"]
    assert world.balance_cents == world.asked_cents == 20_000
    await case.day(40)
    assert world.said == said
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.said == said


async def test_a_visit_that_was_about_to_end_goes_on_and_asks_for_its_money(
    case: Case, world: World
) -> None:
    await case.day(15)
    await case.pay(20_000, "twice")  # in suspense: until somebody places it the case cannot end
    await case.decide("write_off", "CHASE_EXHAUSTED", reason="moved")
    assert (world.open_codes, world.asked_cents) == (["DUPLICATE_SUSPECTED"], 0)
    undo = Undo(
        review_id=world.question("CHASE_EXHAUSTED").review_id, by="desk-1", reason="a mistake"
    )
    await case.signal("decision_undone", undo)
    assert world.open_codes == ["DUPLICATE_SUSPECTED", "CHASE_EXHAUSTED"]
    assert world.asked_cents == 20_000
    await case.decide("keep_as_credit", "DUPLICATE_SUSPECTED")
    assert world.open_codes == ["CHASE_EXHAUSTED"]
    await case.decide("stop", reason="moved")
    assert (await case.ended()).status == VisitStatus.CLOSED_BY_STAFF


async def test_who_took_back_a_write_off_is_not_named_as_the_end_of_a_paid_visit(
    case: Case, world: World
) -> None:
    await case.day(15)
    await case.pay(20_000, "twice")
    await case.decide("write_off", "CHASE_EXHAUSTED", reason="moved")
    await case.signal("decision_undone", undo_of(world))
    await case.decide("keep_as_credit", "DUPLICATE_SUSPECTED")
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.ends == [("paid", None)]


async def test_what_the_books_refuse_leaves_a_trace_and_changes_nothing(
    case: Case, world: World
) -> None:
    await case.day(15)
    question = world.question("CHASE_EXHAUSTED")
    undo = Undo(review_id=question.review_id, by="desk-1", reason="x")
    await case.signal("decision_undone", undo)
    assert "was not taken back: There is nothing to take back." in await case.details()
    assert world.open_codes == ["CHASE_EXHAUSTED"]


async def test_held_money_is_asked_about_before_its_thirty_days(
    clinic: Clinic, world: World
) -> None:
    money = await clinic.money()
    await money.decide("hold_30_days")
    await money.signal("decision_undone", undo_of(world))
    assert world.open_codes == ["NO_REFERENCE"]
    await money.decide("refund")
    assert (await money.ended()).status == "refund"


async def test_an_answer_taken_back_while_it_is_carried_out_is_asked_again(
    clinic: Clinic, world: World
) -> None:
    await clinic.visit()
    money = await clinic.money()
    world.during_look.append(lambda: money.handle.signal("decision_undone", undo_of(world)))
    await money.decide("apply", invoice_id="document-1")
    for _ in range(500):  # a case that tells another case seems to be at rest
        if world.open_codes:
            break
        await asyncio.sleep(0.02)
    await money.settled()
    assert world.open_codes == ["NO_REFERENCE"]
    await money.decide("refund")
    assert (await money.ended()).status == "refund"


async def test_a_rest_taken_back_during_the_last_look_leaves_no_question_about_gone_money(
    clinic: Clinic, world: World
) -> None:
    money = await clinic.money()
    await money.decide("hold_30_days")
    world.during_look.append(lambda: money.handle.signal("decision_undone", undo_of(world)))
    world.unmatched = "gone"
    await money.day(31)
    assert (await money.ended()).status == "gone"
    assert (world.codes, world.open_codes) == (["NO_REFERENCE"] * 2, [])


async def test_placed_money_is_asked_about_again_in_a_new_run(clinic: Clinic, world: World) -> None:
    await clinic.visit()
    money = await clinic.money()
    start = await first_input(money, UnmatchedInput)
    await money.decide("apply", invoice_id="document-1")
    await money.ended()
    await reopened(money, "UnmatchedPayment", start)
    assert world.open_codes == ["NO_REFERENCE"]
    assert world.times("place_payment") == 1
    await money.decide("refund")
    assert (await money.ended()).status == "refund"
