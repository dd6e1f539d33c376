"""Money taken at the desk is found within a minute and told to its case, once."""

from datetime import timedelta
from uuid import uuid4

import pytest

from activities.intake import Intake
from connectors.ports import PmsPayment
from domain import ids
from domain.case import PaymentPosted
from starter.schedules import SWEEPS
from store import reviews
from tests.activities.practice import AT, Practice

SINCE = AT - timedelta(minutes=6)


def cash(cents: int, **more: object) -> PmsPayment:
    one = PmsPayment(payment_id=str(uuid4()), kind="cash", amount_cents=cents, paid_at=AT)
    return one.model_copy(update=more)


@pytest.fixture
def intake(practice: Practice) -> Intake:
    return practice.world.intake


async def billed(practice: Practice):
    ref = practice.client()
    case = practice.chart(ref, ("TOXIN-UNIT", "20"))
    await practice.bill(case)
    practice.world.engine.running.add(case.case_id)
    practice.world.pms.touched.append(case.visit_id)
    return ref, case


def hint(payment: PmsPayment) -> PaymentPosted:
    return PaymentPosted(payment_id=ids.payment_id("boulevard", payment.payment_id))


async def test_a_case_hears_of_money_until_the_books_have_it(practice, intake):
    ref, case = await billed(practice)
    first, second = cash(5000), cash(100)
    practice.tenders(case, first)
    assert await intake.find_desk_money(SINCE, AT) == {
        "read": 1,
        "told": 1,
        "reopened": 0,
        "away": 0,
    }
    assert practice.world.engine.signals == [(case.case_id, "payment_posted", hint(first))]
    await practice.read(case, ref)
    assert (await intake.find_desk_money(SINCE, AT))["told"] == 0
    practice.tenders(case, first, second)
    assert (await intake.find_desk_money(SINCE, AT))["told"] == 1
    assert practice.world.engine.signals[-1] == (case.case_id, "payment_posted", hint(second))


async def test_what_is_no_new_money_tells_nobody(practice, intake):
    _, case = await billed(practice)
    ours = ids.dedupe_ref(case.case_id)
    for payment in (
        cash(5000, kind="voucher"),
        cash(5000, kind="gift_card"),
        cash(5000, kind="other", note=f"paid online {ours}"),
        cash(5000, refunded_cents=5000),
    ):
        practice.tenders(case, payment)
        assert (await intake.find_desk_money(SINCE, AT))["told"] == 0
    practice.tenders(case)
    assert (await intake.find_desk_money(SINCE, AT))["told"] == 0


async def test_a_visit_that_was_never_billed_is_left_to_its_own_sweep(practice, intake):
    case = practice.chart(practice.client(), ("TOXIN-UNIT", "20"))
    practice.world.pms.touched.append(case.visit_id)
    practice.tenders(case, cash(5000))
    assert (await intake.find_desk_money(SINCE, AT))["told"] == 0
    assert practice.world.engine.started == []


async def test_money_on_a_visit_that_was_done_with_opens_it_again(practice, intake):
    _, case = await billed(practice)
    practice.world.engine.running.clear()
    practice.tenders(case, cash(5000))
    assert (await intake.find_desk_money(SINCE, AT))["reopened"] == 1
    [(workflow, case_id, _, _)] = practice.world.engine.started
    assert (workflow, case_id) == ("TreatmentVisit", case.case_id)


async def test_a_refund_at_the_desk_is_told_until_it_is_asked_about(practice, intake):
    ref, case = await billed(practice)
    paid = cash(5000)
    practice.tenders(case, paid)
    await practice.read(case, ref)
    practice.tenders(case, paid.model_copy(update={"refunded_cents": 2000}))
    assert (await intake.find_desk_money(SINCE, AT))["told"] == 1
    await practice.read(case, ref)
    async with practice.world.pool.acquire() as conn:
        assert "PMS_DISAGREES" in {one.code for one in await reviews.of_case(conn, case.case_id)}
    assert (await intake.find_desk_money(SINCE, AT))["told"] == 0


async def test_a_payment_that_its_pms_shows_no_more_is_told_until_it_is_asked_about(
    practice, intake
):
    ref, case = await billed(practice)
    practice.tenders(case, cash(5000))
    await practice.read(case, ref)
    practice.tenders(case)
    assert (await intake.find_desk_money(SINCE, AT))["told"] == 1
    [voided] = (await practice.read(case, ref)).mismatches
    assert (await intake.find_desk_money(SINCE, AT))["told"] == 0
    await practice.decide(case, ref, voided.review_id, "take_pms")
    assert (await intake.find_desk_money(SINCE, AT))["told"] == 0


async def test_where_orders_cannot_be_asked_by_change_each_owed_one_is_read_in_turn(
    practice, intake
):
    practice.world.pms.filters = False
    cases = [(await billed(practice))[1] for _ in range(7)]
    for case in cases:
        practice.tenders(case, cash(100))
    told = 0
    for minute in range(5):
        told += (await intake.find_desk_money(SINCE, AT + timedelta(minutes=minute)))["told"]
    assert told == 7
    assert {one[0] for one in practice.world.engine.signals} == {case.case_id for case in cases}


async def test_a_system_that_is_away_is_counted_and_read_again(practice, intake):
    _, case = await billed(practice)
    practice.tenders(case, cash(5000))
    practice.world.pms.down = True
    assert (await intake.find_desk_money(SINCE, AT))["away"] == 1
    practice.world.pms.down = False
    assert (await intake.find_desk_money(SINCE, AT))["told"] == 1


async def test_an_engine_that_is_away_loses_no_hint(practice, intake):
    _, case = await billed(practice)
    practice.tenders(case, cash(5000))
    practice.world.engine.down = True
    assert (await intake.find_desk_money(SINCE, AT))["away"] == 1
    practice.world.engine.down = False
    assert (await intake.find_desk_money(SINCE, AT))["told"] == 1


def test_windows_overlap_and_nothing_waits_longer_than_five_minutes():
    passes = [sweep for sweep in SWEEPS if sweep.workflow == "DeskPayments"]
    assert min(sweep.every for sweep in passes) <= timedelta(minutes=1)
    assert all(sweep.back >= 2 * sweep.every for sweep in passes)
    assert max(sweep.back for sweep in passes) >= timedelta(days=1)
    names = [sweep.name or sweep.workflow for sweep in SWEEPS]
    assert len(set(names)) == len(names)
