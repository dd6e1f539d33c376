"""A lender's part of a visit from its tender to its money: booked, held, overdue, taken back."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest

from activities.contracts import CaseRef
from activities.lender_money import LenderMoneyActivities
from activities.loan_contracts import (
    ApplyLoanIn,
    ApplyLoanOut,
    LoanRef,
    SettleLoanIn,
    SettleLoanOut,
)
from activities.plan_intake import PlanIntake
from activities.sweeps import SweepIn
from connectors.ports import PmsPayment
from domain import ids
from domain.case import Decision
from domain.lender_money import LenderTerms
from domain.lender_news import FundingFact, FundingState
from domain.matching_policy import FeeRule
from domain.plan_case import Lender, PlanStatus
from domain.plan_facts import FactSource, PlanFact
from store import ledger, lender_loans, payments, plans, refunds, reviews
from store.db import transaction
from store.refunds import RefundMove
from tests.activities.practice import AT, ZONE, Practice

VISIT = (("TOXIN-UNIT", "50"),)
DUE, FEE, NET = 65_000, 6_435, 58_565
"""50 units; 9.9 % of them; what arrives."""
POLL = FactSource.POLL


class Loans:
    """Visits that Cherry pays, and what its case does with the money."""

    def __init__(self, practice: Practice) -> None:
        self.practice = practice
        self.world = practice.world
        self.work = LenderMoneyActivities(self.world.pool, self.world.engine)
        self.intake = PlanIntake(self.world.pool, self.world.engine)
        self.number = 0

    @property
    def place(self) -> str:
        return self.world.location_id

    async def agree(self, rate: str | None = "0.099", days: int | None = None) -> None:
        fees = ()
        if rate is not None:
            since = date(2026, 1, 1)
            fees = (FeeRule(lender="cherry", rate=Decimal(rate), effective_from=since),)
        terms = LenderTerms(lender=Lender.CHERRY, fees=fees, fund_business_days=days)
        async with transaction(self.world.pool) as conn:
            await lender_loans.put_terms(conn, self.place, terms, "dana")

    async def billed(self) -> tuple[str, CaseRef]:
        who = self.practice.client()
        case = self.practice.chart(who, *VISIT)
        await self.practice.bill(case)
        return who, case

    async def visit(self, loan_id: str = "", cents: int = DUE) -> tuple[str, CaseRef, str]:
        """A visit whose tender at the desk names its loan."""
        who, case = await self.billed()
        loan_id = loan_id or f"tx{uuid4().hex[:10]}1"
        self.practice.tenders(case, tender(cents, f"Cherry loan {loan_id}"))
        await self.practice.read(case, who)
        return who, case, loan_id

    async def plan(self, case: CaseRef, status: PlanStatus, **said: Any) -> str:
        base = {
            "location_id": self.place,
            "lender": Lender.CHERRY,
            "plan_id": f"app-{case.visit_id[:8]}",
            "source": POLL,
            "key": uuid4().hex,
            "as_of": AT,
            "observed_at": AT,
            "status": status,
            "contract_id": f"tx-{case.visit_id[:8]}",
            "visit_ref": case.visit_id,
            "financed_cents": DUE,
        }
        fact = PlanFact.model_validate({**base, **said})
        await self.intake.take([fact], "test")
        return fact.contract_id or ""

    async def deposit(self, loan_id: str, **said: Any) -> str:
        base = {
            "location_id": self.place,
            "lender": Lender.CHERRY,
            "funding_id": f"dep-{uuid4().hex[:10]}",
            "loan_id": loan_id,
            "source": POLL,
            "key": uuid4().hex,
            "as_of": AT,
            "observed_at": AT,
            "state": FundingState.COMPLETED,
            "gross_cents": DUE,
            "fee_cents": FEE,
            "net_cents": NET,
        }
        fact = FundingFact.model_validate({**base, **said})
        await self.intake.keep_fundings([fact])
        return fact.funding_id

    def ref(self, loan_id: str, case: CaseRef | None = None) -> LoanRef:
        return LoanRef(
            case_id=ids.loan_workflow_id(self.place, "cherry", case.visit_id if case else loan_id),
            location_id=self.place,
            lender=Lender.CHERRY,
            loan_id=loan_id,
            payment_id=ids.payment_id("cherry", case.visit_id) if case else None,
            zone=ZONE,
        )

    async def settle(
        self, ref: LoanRef, days: int = 0, *, is_resting: bool = False
    ) -> SettleLoanOut:
        self.number += 1
        return await self.work.settle_loan(
            SettleLoanIn(
                loan=ref,
                at=AT + timedelta(days=days),
                review_no=f"run/{self.number}",
                is_resting=is_resting,
            )
        )

    async def decide(
        self, ref: LoanRef, settled: SettleLoanOut, choice: str, second: str = "eve", **more: Any
    ) -> ApplyLoanOut:
        (asked,) = settled.questions
        decision = Decision(
            review_id=asked.review_id, choice=choice, by="dana", reason="looked at", **more
        )
        done = await self.work.apply_to_loan(ApplyLoanIn(loan=ref, decision=decision, at=AT))
        if done.effect != "proposed":
            return done
        yes = decision.model_copy(update={"confirmed_by": second})
        return await self.work.apply_to_loan(ApplyLoanIn(loan=ref, decision=yes, at=AT))

    async def books(self, *also: str) -> dict[str, int]:
        """Net debits of the location's accounts, without the sale itself."""
        async with self.world.pool.acquire() as conn:
            found = await ledger.account_balances(conn, self.place)
        return {account: cents for account, cents in found.items() if cents and account != "4010"}

    async def shown(self, settled: SettleLoanOut) -> dict[str, Any]:
        async with self.world.pool.acquire() as conn:
            return (await reviews.get(conn, settled.questions[0].review_id)).shown


def tender(cents: int, note: str, label: str = "Cherry") -> PmsPayment:
    return PmsPayment(
        payment_id=uuid4().hex, kind="other", amount_cents=cents, note=note, label=label
    )


@pytest.fixture
async def loans(practice: Practice) -> Loans:
    made = Loans(practice)
    await made.agree()
    return made


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


async def test_a_plan_knows_its_visit(loans: Loans) -> None:
    _, case = await loans.billed()
    await loans.plan(case, PlanStatus.ACCEPTED)
    async with loans.world.pool.acquire() as conn:
        name = (loans.place, "cherry", f"app-{case.visit_id[:8]}")
        standing = await plans.standing(conn, *name)
    assert standing.visit_ref == case.visit_id
