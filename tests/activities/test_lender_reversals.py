"""What a lender takes back after it paid, or never pays after all: asked, decided, booked."""

from datetime import timedelta
from uuid import uuid4

from activities.contracts import CaseRef
from activities.loan_contracts import LoanRef, SettleLoanOut
from domain import ids
from domain.lender_news import FundingState
from domain.plan_case import PlanStatus
from store import refunds
from store.db import transaction
from store.refunds import RefundMove
from tests.activities.loans import DUE, FEE, NET, Loans, tender
from tests.activities.practice import AT


class TestTakenBack:
    async def _reversed(self, loans: Loans) -> tuple[str, CaseRef, LoanRef, SettleLoanOut]:
        who, case, loan_id = await loans.visit()
        ref = loans.ref(loan_id, case)
        await loans.deposit(loan_id, funding_id="dep-9")
        await loans.settle(ref)
        back = {"state": FundingState.REVERSED, "as_of": AT + timedelta(days=1)}
        await loans.deposit(loan_id, funding_id="dep-9", **back)
        settled = await loans.settle(ref)
        assert [one.code for one in settled.questions] == ["LENDER_REVERSED"]
        assert await loans.books() == {"1030": NET, "6020": FEE}
        return who, case, ref, settled

    async def test_contested_it_stays_owed_by_the_lender_and_comes_back(self, loans):
        _, _, ref, settled = await self._reversed(loans)
        assert (await loans.decide(ref, settled, "contest")).effect == "rest"
        assert (await loans.books())["1030"] == NET
        assert (await loans.settle(ref, days=15)).questions != settled.questions

    async def test_billed_to_the_patient_it_is_the_whole_sum_and_the_fee_is_no_cost(self, loans):
        who, case, ref, settled = await self._reversed(loans)
        await loans.decide(ref, settled, "re_bill")
        assert await loans.practice.accounts(who) == {"1100": DUE, "4010": -DUE}
        assert await loans.books() == {"1100": DUE}
        assert (await loans.practice.read(case, who)).balance_cents == DUE
        assert (await loans.settle(ref)).status == "done"

    async def test_cancelled_the_delivered_part_is_an_allowance(self, loans):
        _, case, ref, settled = await self._reversed(loans)
        await loans.decide(ref, settled, "cancel_plan")
        assert await loans.books() == {"4920": DUE}
        assert (await loans.settle(ref)).status == "done"
        assert case.case_id

    async def test_a_cancelled_series_gives_up_what_was_not_delivered(self, loans):
        who = loans.practice.client()
        case = loans.practice.chart(who, ("FILLER-6", "1"))
        await loans.practice.bill(case)
        loans.practice.tenders(case, tender(360_000, "Cherry loan tx77"))
        await loans.practice.read(case, who)
        drawn = loans.practice.chart(who, ("FILLER-SYRINGE", "1"))
        await loans.practice.bill(drawn)
        assert (await loans.books())["2010"] == -300_000
        ref = loans.ref("tx77", case)
        settled = await loans.settle(ref, days=30)
        second = {"state": FundingState.REVERSED, "gross_cents": 360_000, "fee_cents": 0}
        await loans.deposit("tx77", net_cents=360_000, **second)
        assert settled.questions[0].code == "LENDER_UNFUNDED"
        await loans.agree(rate="0")
        back = await loans.settle(ref, days=30)
        assert [one.code for one in back.questions] == ["LENDER_REVERSED"]
        await loans.decide(ref, back, "cancel_plan")
        assert await loans.books() == {"4920": 60_000}
        async with loans.world.pool.acquire() as conn:
            left = await conn.fetchval(
                "SELECT sum(remaining_cents) FROM lots WHERE source = $1",
                ids.document_id(case.case_id, 1),
            )
        assert left == 0

    async def test_money_that_was_sent_again_answers_the_question(self, loans):
        _, _, ref, _ = await self._reversed(loans)
        gross, net = 65_000 - FEE, 65_000 - FEE - 5_798
        await loans.deposit(ref.loan_id, gross_cents=gross, fee_cents=5_798, net_cents=net)
        assert (await loans.settle(ref)).status == "done"

    async def test_a_contract_that_ends_before_it_was_funded_is_asked_about(self, loans):
        who, case = await loans.billed()
        contract_id = await loans.plan(case, PlanStatus.ACCEPTED)
        await loans.practice.read(case, who)
        await loans.plan(case, PlanStatus.CANCELLED, as_of=AT + timedelta(hours=1))
        told = [name for kind, name, _, _ in loans.world.engine.started if kind == "LenderLoan"]
        assert told == [ids.loan_workflow_id(loans.place, "cherry", case.visit_id)]
        ref = loans.ref(contract_id, case)
        settled = await loans.settle(ref)
        assert [one.code for one in settled.questions] == ["LENDER_REVERSED"]
        await loans.decide(ref, settled, "re_bill")
        assert await loans.practice.accounts(who) == {"1100": DUE, "4010": -DUE}

    async def test_a_refund_that_we_decided_explains_what_the_lender_takes(self, loans):
        _, case, loan_id = await loans.visit()
        ref = loans.ref(loan_id, case)
        await loans.deposit(loan_id)
        await loans.settle(ref)
        async with transaction(loans.world.pool) as conn:
            move = RefundMove(
                move_id=uuid4().hex,
                location_id=loans.place,
                way="lender",
                source="cherry",
                payment_id=ids.payment_id("cherry", case.visit_id),
                kind="lender",
                amount_cents=10_000,
                state="paid",
            )
            await refunds.add(conn, move)
        debit = {"state": FundingState.REVERSED, "gross_cents": 10_000, "fee_cents": 0}
        await loans.deposit(loan_id, net_cents=10_000, is_debit=True, **debit)
        assert (await loans.settle(ref)).status == "done"

    async def test_a_refund_that_nobody_decided_is_asked_about(self, loans):
        _, case, loan_id = await loans.visit()
        ref = loans.ref(loan_id, case)
        await loans.deposit(loan_id)
        debit = {"state": FundingState.REVERSED, "gross_cents": 10_000, "fee_cents": 0}
        await loans.deposit(loan_id, net_cents=10_000, is_debit=True, **debit)
        settled = await loans.settle(ref)
        assert [one.code for one in settled.questions] == ["LENDER_REVERSED"]
        assert (await loans.books())["1030"] == 10_000
