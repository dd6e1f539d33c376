"""What a plan of our own had left to bill when it ended: asked about, billed, given up (2.12)."""

from datetime import date, timedelta
from typing import Any

import pytest

from activities.previews import preview_undo
from domain.case import Decision, Undo
from domain.plan_case import PlanStatus
from store import desk_policies
from store.db import transaction
from store.desk_policies import DeskPolicy
from tests.activities.desk import Scene
from tests.activities.own_plans import Own
from tests.activities.practice import AT
from tests.activities.taking_back import taken_back
from tests.activities.test_installments import own, paid

__all__ = ["own"]

REST_CENTS = 13_334


async def cancelled(own: Own, **told: Any) -> None:
    """Signed, one of three billed, and cancelled."""
    await own.told()
    await own.sign()
    await own.bill(1)
    await own.told(status=PlanStatus.CANCELLED, as_of=AT + timedelta(minutes=1), **told)


def answer(scene: Scene, choice: str, **given: Any) -> Decision:
    said = {"review_id": scene.review.review_id, **given}
    return Decision(choice=choice, by="dana", **said)


async def books(own: Own) -> tuple[int, int, int]:
    """1105, 1100 and 6030 of the client."""
    found = await own.practice.accounts(own.client_ref)
    return found.get("1105", 0), found.get("1100", 0), found.get("6030", 0)


async def test_it_is_asked_about_with_what_it_is(own: Own) -> None:
    await own.told()
    await own.sign()
    await own.bill(1)
    assert await own.asks() == []
    await own.told(status=PlanStatus.CANCELLED, as_of=AT + timedelta(minutes=1))
    [ask] = await own.asks()
    assert (ask.code, ask.money_cents) == ("PLAN_REST", REST_CENTS)
    assert ask.says == ("$133.34 of the plan were signed for and not billed yet.",)
    await own.told(status=PlanStatus.CANCELLED, as_of=AT + timedelta(minutes=2))
    assert await own.asks() == [ask]
    assert (await own.asked()).review.money_cents == REST_CENTS


@pytest.mark.parametrize("status", [PlanStatus.CANCELLED, PlanStatus.PAID_OFF])
async def test_however_a_plan_of_our_own_ends(own: Own, status: PlanStatus) -> None:
    await own.told()
    await own.sign()
    await own.told(status=status, as_of=AT + timedelta(minutes=1))
    assert [ask.money_cents for ask in await own.asks()] == [20_001]


async def test_nothing_left_or_nothing_signed_is_not_asked_about(own: Own) -> None:
    await own.told()
    await own.told(status=PlanStatus.CANCELLED, as_of=AT + timedelta(minutes=1))
    assert await own.asks() == []
    whole = Own(own.practice, own.client_ref)
    await whole.told()
    await whole.sign()
    for number in (1, 2, 3):
        await whole.bill(number)
    await whole.told(status=PlanStatus.CANCELLED, as_of=AT + timedelta(minutes=1))
    assert await whole.asks() == []


async def test_billed_now_it_is_one_last_instalment(own: Own) -> None:
    await cancelled(own)
    scene = await own.asked()
    assert await books(own) == (REST_CENTS, 6_667, 0)
    shown = await scene.shows(answer(scene, "bill"))
    assert shown.follows[0] == "$133.34 are billed at once, due on 2026-11-19."
    assert await scene.does(answer(scene, "bill")) == "read"
    assert await books(own) == (0, 20_001, 0)
    plan = (await own.facts()).plan
    assert [(part.number, part.is_rest) for part in plan.installments] == [(1, False), (4, True)]
    assert plan.installments[-1].due_on == date(2026, 11, 19)
    assert (await own.bill(4, days=1)).status == "unchanged"
    assert (await own.bill(2)).status == "not_billable"
    assert await own.asks() == []
    # It is paid, and overdue, as every instalment.
    assert await paid(own, number=4, receipt="R-4") == REST_CENTS
    overdue = (await own.facts(AT + timedelta(days=20))).overdue_installments
    assert overdue == 1


