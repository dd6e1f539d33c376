"""A plan's facts are kept as told; its standing follows from all of them, in any order."""

from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from uuid import uuid4

import asyncpg
import pytest

from domain.plan_case import Lender, PlanStatus
from domain.plan_facts import FactSource, PlanFact, content_key
from store import clients, plans
from store.db import KeyReused
from tests.store.conftest import contact

AT = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)


def fact(practice, plan_id: str, minutes: int = 0, **said) -> PlanFact:
    base = {
        "location_id": practice.location_id,
        "lender": Lender.CHERRY,
        "plan_id": plan_id,
        "source": FactSource.POLL,
        "as_of": AT + timedelta(minutes=minutes),
        "observed_at": AT,
        "key": "",
    }
    made = PlanFact.model_validate({**base, **said})
    return made if made.key else made.model_copy(update={"key": content_key(made)})


def history(practice, plan_id: str) -> list[PlanFact]:
    return [
        fact(practice, plan_id, 0, status=PlanStatus.APPROVED, approved_cents=280_000),
        fact(practice, plan_id, 9, status=PlanStatus.ACCEPTED, contract_id="c-1"),
        fact(practice, plan_id, 20, first_payment_on=date(2026, 12, 2)),
    ]


async def test_the_same_facts_in_any_order_end_in_the_same_standing(conn, practice):
    seen = set()
    for order in permutations(range(3)):
        plan_id = uuid4().hex
        told = history(practice, plan_id)
        for place in (*order, *order):
            await plans.record(conn, told[place])
        found = await plans.standing(conn, practice.location_id, "cherry", plan_id)
        seen.add(found.model_copy(update={"plan_id": "", "revision": 0}).model_dump_json())
        assert found.status is PlanStatus.ACCEPTED
        assert found.first_payment_on == date(2026, 12, 2)
    assert len(seen) == 1


async def test_a_repeated_telling_writes_nothing_and_news_moves_the_revision(conn, practice):
    plan_id = uuid4().hex
    approved, accepted, _ = history(practice, plan_id)
    first = await plans.record(conn, approved)
    assert (first.is_new, first.before, first.after.revision) == (True, None, 1)
    again = await plans.record(conn, approved.model_copy(update={"observed_at": AT.replace(day=9)}))
    assert (again.is_new, again.is_changed) == (False, False)
    moved = await plans.record(conn, accepted)
    assert moved.is_changed
    assert moved.after.revision == 2
    assert await plans.plan_of_contract(conn, practice.location_id, "cherry", "c-1") == plan_id
    # It says nothing new, so that no case is bothered.
    echo = fact(practice, plan_id, 9, status=PlanStatus.ACCEPTED, contract_id="c-1", key="e-7")
    heard = await plans.record(conn, echo)
    assert (heard.is_new, heard.is_changed) == (True, False)


async def test_a_key_that_comes_with_other_content_is_refused(conn, practice):
    plan_id = uuid4().hex
    await plans.record(conn, fact(practice, plan_id, key="e-1", approved_cents=1))
    with pytest.raises(KeyReused):
        await plans.record(conn, fact(practice, plan_id, key="e-1", approved_cents=2))


async def test_a_client_who_becomes_known_later_is_found_and_a_person_may_say_otherwise(
    conn, practice, vault
):
    plan_id, ref, other = uuid4().hex, uuid4().hex, uuid4().hex
    heard = await plans.record(
        conn, fact(practice, plan_id, status=PlanStatus.APPROVED, patient_ref=ref)
    )
    assert heard.after.client_id is None
    await clients.upsert_client(
        conn, vault, other, practice.location_id, "boulevard", ref, contact()
    )
    found = await plans.standing(conn, practice.location_id, "cherry", plan_id)
    assert found.client_id == other
    said = fact(
        practice, plan_id, 1, source=FactSource.STAFF, client_id=practice.client_id, key="dana-1"
    )
    assert (await plans.record(conn, said)).after.client_id == practice.client_id
    listed = await plans.list_plans(conn, practice.location_id, client_id=practice.client_id)
    assert [row.standing.plan_id for row in listed] == [plan_id]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE plan_facts SET status = 'funded'",
        "DELETE FROM plan_facts",
        "DELETE FROM plans",
        "UPDATE plans SET revision = revision - 1",
        "UPDATE plans SET plan_id = 'x' || plan_id",
    ],
)
async def test_facts_stay_and_a_plan_only_moves_forward(conn, practice, change):
    await plans.record(conn, history(practice, uuid4().hex)[0])
    with pytest.raises(asyncpg.RestrictViolationError):
        async with conn.transaction():
            await conn.execute(change)
