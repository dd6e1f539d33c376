"""What was decided about a lender's money is taken back, unless something came of it (F6)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from activities.contracts import CaseRef, UndoneOut
from activities.loan_contracts import LoanRef, SettleLoanOut
from connectors.ports import PmsPayment
from domain.lender_news import FundingState
from domain.plan_case import PlanStatus
from store import ledger, lots
from tests.activities.loans import DUE, FEE, NET, Loans, tender
from tests.activities.practice import AT
from tests.activities.taking_back import month_signed, taken_back

Part = tuple[str, CaseRef, LoanRef, SettleLoanOut]


async def _fee_off(loans: Loans) -> Part:
    who, case, loan_id = await loans.visit()
    ref = loans.ref(loan_id, case)
    await loans.deposit(loan_id, funding_id="dep-7", fee_cents=FEE + 500, net_cents=NET - 500)
    return who, case, ref, await loans.settle(ref)


async def _late(loans: Loans) -> Part:
    who, case, loan_id = await loans.visit()
    ref = loans.ref(loan_id, case)
    return who, case, ref, await loans.settle(ref, days=30)


async def _reversed(loans: Loans) -> Part:
    who, case, loan_id = await loans.visit()
    ref = loans.ref(loan_id, case)
    await loans.deposit(loan_id, funding_id="dep-9")
    await loans.settle(ref)
    back = {"state": FundingState.REVERSED, "as_of": AT + timedelta(days=1)}
    await loans.deposit(loan_id, funding_id="dep-9", **back)
    return who, case, ref, await loans.settle(ref)


SCENES = {"LENDER_FEE_DIFF": _fee_off, "LENDER_UNFUNDED": _late, "LENDER_REVERSED": _reversed}


async def _undone(loans: Loans, settled: SettleLoanOut) -> UndoneOut:
    (asked,) = settled.questions
    return await taken_back(loans.world.pool, loans.world.engine, asked.review_id)


@pytest.mark.parametrize(
    ("code", "choice"),
    [
        ("LENDER_FEE_DIFF", "accept"),
        ("LENDER_FEE_DIFF", "contest"),
        ("LENDER_UNFUNDED", "call_lender"),
        ("LENDER_UNFUNDED", "resubmit"),
        ("LENDER_UNFUNDED", "convert_to_patient"),
        ("LENDER_REVERSED", "contest"),
        ("LENDER_REVERSED", "re_bill"),
        ("LENDER_REVERSED", "cancel_plan"),
    ],
)
async def test_the_part_is_as_before_and_the_same_is_asked_again(
    loans: Loans, code: str, choice: str
) -> None:
    who, case, ref, settled = await SCENES[code](loans)
    before = await loans.books()
    decided = None
    for _ in range(3):  # the same answer means the same each time
        await loans.decide(ref, settled, choice)
        decided = decided or await loans.books()
        assert await loans.books() == decided
        done = await _undone(loans, settled)
        assert (done.effect, done.code) == ("undone", code), done
        assert await _undone(loans, settled) == done
        assert await loans.books() == before
        # Looking again books nothing and asks nothing else.
        settled = await loans.settle(ref, days=30)
        assert [(one.review_id, one.code) for one in settled.questions] == [(done.review_id, code)]
        assert await loans.books() == before
        assert (await loans.practice.read(case, who)).balance_cents == 0
    other = {"LENDER_FEE_DIFF": "accept", "LENDER_UNFUNDED": "convert_to_patient"}
    await loans.decide(ref, settled, other.get(code, "re_bill"))
    assert (await loans.settle(ref)).status == "done"
    async with loans.world.pool.acquire() as conn:
        totals = await ledger.totals(conn)
    assert (totals.debits_cents, totals.unbalanced_entries) == (totals.credits_cents, 0)


async def test_a_cancelled_series_has_its_units_again(loans: Loans) -> None:
    who = loans.practice.client()
    case = loans.practice.chart(who, ("FILLER-6", "1"))
    await loans.practice.bill(case)
    loans.practice.tenders(case, tender(360_000, "Cherry loan tx77"))
    await loans.practice.read(case, who)
    await loans.practice.bill(loans.practice.chart(who, ("FILLER-SYRINGE", "1")))
    ref = loans.ref("tx77", case)
    await loans.plan(case, PlanStatus.CANCELLED, contract_id="tx77", financed_cents=360_000)
    settled = await loans.settle(ref)
    assert [one.code for one in settled.questions] == ["LENDER_REVERSED"]
    before = await loans.books()
    await loans.decide(ref, settled, "cancel_plan")
    assert (await loans.books()) == {"4920": 60_000}
    assert (await _undone(loans, settled)).effect == "undone"
    assert await loans.books() == before
    async with loans.world.pool.acquire() as conn:
        [lot] = await lots.lot_statement(conn, loans.practice.client_id(who))
    assert (lot.remaining_quantity, lot.remaining_cents) == (Decimal(5), 300_000)
    assert lot.is_conserved


async def test_the_visit_hears_that_its_patient_owes_nothing_again(loans: Loans) -> None:
    _, case, ref, settled = await _late(loans)
    await loans.decide(ref, settled, "convert_to_patient")
    loans.world.engine.running.add(case.case_id)
    loans.world.engine.signals.clear()
    await _undone(loans, settled)
    assert [each[:2] for each in loans.world.engine.signals] == [(case.case_id, "payment_posted")]


async def test_a_message_about_it_or_money_for_it_makes_it_stand(loans: Loans) -> None:
    who, case, ref, settled = await _late(loans)
    await loans.decide(ref, settled, "convert_to_patient")
    await loans.practice.sending.send_step(loans.practice.step(case, who))
    books = await loans.books()
    assert "a message (invoice) went to the patient" in (await _undone(loans, settled)).note
    assert await loans.books() == books
    who, case, ref, settled = await _late(loans)
    await loans.decide(ref, settled, "convert_to_patient")
    cash = PmsPayment(payment_id="cash-1", kind="cash", amount_cents=10_000)
    loans.practice.tenders(case, tender(DUE, f"Cherry loan {ref.loan_id}"), cash)
    assert (await loans.practice.read(case, who)).balance_cents == DUE - 10_000
    assert "owes instead was settled" in (await _undone(loans, settled)).note


async def test_a_deposit_that_was_taken_back_since_makes_it_stand(loans: Loans) -> None:
    _, _, ref, settled = await _fee_off(loans)
    await loans.decide(ref, settled, "accept")
    back = {"state": FundingState.REVERSED, "as_of": AT + timedelta(days=1)}
    said = {"fee_cents": FEE + 500, "net_cents": NET - 500, **back}
    await loans.deposit(ref.loan_id, funding_id="dep-7", **said)
    await loans.settle(ref)
    books = await loans.books()
    assert "more was booked of the lender's part" in (await _undone(loans, settled)).note
    assert await loans.books() == books


async def test_money_that_came_after_a_conversion_pays_the_loan_when_that_is_taken_back(
    loans: Loans,
) -> None:
    who, case, ref, settled = await _late(loans)
    await loans.decide(ref, settled, "convert_to_patient")
    await loans.deposit(ref.loan_id)
    assert [one.code for one in (await loans.settle(ref)).questions] == ["WRONG_INVOICE"]
    assert (await _undone(loans, settled)).effect == "undone"
    assert (await loans.settle(ref)).status == "done"
    assert await loans.books() == {"1010": NET, "6020": FEE}
    assert (await loans.practice.read(case, who)).balance_cents == 0


async def test_what_a_person_took_back_automation_does_not_book_again(loans: Loans) -> None:
    _, _, ref, settled = await _fee_off(loans)
    before = await loans.books()
    await loans.decide(ref, settled, "accept")
    done = await _undone(loans, settled)
    await loans.agree(rate=str(Decimal(FEE + 500) / DUE))  # by now the schedule would fit
    settled = await loans.settle(ref)
    assert [one.review_id for one in settled.questions] == [done.review_id]
    assert await loans.books() == before
    await loans.decide(ref, settled, "accept")
    assert await loans.books() == {"1010": NET - 500, "6020": FEE + 500}


async def test_a_closed_month_keeps_what_was_decided(loans: Loans) -> None:
    _, _, ref, settled = await _late(loans)
    await loans.decide(ref, settled, "convert_to_patient")
    books = await loans.books()
    await month_signed(loans.world.pool, loans.place)
    assert "month of this decision is closed" in (await _undone(loans, settled)).note
    assert await loans.books() == books
