"""UNDERPAID answered by instalments: the rest of the bill is a plan of our own, in one step."""

from datetime import date, timedelta
from typing import Any

import pytest

from activities.contracts import ApplyIn, ApplyOut, BuildIn, CaseRef, UndoIn, UndoneOut
from activities.installments import rest_of
from activities.plan_contracts import PlanRef, SignedOut, SignIn
from activities.plans import PlanActivities
from activities.previews import preview_undo
from activities.undoing import UndoActivities
from domain import ids
from domain.case import Decision, Undo
from domain.plan_case import Lender, PlanInput, PlanStanding, PlanStatus, StatusChanged
from store import plans, reviews
from tests.activities.desk import DUE_CENTS, Scene, billed, of
from tests.activities.mismatches import short
from tests.activities.practice import AT, ZONE, Practice

OWED_CENTS = 20_000
FIRST = date(2026, 12, 20)


def answer(scene: Scene, **given: Any) -> Decision:
    said = {"amount_cents": 7_000, "until": FIRST, **given}
    return Decision(review_id=scene.review.review_id, choice="plan", by="dana", **said)


async def applied(scene: Scene, decision: Decision) -> ApplyOut:
    assert scene.case is not None
    client_id = scene.practice.client_id(scene.who)
    ask = ApplyIn(case=scene.case, client_id=client_id, decision=decision, at=AT)
    return await scene.practice.reviews.apply_decision(ask)


def plan_id(scene: Scene) -> str:
    return ids.agreed_plan_id(scene.review.review_id)


def case_id(scene: Scene) -> str:
    return ids.plan_workflow_id(scene.review.location_id, Lender.IN_HOUSE, plan_id(scene))


async def standing(scene: Scene) -> PlanStanding | None:
    async with scene.practice.world.pool.acquire() as conn:
        return await plans.standing(conn, scene.review.location_id, Lender.IN_HOUSE, plan_id(scene))


async def undone(scene: Scene) -> UndoneOut:
    world = scene.practice.world
    undo = Undo(review_id=scene.review.review_id, by="robin", reason="a mistake")
    ask = UndoIn(undo=undo, at=AT + timedelta(hours=1))
    return await UndoActivities(world.pool, world.engine).take_back(ask)


async def test_the_rest_is_owed_by_a_plan_that_has_its_case(practice: Practice) -> None:
    scene = await short(practice)
    engine = practice.world.engine
    before = await practice.accounts(scene.who)
    assert before["1100"] == OWED_CENTS
    shown = await scene.shows(answer(scene))
    assert shown.follows == (
        "$66.67 fall due on 2026-12-20.",
        "$66.67 fall due on 2027-01-20.",
        "$66.66 fall due on 2027-02-20.",
        "Each is asked for when it falls due; reminders of the visit stop.",
    )
    assert (await standing(scene), engine.started) == (None, [])
    done = await applied(scene, answer(scene))
    assert (done.effect, done.balance_cents) == ("credited", 0)
    books = await practice.accounts(scene.who)
    assert (books["1105"], books.get("1100", 0)) == (OWED_CENTS, 0)
    plan = await standing(scene)
    assert plan is not None
    assert (plan.status, plan.client_id) == (PlanStatus.ACCEPTED, practice.client_id(scene.who))
    assert [part.amount_cents for part in plan.installments] == [6_667, 6_667, 6_666]
    [(workflow, name, start, _)] = engine.started
    assert (workflow, name) == ("FinancingPlan", case_id(scene))
    assert isinstance(start, PlanInput)
    # Its case signs what is signed: nothing is moved twice, and the visit is told.
    assert scene.case is not None
    ref = PlanRef(
        case_id=name,
        location_id=scene.review.location_id,
        lender=Lender.IN_HOUSE,
        plan_id=plan.plan_id,
        zone=ZONE,
    )
    signed = await PlanActivities(practice.tools, engine).sign_plan(SignIn(plan=ref, at=AT))
    assert signed == SignedOut(visit_case_id=scene.case.case_id)
    assert (await practice.accounts(scene.who))["1105"] == OWED_CENTS


