"""An agreed plan is taken back in the moment in which its instalment falls due."""

import asyncio
from datetime import timedelta

from activities.contracts import BuildIn, CaseRef
from activities.undoing import take_back
from domain import ids
from domain.case import Undo
from domain.plan_case import Lender
from store.db import transaction
from tests.activities.mismatches import short
from tests.activities.practice import AT, ZONE, Practice
from tests.activities.test_agreed_plan import OWED_CENTS, answer, applied, plan_id


async def test_an_instalment_is_not_billed_while_its_plan_is_taken_back(practice: Practice) -> None:
    scene = await short(practice)
    await applied(scene, answer(scene))
    part = CaseRef(
        case_id=ids.installment_workflow_id(scene.review.location_id, plan_id(scene), 1),
        location_id=scene.review.location_id,
        pms=Lender.IN_HOUSE,
        visit_id=ids.installment_visit_id(plan_id(scene), 1),
        zone=ZONE,
    )
    async with transaction(practice.world.pool) as conn:
        undo = Undo(review_id=scene.review.review_id, by="robin", reason="a mistake")
        done, _ = await take_back(conn, undo, AT + timedelta(hours=1))
        billing = asyncio.create_task(
            practice.build.build_invoice(BuildIn(case=part, at=AT, review_no="run/1"))
        )
        await asyncio.wait([billing], timeout=0.5)
    built = await billing
    assert (done.effect, built.status) == ("undone", "not_billable")
    assert (await practice.accounts(scene.who))["1100"] == OWED_CENTS
