"""Disputes: followed through the twin, booked as the money moves, ended by a named person."""

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from activities.dispute_contracts import DisputeRef
from activities.previews import preview
from domain import ids
from domain.case import Decision
from store import consents, disputes, holds, visits
from tests.activities.practice import AT, Practice
from tests.activities.reversals import Till
from tests.activities.test_refunds_outside import tie
from tests.connectors.stripe_world import World as Twin

DUE_CENTS, FEE_CENTS = 65_000, 1_500
WHY = {"reason": "signed chart"}


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


async def _paid(till: Till, cents: int = DUE_CENTS):
    who = till.practice.client()
    case = till.practice.chart(who, ("TOXIN-UNIT", "50"))
    await till.practice.bill(case)
    return who, case, await till.pay(case, who, cents)


async def _lost(till: Till, payment: str, **more: object) -> tuple[DisputeRef, str]:
    ref = await till.disputed(payment)
    await till.follow(ref)
    await till.bank(ref, "lost", **more)
    [asked] = (await till.follow(ref)).questions
    assert asked.code == "DISPUTE_LOST"
    return ref, asked.review_id


async def test_a_dispute_takes_the_money_stops_messages_and_is_asked_about(till: Till) -> None:
    who, case, payment = await _paid(till)
    async with till.practice.world.pool.acquire() as conn:
        await consents.opt_in(
            conn, till.practice.client_id(who), "sms", "billing", "paper", "agreed"
        )
    ref = await till.disputed(payment, reason="fraudulent")
    [asked] = (await till.follow(ref)).questions
    assert asked.code == "DISPUTE_OPEN"
    books = await till.accounts()
    assert (books["1120"], books["6040"]) == (DUE_CENTS, FEE_CENTS)
    assert books["1020"] == -FEE_CENTS
    shown = await till.review(asked.review_id)
    number = (await till.document(case)).number
    assert f"invoice: 2026-11-05 {number}" in shown.shown["facts"]
    assert (
        f"chart of the visit, signed in the practice's system: 2026-11-05 {case.visit_id}"
        in (shown.shown["facts"])
    )
    assert any(fact.endswith("sms-billing") for fact in shown.shown["facts"])
    assert "TOXIN" not in json.dumps(shown.shown)
    async with till.practice.world.pool.acquire() as conn:
        [hold] = await holds.standing(conn, till.practice.client_id(who), case.case_id, AT.date())
        [standing] = await visits.standings(conn, case_ids=[case.case_id])
    assert (hold.kind, hold.case_id) == ("dispute", case.case_id)
    assert (standing.is_disputed, standing.is_open) == (True, True)
    refused = await till.ask(case, who, till.ref())
    assert "is disputed" in refused.why
    for _ in range(2):
        assert (await till.follow(ref)).questions == (asked,)


async def test_it_is_contested_with_days_and_ids_and_won(till: Till) -> None:
    _, case, payment = await _paid(till)
    before = await till.accounts()
    ref = await till.disputed(payment)
    [asked] = (await till.follow(ref)).questions
    await till.decide(ref, asked.review_id, "contest")
    assert (await till.follow(ref)).status == "waits"
    [dispute] = till.twin.stored("dispute")
    said = dispute["evidence"]
    assert said["service_date"] == "2026-11-05"
    assert f"2026-11-05 chart {case.visit_id}" in said["uncategorized_text"].splitlines()
    assert dispute["evidence_details"]["submission_count"] == 1
    await till.follow(ref)
    assert till.twin.operations().count("disputes.update") == 1
    await till.bank(ref, "won")
    assert (await till.follow(ref)).status == "won"
    books = await till.accounts()
    assert books.pop("6040") == FEE_CENTS
    assert books.pop("1020") == before.pop("1020") - FEE_CENTS
    assert books == before