async def test_a_try_that_died_before_the_plan_had_its_case_is_made_good(
    practice: Practice,
) -> None:
    scene, engine = await short(practice), practice.world.engine
    engine.down = True
    with pytest.raises(Exception, match="engine is down"):
        await applied(scene, answer(scene))
    engine.down = False
    assert (await applied(scene, answer(scene))).effect == "credited"
    await applied(scene, answer(scene))
    assert [name for _, name, _, _ in engine.started] == [case_id(scene)]
    assert (await practice.accounts(scene.who))["1105"] == OWED_CENTS


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"amount_cents": 4_999}, "signed disclosure document. `tieout plan add`"),
        ({"until": date(2026, 3, 1)}, "falls due before the plan is signed."),
        ({"amount_cents": 0}, "is more than nothing."),
    ],
)
async def test_what_an_answer_cannot_say_starts_nothing(
    practice: Practice, given: dict[str, Any], says: str
) -> None:
    scene = await short(practice)
    before = await practice.accounts(scene.who)
    shown = await scene.shows(answer(scene, **given))
    assert says in str(shown.problem)
    assert (await applied(scene, answer(scene, **given))).effect == "failed"
    assert await practice.accounts(scene.who) == before
    assert (await standing(scene), practice.world.engine.started) == (None, [])
    async with practice.world.pool.acquire() as conn:
        assert (await reviews.get(conn, scene.review.review_id)).state == "open"


async def test_four_instalments_need_no_disclosure(practice: Practice) -> None:
    scene = await short(practice)
    assert (await applied(scene, answer(scene, amount_cents=5_000))).effect == "credited"


async def test_an_instalment_is_not_made_a_plan_again(practice: Practice) -> None:
    scene = await short(practice)
    await applied(scene, answer(scene))
    part = CaseRef(
        case_id=ids.installment_workflow_id(scene.review.location_id, plan_id(scene), 1),
        location_id=scene.review.location_id,
        pms=Lender.IN_HOUSE,
        visit_id=ids.installment_visit_id(plan_id(scene), 1),
        zone=ZONE,
    )
    await practice.build.build_invoice(BuildIn(case=part, at=AT, review_no="run/1"))
    await practice.ask_desk(part, scene.who, "UNDERPAID", 6_667)
    again = await of(practice, scene.who, part, "UNDERPAID")
    assert "This is an instalment already" in str((await again.shows(answer(again))).problem)


async def test_taken_back_the_visit_owes_again_and_the_plan_hears_that_it_is_over(
    practice: Practice,
) -> None:
    scene = await short(practice)
    before = await practice.accounts(scene.who)
    await applied(scene, answer(scene))
    undo = Undo(review_id=scene.review.review_id, by="robin", reason="a mistake")
    async with practice.world.pool.acquire() as conn:
        shown = await preview_undo(conn, undo, AT + timedelta(hours=1))
    assert shown.follows[0] == "Its plan ends; no instalment of it falls due."
    done = await undone(scene)
    assert (done.effect, done.balance_cents) == ("undone", OWED_CENTS)
    after = await practice.accounts(scene.who)
    assert {name: cents for name, cents in after.items() if cents} == before
    plan = await standing(scene)
    assert plan is not None
    assert (plan.status, plan.installments) == (PlanStatus.CANCELLED, ())
    async with practice.world.pool.acquire() as conn:
        assert await rest_of(conn, plan) == (0, None)  # nobody is asked what becomes of it
    told = [signal for name, _, signal in practice.world.engine.signals if name == case_id(scene)]
    assert told == [StatusChanged(revision=plan.revision, status=PlanStatus.CANCELLED)]
    assert await undone(scene) == done
    assert scene.case is not None
    asked_again = await of(practice, scene.who, scene.case, "UNDERPAID")
    assert (await applied(asked_again, answer(asked_again))).effect == "credited"


async def test_once_an_instalment_was_billed_the_answer_stands(practice: Practice) -> None:
    scene = await short(practice)
    await applied(scene, answer(scene))
    part = CaseRef(
        case_id=ids.installment_workflow_id(scene.review.location_id, plan_id(scene), 1),
        location_id=scene.review.location_id,
        pms=Lender.IN_HOUSE,
        visit_id=ids.installment_visit_id(plan_id(scene), 1),
        zone=ZONE,
    )
    await practice.build.build_invoice(BuildIn(case=part, at=AT, review_no="run/1"))
    done = await undone(scene)
    assert (done.effect, done.note) == (
        "refused",
        "Since then an instalment was billed: `tieout plan cancel` ends it.",
    )


async def test_under_a_declined_card_nothing_is_entered(practice: Practice) -> None:
    who, case, _ = await billed(practice)
    await practice.ask_desk(case, who, "CARD_DECLINED", DUE_CENTS)
    scene = await of(practice, who, case, "CARD_DECLINED")
    assert (await applied(scene, answer(scene))).effect == "rest"
    assert (await standing(scene), practice.world.engine.started) == (None, [])
