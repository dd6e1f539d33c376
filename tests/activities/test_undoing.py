"""A decision is taken back by counter-entries to exactly what it wrote, and asked again (F6)."""

from datetime import date, timedelta

import asyncpg
import pytest

from activities import undoing
from activities.answering import CannotCarryOut
from activities.contracts import UndoIn, UndoneOut
from activities.posting import is_placed
from activities.undoing import UndoActivities
from domain import ids
from domain.case import Decision, Undo
from store import ledger, lots, periods, reviews, undos
from store.db import transaction
from tests.activities.desk import SCENES, Scene, asked
from tests.activities.practice import AT, Practice

TWO = "eve"


async def _decided(practice: Practice, code: str, choice: str) -> Scene:
    scene = await SCENES.get(code, asked(code))(practice)
    needs = next(each.needs for each in scene.review.choices if each.name == choice)
    given = await scene.fill(needs)
    answer = Decision(review_id=scene.review.review_id, choice=choice, by="dana", **given)
    await scene.does(answer)
    return scene


async def _undone(scene: Scene, by: str = "robin", confirmed_by: str | None = None) -> UndoneOut:
    undo = Undo(
        review_id=scene.review.review_id, by=by, reason="a mistake", confirmed_by=confirmed_by
    )
    told = UndoActivities(scene.practice.world.pool, scene.practice.world.engine)
    return await told.take_back(UndoIn(undo=undo, at=AT))


async def _taken_back(scene: Scene) -> UndoneOut:
    """By one person or, where two have decided, by two."""
    async with scene.practice.world.pool.acquire() as conn:
        now = await reviews.get(conn, scene.review.review_id)
        if now.confirmed_by is None:
            return await _undone(scene)
        await undos.propose(conn, now.review_id, "robin", "a mistake", AT)
    return await _undone(scene, confirmed_by=TWO)


async def _balances(practice: Practice) -> dict[str, int]:
    async with practice.world.pool.acquire() as conn:
        found = await ledger.account_balances(conn, practice.world.location_id)
    return {account: cents for account, cents in found.items() if cents}


@pytest.mark.parametrize(
    ("code", "choice"),
    [
        ("CHASE_EXHAUSTED", "write_off"),
        ("CHASE_EXHAUSTED", "stop"),
        ("CHASE_EXHAUSTED", "agency"),
        ("CHASE_EXHAUSTED", "keep_open"),
        ("DUPLICATE_SUSPECTED", "keep_as_credit"),
        ("DUPLICATE_SUSPECTED", "not_duplicate"),
        ("OVERPAID", "credit"),
        ("OVERPAID", "apply"),
        ("NO_REFERENCE", "apply"),
        ("CHART_CHANGED", "credit"),
        ("MESSAGE_UNKNOWN", "treat_as_sent"),
    ],
)
async def test_the_books_are_as_before_and_the_question_is_open_again(
    practice: Practice, code: str, choice: str
) -> None:
    scene = await SCENES.get(code, asked(code))(practice)
    needs = next(each.needs for each in scene.review.choices if each.name == choice)
    given = await scene.fill(needs)  # may bill another invoice
    before = await _balances(practice)
    answer = Decision(review_id=scene.review.review_id, choice=choice, by="dana", **given)
    await scene.does(answer)
    done = await _taken_back(scene)
    assert (done.effect, done.code) == ("undone", code), done
    assert await _balances(practice) == before
    async with practice.world.pool.acquire() as conn:
        old = await reviews.get(conn, scene.review.review_id)
        new = await reviews.get(conn, done.review_id)
        for statement in await lots.lot_statement(conn, practice.client_id(scene.who)):
            assert statement.is_conserved
            assert (statement.remaining_cents, statement.remaining_quantity) == (0, 0)
        assert await undos.placed(conn, scene.review.review_id) == []
        payment_id = (new.shown.get("ours") or {}).get("payment")
        if scene.payment is not None:
            payment_id = ids.payment_id(scene.payment.source, scene.payment.payment_id)
        assert payment_id is None or not await is_placed(conn, payment_id)
        totals = await ledger.totals(conn)
    assert (old.state, old.undone_by, new.state) == ("decided", "robin", "open")
    assert new.shown["facts"][0] == f"Asked again: the answer {choice} was taken back."
    assert (new.choices, new.money_cents) == (old.choices, old.money_cents)
    assert (totals.debits_cents, totals.unbalanced_entries) == (totals.credits_cents, 0)
    # Again, nothing happens; and the same answer may be given again, and means the same.
    assert await _taken_back(scene) == done
    assert await _balances(practice) == before
    again = Scene(practice, new, scene.who, scene.case, scene.payment)
    assert await again.does(answer.model_copy(update={"review_id": new.review_id})) != "failed"
    decided = await _balances(practice)
    assert (await _taken_back(again)).effect == "undone"
    assert await _balances(practice) == before
    assert (decided == before) == (choice in ("stop", "agency", "keep_open", "treat_as_sent"))


