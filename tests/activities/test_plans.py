"""A plan's activities over real books: what is read, what is said, what a person's word changes."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError

from activities import plan_voice
from activities.plan_contracts import LookUpIn, ReadPlanIn, TouchOut
from connectors.ports import Accepted, OutcomeUnknown, OutgoingText, ProviderUnavailable
from domain import calendar
from domain.case import Channel
from store import consents, holds, locations, plan_sessions, reviews
from store.db import transaction
from store.holds import ClientHold
from tests.activities.plans import DUE, Plan, accepted, agree_to_details
from tests.activities.practice import AT, ZONE
from tests.web.conftest import new_phone


async def test_an_approval_goes_out_on_both_channels_in_neutral_words(plan: Plan) -> None:
    said = await plan.say(await plan.touch("approval"))
    assert said.status == "sent"
    assert await plan.rows() == [("approval", "accepted", None)] * 2
    (text,) = plan.practice.world.text.sent
    (mail,) = plan.practice.mail.sent
    for words in (text.body, mail.subject, mail.text, mail.html):
        assert "Cherry" not in words
        assert "2,800" not in words
    assert "pick a time" in text.body


async def test_the_same_touch_again_is_not_a_second_message(plan: Plan) -> None:
    touch = await plan.touch("approval")
    for _ in range(3):
        assert (await plan.say(touch)).status == "sent"
    assert len(plan.practice.world.text.sent) == 1
    assert "approval/2026-11-05" in (await plan.read()).said


async def test_who_agreed_to_details_reads_lender_amount_and_date(plan: Plan) -> None:
    await accepted(plan)
    await agree_to_details(plan)
    said = await plan.say(await plan.touch("first-payment-3"), AT + timedelta(days=33))
    assert said.status == "sent"
    (text,) = plan.practice.world.text.sent
    assert "your first payment to Cherry is $116.67, on 12/10/2026" in text.body


@pytest.mark.parametrize(
    ("has_autopay", "in_text", "in_mail"),
    [
        (True, "is taken automatically on 12/10/2026", "It is taken automatically"),
        (False, "you pay Cherry yourself", "you pay it yourself"),
    ],
)
async def test_g3_a_first_payment_is_announced_as_it_is_paid(
    plan: Plan, has_autopay: bool, in_text: str, in_mail: str
) -> None:
    await accepted(plan, has_autopay=has_autopay)
    await agree_to_details(plan)
    said = await plan.say(await plan.touch("first-payment-3"), AT + timedelta(days=33))
    assert said.status == "sent"
    (text,), (mail,) = plan.practice.world.text.sent, plan.practice.mail.sent
    assert in_text in text.body
    assert in_mail in mail.text
    for neutral in (mail.subject, mail.text, mail.html):
        assert not [told for told in ("Cherry", "116.67", "12/10") if told in neutral]


async def test_a_reminder_is_looked_up_in_the_words_that_it_was_sent_in(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[OutgoingText] = []
    searched: list[OutgoingText] = []

    async def lost(text: OutgoingText) -> None:
        sent.append(text)
        raise OutcomeUnknown("no answer")

    async def find(text: OutgoingText, since: datetime) -> None:
        searched.append(text)

    monkeypatch.setattr(plan.practice.world.text, "send", lost)
    monkeypatch.setattr(plan.practice.world.text, "find", find)
    await accepted(plan, has_autopay=False)
    touch, at = await plan.touch("first-payment-3"), AT + timedelta(days=33)
    said = await plan.say(touch, at)
    await plan.told(AT + timedelta(days=1), has_autopay=True)
    ask = LookUpIn(
        plan=plan.ref, touch=touch, message_keys=said.message_keys, last_look=False, at=at
    )
    await plan.acts.look_up_touch(ask)
    assert "you pay it yourself" in sent[0].body
    assert [text.body for text in searched] == [text.body for text in sent]


async def test_who_is_booked_is_not_asked_to_pick_a_time(plan: Plan) -> None:
    plan.practice.world.pms.booked[plan.client_ref] = AT + timedelta(days=9)
    read = await plan.read()
    assert read.facts.booked_on == date(2026, 11, 14)
    assert (await plan.say(await plan.touch("approval"))).status == "sent"
    (text,) = plan.practice.world.text.sent
    assert "pick a time" not in text.body
    nudge = await plan.say(await plan.touch("booking-48h"), AT + timedelta(days=2))
    assert (nudge.status, nudge.reason) == ("pointless", "PLAN_BOOKED")
    assert ("booking-48h", "skipped", "PLAN_BOOKED") in await plan.rows()


async def test_nobody_is_asked_to_book_while_the_calendar_is_silent(plan: Plan) -> None:
    touch = await plan.touch("booking-48h")
    plan.practice.world.pms.down = True
    at = AT + timedelta(days=2)
    said = await plan.say(touch, at)
    assert (said.status, said.until) == ("unverified", at + timedelta(minutes=15))
    assert (await plan.read()).missing == "ProviderUnavailable"
    assert plan.practice.world.text.sent == []


async def test_what_the_plan_does_not_call_for_any_more_is_left_out(plan: Plan) -> None:
    await accepted(plan)
    touch = await plan.touch("first-payment-3")
    await plan.told(AT + timedelta(days=1), first_payment_on=date(2026, 12, 20))
    said = await plan.say(touch, AT + timedelta(days=33))
    assert (said.status, said.reason) == ("pointless", "NOT_CALLED_FOR")
    assert plan.practice.world.text.sent == []


async def test_a_kill_switch_of_plans_stops_them_and_nothing_else(plan: Plan) -> None:
    async with transaction(plan.practice.world.pool) as conn:
        await locations.set_switch(conn, plan.ref.location_id, "plans", "off", "dana", "words")
    said = await plan.say(await plan.touch("approval"))
    assert said.status == "off"
    assert {row[1:] for row in await plan.rows()} == {("skipped", "SWITCHED_OFF")}


async def test_a_touch_that_reached_no_provider_leaves_no_intent(plan: Plan) -> None:
    texts, touch = plan.practice.world.text, await plan.touch("approval")

    async def away(_: OutgoingText) -> Accepted:
        raise ProviderUnavailable("twilio not reached")

    texts.send = away  # type: ignore[method-assign]
    plan.practice.mail.failures.append(ProviderUnavailable("relay not reached"))
    with pytest.raises(ApplicationError):
        await plan.say(touch)
    assert {row[1] for row in await plan.rows()} == {"intent"}
    async with transaction(plan.practice.world.pool) as conn:
        await locations.set_switch(conn, plan.ref.location_id, "plans", "off", "dana", "words")
    assert (await plan.say(touch)).status == "off"
    assert {row[1:] for row in await plan.rows()} == {("skipped", "SWITCHED_OFF")}


async def test_a_reading_that_takes_long_carries_no_touch_into_the_night(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, touch = plan_voice.read_case, await plan.touch("approval")

    async def slow(*given: Any) -> Any:
        """As if this reading had begun long ago."""
        found, locked_until = await read(*given)
        return replace(found, begun=found.begun - timedelta(seconds=100)), locked_until

    monkeypatch.setattr(plan_voice, "read_case", slow)
    evening = calendar.instant(calendar.local_date(AT, ZONE), time(19, 57, 30), ZONE)
    assert (await plan.say(touch, evening)).status == "snoozed"
    assert plan.practice.world.text.sent == []


async def test_a_touch_goes_to_the_number_that_the_patient_has_by_then(plan: Plan) -> None:
    people, new = plan.practice.world.pms.clients, new_phone()
    people[plan.client_ref] = people[plan.client_ref].model_copy(update={"phone_e164": new})
    touch = await plan.touch("approval")
    waits = await plan.say(touch)
    assert (waits.status, plan.practice.world.text.sent) == ("snoozed", [])
    assert (await plan.say(touch, AT + timedelta(minutes=2))).status == "sent"
    assert [text.to_e164 for text in plan.practice.world.text.sent] == [new]


async def test_no_consent_no_word(plan: Plan) -> None:
    async with transaction(plan.practice.world.pool) as conn:
        for channel in Channel:
            await consents.opt_out(
                conn, plan.client_id, channel, consents.EVERYTHING, "desk", "asked"
            )
    assert (await plan.say(await plan.touch("approval"))).status == "no_consent"
    assert plan.practice.world.text.sent == []


async def test_a_hold_of_the_client_holds_the_plan_too(plan: Plan) -> None:
    async with transaction(plan.practice.world.pool) as conn:
        await holds.place(
            conn,
            ClientHold(
                hold_id=str(uuid4()),
                client_id=plan.client_id,
                kind="adverse_event",
                placed_by="desk",
                reason="swelling",
                placed_at=AT,
            ),
        )
    facts = (await plan.read()).facts
    assert facts.has_reaction
    assert facts.silenced_by == ("adverse_event",)
    assert (await plan.say(await plan.touch("approval"))).status == "held"


async def test_a_dispute_of_one_visit_keeps_the_offer_back_and_silences_nothing_else(
    plan: Plan,
) -> None:
    """G6: not while a dispute is open, of whichever bill."""
    held = ClientHold(
        hold_id=str(uuid4()),
        client_id=plan.client_id,
        case_id="visit/lumin/boulevard/another",
        kind="dispute",
        placed_by="stripe",
        reason="dp_1",
        placed_at=AT,
    )
    async with transaction(plan.practice.world.pool) as conn:
        await holds.place(conn, held)
    facts = (await plan.read()).facts
    assert (facts.is_disputed, facts.silenced_by) == (True, ())
    assert (await plan.say(await plan.touch("approval"))).status == "sent"
    async with transaction(plan.practice.world.pool) as conn:
        await holds.release(conn, held.hold_id, "desk", "won", AT)
    assert not (await plan.read()).facts.is_disputed


async def test_one_cap_over_plans_and_bills(plan: Plan) -> None:
    await plan.say(await plan.touch("approval"))
    await accepted(plan)
    at = AT + timedelta(hours=2)
    touch = (await plan.touch("first-payment-3")).model_copy(update={"due_at": at})
    said = await plan.say(touch, at)
    assert said.status == "snoozed"
    assert said.until is not None
    assert said.until.date() > AT.date()


async def test_at_night_it_waits_for_the_morning(plan: Plan) -> None:
    night = datetime(2026, 11, 6, 4, 0, tzinfo=UTC)
    said = await plan.say(await plan.touch("approval"), night)
    assert (said.status, said.reason) == ("snoozed", "QUIET_HOURS")


async def test_an_unknown_outcome_is_looked_up_and_not_sent_again(plan: Plan) -> None:
    touch = await plan.touch("approval")
    plan.practice.mail.failures.append(OutcomeUnknown("no answer"))
    said = await plan.say(touch)
    assert said.status == "unknown"
    ask = LookUpIn(
        plan=plan.ref, touch=touch, message_keys=said.message_keys, last_look=True, at=AT
    )
    assert (await plan.acts.look_up_touch(ask)).unknown == said.message_keys
    assert (await plan.say(touch)).status == "unknown"
    assert len(plan.practice.world.text.sent) == 1
    assert plan.practice.mail.sent == []


async def test_what_was_missed_has_a_row_that_says_so(plan: Plan) -> None:
    touch = await plan.touch("booking-48h")
    await plan.say(None, AT + timedelta(days=9), missed=(touch,))
    assert await plan.rows() == [("booking-48h", "skipped", "TOO_LATE")]


async def test_sessions_are_counted_once_and_can_be_taken_back(plan: Plan) -> None:
    key = (plan.ref.location_id, plan.ref.lender, plan.ref.plan_id)
    async with transaction(plan.practice.world.pool) as conn:
        assert await plan_sessions.add(conn, *key, f"visit/{uuid4()}", AT)
        case_id = f"visit/{uuid4()}"
        assert await plan_sessions.add(conn, *key, case_id, AT + timedelta(days=1))
        assert not await plan_sessions.add(conn, *key, case_id, AT + timedelta(days=1))
    assert len((await plan.read()).facts.sessions) == 2
    async with transaction(plan.practice.world.pool) as conn:
        assert await plan_sessions.take_back(conn, case_id, AT)
        assert not await plan_sessions.take_back(conn, case_id, AT)
    assert len((await plan.read()).facts.sessions) == 1


async def test_a_date_that_a_person_enters_is_a_fact_like_any_other(plan: Plan) -> None:
    await accepted(plan, first_payment_on=None, final_payment_on=None)
    assert await plan.decide("NULL_DATE", "enter_date", until=DUE) == "read"
    assert await plan.decide("NULL_DATE", "enter_date", "final", until=date(2027, 9, 9)) == "read"
    known = (await plan.read()).facts.plan
    assert (known.first_payment_on, known.final_payment_on) == (DUE, date(2027, 9, 9))
    assert known.is_date_confirmed


async def test_a_date_that_a_person_confirms_stays_until_it_moves(plan: Plan) -> None:
    await accepted(plan, first_payment_on=date(2026, 11, 1))
    assert await plan.decide("ABSURD_DATE", "confirm_date") == "read"
    assert (await plan.read()).facts.plan.is_date_confirmed
    await plan.told(AT + timedelta(days=1), first_payment_on=DUE)
    assert not (await plan.read()).facts.plan.is_date_confirmed


async def test_other_answers_rest_or_end_the_sequence(plan: Plan) -> None:
    assert await plan.decide("NOT_BOOKED", "wait") == "rest"
    assert await plan.decide("NULL_DATE", "ask_lender") == "rest"
    assert await plan.decide("CARD_DECLINED", "plan") == "rest"
    assert await plan.decide("NOT_BOOKED", "stop") == "stop"
    assert await plan.decide("NOT_BOOKED", "called") == "read"


async def test_a_question_shows_what_the_lender_says(plan: Plan) -> None:
    review_id = await plan.ask("NOT_BOOKED")
    async with plan.practice.world.pool.acquire() as conn:
        shown = (await reviews.get(conn, review_id)).shown
    assert shown["theirs"]["lender"] == "Cherry"
    assert shown["theirs"]["approved"] == "$2,800.00"


async def test_a_plan_that_nobody_told_of_cannot_be_read(plan: Plan) -> None:
    ref = plan.ref.model_copy(update={"plan_id": "nowhere"})
    with pytest.raises(ApplicationError) as refused:
        await plan.acts.read_plan(ReadPlanIn(plan=ref, at=AT))
    assert refused.value.non_retryable


async def test_a_billed_visit_is_a_session_until_its_chart_says_otherwise(plan: Plan) -> None:
    await accepted(plan, sessions_planned=4)
    practice = plan.practice
    case = practice.chart(plan.client_ref, ("TOXIN-UNIT", "20"))
    built = await practice.bill(case)
    assert built.plan_case_id == plan.ref.case_id
    assert (await practice.bill(case)).plan_case_id is None
    facts = (await plan.read()).facts
    assert [one.visit_id for one in facts.sessions] == [case.case_id]
    practice.chart(plan.client_ref, ("SERUM", "1"), case=case)
    assert (await practice.bill(case)).plan_case_id == plan.ref.case_id
    assert (await plan.read()).facts.sessions == ()


async def test_a_visit_of_somebody_else_is_no_session(plan: Plan) -> None:
    await accepted(plan)
    other = plan.practice.client()
    built = await plan.practice.bill(plan.practice.chart(other, ("TOXIN-UNIT", "20")))
    assert built.plan_case_id is None


async def _renewal(plan: Plan) -> TouchOut:
    dates = {"first_payment_on": date(2026, 11, 9), "final_payment_on": date(2026, 12, 10)}
    await accepted(plan, **dates)
    async with transaction(plan.practice.world.pool) as conn:
        for channel in Channel:
            await consents.opt_in(conn, plan.client_id, channel, "marketing", "written", "form")
    return await plan.say(await plan.touch("renewal"), AT + timedelta(days=5))


async def test_an_offer_names_the_practice_s_postal_address(plan: Plan) -> None:
    async with transaction(plan.practice.world.pool) as conn:
        place = await locations.get_location(conn, plan.ref.location_id)
        place = place.model_copy(update={"postal_address": "100 Example Street"})
        await locations.put_location(conn, place)
    assert (await _renewal(plan)).status == "sent"
    assert "100 Example Street" in plan.practice.mail.sent[-1].text


async def test_without_an_address_no_offer_goes(plan: Plan) -> None:
    said = await _renewal(plan)
    assert (said.status, said.reason) == ("off", "NO_POSTAL_ADDRESS")
    assert plan.practice.mail.sent == []
