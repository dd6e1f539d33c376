"""Decisions about money that went back, taken back where their whole effect is in our books."""

from collections.abc import AsyncIterator, Iterator
from datetime import date
from uuid import uuid4

import asyncpg
import pytest

from activities.contracts import CaseRef
from activities.refund_contracts import RefundRef
from domain import ids
from domain.case import Decision
from domain.month import Month
from store import disputes, entitlements, holds, ledger, periods, refunds
from store.db import transaction
from store.holds import ClientHold
from store.periods import PeriodClose
from tests.activities.desk import of
from tests.activities.practice import AT, Practice
from tests.activities.reversals import Till
from tests.connectors.stripe_world import World as Twin

DUE_CENTS, CENTS = 65_000, 20_000
WHY = {"reason": "by phone"}


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


async def _paid(till: Till, kind: str = "card", cents: int = DUE_CENTS):
    who = till.practice.client()
    case = till.practice.chart(who, ("TOXIN-UNIT", "50"))
    await till.practice.bill(case)
    return who, case, await till.pay(case, who, cents, kind=kind)


# -- what could not be given back


async def _waiting(till: Till, code: str) -> tuple[RefundRef, str, str]:
    """A refund that waits for a person: the case, who it is for, and its question."""
    who, case, _ = await _paid(till, "cash" if code == "REFUND_BY_HAND" else "card")
    if code == "REFUND_FAILED":
        await till.twin.control("/next_refund", status="failed")
    ref, done = await till.refund(case, who, amount_cents=CENTS)
    [asked] = done.questions
    assert asked.code == code
    return ref, who, asked.review_id


@pytest.mark.parametrize(
    ("code", "other"), [("REFUND_BY_HAND", "given_back"), ("REFUND_FAILED", "by_hand")]
)
async def test_credit_instead_of_a_refund_is_owed_back_again(
    till: Till, code: str, other: str
) -> None:
    ref, who, review_id = await _waiting(till, code)
    before, [owed] = await till.accounts(), await till.moves(ref)
    await till.decide(ref, review_id, "refund_to_credit", who, **WHY)
    assert (await till.accounts())["2060"] == -CENTS
    assert (await till.settle(ref)).status == "undone"
    done = await till.taken_back(review_id)
    assert (done.effect, done.code) == ("undone", code), done
    assert (await till.accounts(), await till.moves(ref)) == (before, [owed])
    assert before["2100"] == -CENTS
    # The case that looks again finds the question of the undoing, not one that has its answer.
    [asked] = (await till.settle(ref)).questions
    assert asked.review_id == done.review_id
    assert (await till.review(asked.review_id)).state == "open"
    assert await till.taken_back(review_id) == done
    assert await till.accounts() == before
    # Once more as credit, and taken back once more; then it goes another way.
    await till.decide(ref, done.review_id, "refund_to_credit", who, **WHY)
    assert (await till.accounts())["2060"] == -CENTS
    again = await till.taken_back(done.review_id)
    assert await till.accounts() == before
    assert (await till.decide(ref, again.review_id, other, who, **WHY)).effect == "continue"
    if other == "by_hand":
        [asked] = (await till.settle(ref)).questions
        await till.decide(ref, asked.review_id, "given_back", who)
    assert (await till.settle(ref)).status == "paid"
    assert "2100" not in await till.accounts()
    async with till.practice.world.pool.acquire() as conn:
        totals = await ledger.totals(conn)
        lots = await entitlements.lot_statement(conn, till.practice.client_id(who))
    assert (totals.debits_cents, totals.unbalanced_entries) == (totals.credits_cents, 0)
    assert [(lot.remaining_cents, lot.is_conserved) for lot in lots] == [(0, True)] * 2


async def test_another_part_that_was_asked_about_later_does_not_hinder(till: Till) -> None:
    who, case, _ = await _paid(till, "cash", 40_000)
    await till.pay(case, who, 25_000, kind="cash")
    ref, done = await till.refund(case, who, amount_cents=50_000)
    first, second = done.questions
    await till.decide(ref, first.review_id, "refund_to_credit", who, **WHY)
    undone = await till.taken_back(first.review_id)
    assert undone.effect == "undone", undone.note
    asked = {one.review_id for one in (await till.settle(ref)).questions}
    assert asked == {undone.review_id, second.review_id}


async def test_credit_that_was_used_stays(till: Till) -> None:
    ref, who, review_id = await _waiting(till, "REFUND_BY_HAND")
    await till.decide(ref, review_id, "refund_to_credit", who, **WHY)
    _, spent = await till.refund(None, who, credit=5_000)
    assert spent.status == "asked"
    done = await till.taken_back(review_id)
    assert (done.effect, done.note) == (
        "refused",
        "$50.00 of the credit that it gave are used already.",
    )


