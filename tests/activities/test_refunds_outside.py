"""Refunds that nobody here started: asked about, booked, and the same books in any order."""

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from activities.intake_reversals import ReversalIntake
from activities.payout_contracts import TieIn
from activities.payouts import PayoutActivities
from activities.translation import Ignored
from domain import ids
from domain.month import Month
from store import entitlements, periods
from store.db import transaction
from store.inbox import InboxEvent
from store.periods import PeriodClose
from tests.activities import refs
from tests.activities.practice import AT, Practice
from tests.activities.reversals import Till
from tests.connectors.stripe_world import World as Twin

DUE_CENTS = 65_000
WHY = {"reason": "asked by phone"}


@pytest.fixture(scope="module")
def running() -> Iterator[Twin]:
    with Twin.served() as world:
        yield world


@pytest.fixture
async def till(running: Twin, practice: Practice) -> AsyncIterator[Till]:
    running.reset()
    stripe = running.processor()
    yield Till(practice, running, stripe)
    await stripe.close()


async def _billed(till: Till, *lines: tuple[str, str]):
    who = till.practice.client()
    case = till.practice.chart(who, *(lines or (("TOXIN-UNIT", "50"),)))
    await till.practice.bill(case)
    return who, case


async def _paid(till: Till):
    who, case = await _billed(till)
    return who, case, await till.pay(case, who, DUE_CENTS)


async def test_a_refund_in_the_processors_pages_is_asked_about(till: Till) -> None:
    who, case, payment = await _paid(till)
    ref = await till.refunded_outside(payment, 20_000)
    [asked] = (await till.settle(ref)).questions
    assert asked.code == "REFUND_OUTSIDE"
    shown = (await till.review(asked.review_id)).shown
    assert shown["theirs"]["refunded"] == "$200.00"
    assert (await till.accounts())["2100"] == 20_000
    await till.decide(ref, asked.review_id, "allow", **WHY)
    assert (await till.settle(ref)).status == "paid"
    books = await till.accounts()
    assert (books["4920"], books["1020"]) == (20_000, DUE_CENTS - 20_000)
    assert "2100" not in books
    late = await till.ask(case, who, till.ref(), amount_cents=45_001)
    assert "Only $450.00" in late.why


async def test_it_may_be_owed_again_and_then_the_closed_visit_is_a_case_again(till: Till) -> None:
    _, case, payment = await _paid(till)
    ref = await till.refunded_outside(payment)
    [asked] = (await till.settle(ref)).questions
    await till.decide(ref, asked.review_id, "owe_again", **WHY)
    assert (await till.settle(ref, tell=True)).status == "paid"
    books = await till.accounts()
    assert books["1100"] == DUE_CENTS
    assert books.keys() == {"1100", "4010"}
    [(workflow, workflow_id, _, _)] = till.engine.started
    assert (workflow, workflow_id) == ("TreatmentVisit", case.case_id)


async def test_a_refund_of_a_payment_of_a_closed_month_is_booked_in_the_open_one(
    till: Till,
) -> None:
    _, case, payment = await _paid(till)
    ref = await till.refunded_outside(payment, 20_000)
    close = PeriodClose(
        location_id=case.location_id,
        month=Month(first=date(2026, 11, 1)),
        signed_by="owner",
        limit_cents=0,
        off_cents=0,
        open_above_limit=0,
        figures={},
        signed_at=AT,
    )
    async with transaction(till.practice.world.pool) as conn:
        await periods.close(conn, close)
    [asked] = (await till.settle(ref)).questions
    assert asked.code == "REFUND_AFTER_CLOSE"
    await till.decide(ref, asked.review_id, "post_now", **WHY)
    assert (await till.settle(ref)).status == "paid"
    async with till.practice.world.pool.acquire() as conn:
        row = await conn.fetchrow(
            "SELECT effective_on, fact_on FROM ledger_entries WHERE event = 'visit_refunded'"
            " AND location_id = $1",
            case.location_id,
        )
    assert tuple(row) == (date(2026, 12, 1), AT.date())
    assert "2100" not in await till.accounts()


async def test_unused_credit_is_taken_before_the_visit(till: Till) -> None:
    who, case = await _billed(till)
    payment = await till.pay(case, who, DUE_CENTS + 5_000)
    ref = await till.refunded_outside(payment, 6_000)
    [asked] = (await till.settle(ref)).questions
    await till.decide(ref, asked.review_id, "allow", **WHY)
    await till.settle(ref)
    books = await till.accounts()
    assert books["4920"] == 1_000
    assert books.keys() == {"1020", "4010", "4920"}
    async with till.practice.world.pool.acquire() as conn:
        [lot] = await entitlements.lot_statement(conn, till.practice.client_id(who))
    assert (lot.remaining_cents, lot.is_conserved) == (0, True)


