"""A lender's money waits for its day, is asked about when late, and is never the patient's."""

from domain.loan_case import LoanInput, LoanMoved
from tests.workflows.clinic import Clinic
from tests.workflows.fakes import World
from tests.workflows.undoing import first_input, reopened, undo_of

LATE = "LENDER_UNFUNDED"


def looks(world: World) -> int:
    return world.times("settle_loan")


async def test_it_is_looked_at_when_the_lender_has_news_or_its_days_are_over(
    clinic: Clinic, world: World
) -> None:
    loan = await clinic.loan()
    assert looks(world) == 1
    await loan.signal("loan_moved", LoanMoved(loan_id="tx-1", is_news=False))
    await loan.pass_(days=2)
    assert looks(world) == 1
    await loan.signal("loan_moved", LoanMoved(loan_id="tx-1"))
    assert looks(world) == 2
    clinic.loans.found = "done"
    await loan.pass_(days=3)
    assert (await loan.ended()).status == "settled"


async def test_a_late_loan_is_asked_about_rests_and_is_asked_about_again(
    clinic: Clinic, world: World
) -> None:
    clinic.loans.found = LATE
    loan = await clinic.loan()
    assert world.open_codes == [LATE]
    await loan.decide("call_lender")
    assert world.open_codes == []
    await loan.signal("loan_moved", LoanMoved(loan_id="tx-1"))
    assert world.open_codes == []
    assert [ask.is_resting for ask in world.of("settle_loan")] == [False, True]
    await loan.pass_(days=2, hours=1)
    assert world.open_codes == [LATE]
    await loan.decide("convert_to_patient", reason="the lender is gone")
    assert (await loan.ended()).status == "settled"


async def test_money_that_comes_after_all_takes_the_question_back(
    clinic: Clinic, world: World
) -> None:
    clinic.loans.found = LATE
    loan = await clinic.loan()
    clinic.loans.found = "done"
    await loan.signal("loan_moved", LoanMoved(loan_id="tx-1"))
    assert (await loan.ended()).status == "settled"
    assert world.times("withdraw_review") == 1


async def test_a_rest_taken_back_is_over_and_the_question_waits(
    clinic: Clinic, world: World
) -> None:
    clinic.loans.found = LATE
    loan = await clinic.loan()
    await loan.decide("call_lender")
    assert world.open_codes == []
    await loan.signal("decision_undone", undo_of(world))
    assert world.open_codes == [LATE]
    assert not world.of("settle_loan")[-1].is_resting
    await loan.decide("convert_to_patient", reason="the lender is gone")
    assert (await loan.ended()).status == "settled"


async def test_a_settled_loan_is_asked_about_again_in_a_new_run(
    clinic: Clinic, world: World
) -> None:
    clinic.loans.found = LATE
    loan = await clinic.loan()
    start = await first_input(loan, LoanInput)
    await loan.decide("convert_to_patient", reason="gone")
    assert (await loan.ended()).status == "settled"
    clinic.loans.found = LATE
    await reopened(loan, "LenderLoan", start)
    assert world.open_codes == [LATE]
    clinic.loans.found = "done"
    await loan.signal("loan_moved", LoanMoved(loan_id="tx-1"))
    assert (await loan.ended()).status == "settled"
    assert world.open_codes == []


async def test_an_answer_taken_back_during_the_last_look_is_heard(
    clinic: Clinic, world: World
) -> None:
    clinic.loans.found = LATE
    loan = await clinic.loan()

    async def takes_back() -> None:
        clinic.loans.found = "done"
        await loan.handle.signal("decision_undone", undo_of(world))

    async def asks_again() -> None:
        clinic.loans.found = LATE

    world.during_look += [takes_back, asks_again]
    await loan.decide("convert_to_patient", reason="gone")
    assert world.open_codes == [LATE]


async def test_what_the_books_refuse_to_take_back_leaves_a_settled_loan_settled(
    clinic: Clinic, world: World
) -> None:
    clinic.loans.found = LATE
    loan = await clinic.loan()
    start = await first_input(loan, LoanInput)
    await loan.decide("convert_to_patient", reason="gone")
    await loan.ended()
    world.refuses_undos.append("Since then a part of what the patient owes instead was settled.")
    await reopened(loan, "LenderLoan", start)
    assert (await loan.ended()).status == "settled"
    assert world.open_codes == []
