"""A lender's part of a visit from its tender to its money: booked, held, overdue."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from activities.contracts import CaseRef
from activities.sweeps import SweepIn
from domain import ids
from domain.lender_news import FundingState
from domain.plan_case import PlanStatus
from domain.plan_facts import FactSource
from store import lender_loans, payments, plans
from tests.activities.loans import DUE, FEE, NET, POLL, Loans, tender
from tests.activities.practice import AT


class TestTenders:
    async def test_the_desks_tender_names_its_loan_and_the_lender_owes_it(self, loans):
        who, case, loan_id = await loans.visit()
        assert await loans.practice.accounts(who) == {"1030": DUE, "4010": -DUE}
        async with loans.world.pool.acquire() as conn:
            part = await lender_loans.part_of_loan(conn, loans.place, "cherry", loan_id)
        assert (part.case_id, part.financed_cents, part.open_cents) == (case.case_id, DUE, DUE)
        assert (await loans.practice.read(case, who)).balance_cents == 0

    async def test_an_accepted_plan_pays_its_visit_and_the_desks_tender_is_the_same_money(
        self, loans
    ):
        who, case = await loans.billed()
        contract_id = await loans.plan(case, PlanStatus.ACCEPTED)
        assert (await loans.practice.read(case, who)).balance_cents == 0
        loans.practice.tenders(case, tender(DUE, "by Cherry, signed today"))
        for _ in range(2):
            standing = await loans.practice.read(case, who)
            assert (standing.balance_cents, standing.mismatches) == (0, ())
        assert await loans.practice.accounts(who) == {"1030": DUE, "4010": -DUE}
        async with loans.world.pool.acquire() as conn:
            part = await lender_loans.part_of_loan(conn, loans.place, "cherry", contract_id)
        assert part.financed_cents == DUE

    async def test_the_visit_is_told_when_its_plan_is_accepted(self, loans):
        _, case = await loans.billed()
        loans.world.engine.running.add(case.case_id)
        await loans.plan(case, PlanStatus.ACCEPTED)
        told = [(name, signal) for name, signal, _ in loans.world.engine.signals]
        assert (case.case_id, "payment_posted") in told

    @pytest.mark.parametrize(
        ("status", "source"),
        [
            (PlanStatus.PENDING_PATIENT, POLL),
            (PlanStatus.ACCEPTED, FactSource.WEBHOOK),
        ],
    )
    async def test_while_a_contract_waits_nobody_is_asked_and_nothing_is_booked(
        self, loans, status, source
    ):
        who, case = await loans.billed()
        await loans.plan(case, status, source=source)
        standing = await loans.practice.read(case, who)
        assert (standing.in_flight, standing.balance_cents) == (True, DUE)
        later = await loans.practice.read(case, who, AT + timedelta(days=4))
        assert later.in_flight is False

    async def test_a_rejected_contract_lets_the_chase_go_on(self, loans):
        who, case = await loans.billed()
        await loans.plan(case, PlanStatus.PENDING_PATIENT)
        await loans.plan(case, PlanStatus.REJECTED, as_of=AT + timedelta(minutes=1))
        standing = await loans.practice.read(case, who)
        assert (standing.in_flight, standing.balance_cents) == (False, DUE)

    async def test_a_desk_sum_that_is_not_the_lenders_is_asked_about(self, loans):
        who, case = await loans.billed()
        await loans.plan(case, PlanStatus.ACCEPTED)
        loans.practice.tenders(case, tender(DUE - 5_000, "Cherry"))
        standing = await loans.practice.read(case, who)
        assert [one.code for one in standing.mismatches] == ["PMS_DISAGREES"]
        assert await loans.practice.accounts(who) == {"1030": DUE, "4010": -DUE}

    async def test_what_is_financed_over_the_balance_is_the_patients_credit(self, loans):
        who, _, _ = await loans.visit(cents=DUE + 10_000)
        accounts = await loans.practice.accounts(who)
        assert accounts == {"1030": DUE + 10_000, "2060": -10_000, "4010": -DUE}

    async def test_another_tender_of_the_desk_stays_the_desks(self, loans):
        who, case = await loans.billed()
        loans.practice.tenders(case, tender(DUE, "gift from a friend", label="Voucher"))
        await loans.practice.read(case, who)
        assert (await loans.practice.accounts(who))["1040"] == DUE


class TestFunding:
    async def test_a_deposit_by_the_schedule_pays_its_loan_once_in_any_order(self, loans):
        _, case, loan_id = await loans.visit()
        ref = loans.ref(loan_id, case)
        told = [
            {"state": FundingState.PROCESSING},
            {"state": FundingState.COMPLETED, "as_of": AT + timedelta(hours=1)},
            {"source": FactSource.WEBHOOK, "as_of": AT + timedelta(hours=1)},
        ]
        for order in list(permutations(told))[:3]:
            for said in order:
                await loans.deposit(loan_id, funding_id="dep-1", key=repr(said)[-24:], **said)
                await loans.settle(ref)
        assert (await loans.settle(ref)).status == "done"
        assert await loans.books() == {"1010": NET, "6020": FEE}

    async def test_a_webhook_alone_moves_no_money(self, loans):
        _, case, loan_id = await loans.visit()
        await loans.deposit(loan_id, source=FactSource.WEBHOOK)
        assert (await loans.settle(loans.ref(loan_id, case))).status == "waits"
        assert await loans.books() == {"1030": DUE}

    async def test_a_loan_may_be_funded_in_parts(self, loans):
        _, case, loan_id = await loans.visit()
        first = {"gross_cents": 40_000, "fee_cents": 3_960, "net_cents": 36_040}
        await loans.deposit(loan_id, **first)
        assert (await loans.settle(loans.ref(loan_id, case))).status == "waits"
        rest = {"gross_cents": 25_000, "fee_cents": 2_475, "net_cents": 22_525}
        await loans.deposit(loan_id, **rest)
        assert (await loans.settle(loans.ref(loan_id, case))).status == "done"
        assert await loans.books() == {"1010": NET, "6020": FEE}

    @pytest.mark.parametrize("has_schedule", [True, False])
    async def test_a_fee_that_is_off_is_held_with_both_figures(self, loans, has_schedule):
        if not has_schedule:
            await loans.agree(rate=None)
        _, case, loan_id = await loans.visit()
        await loans.deposit(loan_id, fee_cents=FEE + 500, net_cents=NET - 500)
        settled = await loans.settle(loans.ref(loan_id, case))
        assert [one.code for one in settled.questions] == ["LENDER_FEE_DIFF"]
        assert await loans.books() == {"1010": NET - 500, "1030": DUE, "2090": -(NET - 500)}
        shown = await loans.shown(settled)
        assert shown["theirs"]["fee kept"] == "$69.35"
        assert ("fee by schedule" in shown["ours"]) is has_schedule
        again = await loans.settle(loans.ref(loan_id, case))
        assert again.questions == settled.questions

    async def test_an_accepted_fee_is_booked_as_it_was_kept(self, loans):
        _, case, loan_id = await loans.visit()
        ref = loans.ref(loan_id, case)
        await loans.deposit(loan_id, fee_cents=FEE + 500, net_cents=NET - 500)
        assert (await loans.decide(ref, await loans.settle(ref), "accept")).effect == "again"
        assert await loans.books() == {"1010": NET - 500, "6020": FEE + 500}
        assert (await loans.settle(ref)).status == "done"

    async def test_a_contested_fee_stays_owed_by_the_lender(self, loans):
        _, case, loan_id = await loans.visit()
        ref = loans.ref(loan_id, case)
        await loans.deposit(loan_id, fee_cents=FEE + 500, net_cents=NET - 500)
        done = await loans.decide(ref, await loans.settle(ref), "contest")
        assert done.effect == "rest"
        assert await loans.books() == {"1010": NET - 500, "6020": FEE, "1030": 500}
        assert (await loans.settle(ref, days=30)).questions[0].code == "LENDER_UNFUNDED"


class TestUnknownLoans:
    async def test_a_loan_that_is_linked_by_its_plan_needs_nobody(self, loans):
        who, case = await loans.billed()
        contract_id = await loans.plan(case, PlanStatus.ACCEPTED)
        await loans.practice.read(case, who)
        await loans.deposit(contract_id)
        started = [name for kind, name, _, _ in loans.world.engine.started if kind == "LenderLoan"]
        assert started == [ids.loan_workflow_id(loans.place, "cherry", case.visit_id)]

    async def test_a_person_says_whose_loan_it_is_and_it_is_matched_then(self, loans):
        _, case, _ = await loans.visit()
        ref = loans.ref("strange-1")
        await loans.deposit("strange-1")
        settled = await loans.settle(ref)
        assert [one.code for one in settled.questions] == ["WRONG_INVOICE"]
        assert (await loans.books())["2095"] == -NET
        number = await self._number(loans, case)
        done = await loans.decide(ref, settled, "apply", invoice_id=number)
        assert (done.effect, done.case_id) == ("again", case.case_id)
        assert (await loans.settle(ref)).status == "done"
        assert await loans.books() == {"1010": NET, "6020": FEE}

    async def test_an_invoice_without_a_lenders_part_is_paid_at_gross(self, loans):
        who, case = await loans.billed()
        ref = loans.ref("strange-2")
        await loans.deposit("strange-2", gross_cents=70_000, fee_cents=6_930, net_cents=63_070)
        settled = await loans.settle(ref)
        number = await self._number(loans, case)
        await loans.decide(ref, settled, "apply", invoice_id=number)
        assert (await loans.practice.read(case, who)).balance_cents == 0
        assert await loans.books() == {"1010": 63_070, "6020": 6_930, "2060": -5_000}
        assert (await loans.settle(ref)).status == "done"

    async def test_more_than_the_lender_owes_is_the_patients(self, loans):
        _, case, loan_id = await loans.visit()
        ref = loans.ref(loan_id, case)
        await loans.deposit(loan_id, gross_cents=70_000, fee_cents=6_930, net_cents=63_070)
        settled = await loans.settle(ref)
        assert settled.questions[0].code == "WRONG_INVOICE"
        await loans.decide(ref, settled, "apply", invoice_id=await self._number(loans, case))
        assert await loans.books() == {"1010": 63_070, "6020": 6_930, "2060": -5_000}
        assert (await loans.settle(ref)).status == "done"

    async def test_money_that_is_not_ours_is_owed_back(self, loans):
        ref = loans.ref("strange-3")
        await loans.deposit("strange-3")
        await loans.decide(ref, await loans.settle(ref), "refund")
        assert await loans.books() == {"1010": NET, "2100": -NET}
        assert (await loans.settle(ref)).status == "done"

    async def test_an_invoice_that_does_not_exist_leaves_the_question_open(self, loans):
        ref = loans.ref("strange-4")
        await loans.deposit("strange-4")
        settled = await loans.settle(ref)
        assert (await loans.decide(ref, settled, "apply", invoice_id="NONE-1")).effect == "failed"
        assert (await loans.settle(ref)).questions == settled.questions

    @staticmethod
    async def _number(loans: Loans, case: CaseRef) -> str:
        async with loans.world.pool.acquire() as conn:
            number: str = await conn.fetchval(
                "SELECT number FROM documents WHERE case_id = $1", case.case_id
            )
        return number


class TestUnfunded:
    async def test_after_its_days_the_desk_is_asked_and_never_the_patient(self, loans):
        await loans.agree(days=2)
        who, case, loan_id = await loans.visit()
        ref = loans.ref(loan_id, case)
        waits = await loans.settle(ref, days=1)
        # Signed on a Thursday: the second business day after it is a Monday.
        assert waits.until == datetime(2026, 11, 9, 16, 0, tzinfo=UTC)
        settled = await loans.settle(ref, days=4)
        assert [one.code for one in settled.questions] == ["LENDER_UNFUNDED"]
        assert (await loans.practice.read(case, who)).balance_cents == 0
        assert (await loans.settle(ref, days=4)).questions == settled.questions

    async def test_a_call_lets_it_rest_and_it_is_asked_again_while_it_is_so(self, loans):
        _, case, loan_id = await loans.visit()
        ref = loans.ref(loan_id, case)
        settled = await loans.settle(ref, days=30)
        done = await loans.decide(ref, settled, "call_lender")
        assert (done.effect, done.until) == ("rest", AT + timedelta(days=2))
        assert (await loans.settle(ref, days=30, is_resting=True)).questions == ()
        again = await loans.settle(ref, days=33)
        assert again.questions != settled.questions

    async def test_two_people_make_it_the_patients_and_late_money_is_held(self, loans):
        who, case, loan_id = await loans.visit()
        ref = loans.ref(loan_id, case)
        settled = await loans.settle(ref, days=30)
        done = await loans.decide(ref, settled, "convert_to_patient")
        assert done.case_id == case.case_id
        assert await loans.practice.accounts(who) == {"1100": DUE, "4010": -DUE}
        async with loans.world.pool.acquire() as conn:
            payment_id = ids.payment_id("cherry", case.visit_id)
            assert await payments.allocated(conn, payment_id, case.case_id) == 0
        await loans.deposit(loan_id)
        late = await loans.settle(ref)
        assert [one.code for one in late.questions] == ["WRONG_INVOICE"]
        assert (await loans.books())["2090"] == -NET

    async def test_the_hourly_look_starts_what_is_owed_and_tells_what_is_not_booked(self, loans):
        _, case, _ = await loans.visit()
        await loans.deposit("strange-5")
        loans.world.engine.started.clear()
        loans.world.engine.running.clear()
        ask = SweepIn(location_id=loans.place, back_seconds=0, at=AT)
        assert (await loans.work.find_loans(ask)).counts == {"unbooked": 1, "owed": 1}
        names = {name.rpartition("/")[2] for _, name, _, _ in loans.world.engine.started}
        assert names == {case.visit_id, "strange-5"}
        await loans.work.find_loans(ask)
        told = {one.loan_id: one.is_news for _, _, one in loans.world.engine.signals}
        assert sorted(told.values()) == [False, True]


async def test_a_plan_knows_its_visit(loans: Loans) -> None:
    _, case = await loans.billed()
    await loans.plan(case, PlanStatus.ACCEPTED)
    async with loans.world.pool.acquire() as conn:
        name = (loans.place, "cherry", f"app-{case.visit_id[:8]}")
        standing = await plans.standing(conn, *name)
    assert standing.visit_ref == case.visit_id