async def test_a_payment_over_two_visits_gives_way_from_the_last_one(till: Till) -> None:
    who, first = await _billed(till)
    second = till.practice.chart(who, ("TOXIN-UNIT", "20"))
    await till.practice.bill(second)
    payment = await till.over(who, [(first, DUE_CENTS), (second, 26_000)])
    ref = await till.refunded_outside(payment, 30_000)
    [asked] = (await till.settle(ref)).questions
    await till.decide(ref, asked.review_id, "owe_again", **WHY)
    await till.settle(ref)
    assert await till.owed(first, second) == (4_000, 26_000)


async def test_one_that_comes_back_before_anybody_said_what_it_was_is_nothing(till: Till) -> None:
    _, _, payment = await _paid(till)
    before = await till.accounts()
    ref = await till.refunded_outside(payment, 20_000)
    assert (await till.settle(ref)).status == "asked"
    await till.twin.control(f"/refunds/{ref.object_id}/fail")
    assert (await till.settle(ref)).status == "undone"
    assert await till.accounts() == before


async def test_one_that_comes_back_later_is_owed_again_to_the_patient(till: Till) -> None:
    who, _, payment = await _paid(till)
    ref = await till.refunded_outside(payment, 20_000)
    [asked] = (await till.settle(ref)).questions
    done = await till.decide(ref, asked.review_id, "allow", **WHY)
    await till.twin.control(f"/refunds/{ref.object_id}/fail")
    [failed] = (await till.settle(ref)).questions
    assert failed.code == "REFUND_FAILED"
    await till.decide(ref, failed.review_id, "pay_again", who)
    assert (await till.settle(ref)).status == "paid"
    moves = await till.moves(ref.model_copy(update={"refund_id": done.refund_ids[0]}))
    assert [one.state for one in moves] == ["canceled", "paid"]
    assert "2100" not in await till.accounts()


async def test_a_refund_of_an_unknown_payment_waits_then_is_linked(till: Till) -> None:
    _, case = await _billed(till)
    name = await till.charge(9_000)
    made = await till.twin.control("/refund", payment_intent=name, amount_cents=4_000)
    ref = till.outside(made["id"])
    assert (await till.settle(ref)).status == "missing"
    [asked] = (await till.settle(ref, patient=False)).questions
    assert asked.code == "REFUND_UNLINKED"
    await till.decide(ref, asked.review_id, "link", invoice_id=ids.document_id(case.case_id, 1))
    assert (await till.settle(ref)).status == "paid"
    books = await till.accounts()
    assert (books["4920"], books["1020"]) == (4_000, -4_000)
    # The payment turns up after all, and a payout that holds both ties.
    await till.unidentified(name, 9_000)
    assert (await till.settle(ref)).status == "paid"
    payout = await till.twin.control("/payouts")
    assert (await tie(till, payout["id"])).status == "tied"
    assert "1020" not in await till.accounts()


async def test_a_refund_that_nobody_can_explain_is_a_cost_by_name(till: Till) -> None:
    name = await till.charge(9_000)
    ref = till.outside((await till.twin.control("/refund", payment_intent=name))["id"])
    [asked] = (await till.settle(ref, patient=False)).questions
    await till.decide(ref, asked.review_id, "accept", **WHY)
    assert (await till.settle(ref)).status == "paid"
    assert await till.accounts() == {"1020": -9_000, "6070": 9_000}


async def test_what_was_decided_here_and_done_there_is_one_refund(till: Till) -> None:
    who, case, payment = await _paid(till)
    ref = till.ref()
    asked = await till.ask(case, who, ref)
    await till.decide(ref, asked.review_id, "pay_back", who)
    theirs = await till.refunded_outside(payment)
    assert [one.code for one in (await till.settle(theirs)).questions] == ["REFUND_OUTSIDE"]
    till.engine.running |= {ref.case_id, theirs.case_id}
    # Refused, because it has gone already: the two are found to be one, and both cases are told.
    assert (await till.settle(ref)).status == "paid"
    assert {told for told, _, _ in till.engine.signals} == {ref.case_id, theirs.case_id}
    assert (await till.settle(theirs)).status == "paid"
    books = await till.accounts()
    assert books["4920"] == DUE_CENTS
    assert "2100" not in books