async def test_a_file_that_dates_the_end_later_does_not_take_the_last_instalment(own: Own) -> None:
    await cancelled(own)
    await own.told(status=PlanStatus.CANCELLED, as_of=AT + timedelta(hours=5))
    scene = await own.asked()
    await scene.does(answer(scene, "bill"))
    assert await books(own) == (0, 20_001, 0)
    assert [part.number for part in (await own.facts()).plan.installments] == [1, 4]


async def test_what_was_paid_meanwhile_is_not_billed_again(own: Own) -> None:
    await cancelled(own)
    scene = await own.asked()
    assert await paid(own) == 6_667
    await scene.does(answer(scene, "bill"))
    assert await books(own) == (0, REST_CENTS, 0)


async def test_another_rest_than_was_asked_about_is_not_decided(own: Own) -> None:
    await own.told()
    await own.sign()
    await own.told(status=PlanStatus.CANCELLED, as_of=AT + timedelta(minutes=1))
    scene = await own.asked()
    other = await own.asked()
    await scene.does(answer(scene, "write_off", reason="moved"))
    assert await books(own) == (0, 0, 20_001)
    shown = await other.shows(answer(other, "bill"))
    assert shown.problem == "Nothing of this plan is left to bill."
    assert await other.does(answer(other, "bill")) == "failed"
    assert await books(own) == (0, 0, 20_001)


async def test_a_rest_that_has_changed_is_asked_about_anew(own: Own) -> None:
    await cancelled(own)
    scene = await own.asked(less_cents=1)
    shown = await scene.shows(answer(scene, "write_off", reason="moved"))
    assert shown.problem == "By now $133.34 are left to bill: they are asked anew."


async def test_given_up_above_the_limit_by_two_people(own: Own) -> None:
    policy = DeskPolicy(
        location_id=own.ref.location_id, version=1, second_person_above_cents=REST_CENTS - 1
    )
    async with transaction(own.practice.world.pool) as conn:
        await desk_policies.put(conn, policy, "owner", "grown")
    await cancelled(own)
    scene = await own.asked()
    alone = answer(scene, "write_off", reason="moved")
    assert await own.answer(alone) == "proposed"
    assert await books(own) == (REST_CENTS, 6_667, 0)
    assert await own.answer(alone.model_copy(update={"confirmed_by": "eve"})) == "read"
    assert await books(own) == (0, 6_667, REST_CENTS)


async def test_given_up_and_taken_back_it_is_asked_about_again(own: Own) -> None:
    await cancelled(own)
    scene = await own.asked()
    await scene.does(answer(scene, "write_off", reason="moved"))
    assert await own.asks() == []
    world = own.practice.world
    undo = Undo(review_id=scene.review.review_id, by="robin", reason="x", confirmed_by="eve")
    async with world.pool.acquire() as conn:
        assert (await preview_undo(conn, undo, AT)).problem is None
    done = await taken_back(world.pool, world.engine, scene.review.review_id)
    assert (done.effect, done.code) == ("undone", "PLAN_REST")
    assert await books(own) == (REST_CENTS, 6_667, 0)
    assert [ask.money_cents for ask in await own.asks()] == [REST_CENTS]
    again = answer(scene, "write_off", reason="moved", review_id=done.review_id)
    await scene.does(again)
    assert await books(own) == (0, 6_667, REST_CENTS)


async def test_left_open_until_a_later_day(own: Own) -> None:
    await cancelled(own)
    scene = await own.asked()
    shown = await scene.shows(answer(scene, "leave_open", until=AT.date()))
    assert shown.problem == "The question comes back on a later day than today."
    assert await scene.does(answer(scene, "leave_open", until=date(2026, 12, 1))) == "rest"
    assert await books(own) == (REST_CENTS, 6_667, 0)


async def test_the_end_of_the_sequence_is_the_end_of_a_plan_of_our_own(own: Own) -> None:
    await own.told()
    await own.sign()
    assert await own.stopped() == "read"
    assert (await own.facts()).plan.status is PlanStatus.CANCELLED
    assert [ask.code for ask in await own.asks()] == ["PLAN_REST"]