async def test_what_two_people_decided_two_take_back(practice: Practice) -> None:
    scene = await _decided(practice, "CHASE_EXHAUSTED", "write_off")
    assert "two take it back" in (await _undone(scene)).note
    async with practice.world.pool.acquire() as conn:
        for by, confirmed_by in (("robin", None), ("robin", TWO), ("robin", "Ro bin")):
            with pytest.raises(asyncpg.PostgresError):  # nobody has proposed it
                async with conn.transaction():
                    await undos.begin(conn, scene.review.review_id, by, confirmed_by, "x", AT)
        await undos.propose(conn, scene.review.review_id, "robin", "a mistake", AT)
        with pytest.raises(asyncpg.CheckViolationError):
            async with conn.transaction():
                await undos.begin(conn, scene.review.review_id, "robin", "ROBIN", "x", AT)
    assert (await _undone(scene, confirmed_by=TWO)).effect == "undone"


async def test_a_closed_month_stays_as_it_was(practice: Practice) -> None:
    scene = await _decided(practice, "CHASE_EXHAUSTED", "stop")
    async with transaction(practice.world.pool) as conn:
        await conn.execute(
            "INSERT INTO period_closes (location_id, month, signed_by, reason, limit_cents,"
            " off_cents, unchecked, open_above_limit, figures, signed_at)"
            " VALUES ($1, $2, 'owner', 'x', 0, 0, 0, 0, '{}', $3)",
            practice.world.location_id,
            date(AT.year, AT.month, 1),
            AT + timedelta(days=40),
        )
        assert await periods.closed_until(conn, practice.world.location_id) is not None
    done = await _undone(scene)
    assert (done.effect, done.note.startswith("The month of this decision is closed")) == (
        "refused",
        True,
    )
    async with practice.world.pool.acquire() as conn:
        with pytest.raises(asyncpg.RestrictViolationError):
            await undos.begin(conn, scene.review.review_id, "robin", None, "x", AT)


async def test_a_message_that_went_out_since_is_named(practice: Practice) -> None:
    scene = await _decided(practice, "MESSAGE_UNKNOWN", "treat_as_sent")
    assert scene.case is not None
    await practice.sending.send_step(practice.step(scene.case, scene.who))
    done = await _undone(scene)
    assert done.effect == "refused"
    assert done.note == (
        "Since then a message (invoice) went to the patient, which cannot be called back."
    )
    async with practice.world.pool.acquire() as conn:
        assert (await reviews.get(conn, scene.review.review_id)).undone_by is None


async def test_credit_that_was_used_is_not_taken_back(practice: Practice) -> None:
    scene = await _decided(practice, "OVERPAID", "credit")
    other = practice.chart(scene.who, ("TOXIN-UNIT", "24"))
    await practice.bill(other)
    await practice.ask_desk(other, scene.who, "CREDIT_ON_ACCOUNT", 1_000)
    async with practice.world.pool.acquire() as conn:
        [question] = await reviews.open_of_case(conn, other.case_id)
    used = Scene(practice, question, scene.who, other)
    await used.does(Decision(review_id=question.review_id, choice="apply_credit", by="dana"))
    assert "of the credit that it gave are used already" in (await _undone(scene)).note
    before = await _balances(practice)
    assert (await _undone(used)).effect == "undone"
    assert await _balances(practice) != before
    assert (await _undone(scene)).effect == "undone"


async def test_the_same_question_asked_again_is_the_one_to_answer(practice: Practice) -> None:
    scene = await _decided(practice, "CHASE_EXHAUSTED", "keep_open")
    assert scene.case is not None
    await practice.ask_desk(scene.case, scene.who, "CHASE_EXHAUSTED", 65_000)
    assert "asked again since" in (await _undone(scene)).note


async def test_a_refund_on_its_way_and_an_open_question_are_refused(practice: Practice) -> None:
    scene = await _decided(practice, "OVERPAID", "refund")
    assert "on its way back, or has gone" in (await _undone(scene)).note
    waiting = await asked("UNREACHABLE")(practice)
    async with practice.world.pool.acquire() as conn:
        with pytest.raises(CannotCarryOut, match="nothing to take back"):
            await undoing.must_be_possible(conn, waiting.review)