async def test_money_in_suspense_that_went_back_is_no_longer_there(till: Till) -> None:
    loose = await till.loose(9_000)
    part = await till.refunded_outside(ids.payment_id("stripe", loose.payment_id), 1_000)
    [asked] = (await till.settle(part)).questions
    assert await till.place(loose, "refund") == ("failed", ())
    await till.decide(part, asked.review_id, "allow", **WHY)
    assert (await till.settle(part)).status == "paid"
    assert (await till.accounts())["2095"] == -8_000
    effect, [refund_id] = await till.place(loose, "refund")
    rest = till.ref(refund_id)
    assert (await till.settle(rest)).status == "paid"
    assert [move.amount_cents for move in await till.moves(rest)] == [8_000]
    assert (effect, await till.accounts()) == ("done", {})


async def test_all_of_it_gone_is_a_home_too(till: Till) -> None:
    loose = await till.loose(5_000)
    ref = await till.refunded_outside(ids.payment_id("stripe", loose.payment_id))
    [asked] = (await till.settle(ref)).questions
    till.engine.running.add(loose.case_id)
    await till.decide(ref, asked.review_id, "owe_again", **WHY)
    assert (await till.settle(ref, tell=True)).status == "paid"
    assert [told for told, _, _ in till.engine.signals] == [loose.case_id]
    assert (await till.placed(loose)).status == "placed"
    assert await till.accounts() == {}


async def tie(till: Till, payout_id: str):
    work = PayoutActivities(till.practice.world.pool, till.stripe.payouts, till.engine)
    ref = refs.payout(till.practice.world.location_id, payout_id)
    ask = TieIn(payout=ref, at=datetime.now(UTC), review_no=f"run/{uuid4()}", patient=True)
    return await work.tie_payout(ask)


async def test_any_order_and_repetition_ends_in_the_same_books(till: Till) -> None:
    """A payment, its refund that comes back, a second refund and the payout, in many orders."""
    shapes = set()
    for order in list(itertools.permutations(("pay", "first", "second", "payout")))[::2]:
        till.twin.reset()
        practice = await till.fresh()
        who, case = await _billed(practice)
        name = await practice.charge(DUE_CENTS)
        bodies = [{"payment_intent": name, "amount_cents": cents} for cents in (2_000, 3_000)]
        made = [await practice.twin.control("/refund", **body) for body in bodies]
        await practice.twin.control(f"/refunds/{made[0]['id']}/fail")
        refs = dict(
            zip(("first", "second"), map(practice.outside, [m["id"] for m in made]), strict=True)
        )
        payout = await practice.twin.control("/payouts")
        for step in (*order, *order, "first", "second", "payout"):
            if step == "pay":
                await practice.book(name, case, who, DUE_CENTS)
            elif step == "payout":
                await tie(practice, payout["id"])
            else:
                await practice.settle(refs[step])
        [asked] = (await practice.settle(refs["second"])).questions
        await practice.decide(refs["second"], asked.review_id, "allow", **WHY)
        await practice.settle(refs["second"])
        assert (await tie(practice, payout["id"])).status == "tied", order
        shapes.add(json.dumps(await practice.shape()))
    assert len(shapes) == 1


def _event(kind: str, thing: dict) -> InboxEvent:
    body = {"id": uuid4().hex, "type": kind, "data": {"object": thing}}
    return InboxEvent(
        inbox_id=str(uuid4()),
        source="stripe",
        location_id=None,
        event_id=body["id"],
        event_type=kind,
        occurred_at=AT,
        received_at=AT,
        body=json.dumps(body).encode(),
    )


async def test_news_reaches_the_case_that_carries_the_refund_out(till: Till) -> None:
    who, case, payment = await _paid(till)
    ref, _ = await till.refund(case, who, amount_cents=10_000)
    intake = ReversalIntake(till.practice.world.pool, till.stripe.reversals, till.engine)
    [refund] = till.twin.stored("refund")
    assert await intake.translate(_event("refund.updated", refund)) == ref.case_id
    [(workflow, workflow_id, start, _)] = till.engine.started
    assert (workflow, workflow_id, start.refund_id) == ("Refund", ref.case_id, ref.refund_id)
    theirs = await till.refunded_outside(payment, 1_000)
    [stray] = [one for one in till.twin.stored("refund") if one["id"] == theirs.object_id]
    forged = {**stray, "metadata": {"refund": str(uuid4())}}
    for thing in (stray, forged):
        assert await intake.translate(_event("refund.created", thing)) == theirs.case_id
    start = till.engine.started[-1][2]
    assert (start.object_id, start.location_id) == (theirs.object_id, case.location_id)
    with pytest.raises(Ignored):
        await intake.translate(_event("charge.refunded", {"id": "ch_1", "object": "charge"}))
