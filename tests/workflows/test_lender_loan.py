"""A lender's money waits for its day, is asked about when late, and is never the patient's."""

from domain.loan_case import LoanMoved
from tests.workflows.clinic import Clinic
from tests.workflows.fakes import World

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
