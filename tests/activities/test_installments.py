"""Plans of the practice's own in the books: signed once, billed one by one, overdue counted."""

from datetime import date, timedelta
from typing import Any

import pytest

from activities.contacts import refresh_contact
from activities.contracts import StandingIn, WriteBackIn
from activities.desk_installments import DeskPayment, NotPayable, take_at_desk
from activities.plan_contracts import OpenInstallmentIn, ReadPlanIn, SignedOut
from domain.case import VisitInput
from domain.plan_case import Lender, PlanStatus
from domain.policies import INSTALLMENT_CHASE
from store import plans
from tests.activities.own_plans import Own
from tests.activities.practice import AT, Practice


@pytest.fixture
async def own(practice: Practice) -> Own:
    """A client of the books with no plan yet."""
    ref = practice.client()
    await refresh_contact(practice.tools, practice.world.location_id, ref)
    return Own(practice, ref)


async def test_a_signed_plan_takes_its_part_off_the_visit_once(own: Own) -> None:
    visit = own.practice.chart(own.client_ref, ("TOXIN-UNIT", "50"))
    built = await own.practice.bill(visit)
    await own.told(visit.visit_id)
    assert await own.sign() == SignedOut(visit_case_id=visit.case_id)
    assert await own.sign() == SignedOut(visit_case_id=visit.case_id)
    found = await own.practice.accounts(own.client_ref)
    assert (found["1105"], found["1100"]) == (20_001, built.due_cents - 20_001)


async def test_each_instalment_moves_its_part_to_what_is_due(own: Own) -> None:
    await own.told()
    assert await own.sign() == SignedOut()
    bills = [await own.bill(number) for number in (1, 2, 3)]
    assert [bill.status for bill in bills] == ["issued"] * 3
    assert [bill.due_cents for bill in bills] == [6_667] * 3
    found = await own.practice.accounts(own.client_ref)
    assert (found.get("1105", 0), found["1100"]) == (0, 20_001)
    assert not [account for account in found if account.startswith("4")]


async def test_an_instalment_is_billed_once_and_at_what_was_signed(own: Own) -> None:
    await own.told()
    first = await own.bill(1)
    assert (await own.bill(1)).document_id == first.document_id
    assert (await own.bill(1, days=1)).status == "unchanged"
    assert (await own.bill(9)).status == "not_billable"


async def test_a_cancelled_plan_bills_nothing_more(own: Own) -> None:
    await own.told()
    await own.told(status=PlanStatus.CANCELLED, as_of=AT + timedelta(days=1))
    assert (await own.bill(2, days=2)).status == "not_billable"


async def test_a_plan_over_more_than_is_owed_says_so(own: Own) -> None:
    visit = own.practice.chart(own.client_ref, ("TOXIN-UNIT", "10"))
    built = await own.practice.bill(visit)
    await own.told(visit.visit_id)
    assert (await own.sign()).over_cents == 20_001 - built.due_cents
    assert (await own.practice.accounts(own.client_ref)).get("1100", 0) == 0


async def test_no_pms_is_asked_about_an_instalment(own: Own) -> None:
    await own.told()
    await own.bill(1)
    own.practice.world.pms.down = True
    client_id = own.practice.client_id(own.client_ref)
    ask = StandingIn(case=own.case(1), client_id=client_id, at=AT)
    standing = await own.practice.standing.read_standing(ask)
    assert (standing.status, standing.balance_cents) == ("verified", 6_667)
    back = WriteBackIn(case=own.case(1), client_id=client_id, at=AT)
    assert (await own.practice.back.write_back(back)).status == "nothing"


async def test_past_due_and_owed_is_overdue(own: Own) -> None:
    await own.told()
    for number in (1, 2):
        await own.bill(number)
    for day, count in ((date(2026, 11, 20), 0), (date(2026, 11, 21), 1), (date(2026, 12, 21), 2)):
        at = AT + (day - AT.date())
        read = await own.acts.read_plan(ReadPlanIn(plan=own.ref, at=at))
        assert read.facts.overdue_installments == count


