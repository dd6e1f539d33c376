"""Events of payment pages: whoever owes is told, the money is placed, nothing is opened twice."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from domain import ids
from store import checkouts, payments, processor
from store.db import transaction
from tests.activities.test_statements import Payer, payer
from tests.web.conftest import World, bill, settle
from tests.web.events import stripe

__all__ = ["payer"]

COMPLETED = "checkout.session.completed"


async def told(world: World, since: int = 0) -> set[str]:
    return {case_id for case_id, name, _ in world.engine.signals[since:] if name}


async def test_a_paid_page_starts_the_placing_of_its_money(world: World, payer: Payer) -> None:
    session = await payer.goes_to_pay(15_000)
    payment = world.processor.pay_checkout(session)
    outcome = await stripe(world, COMPLETED, id=session)
    assert outcome == ids.unmatched_workflow_id("stripe", payment.payment_id)
    again = await stripe(world, "payment_intent.succeeded", id=payment.payment_id)
    assert again == outcome
    assert [(kind, where) for kind, _, _, where in world.engine.started] == [
        ("UnmatchedPayment", world.location_id)
    ]
    await payer.arrives(payment)
    assert (await stripe(world, COMPLETED, id=session)).startswith("ignored")


async def test_the_money_is_placed_at_the_location_of_the_page(world: World, payer: Payer) -> None:
    session = await payer.goes_to_pay(15_000)
    payment = world.processor.pay_checkout(session)
    await stripe(world, "payment_intent.succeeded", id=payment.payment_id)
    assert world.engine.started[0][3] == world.location_id


@pytest.mark.parametrize("state", ["processing", "requires_payment_method"])
async def test_a_debit_tells_every_open_case_of_the_payer(
    world: World, payer: Payer, state: str
) -> None:
    stranger = await bill(world, 1_000)
    session = await payer.goes_to_pay(15_000)
    payment = world.processor.pay_checkout(session, state)
    await settle(world, payer.owed[1], 20_000)
    open_cases = {payer.owed[0].case_id, payer.owed[2].case_id}
    await stripe(world, COMPLETED, id=session)
    assert await told(world) == open_cases
    before = len(world.engine.signals)
    await stripe(world, "payment_intent.processing", id=payment.payment_id)
    assert await told(world, before) == open_cases
    assert stranger.case_id not in await told(world)
    assert world.engine.started == []


async def test_an_expired_page_is_ended_and_tells_nobody(world: World, payer: Payer) -> None:
    session = await payer.goes_to_pay(15_000)
    await world.processor.expire_checkout(session)
    outcome = await stripe(world, "checkout.session.expired", id=session)
    assert outcome == "ignored: nobody paid on the page"
    async with world.pool.acquire() as conn:
        assert await checkouts.unsettled(conn, payer.client_id) == []
    assert world.engine.signals == []


async def test_an_expiry_that_is_overtaken_by_the_payment_changes_nothing(
    world: World, payer: Payer
) -> None:
    session = await payer.goes_to_pay(15_000)
    payment = world.processor.pay_checkout(session)
    outcome = await stripe(world, "checkout.session.expired", id=session)
    assert outcome == ids.unmatched_workflow_id("stripe", payment.payment_id)


async def test_a_page_that_is_not_ours_is_ignored(world: World) -> None:
    assert (await stripe(world, COMPLETED, id="cs_foreign")).startswith("ignored")


async def test_an_intent_with_a_made_up_reference_goes_to_a_person(
    world: World, payer: Payer
) -> None:
    session = await payer.goes_to_pay(15_000)
    payment = world.processor.pay_checkout(session)
    forged = payment.model_copy(
        update={"payment_id": f"pi_{uuid4().hex}", "checkout_id": str(uuid4())}
    )
    world.processor.payments[forged.payment_id] = forged
    await stripe(world, "payment_intent.succeeded", id=forged.payment_id)
    placed = await payer.arrives(forged)
    assert placed.code == "NO_REFERENCE"
    async with transaction(world.pool) as conn:
        fact = await payments.get(conn, ids.payment_id("stripe", forged.payment_id))
        assert fact is not None
        # Whose customer paid is known; what it pays is not.
        assert fact.client_id == await processor.client_of(conn, forged.customer_id)
        assert await payments.cases_of(conn, fact.payment_id) == ()
        assert await processor.invoice_of_intent(conn, forged.payment_id) is None
    assert datetime.now(UTC) >= fact.occurred_at
