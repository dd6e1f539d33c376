"""Payments move forward only, and never more of one is applied than it is worth."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from store import db, payments, processor
from store.db import KeyReused
from store.payments import OverAllocated, PaymentFact

AT = datetime(2026, 3, 6, 15, 0, tzinfo=UTC)


def _fact(practice, **changes):
    base = {
        "payment_id": str(uuid4()),
        "source": "stripe",
        "object_id": f"pi_{uuid4().hex}",
        "kind": "card",
        "state": "paid",
        "amount_cents": 10_000,
        "occurred_at": AT,
        "location_id": practice.location_id,
    }
    return PaymentFact.model_validate({**base, **changes})


async def test_states_move_forward_whatever_the_order_of_arrival(conn, practice):
    pending = _fact(practice, state="pending", case_id="c1")
    paid = pending.model_copy(update={"state": "paid", "amount_cents": 9_000, "case_id": None})
    assert await payments.record(conn, pending)
    assert not await payments.record(conn, pending)
    assert await payments.record(conn, paid)
    assert not await payments.record(conn, pending)
    assert not await payments.record(conn, pending.model_copy(update={"state": "canceled"}))
    refunded = paid.model_copy(update={"state": "refunded", "amount_cents": 4_000})
    assert await payments.record(conn, refunded)
    now = await payments.get(conn, pending.payment_id)
    assert now is not None
    assert (now.state, now.amount_cents, now.case_id) == ("refunded", 9_000, "c1")
    assert await payments.get(conn, "nothing") is None


async def test_the_same_fact_with_another_amount_is_an_error(conn, practice):
    fact = _fact(practice)
    await payments.record(conn, fact)
    with pytest.raises(KeyReused):
        await payments.record(conn, fact.model_copy(update={"amount_cents": 1}))


async def test_one_object_cannot_become_two_payments(conn, practice):
    fact = _fact(practice)
    await payments.record(conn, fact)
    with pytest.raises(asyncpg.UniqueViolationError):
        await payments.record(conn, fact.model_copy(update={"payment_id": str(uuid4())}))


async def test_allocations_sum_to_the_payment_at_most_and_can_be_taken_back(conn, practice):
    fact = _fact(practice)
    await payments.record(conn, fact)
    await payments.allocate(conn, fact.payment_id, "c1", 6_000, "AUTO")
    with pytest.raises(OverAllocated):
        await payments.allocate(conn, fact.payment_id, "c2", 4_001, "AUTO")
    assert [p.payment_id for p in await payments.unplaced(conn, practice.location_id)] == [
        fact.payment_id
    ]
    await payments.allocate(conn, fact.payment_id, "c2", 4_000, "AUTO")
    assert await payments.unplaced(conn, practice.location_id) == []
    await payments.allocate(conn, fact.payment_id, "c1", -6_000, "biller")
    with pytest.raises(OverAllocated):
        await payments.allocate(conn, fact.payment_id, "c1", -4_001, "biller")
    assert await payments.allocated(conn, fact.payment_id) == 4_000
    assert await payments.allocated(conn, fact.payment_id, "c1") == 0


async def test_two_transactions_cannot_spend_one_payment_twice(pool, conn, practice):
    fact = _fact(practice)
    await payments.record(conn, fact)

    async def apply(case_id):
        async with db.transaction(pool) as tx:
            await payments.allocate(tx, fact.payment_id, case_id, 10_000, "AUTO")
            await asyncio.sleep(0.05)

    results = await asyncio.gather(apply("c1"), apply("c2"), return_exceptions=True)
    assert sorted(type(r).__name__ for r in results) == ["NoneType", "OverAllocated"]
    assert await payments.allocated(conn, fact.payment_id) == 10_000


async def test_raw_sql_cannot_move_a_payment_back_or_touch_its_facts(conn, practice):
    fact = _fact(practice)
    await payments.record(conn, fact)
    await payments.allocate(conn, fact.payment_id, "c1", 1, "AUTO")
    for statement in (
        "UPDATE payments SET state = 'pending' WHERE payment_id = $1",
        "UPDATE payments SET amount_cents = 1 WHERE payment_id = $1",
        "UPDATE payments SET allocated_cents = 0 WHERE payment_id = $1",
        "DELETE FROM payments WHERE payment_id = $1",
        "UPDATE payment_facts SET amount_cents = 1 WHERE payment_id = $1",
        "DELETE FROM payment_facts WHERE payment_id = $1",
        "UPDATE payment_allocations SET amount_cents = 2 WHERE payment_id = $1",
        "DELETE FROM payment_allocations WHERE payment_id = $1",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await conn.execute(statement, fact.payment_id)


async def test_payments_of_a_case_are_named_or_applied(conn, practice):
    case = practice.case()
    named, applied, other = _fact(practice, case_id=case), _fact(practice), _fact(practice)
    for fact in (named, applied, other):
        await payments.record(conn, fact)
    await payments.allocate(conn, applied.payment_id, case, 10, "AUTO")
    found = {fact.payment_id for fact in await payments.of_case(conn, case)}
    assert found == {named.payment_id, applied.payment_id}


async def test_what_one_system_collected_for_a_case_is_what_is_applied_of_paid_money(
    conn, practice
):
    case, other_case = practice.case(), practice.case()
    paid, desk, gone = (
        _fact(practice),
        _fact(practice, source="boulevard"),
        _fact(practice),
    )
    for fact in (paid, desk, gone):
        await payments.record(conn, fact)
    await payments.allocate(conn, paid.payment_id, case, 700, "AUTO")
    await payments.allocate(conn, paid.payment_id, other_case, 40, "AUTO")
    await payments.allocate(conn, desk.payment_id, case, 5, "AUTO")
    await payments.allocate(conn, gone.payment_id, case, 9, "AUTO")
    await payments.record(conn, gone.model_copy(update={"state": "refunded"}))
    assert await payments.collected(conn, case, "stripe") == 700
    assert await payments.collected(conn, practice.case(), "stripe") == 0
    asked = [paid.payment_id, desk.payment_id, "nothing"]
    assert await payments.get_all(conn, asked) == {
        paid.payment_id: paid,
        desk.payment_id: desk,
    }
    assert await payments.get_all(conn, []) == {}


async def test_processor_ids_are_kept_once(conn, practice):
    customer, invoice, case = f"cus_{uuid4()}", f"in_{uuid4()}", practice.case()
    document = str(uuid4())
    assert await processor.get_customer(conn, practice.client_id) is None
    for _ in range(2):
        await processor.put_customer(conn, practice.client_id, customer)
        await processor.put_invoice(conn, document, invoice, case)
    assert await processor.get_customer(conn, practice.client_id) == customer
    known = await processor.known(conn, practice.client_id, document)
    assert (known.customer_id, known.invoices) == (customer, 1)
    assert await processor.case_by_processor_invoice(conn, invoice) == case
    assert await processor.invoices_of_case(conn, case) == (invoice,)
    with pytest.raises(KeyReused):
        await processor.put_customer(conn, practice.client_id, "cus_other")
    with pytest.raises(KeyReused):
        await processor.put_invoice(conn, document, "in_other", case)
    second = f"in_{uuid4()}"
    for _ in range(2):
        await processor.put_invoice(conn, document, second, case, 2)
    assert await processor.invoices_of_case(conn, case) == (invoice, second)


async def test_an_outside_payment_is_reported_once(conn, practice):
    case = practice.case()
    desk, card = _fact(practice, source="boulevard", outside=True), _fact(practice)
    for fact in (desk, card):
        await payments.record(conn, fact)
        await payments.allocate(conn, fact.payment_id, case, 400, "AUTO")
    assert await processor.unreported_outside(conn, case) == {desk.payment_id: 400}
    assert await processor.outside_reported(conn, desk.payment_id, case)
    assert not await processor.outside_reported(conn, desk.payment_id, case)
    assert await processor.unreported_outside(conn, case) == {}


async def test_a_payment_over_two_visits_is_reported_for_each(conn, practice):
    cases = [practice.case(), practice.case()]
    page = _fact(practice, client_id=practice.client_id)
    loose = _fact(practice)
    for fact in (page, loose):
        await payments.record(conn, fact)
    for case in cases:
        await payments.allocate(conn, page.payment_id, case, 400, "payer")
        await payments.allocate(conn, loose.payment_id, case, 300, "dana")
    assert await payments.cases_of(conn, page.payment_id) == tuple(cases)
    assert await processor.outside_reported(conn, page.payment_id, cases[0])
    assert await processor.unreported_outside(conn, cases[0]) == {}
    assert await processor.unreported_outside(conn, cases[1]) == {page.payment_id: 400}
