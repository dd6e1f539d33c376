"""An answer about a patient's words taken back: they are silent as before, and asked about (F6)."""

import pytest

from activities.contracts import UndoneOut
from activities.previews import preview_undo
from activities.reply_contracts import ApplyReplyIn
from domain.case import Decision, Undo
from store import holds, reviews
from tests.activities.practice import Practice
from tests.activities.taking_back import month_signed, taken_back
from tests.activities.test_reply_decisions import Wrote, about, wrote
from tests.web.conftest import add_plan, new_phone

LIFTS = [("please call me", "resume"), ("I paid that already", "recorded")]
KEEPS = ["dispute", "complaint", "exclude"]


async def _undone(reply: Wrote, review_id: str) -> UndoneOut:
    return await taken_back(reply.world.pool, reply.world.engine, review_id)


async def _decided(reply: Wrote, choice: str) -> str:
    asked = (await reply.ask()).review_id or ""
    await reply.decide(choice, reason="as they said")
    return asked


async def _again(reply: Wrote, done: UndoneOut, choice: str) -> None:
    """The question that was asked anew, answered."""
    [first] = done.replies
    anew = Wrote(reply.world, reply.replies, reply.case, first, reply.clients)
    async with reply.world.pool.acquire() as conn:
        review = await reviews.get(conn, done.review_id)
    assert (review.state, review.code) == ("open", reply.received.code)
    given = {"review_id": done.review_id, "choice": choice, "by": "dana", "reason": "so"}
    ask = ApplyReplyIn(
        case=anew.case, replies=done.replies, decision=Decision.model_validate(given), at=anew.at
    )
    first_time = await anew.replies.apply_reply(ask)
    assert await anew.replies.apply_reply(ask) == first_time


@pytest.mark.parametrize(("words", "choice"), LIFTS)
async def test_a_hold_that_it_lifted_stands_again(
    practice: Practice, words: str, choice: str
) -> None:
    reply, _ = await about(practice, words)
    asked = await _decided(reply, choice)
    assert await reply.standing() == []
    done = await _undone(reply, asked)
    assert (done.effect, done.code) == ("undone", reply.received.code), done
    assert await reply.standing() == [("reply", None)]
    assert await _undone(reply, asked) == done
    assert await reply.standing() == [("reply", None)]
    # Answered anew it is lifted, and that is taken back once more.
    await _again(reply, done, choice)
    assert await reply.standing() == []
    once_more = await _undone(reply, done.review_id)
    assert once_more.effect == "undone"
    assert await reply.standing() == [("reply", None)]
    await _again(reply, once_more, "dispute")
    assert await reply.standing() == [("dispute", None)]


@pytest.mark.parametrize("choice", KEEPS)
async def test_a_hold_that_it_placed_stays_until_the_question_is_answered_anew(
    practice: Practice, choice: str
) -> None:
    reply, _ = await about(practice, "this bill is wrong")
    before = await reply.standing()
    asked = await _decided(reply, choice)
    [placed] = await reply.standing()
    done = await _undone(reply, asked)
    assert done.effect == "undone", done
    assert set(await reply.standing()) == {placed, *before}
    await _again(reply, done, "exclude")
    assert await reply.standing() == [("exclusion", None)]
    done = await _undone(reply, done.review_id)
    assert ("exclusion", None) in await reply.standing()
    await _again(reply, done, "resume")
    assert await reply.standing() == []


async def test_nobody_hears_more_while_it_is_open_and_plans_hear_of_it(practice: Practice) -> None:
    reply, owed = await about(practice, "please call me")
    plan = await add_plan(practice.world, owed.client_id)
    asked = await _decided(reply, "resume")
    practice.world.engine.running.add(plan)
    practice.world.engine.signals.clear()
    await _undone(reply, asked)
    told = [each[:2] for each in practice.world.engine.signals]
    assert told == [(plan, "client_held")]


async def test_it_is_shown_and_nothing_of_it_stays(practice: Practice) -> None:
    reply, _ = await about(practice, "please call me")
    asked = await _decided(reply, "resume")
    undo = Undo(review_id=asked, by="robin", reason="x")
    async with practice.world.pool.acquire() as conn:
        shown = await preview_undo(conn, undo, reply.at)
    assert "The patient is silenced: reply." in shown.follows
    assert await reply.standing() == []


async def test_a_hold_that_a_person_lifted_since_is_not_had_back(practice: Practice) -> None:
    reply, _ = await about(practice, "this bill is wrong")
    asked = await _decided(reply, "exclude")
    async with practice.world.pool.acquire() as conn:
        for hold in await holds.of_client(conn, reply.clients[0]):
            await holds.release(conn, hold.hold_id, "dana", "settled by phone", reply.at)
    assert "lifted by name" in (await _undone(reply, asked)).note
    assert await reply.standing() == []


async def test_a_message_that_went_out_since_is_named(practice: Practice) -> None:
    reply, owed = await about(practice, "please call me")
    asked = await _decided(reply, "resume")
    async with practice.world.pool.acquire() as conn:
        await conn.execute(
            "INSERT INTO touchpoints (message_key, case_id, client_id, location_id, step, channel,"
            " template_version, intent, state, local_date, at) VALUES ($1, $1, $2, $3,"
            " 'reminder-1', 'sms', 1, 1, 'intent', current_date, now())",
            owed.case_id,
            owed.client_id,
            reply.world.location_id,
        )
        await conn.execute(
            "UPDATE touchpoints SET state = 'sending', attempt = 1, sending_at = clock_timestamp()"
            " WHERE message_key = $1",
            owed.case_id,
        )
    assert "a message (reminder-1) went to the patient" in (await _undone(reply, asked)).note
    assert await reply.standing() == []


@pytest.mark.parametrize("choice", ["opt_out", "adverse_event"])
async def test_what_it_does_beside_holds_is_not_taken_back(practice: Practice, choice: str) -> None:
    reply, _ = await about(practice, "please call me")
    asked = await _decided(reply, choice)
    standing = await reply.standing()
    assert "`tieout client` changes holds" in (await _undone(reply, asked)).note
    assert await reply.standing() == standing


async def test_a_stranger_whom_no_hold_can_silence_is_refused(practice: Practice) -> None:
    reply = await wrote(practice, "please call me", new_phone())
    asked = await _decided(reply, "resume")
    assert "`tieout client` changes holds" in (await _undone(reply, asked)).note


async def test_a_closed_month_keeps_the_answer(practice: Practice) -> None:
    reply, _ = await about(practice, "please call me")
    asked = await _decided(reply, "resume")
    await month_signed(practice.world.pool, reply.world.location_id, reply.at.date())
    assert "month of this decision is closed" in (await _undone(reply, asked)).note
    assert await reply.standing() == []
