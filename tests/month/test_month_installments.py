"""Plans of the practice's own at month end: 1105 is what was signed and is not billed yet."""

from datetime import date, timedelta

import pytest

from activities.contacts import refresh_contact
from activities.plan_contracts import AskPlanIn
from domain.case import Decision
from domain.month import parse_month
from domain.plan_case import PlanStatus
from domain.tie import Tie, Verdict
from starter.desk.month_end import month_report
from store.db import Pool
from tests.activities.mismatches import short
from tests.activities.own_plans import Own
from tests.activities.practice import AT
from tests.activities.taking_back import taken_back
from tests.month.conftest import practice_in


@pytest.fixture
async def own(pool: Pool) -> Own:
    practice = await practice_in(pool)
    ref = practice.client()
    await refresh_contact(practice.tools, practice.world.location_id, ref)
    return Own(practice, ref)


async def _tie(own: Own) -> Tie:
    async with own.practice.world.pool.acquire() as conn:
        report = await month_report(conn, parse_month("2026-11"), own.ref.location_id)
    return next(tie for tie in report.ties if tie.code == "INSTALMENTS")


async def test_a_plan_ties_out_from_its_signature_to_its_last_instalment(own: Own) -> None:
    await own.told()
    assert [item.why for item in (await _tie(own)).items] == ["Not in the ledger."]
    await own.sign()
    tie = await _tie(own)
    assert (tie.verdict, tie.ours_cents, tie.theirs_cents) == (Verdict.TIES, 20_001, 20_001)
    for number in (1, 2, 3):
        await own.bill(number)
        assert (await _tie(own)).ours_cents == 20_001 - number * 6_667
        assert (await _tie(own)).verdict is Verdict.TIES


async def test_a_cent_that_is_off_is_named_by_its_plan(own: Own) -> None:
    await own.told()
    await own.sign()
    async with own.practice.world.pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL session_replication_role = replica")
        await conn.execute(
            "UPDATE ledger_postings SET debit_cents = debit_cents + 1 WHERE account = '1105'"
            " AND client_id = $1",
            own.practice.client_id(own.client_ref),
        )
    [item] = (await _tie(own)).items
    assert (item.name, item.off_cents) == (own.ref.case_id, 1)


async def test_a_plan_that_was_agreed_and_taken_back_leaves_nothing_off(own: Own) -> None:
    scene = await short(own.practice)
    given = {"amount_cents": 10_000, "until": date(2026, 12, 20)}
    answer = Decision(review_id=scene.review.review_id, choice="plan", by="dana", **given)
    await scene.does(answer)
    tie = await _tie(own)
    assert (tie.verdict, tie.ours_cents, tie.theirs_cents) == (Verdict.TIES, 20_000, 20_000)
    world = own.practice.world
    done = await taken_back(world.pool, world.engine, scene.review.review_id)
    assert done.effect == "undone"
    tie = await _tie(own)
    assert (tie.verdict, tie.ours_cents, tie.theirs_cents) == (Verdict.TIES, 0, 0)


@pytest.mark.parametrize("choice", ["bill", "write_off"])
async def test_what_an_ended_plan_had_left_ties_however_it_is_decided(
    own: Own, choice: str
) -> None:
    await own.told()
    await own.sign()
    await own.bill(1)
    await own.told(status=PlanStatus.CANCELLED, as_of=AT + timedelta(minutes=1))
    left_cents = (await _tie(own)).ours_cents
    scene = await own.asked()
    given = Decision(review_id=scene.review.review_id, choice=choice, by="dana", reason="moved")
    await scene.does(given)
    tie = await _tie(own)
    gone_cents = left_cents - 13_334
    assert (tie.verdict, tie.ours_cents, tie.theirs_cents) == (
        Verdict.TIES,
        gone_cents,
        gone_cents,
    )
    if choice == "write_off":
        world = own.practice.world
        await taken_back(world.pool, world.engine, scene.review.review_id)
        tie = await _tie(own)
        assert (tie.verdict, tie.ours_cents) == (Verdict.TIES, left_cents)


async def test_more_than_the_visit_owed_is_explained_once_a_person_was_asked(own: Own) -> None:
    visit = own.practice.chart(own.client_ref, ("TOXIN-UNIT", "1"))
    built = await own.practice.bill(visit)
    await own.told(visit.visit_id)
    over_cents = (await own.sign()).over_cents
    assert over_cents == 20_001 - built.due_cents
    assert (await _tie(own)).verdict is Verdict.OFF
    ask = AskPlanIn(
        plan=own.ref,
        client_id=own.practice.client_id(own.client_ref),
        code="PLAN_OVER_BALANCE",
        subject="over",
        says=(),
        review_no="run/1",
        at=AT,
    )
    await own.acts.ask_about_plan(ask)
    tie = await _tie(own)
    assert tie.verdict is Verdict.EXPLAINED
    assert [item.off_cents for item in tie.items] == [-over_cents]
