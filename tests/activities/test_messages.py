"""Messages: never at night, never twice, never after STOP or payment, and never lost."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.testing import ActivityEnvironment

from activities.contracts import RemindIn, ResolveIn, SendIn, SendOut
from connectors.ports import (
    OutcomeUnknown,
    OutgoingText,
    PmsPayment,
    ProviderUnavailable,
    Refused,
)
from domain.case import Channel
from domain.policies import DEFAULT_CHASE
from store import consents, desk_policies, reviews, touchpoints
from store.db import transaction
from tests.activities.practice import AT, Practice

EVENING = datetime(2026, 11, 6, 1, 50, tzinfo=UTC)
"""19:50 in Chicago; messages stop at 20:00."""


async def _later(seconds: int, run: Callable[..., Any], ask: SendIn) -> SendOut:
    """Run an attempt that begins some time after the activity was scheduled."""
    env = ActivityEnvironment()
    scheduled = datetime.now(UTC)
    env.info = replace(
        env.info,
        scheduled_time=scheduled,
        current_attempt_scheduled_time=scheduled + timedelta(seconds=seconds),
        started_time=scheduled + timedelta(seconds=seconds),
        attempt=2,
    )
    answer: SendOut = await env.run(run, ask)
    return answer


async def _billed(practice: Practice, who: str | None = None) -> tuple[str, Any, str]:
    who = who or practice.client()
    case = practice.chart(who, ("TOXIN-UNIT", "50"))
    await practice.bill(case)
    return who, case, await practice.ask_online(case, 65_000)


async def test_an_attempt_that_begins_at_night_sends_nothing(practice: Practice) -> None:
    who, case, _ = await _billed(practice)
    ask = practice.step(case, who, at=EVENING)
    sent = await _later(900, practice.sending.send_step, ask)
    assert (sent.status, sent.until) == ("snoozed", datetime(2026, 11, 6, 15, 0, tzinfo=UTC))
    assert (practice.world.text.sent, practice.mail.sent) == ([], [])
    sent = await _later(60, practice.sending.send_step, ask)
    assert sent.status == "sent"
    (text,) = practice.world.text.sent
    assert 9 * 60 - 10 < text.validity_seconds <= 9 * 60


async def test_the_last_minute_of_the_window_is_too_late(practice: Practice) -> None:
    who, case, _ = await _billed(practice)
    late = practice.step(case, who, at=EVENING + timedelta(minutes=9, seconds=59))
    assert (await practice.sending.send_step(late)).status == "snoozed"


async def test_two_visits_of_one_patient_do_not_remind_on_the_same_day(practice: Practice) -> None:
    who, first, _ = await _billed(practice)
    _, second, _ = await _billed(practice, who)
    at = AT + timedelta(days=3)
    both = [practice.step(case, who, 1, at=at) for case in (first, second)]
    answers = await asyncio.gather(*map(practice.sending.send_step, both))
    statuses = [one.status for one in answers]
    assert statuses.count("sent") == 1
    assert set(statuses) <= {"sent", "covered", "snoozed"}
    assert len(practice.world.text.sent) == 1


async def test_a_second_attempt_beside_a_slow_first_one_does_not_send_too(
    practice: Practice,
) -> None:
    who, case, _ = await _billed(practice)
    await practice.sending.send_step(practice.step(case, who))
    (key,) = [text.message_key for text in practice.world.text.sent]
    copy = f"{key}-copy"
    async with transaction(practice.world.pool) as conn:
        row = await touchpoints.get(conn, key)
        fresh = row.model_copy(update={"message_key": copy, "state": "intent", "intent": 9})
        await touchpoints.open_intent(conn, fresh)
        await touchpoints.mark_sending(conn, copy, 1)
        with pytest.raises(touchpoints.IllegalTransition):
            await touchpoints.mark_sending(conn, copy, 1)


async def test_a_step_goes_to_the_address_that_the_desk_has_corrected(practice: Practice) -> None:
    who = practice.client(email=None)
    _, case, _ = await _billed(practice, who)
    texts = practice.world.text

    async def no_such_number(_: OutgoingText) -> Refused:
        return Refused(code="21211", kind="invalid_address")

    texts.send = no_such_number  # type: ignore[method-assign]
    assert (await practice.sending.send_step(practice.step(case, who))).status == "unreachable"
    del texts.send  # type: ignore[method-assign]
    asked = await practice.ask_desk(case, who, "UNREACHABLE")
    known = practice.world.pms.clients[who]
    practice.world.pms.clients[who] = known.model_copy(
        update={"phone_e164": "+15125550177", "email": "new@example.test"}
    )
    assert (await practice.decide(case, who, asked, "retry")).effect == "resend"
    assert (await practice.sending.send_step(practice.step(case, who))).status == "sent"
    assert [text.to_e164 for text in texts.sent] == ["+15125550177"]
    assert [mail.to_address for mail in practice.mail.sent] == ["new@example.test"]
    assert (await practice.sending.send_step(practice.step(case, who))).status == "sent"
    assert (len(texts.sent), len(practice.mail.sent)) == (1, 1)


async def test_a_carriers_stop_at_the_hand_over_is_kept(practice: Practice) -> None:
    who, case, _ = await _billed(practice)

    async def stopped(_: OutgoingText) -> Refused:
        return Refused(code="21610", kind="opted_out")

    practice.world.text.send = stopped  # type: ignore[method-assign]
    await practice.sending.send_step(practice.step(case, who))
    async with practice.world.pool.acquire() as conn:
        allowed = await consents.may_send(
            conn, practice.world.vault, practice.client_id(who), "sms", "billing"
        )
    assert allowed == (False, "opted_out")


@pytest.mark.parametrize("obstacle", ["paid", "stop", "night"])
async def test_an_email_of_unknown_outcome_is_not_repeated_blindly(
    practice: Practice, obstacle: str
) -> None:
    who, case, invoice = await _billed(practice)
    practice.mail.resends_safely = True
    practice.mail.failures = [OutcomeUnknown("no answer")]
    at = EVENING if obstacle == "night" else AT
    sent = await practice.sending.send_step(practice.step(case, who, at=at))
    (key,) = [one.message_key for one in sent.outcomes if one.state == "unknown"]
    at += timedelta(minutes=11)
    if obstacle == "paid":
        practice.pay_online(invoice, 65_000)
    elif obstacle == "stop":
        async with practice.world.pool.acquire() as conn:
            await consents.opt_out(conn, practice.client_id(who), "email", "all", "desk", "stop")
    ask = ResolveIn(
        case=case,
        client_id=practice.client_id(who),
        step=DEFAULT_CHASE.steps[0],
        message_keys=(key,),
        last_look=False,
        at=at,
    )
    assert (await practice.sending.resolve_sends(ask)).unknown == (key,)
    assert practice.mail.sent == []


async def test_an_email_of_unknown_outcome_is_repeated_where_the_relay_knows_it(
    practice: Practice,
) -> None:
    who, case, _ = await _billed(practice)
    practice.mail.resends_safely = True
    practice.mail.failures = [OutcomeUnknown("no answer")]
    sent = await practice.sending.send_step(practice.step(case, who))
    (key,) = [one.message_key for one in sent.outcomes if one.state == "unknown"]
    ask = ResolveIn(
        case=case,
        client_id=practice.client_id(who),
        step=DEFAULT_CHASE.steps[0],
        message_keys=(key,),
        last_look=False,
        at=AT + timedelta(minutes=1),
    )
    assert (await practice.sending.resolve_sends(ask)).unknown == ()
    assert [mail.message_key for mail in practice.mail.sent] == [key]


async def test_a_question_found_by_a_send_whose_answer_was_lost_is_not_forgotten(
    practice: Practice,
) -> None:
    who, case, invoice = await _billed(practice)
    practice.pay_online(invoice, 40_000, 40_000)
    for _ in range(2):
        sent = await practice.sending.send_step(practice.step(case, who))
        assert [one.code for one in sent.mismatches] == ["DUPLICATE_SUSPECTED"]


async def test_nobody_is_asked_for_money_while_money_waits_with_the_desk(
    practice: Practice,
) -> None:
    who, case, invoice = await _billed(practice)
    practice.pay_online(invoice, 40_000, 40_000)
    sent = await practice.sending.send_step(practice.step(case, who))
    assert (sent.status, sent.reason, sent.balance_cents) == ("snoozed", "MONEY_WITH_DESK", 25_000)
    assert (practice.world.text.sent, practice.mail.sent) == ([], [])
    await practice.decide(case, who, sent.mismatches[0].review_id, "refund")
    sent = await practice.sending.send_step(practice.step(case, who))
    assert (sent.status, sent.balance_cents) == ("sent", 25_000)


@pytest.mark.parametrize("second", ["cash", "card"])
async def test_a_lenders_half_and_the_patients_equal_half_settle_a_visit(
    practice: Practice, second: str
) -> None:
    who, case, invoice = await _billed(practice)
    half = PmsPayment(payment_id=uuid4().hex, kind="other", amount_cents=32_500)
    practice.tenders(case, half)
    assert (await practice.read(case, who)).balance_cents == 32_500
    if second == "cash":
        cash = PmsPayment(payment_id=uuid4().hex, kind="cash", amount_cents=32_500)
        practice.tenders(case, half, cash)
    else:
        practice.pay_online(invoice, 32_500)
    sent = await practice.sending.send_step(practice.step(case, who))
    assert (sent.status, sent.mismatches) == ("settled", ())
    assert practice.world.text.sent == []


async def test_a_reminder_to_the_desk_survives_a_relay_that_was_away(practice: Practice) -> None:
    who, case, _ = await _billed(practice)
    asked = await practice.ask_desk(case, who, "UNREACHABLE")
    ask = RemindIn(location_id=practice.world.location_id, review_id=asked, business_day=1, at=AT)
    practice.mail.failures = [ProviderUnavailable("away")]
    with pytest.raises(Exception, match="away"):
        await practice.reviews.remind_staff(ask)
    for _ in range(2):
        await practice.reviews.remind_staff(ask)
    assert [mail.to_address for mail in practice.mail.sent] == ["desk@example.test"]
    async with practice.world.pool.acquire() as conn:
        assert [one.business_day for one in await reviews.reminders_of(conn, asked)] == [1]


async def test_the_last_reminder_goes_to_the_manager_too(practice: Practice) -> None:
    who, case, _ = await _billed(practice)
    asked = await practice.ask_desk(case, who, "UNREACHABLE")
    place = practice.world.location_id
    policy = desk_policies.DeskPolicy(
        location_id=place, version=1, second_person_above_cents=1, manager_email="boss@example.test"
    )
    async with practice.world.pool.acquire() as conn:
        await desk_policies.put(conn, policy, "owner", "grown")
    days = DEFAULT_CHASE.staff_reminder_business_days
    for day in (*days, days[-1]):
        ask = RemindIn(location_id=place, review_id=asked, business_day=day, at=AT)
        await practice.reviews.remind_staff(ask)
    to = [mail.to_address for mail in practice.mail.sent]
    assert to == ["desk@example.test"] * len(days) + ["boss@example.test"]
    assert len({mail.message_key for mail in practice.mail.sent}) == len(days) + 1


async def test_words_of_every_channel_lead_to_the_same_page(practice: Practice) -> None:
    who, case, _ = await _billed(practice)
    await practice.sending.send_step(practice.step(case, who))
    (text,), (mail,) = practice.world.text.sent, practice.mail.sent
    assert {one.channel for one in await _rows(practice, case.case_id)} == set(Channel)
    assert "http://pay.test/p/" in text.body
    assert "http://pay.test/p/" in mail.text


async def _rows(practice: Practice, case_id: str) -> list[touchpoints.Touchpoint]:
    async with practice.world.pool.acquire() as conn:
        return await touchpoints.of_case(conn, case_id)
