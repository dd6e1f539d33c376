"""Loans through their own case: funded, held and taken back; the month still ties out."""

import pytest

from domain.lender_news import FundingState
from domain.month import parse_month
from domain.tie import Verdict
from starter.desk.month_end import month_report
from store.db import Pool
from tests.activities.loans import FEE, NET, Loans
from tests.month.conftest import practice_in

LINES = ("BALANCE", "SOURCES", "INVOICES", "RECEIVABLE", "LENDERS", "SUSPENSE", "PMS_PAID")


@pytest.fixture
async def loans(pool: Pool) -> Loans:
    made = Loans(await practice_in(pool))
    await made.agree()
    return made


async def _off(loans: Loans) -> dict[str, list[str]]:
    async with loans.world.pool.acquire() as conn:
        report = await month_report(conn, parse_month("2026-11"), loans.place)
    ties = {tie.code: tie for tie in report.ties if tie.code in LINES}
    return {
        code: [f"{item.off_cents} {item.name}: {item.why}" for item in tie.items]
        for code, tie in ties.items()
        if tie.verdict is Verdict.OFF
    }


async def test_a_loan_ties_out_before_and_after_its_deposit(loans: Loans) -> None:
    _, case, loan_id = await loans.visit()
    assert await _off(loans) == {}
    await loans.deposit(loan_id)
    assert list(await _off(loans)) == ["LENDERS"]
    assert (await loans.settle(loans.ref(loan_id, case))).status == "done"
    assert await _off(loans) == {}


async def test_a_deposit_that_waits_for_a_person_ties_out(loans: Loans) -> None:
    _, case, loan_id = await loans.visit()
    await loans.deposit(loan_id, fee_cents=FEE + 500, net_cents=NET - 500)
    settled = await loans.settle(loans.ref(loan_id, case))
    assert [one.code for one in settled.questions] == ["LENDER_FEE_DIFF"]
    assert await _off(loans) == {}


async def test_a_deposit_that_was_taken_back_ties_out(loans: Loans) -> None:
    _, case, loan_id = await loans.visit()
    ref, funding_id = loans.ref(loan_id, case), await loans.deposit(loan_id)
    await loans.settle(ref)
    await loans.deposit(loan_id, funding_id=funding_id, state=FundingState.REVERSED)
    await loans.settle(ref)
    assert await _off(loans) == {}