@pytest.mark.parametrize("end", ["won", "write_off", "rebill"])
async def test_while_it_is_open_the_client_is_asked_for_no_other_money(
    till: Till, end: str
) -> None:
    practice = till.practice
    who, case, payment = await _paid(till)
    other, settled = (practice.chart(who, ("TOXIN-UNIT", "50")) for _ in range(2))
    for one in (other, settled):
        await practice.bill(one)
    await practice.ask_online(other, 65_000)
    await till.pay(settled, who, 65_000)
    stranger = practice.client()
    theirs = practice.chart(stranger, ("TOXIN-UNIT", "50"))
    await practice.bill(theirs)
    till.engine.running |= {one.case_id for one in (case, other, settled, theirs)}
    if end == "won":
        ref = await till.disputed(payment)
        await till.follow(ref)
    else:
        ref, review_id = await _lost(till, payment)
    ask = practice.step(other, who)
    held = await practice.sending.send_step(ask)
    assert (held.status, held.reason) == ("snoozed", "HOLD_DISPUTE")
    assert held.until == AT + timedelta(hours=22)
    assert practice.world.text.sent == practice.mail.sent == []
    await till.follow(ref)
    assert till.engine.signals == []
    if end == "won":
        await till.bank(ref, "won")
    else:
        await till.decide(ref, review_id, end, **WHY)
    await till.follow(ref)
    # Those alone that waited hear of the end at once.
    assert [(told, name) for told, name, _ in till.engine.signals] == [
        (other.case_id, "client_released")
    ]
    assert (await practice.sending.send_step(ask)).status == "sent"


async def test_a_lost_one_is_billed_again(till: Till) -> None:
    who, case, payment = await _paid(till)
    ref, review_id = await _lost(till, payment)
    till.engine.running.add(case.case_id)
    async with till.practice.world.pool.acquire() as conn:
        answer = Decision(review_id=review_id or "", choice="rebill", by="dana", **WHY)
        shown = await preview(conn, answer, AT)
    assert {line.account for entry in shown.entries for line in entry.lines} == {"1100", "1120"}
    assert [part.cents for part in shown.money] == [-DUE_CENTS]
    await till.decide(ref, review_id, "rebill", **WHY)
    assert (await till.follow(ref, tell=True)).status == "rebill"
    books = await till.accounts()
    assert books["1100"] == DUE_CENTS
    assert "1120" not in books
    async with till.practice.world.pool.acquire() as conn:
        client_id = till.practice.client_id(who)
        assert await holds.standing(conn, client_id, case.case_id, AT.date()) == []
    told = [(told, name) for told, name, _ in till.engine.signals]
    assert told == [(case.case_id, "payment_posted"), (case.case_id, "client_released")]


@pytest.mark.parametrize("choice", ["write_off", "block"])
async def test_a_lost_one_is_given_up_by_name(till: Till, choice: str) -> None:
    who, case, payment = await _paid(till)
    ref, review_id = await _lost(till, payment, won_cents=5_000)
    await till.decide(ref, review_id, choice, **WHY)
    assert (await till.follow(ref)).status == choice
    books = await till.accounts()
    assert books["6030"] == DUE_CENTS - 5_000
    assert "1120" not in books
    assert "1100" not in books
    async with till.practice.world.pool.acquire() as conn:
        found = await holds.standing(conn, till.practice.client_id(who), case.case_id, AT.date())
    kinds = {"write_off": ["dispute"], "block": ["dispute", "exclusion"]}
    assert sorted(hold.kind for hold in found) == kinds[choice]


async def test_it_is_given_up_at_the_bank_before_the_loss_is_asked_about(till: Till) -> None:
    _, _, payment = await _paid(till)
    ref = await till.disputed(payment, amount_cents=20_000)
    [asked] = (await till.follow(ref)).questions
    await till.decide(ref, asked.review_id, "accept", **WHY)
    [lost] = (await till.follow(ref)).questions
    assert lost.code == "DISPUTE_LOST"
    await till.decide(ref, lost.review_id, "rebill", **WHY)
    assert (await till.follow(ref)).status == "rebill"
    assert (await till.accounts())["1100"] == 20_000


async def test_a_bank_debit_that_came_back_is_lost_from_the_start(till: Till) -> None:
    _, _, payment = await _paid(till)
    ref = await till.disputed(payment, status="lost", reason="insufficient_funds")
    [asked] = (await till.follow(ref)).questions
    assert asked.code == "DISPUTE_LOST"