async def test_a_payment_of_which_too_little_is_left_does_not_owe_it_again(till: Till) -> None:
    ref, who, review_id = await _waiting(till, "REFUND_FAILED")
    await till.decide(ref, review_id, "refund_to_credit", who, **WHY)
    [move] = await till.moves(ref)
    await till.settle(await till.refunded_outside(move.payment_id or "", DUE_CENTS - CENTS + 1))
    assert (await till.taken_back(review_id)).note == (
        "Since then a part of the payment went back, or is disputed."
    )


async def test_the_database_takes_one_step_back_for_one_undoing(till: Till) -> None:
    ref, who, review_id = await _waiting(till, "REFUND_FAILED")
    await till.decide(ref, review_id, "refund_to_credit", who, **WHY)
    [move] = await till.moves(ref)

    async def to(state: str) -> None:
        async with till.practice.world.pool.acquire() as conn:
            await conn.execute(
                "UPDATE refund_moves SET state = $2 WHERE move_id = $1", move.move_id, state
            )

    for state in ("owed", "sent", "paid", "returned"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await to(state)
    done = await till.taken_back(review_id)
    await till.decide(ref, done.review_id, "refund_to_credit", who, **WHY)
    for state in ("owed", "sent", "paid", "returned"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await to(state)


# -- a lost dispute


LOST = ("rebill", "write_off", "block")


async def _lost(till: Till, cents: int = DUE_CENTS):
    who, case, payment = await _paid(till, cents=cents)
    ref = await till.disputed(payment)
    await till.follow(ref)
    await till.bank(ref, "lost")
    [asked] = (await till.follow(ref)).questions
    return who, case, ref, asked.review_id


async def _holds(till: Till, who: str, case: CaseRef) -> list[str]:
    async with till.practice.world.pool.acquire() as conn:
        standing = await holds.now(conn, till.practice.client_id(who), AT.date())
    assert all(hold.case_id == case.case_id for hold in standing if hold.kind == "dispute")
    return sorted(hold.kind for hold in standing)


@pytest.mark.parametrize("choice", LOST)
async def test_a_loss_is_open_again(till: Till, choice: str) -> None:
    """Too much was paid, so that credit bears a part of the loss, and the visit the rest."""
    who, case, ref, review_id = await _lost(till, DUE_CENTS + 5_000)
    before = await till.accounts()
    assert (before["1120"], before["2060"]) == (DUE_CENTS + 5_000, -5_000)
    assert await _holds(till, who, case) == ["dispute"]
    for _ in range(2):
        await till.decide(ref, review_id, choice, **WHY)
        assert not {"1120", "2060"} & (await till.accounts()).keys()
        assert (await till.follow(ref)).status == choice
        kinds = {"rebill": [], "write_off": ["dispute"], "block": ["dispute", "exclusion"]}
        assert await _holds(till, who, case) == kinds[choice]
        till.engine.signals.clear()
        till.engine.running.add(case.case_id)
        done = await till.taken_back(review_id)
        assert (done.effect, done.code) == ("undone", "DISPUTE_LOST"), done
        assert [(told, name) for told, name, _ in till.engine.signals] == [
            (case.case_id, "payment_posted")
        ]
        assert await till.accounts() == before
        assert await _holds(till, who, case) == ["dispute"]
        # The case that looks again finds the question of the undoing, and no end.
        [asked] = (await till.follow(ref)).questions
        assert (asked.review_id, (await till.review(asked.review_id)).state) == (
            done.review_id,
            "open",
        )
        assert await till.taken_back(review_id) == done
        assert await till.accounts() == before
        review_id = done.review_id
    other = LOST[LOST.index(choice) - 1]
    await till.decide(ref, review_id, other, **WHY)
    assert (await till.follow(ref)).status == other
    async with till.practice.world.pool.acquire() as conn:
        totals = await ledger.totals(conn)
        [lot] = await entitlements.lot_statement(conn, till.practice.client_id(who))
    assert (totals.debits_cents, totals.unbalanced_entries) == (totals.credits_cents, 0)
    assert (lot.remaining_cents, lot.is_conserved) == (0, True)


async def test_a_hold_that_a_person_placed_or_lifted_since_is_theirs(till: Till) -> None:
    who, case, ref, review_id = await _lost(till)
    client_id = till.practice.client_id(who)
    await till.decide(ref, review_id, "block", **WHY)
    own = ClientHold(
        hold_id=str(uuid4()),
        client_id=client_id,
        kind="exclusion",
        placed_by="dana",
        reason="asked for it",
        placed_at=AT,
    )
    async with transaction(till.practice.world.pool) as conn:
        await holds.place(conn, own)
    await till.taken_back(review_id)
    assert await _holds(till, who, case) == ["dispute", "exclusion"]
    async with till.practice.world.pool.acquire() as conn:
        assert [hold.hold_id for hold in await holds.unreleased(conn, [own.hold_id])]


async def test_a_message_that_asked_for_what_is_billed_again_is_not_called_back(till: Till) -> None:
    who, case, ref, review_id = await _lost(till)
    await till.decide(ref, review_id, "rebill", **WHY)
    await till.practice.sending.send_step(till.practice.step(case, who))
    assert (await till.taken_back(review_id)).note == (
        "Since then a message (invoice) went to the patient, which cannot be called back."
    )


async def test_what_was_paid_of_it_since_stays(till: Till) -> None:
    who, case, ref, review_id = await _lost(till)
    await till.decide(ref, review_id, "rebill", **WHY)
    await till.pay(case, who, 1, kind="cash")
    sentence = "Since then a part of what it made owed again was paid or ended."
    assert (await till.taken_back(review_id)).note == sentence


async def test_a_debt_at_an_agency_comes_back_first(till: Till) -> None:
    who, case, ref, review_id = await _lost(till)
    await till.decide(ref, review_id, "rebill", **WHY)
    await till.practice.ask_desk(case, who, "CHASE_EXHAUSTED", DUE_CENTS)
    over = await of(till.practice, who, case, "CHASE_EXHAUSTED")
    await over.does(
        Decision(review_id=over.review.review_id, choice="agency", by="dana", reason="silent")
    )
    sentence = "Since then the debt went to an agency: take that back first."
    assert (await till.taken_back(review_id)).note == sentence


async def test_a_refund_that_the_loss_has_overtaken_does_not_begin_again(till: Till) -> None:
    who, case, payment = await _paid(till)
    await till.twin.control("/next_refund", status="failed")
    await till.refund(case, who, amount_cents=CENTS)
    ref = await till.disputed(payment)
    await till.follow(ref)
    await till.bank(ref, "lost")
    [asked] = (await till.follow(ref)).questions
    await till.decide(ref, asked.review_id, "rebill", **WHY)
    done = await till.taken_back(asked.review_id)
    assert done.note.startswith("A refund that waited ended by it"), done


async def test_the_database_opens_a_dispute_again_for_an_undoing_alone(till: Till) -> None:
    _, _, ref, review_id = await _lost(till)
    await till.decide(ref, review_id, "write_off", **WHY)

    async def cleared() -> None:
        async with till.practice.world.pool.acquire() as conn:
            await disputes.open_again(conn, ref.source, ref.dispute_id)

    with pytest.raises(asyncpg.RestrictViolationError):
        await cleared()
    done = await till.taken_back(review_id)
    await till.decide(ref, done.review_id, "rebill", **WHY)
    with pytest.raises(asyncpg.RestrictViolationError):
        await cleared()


async def test_a_word_to_the_bank_stays(till: Till) -> None:
    _, _, payment = await _paid(till)
    ref = await till.disputed(payment)
    [asked] = (await till.follow(ref)).questions
    await till.decide(ref, asked.review_id, "contest")
    assert (await till.taken_back(asked.review_id)).note.startswith("The bank has its answer")


# -- a refund that nobody here started


async def _outside(till: Till, code: str, cents: int):
    """More was paid than owed: credit bears a part of what went back, and the visit the rest."""
    who, case, payment = await _paid(till, cents=DUE_CENTS + 5_000)
    ref = await till.refunded_outside(payment, cents)
    if code == "REFUND_AFTER_CLOSE":
        await _november_is_closed(till)
    [asked] = (await till.settle(ref)).questions
    assert asked.code == code
    return who, case, ref, asked.review_id


@pytest.mark.parametrize(
    ("code", "choice", "other"),
    [
        ("REFUND_OUTSIDE", "allow", "owe_again"),
        ("REFUND_OUTSIDE", "owe_again", "allow"),
        ("REFUND_AFTER_CLOSE", "post_now", "owe_again"),
        ("REFUND_AFTER_CLOSE", "owe_again", "post_now"),
    ],
)
async def test_what_a_refund_was_for_is_asked_again(
    till: Till, code: str, choice: str, other: str
) -> None:
    who, case, ref, review_id = await _outside(till, code, 20_000)
    before = await till.accounts()
    assert (before["2100"], before["2060"]) == (20_000, -5_000)
    for _ in range(2):
        done = await till.decide(ref, review_id, choice, **WHY)
        assert not {"2100", "2060"} & (await till.accounts()).keys()
        # The case that is running knows what it was explained as.
        ref = ref.model_copy(update={"refund_id": done.refund_ids[0]})
        assert (await till.settle(ref)).status == "paid"
        undone = await till.taken_back(review_id)
        assert (undone.effect, undone.code) == ("undone", code), undone
        assert (await till.accounts(), await till.owed(case)) == (before, (0,))
        [asked] = (await till.settle(ref)).questions
        assert (asked.review_id, (await till.review(asked.review_id)).state) == (
            undone.review_id,
            "open",
        )
        assert await till.taken_back(review_id) == undone
        assert await till.accounts() == before
        async with till.practice.world.pool.acquire() as conn:
            assert await refunds.of_case(conn, case.case_id) == []
            assert len(await refunds.unfinished(conn, ref.location_id)) == 1
        review_id = undone.review_id
    await till.decide(ref, review_id, other, **WHY)
    assert (await till.settle(ref)).status == "paid"
    books = await till.accounts()
    owes = other == "owe_again"
    assert (books.get("1100", 0), books.get("4920", 0)) == (15_000 * owes, 15_000 * (not owes))
    async with till.practice.world.pool.acquire() as conn:
        totals = await ledger.totals(conn)
        [lot] = await entitlements.lot_statement(conn, till.practice.client_id(who))
    assert (totals.debits_cents, totals.unbalanced_entries) == (totals.credits_cents, 0)
    assert (lot.remaining_cents, lot.is_conserved) == (0, True)


async def test_a_refund_that_came_back_since_is_asked_about_itself(till: Till) -> None:
    _, _, ref, review_id = await _outside(till, "REFUND_OUTSIDE", 20_000)
    await till.decide(ref, review_id, "allow", **WHY)
    await till.twin.control(f"/refunds/{ref.object_id}/fail")
    assert [one.code for one in (await till.settle(ref)).questions] == ["REFUND_FAILED"]
    assert (await till.taken_back(review_id)).note == (
        "Since then the refund came back: answer what is asked of that."
    )


async def test_what_is_owed_again_and_was_paid_since_stays_owed(till: Till) -> None:
    who, case, ref, review_id = await _outside(till, "REFUND_OUTSIDE", 20_000)
    await till.decide(ref, review_id, "owe_again", **WHY)
    await till.pay(case, who, 15_000, kind="cash")
    sentence = "Since then a part of what it made owed again was paid or ended."
    assert (await till.taken_back(review_id)).note == sentence


@pytest.mark.parametrize("cents", [1_000, 9_000])
async def test_money_in_suspense_that_went_back_is_there_again(till: Till, cents: int) -> None:
    loose = await till.loose(9_000)
    ref = await till.refunded_outside(ids.payment_id("stripe", loose.payment_id), cents)
    [asked] = (await till.settle(ref)).questions
    before = await till.accounts()
    await till.decide(ref, asked.review_id, "allow", **WHY)
    assert "2100" not in await till.accounts()
    undone = await till.taken_back(asked.review_id)
    assert await till.accounts() == before
    await till.decide(ref, undone.review_id, "owe_again", **WHY)
    assert "2100" not in await till.accounts()
    if cents < 9_000:
        await till.place(loose, "refund")
        assert (await till.taken_back(undone.review_id)).note == (
            "Since then the rest of this money was placed: take that back first."
        )


async def test_the_database_forgets_what_a_refund_was_for_an_undoing_alone(till: Till) -> None:
    _, _, ref, review_id = await _outside(till, "REFUND_OUTSIDE", 20_000)
    done = await till.decide(ref, review_id, "allow", **WHY)
    async with till.practice.world.pool.acquire() as conn:
        with pytest.raises(asyncpg.RestrictViolationError):
            await refunds.unexplain(conn, done.refund_ids[0])
    undone = await till.taken_back(review_id)
    done = await till.decide(ref, undone.review_id, "allow", **WHY)
    async with till.practice.world.pool.acquire() as conn:
        with pytest.raises(asyncpg.RestrictViolationError):
            await refunds.unexplain(conn, done.refund_ids[0])


async def test_a_refund_of_an_unknown_payment_stays_where_it_was_booked(till: Till) -> None:
    name = await till.charge(9_000)
    ref = till.outside((await till.twin.control("/refund", payment_intent=name))["id"])
    [asked] = (await till.settle(ref, patient=False)).questions
    await till.decide(ref, asked.review_id, "accept", **WHY)
    assert (await till.taken_back(asked.review_id)).effect == "refused"


async def test_a_closed_month_keeps_them(till: Till) -> None:
    ref, who, review_id = await _waiting(till, "REFUND_BY_HAND")
    await till.decide(ref, review_id, "refund_to_credit", who, **WHY)
    await _november_is_closed(till)
    assert (await till.taken_back(review_id)).note.startswith(
        "The month of this decision is closed"
    )


async def _november_is_closed(till: Till) -> None:
    close = PeriodClose(
        location_id=till.practice.world.location_id,
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