async def test_an_instalment_s_case_is_opened_under_the_plan_s_own_cadence(own: Own) -> None:
    await own.told()
    ask = OpenInstallmentIn(
        plan=own.ref, number=2, due_on=date(2026, 12, 20), chase=INSTALLMENT_CHASE, at=AT
    )
    await own.acts.open_installment(ask)
    ((workflow, case_id, start, _),) = own.practice.world.engine.started
    assert (workflow, case_id) == ("TreatmentVisit", own.case(2).case_id)
    assert isinstance(start, VisitInput)
    assert (start.chase.day0_on, start.chase.never_on) == (date(2026, 12, 17), date(2026, 12, 20))
    assert start.chase.steps == INSTALLMENT_CHASE.steps


async def paid(own: Own, **more: Any) -> int:
    """The desk enters the first instalment."""
    world = own.practice.world
    given = {"number": 1, "kind": "cash", "receipt": "R-1", "amount_cents": None, "by": "dana"}
    async with world.pool.acquire() as conn:
        plan = await plans.standing(conn, world.location_id, Lender.IN_HOUSE, own.plan_id)
    assert plan is not None
    entered = DeskPayment.model_validate({**given, **more})
    return await take_at_desk(world.pool, world.engine, plan, entered, AT)


async def balances(own: Own, *accounts: str) -> list[int]:
    """Debits less credits of accounts at the location."""
    async with own.practice.world.pool.acquire() as conn:
        return [
            await conn.fetchval(
                "SELECT coalesce(sum(debit_cents - credit_cents), 0)::bigint FROM ledger_postings p"
                " JOIN ledger_entries USING (entry_id) WHERE account = $1 AND location_id = $2",
                account,
                own.ref.location_id,
            )
            for account in accounts
        ]


async def test_an_instalment_paid_at_the_desk_is_booked_once_and_its_reminders_end(
    own: Own,
) -> None:
    await own.told()
    await own.sign()
    await own.bill(1)
    world, case = own.practice.world, own.case(1)
    world.engine.running |= {case.case_id, own.ref.case_id}
    assert await paid(own) == 6_667
    assert await balances(own, "1040", "1100") == [6_667, 0]
    heard = [(case_id, signal) for case_id, signal, _ in world.engine.signals]
    assert heard == [(case.case_id, "payment_posted"), (own.ref.case_id, "installment_posted")]
    assert await paid(own) == 0  # the same receipt again
    assert await balances(own, "1040", "1100") == [6_667, 0]
    standing = await own.practice.standing.read_standing(
        StandingIn(case=case, client_id=own.practice.client_id(own.client_ref), at=AT)
    )
    assert (standing.status, standing.balance_cents) == ("verified", 0)
    async with world.pool.acquire() as conn:
        entered_by = await conn.fetchval(
            "SELECT decided_by FROM payment_allocations WHERE case_id = $1", case.case_id
        )
        compared = await conn.fetchval(
            "SELECT count(*) FROM pms_standings WHERE case_id = $1", case.case_id
        )
    assert entered_by == "dana"
    assert compared == 0  # no PMS knows it, so the month compares it with none


async def test_a_card_at_the_desk_s_terminal_may_pay_a_part(own: Own) -> None:
    await own.told()
    await own.sign()
    await own.bill(1)
    assert await paid(own, kind="card", amount_cents=2_000) == 2_000
    assert await balances(own, "1020", "1100") == [2_000, 4_667]
    assert await paid(own, receipt="R-2") == 4_667
    with pytest.raises(NotPayable, match=r"still owes \$0\.00"):
        await paid(own, receipt="R-3", amount_cents=1)


async def test_what_is_not_billed_or_not_owed_is_refused(own: Own) -> None:
    await own.told()
    await own.sign()
    with pytest.raises(NotPayable, match="not been billed yet"):
        await paid(own)
    await own.bill(1)
    with pytest.raises(NotPayable, match=r"still owes \$66\.67"):
        await paid(own, amount_cents=6_668)