async def test_an_inquiry_moves_nothing_and_its_payment_can_be_refunded(till: Till) -> None:
    who, case, payment = await _paid(till)
    before = await till.accounts()
    ref = await till.disputed(payment, status="warning_needs_response")
    [asked] = (await till.follow(ref)).questions
    assert asked.code == "DISPUTE_OPEN"
    assert await till.accounts() == before
    _, done = await till.refund(case, who)
    assert done.status == "paid"
    await till.bank(ref, "warning_closed")
    assert (await till.follow(ref)).status == "won"


async def test_credit_and_what_was_to_go_back_bear_the_loss_first(till: Till) -> None:
    who, case, payment = await _paid(till, DUE_CENTS + 5_000)
    await till.twin.control("/next_refund", status="failed")
    refund, failed = await till.refund(case, who, amount_cents=10_000)
    assert failed.status == "asked"
    ref, review_id = await _lost(till, payment)
    await till.decide(ref, review_id, "rebill", **WHY)
    assert (await till.follow(ref)).status == "rebill"
    books = await till.accounts()
    assert books["1100"] == DUE_CENTS - 10_000
    assert not {"1120", "2060", "2100"} & books.keys()
    assert [move.state for move in await till.moves(refund)] == ["canceled"]


async def test_money_in_suspense_that_the_bank_took_is_no_longer_there(till: Till) -> None:
    payment = await till.unidentified(await till.charge(9_000), 9_000)
    ref, review_id = await _lost(till, payment)
    await till.decide(ref, review_id, "write_off", **WHY)
    assert (await till.follow(ref)).status == "write_off"
    assert await till.accounts() == {"1020": -FEE_CENTS, "6040": FEE_CENTS}


async def test_an_answer_that_is_lost_is_given_once_more(till: Till) -> None:
    _, _, payment = await _paid(till)
    ref = await till.disputed(payment)
    [asked] = (await till.follow(ref)).questions
    await till.decide(ref, asked.review_id, "contest")
    till.twin.fault("disputes.update", "error_after", times=1)
    with pytest.raises(Exception, match="stripe"):
        await till.follow(ref)
    assert (await till.follow(ref)).status == "waits"
    [dispute] = till.twin.stored("dispute")
    assert dispute["evidence_details"]["submission_count"] == 1


async def test_any_order_and_repetition_ends_in_the_same_books(till: Till) -> None:
    """A payment, its dispute that is won and the payout with both, in many orders."""
    shapes = set()
    for order in list(itertools.permutations(("pay", "open", "won", "payout")))[::2]:
        till.twin.reset()
        own = await till.fresh()
        who = own.practice.client()
        case = own.practice.chart(who, ("TOXIN-UNIT", "50"))
        await own.practice.bill(case)
        name = await own.charge(DUE_CENTS)
        made = await own.twin.control("/disputes", payment_intent=name)
        ref, payout = own.dispute(made["id"]), None
        for step in (*order, *order):
            if step == "pay":
                await own.book(name, case, who, DUE_CENTS)
            elif step == "won":
                if not any(d["status"] == "won" for d in own.twin.stored("dispute")):
                    await own.bank(ref, "won")
                await own.follow(ref)
            elif step == "payout":
                if payout is None and any(d["status"] == "won" for d in own.twin.stored("dispute")):
                    payout = await own.twin.control("/payouts")
                if payout is not None:
                    await tie(own, payout["id"])
            else:
                await own.follow(ref)
        payout = payout or await own.twin.control("/payouts")
        assert (await tie(own, payout["id"])).status == "tied", order
        assert (await own.follow(ref)).status == "won"
        shapes.add(json.dumps(await own.shape()))
        async with own.practice.world.pool.acquire() as conn:
            known = await disputes.get(conn, "stripe", ref.dispute_id)
        assert known is not None
        assert known.payment_id == ids.payment_id("stripe", name)
    assert len(shapes) == 1
