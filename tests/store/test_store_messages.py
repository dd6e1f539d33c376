"""The outbox's transitions and log, and who may be written to."""

from datetime import UTC, date, datetime
from uuid import uuid4

import asyncpg
import pytest

from domain.case import Channel
from store import clients, consents, send_facts, touchpoints
from store.touchpoints import IllegalTransition, Touchpoint

AT = datetime(2026, 3, 5, 18, 0, tzinfo=UTC)
TODAY = date(2026, 3, 5)


def _message(practice, case_id, **changes):
    return Touchpoint(
        message_key=uuid4().hex,
        case_id=case_id,
        client_id=practice.client_id,
        location_id=practice.location_id,
        step="day-3",
        channel=Channel.SMS,
        template_version=1,
        local_date=TODAY,
        at=AT,
    ).model_copy(update=changes)


async def _sent(conn, practice, case_id, **changes):
    message = _message(practice, case_id, **changes)
    await touchpoints.open_intent(conn, message)
    await touchpoints.mark_sending(conn, message.message_key, 1)
    return message.message_key


async def test_a_message_goes_its_way_and_every_step_is_logged(conn, practice):
    message = _message(practice, practice.case())
    opened = await touchpoints.open_intent(conn, message)
    key = message.message_key
    assert await touchpoints.open_intent(conn, message) == opened
    assert (opened.state, opened.sending_at) == ("intent", None)
    sending = await touchpoints.mark_sending(conn, key, 1)
    assert sending.sending_at is not None
    unknown = await touchpoints.mark(conn, key, "unknown", reason="timeout")
    assert unknown.accepted_at is None
    await touchpoints.mark_sending(conn, key, 2)
    accepted = await touchpoints.mark(conn, key, "accepted", provider_id=f"SM{key}")
    await touchpoints.mark(conn, key, "accepted", provider_id=f"SM{key}")
    done = await touchpoints.mark(conn, key, "delivered")
    assert (done.provider_id, done.accepted_at) == (f"SM{key}", accepted.accepted_at)
    assert await touchpoints.by_provider_id(conn, f"SM{key}") == done
    events = await touchpoints.events_of(conn, key)
    assert [(e.state, e.attempt) for e in events] == [
        ("intent", 0),
        ("sending", 1),
        ("unknown", 1),
        ("sending", 2),
        ("accepted", 2),
        ("delivered", 2),
    ]


async def test_delivered_never_goes_back(conn, practice):
    key = await _sent(conn, practice, practice.case())
    await touchpoints.mark(conn, key, "delivered")
    for late in ("accepted", "failed", "unknown"):
        assert (await touchpoints.mark(conn, key, late)).state == "delivered"
    with pytest.raises(IllegalTransition):
        await touchpoints.mark_sending(conn, key, 2)
    with pytest.raises(asyncpg.RestrictViolationError):
        await conn.execute("UPDATE touchpoints SET state = 'failed' WHERE message_key = $1", key)


async def test_a_skipped_message_says_why_and_is_never_sent(conn, practice):
    skipped = _message(practice, practice.case(), state="skipped", reason="opted_out")
    assert (await touchpoints.open_intent(conn, skipped)).state == "skipped"
    with pytest.raises(IllegalTransition):
        await touchpoints.mark_sending(conn, skipped.message_key, 1)
    with pytest.raises(IllegalTransition):
        await touchpoints.mark(conn, skipped.message_key, "accepted")
    with pytest.raises(asyncpg.CheckViolationError):
        await touchpoints.open_intent(conn, _message(practice, "c", state="skipped"))


async def test_a_message_opened_as_skipped_never_becomes_an_intent(conn, practice):
    skipped = _message(practice, practice.case(), state="skipped", reason="quiet_hours")
    key = skipped.message_key
    opened = await touchpoints.open_intent(conn, skipped)
    assert (opened.state, opened.reason, opened.attempt) == ("skipped", "quiet_hours", 0)
    again = skipped.model_copy(update={"state": "intent", "reason": None})
    assert await touchpoints.open_intent(conn, again) == opened
    with pytest.raises(IllegalTransition):
        await touchpoints.mark(conn, key, "intent", reason="NOT_HANDED_OVER")
    for state in ("intent", "sending"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await conn.execute(
                "UPDATE touchpoints SET state = $2 WHERE message_key = $1", key, state
            )
    assert await touchpoints.get(conn, key) == opened
    events = await touchpoints.events_of(conn, key)
    assert [(e.state, e.reason) for e in events] == [("skipped", "quiet_hours")]


async def test_an_intent_cannot_jump_to_delivered_nor_a_row_start_as_sent(conn, practice):
    message = _message(practice, practice.case())
    await touchpoints.open_intent(conn, message)
    with pytest.raises(IllegalTransition):
        await touchpoints.mark(conn, message.message_key, "delivered")
    with pytest.raises(asyncpg.RestrictViolationError):
        await touchpoints.open_intent(conn, _message(practice, "c", state="accepted"))
    with pytest.raises(LookupError):
        await touchpoints.mark(conn, "nothing", "failed")


async def test_a_message_that_never_left_is_an_intent_again(conn, practice):
    key = await _sent(conn, practice, practice.case())
    back = await touchpoints.mark(conn, key, "intent", reason="NOT_HANDED_OVER")
    assert (back.state, back.accepted_at) == ("intent", None)
    assert (await touchpoints.mark_sending(conn, key, 2)).attempt == 2


async def test_intents_of_one_step_and_other_steps_of_the_day(conn, practice):
    case, document = practice.case(), str(uuid4())
    for intent, step in ((1, "day-3"), (0, "day-3"), (0, "day-7")):
        key = await _sent(conn, practice, case, document_id=document, step=step, intent=intent)
        await touchpoints.mark(conn, key, "accepted")
    of_step = await touchpoints.of_step(conn, document, "day-3", Channel.SMS)
    assert [tp.intent for tp in of_step] == [0, 1]
    assert await touchpoints.of_step(conn, document, "day-3", Channel.EMAIL) == []
    touches = (await send_facts.touched(conn, practice.client_id, TODAY)).touches
    assert sorted(touch.step for touch in touches) == ["day-3", "day-7"]


async def test_raw_sql_cannot_rewrite_the_audit_log(conn, practice):
    key = await _sent(conn, practice, practice.case())
    for statement in (
        "UPDATE touchpoints SET channel = 'email', state = 'accepted' WHERE message_key = $1",
        "DELETE FROM touchpoints WHERE message_key = $1",
        "UPDATE touchpoint_events SET state = 'x' WHERE message_key = $1",
        "DELETE FROM touchpoint_events WHERE message_key = $1",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await conn.execute(statement, key)


async def test_touches_are_what_went_out_or_may_have(conn, practice):
    case, document = practice.case(), str(uuid4())
    for day, state in ((7, "failed"), (6, "delivered"), (5, "accepted"), (5, "unknown")):
        more = {"local_date": date(2026, 3, day), "document_id": document, "step": state}
        key = await _sent(conn, practice, case, **more)
        await touchpoints.mark(conn, key, state)
    await touchpoints.open_intent(conn, _message(practice, case, document_id=document, step="new"))
    touches = (await send_facts.touched(conn, practice.client_id, date(2026, 3, 8))).touches
    assert {touch.step: touch.is_out for touch in touches} == {
        "delivered": True,
        "accepted": True,
        "unknown": False,
        "new": False,
    }
    later = await send_facts.touched(conn, practice.client_id, date(2026, 3, 30))
    assert later.touches == ()
    assert len(await touchpoints.of_case(conn, case)) == 5
    assert len(await touchpoints.of_client(conn, practice.client_id)) == 5


async def _may(conn, vault, practice, channel="sms", message_class="billing"):
    return await consents.may_send(conn, vault, practice.client_id, channel, message_class)


async def test_billing_is_allowed_by_default_and_stop_acts_at_once(conn, vault, practice):
    client = practice.client_id
    assert await _may(conn, vault, practice) == (True, None)
    assert await _may(conn, vault, practice, message_class="marketing") == (False, "no_consent")
    await consents.opt_out(conn, client, "sms", "all", "sms", "STOP")
    assert await _may(conn, vault, practice) == (False, "opted_out")
    assert await _may(conn, vault, practice, "email") == (True, None)
    await consents.opt_in(conn, client, "sms", "all", "written", "yes to all texts")
    assert await _may(conn, vault, practice, message_class="marketing") == (True, None)
    await consents.opt_out(conn, client, "sms", "marketing", "desk", "asked")
    assert await _may(conn, vault, practice, message_class="marketing") == (False, "opted_out")
    assert await _may(conn, vault, practice) == (True, None)


async def test_a_suppressed_address_stops_everybody_who_shares_it(conn, vault, practice):
    phone = f"+1555{uuid4().int % 10**7:07d}"
    twin = str(uuid4())
    for client in (practice.client_id, twin):
        person = clients.Contact(first_name="Pat", last_name="Ient", phone_e164=phone)
        await clients.upsert_client(
            conn, vault, client, practice.location_id, "boulevard", client, person
        )
    digest = clients.phone_digest(vault, phone)
    await consents.suppress_address(conn, digest, "sms", "undeliverable")
    for client in (practice.client_id, twin):
        assert await consents.may_send(conn, vault, client, "sms", "billing") == (
            False,
            "address_suppressed",
        )
        assert await consents.may_send(conn, vault, client, "email", "billing") == (
            False,
            "no_address",
        )
    await consents.lift_suppression(conn, digest, "sms", "corrected")
    assert await _may(conn, vault, practice) == (True, None)
    assert await consents.may_send(conn, vault, "x", "sms", "billing") == (False, "unknown_client")


@pytest.mark.parametrize("table", ["consent_events", "address_events"])
async def test_consent_facts_are_append_only(conn, table):
    for statement in (f"UPDATE {table} SET channel = 'sms'", f"DELETE FROM {table}"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await conn.execute(statement)
