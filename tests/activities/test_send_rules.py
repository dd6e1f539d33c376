"""Why a due step does not go, in the order of the rules; each refusal is kept with its rule."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from activities import send as sending
from activities.contacts import refresh_contact
from connectors.ports import Accepted, OutgoingEmail, OutgoingText, ProviderUnavailable, Refused
from domain import ids
from domain.case import Channel
from domain.dunning import RECEIPT_STEP
from store import consents, holds, send_answers, touchpoints
from store.holds import HoldKind
from store.send_answers import SendAnswer
from tests.activities.practice import AT, Practice
from tests.activities.sends import DAY_3, answers, billed, place, rows, set_channel, silent, switch

HELD = [
    "dispute",
    "complaint",
    "adverse_event",
    "reply",
    "exclusion",
    "legal_hold",
    "deceased",
    "agency",
]
RULES = {
    "dispute": "D6",
    "complaint": "D6",
    "adverse_event": "D6",
    "reply": "D19",
    "agency": "D16",
}


@pytest.mark.parametrize("kind", HELD)
async def test_a_hold_of_the_client_silences_every_ask(practice: Practice, kind: HoldKind) -> None:
    who, case, _ = await billed(practice)
    hold_id = await place(practice, who, kind)
    sent = await practice.sending.send_step(practice.step(case, who))
    assert (sent.status, sent.reason) == ("held", f"HOLD_{kind.upper()}")
    assert silent(practice)
    (kept,) = await answers(practice, who)
    assert (kept.answer, kept.rule, kept.policy_version) == ("held", RULES.get(kind, "D15"), 1)
    async with practice.world.pool.acquire() as conn:
        released = await holds.release(conn, hold_id, "dana", "done", AT)
    after = await practice.sending.send_step(practice.step(case, who))
    assert after.status == ("sent" if released else "held")


async def test_a_hold_of_another_visit_says_nothing_about_this_one(practice: Practice) -> None:
    who, case, _ = await billed(practice)
    await place(practice, who, "dispute", case_id="visit/elsewhere")
    assert (await practice.sending.send_step(practice.step(case, who))).status == "sent"


async def test_a_promise_is_silence_until_the_day_after_at_the_send_hour(
    practice: Practice,
) -> None:
    who, case, _ = await billed(practice)
    until = AT.date() + timedelta(days=7)
    await place(practice, who, "promise", case_id=case.case_id, until=until)
    sent = await practice.sending.send_step(practice.step(case, who))
    assert sent.status == "snoozed"
    assert sent.until is not None
    assert sent.until.isoformat() == "2026-11-13T16:00:00+00:00"
    broken = practice.step(case, who, at=sent.until)
    assert (await practice.sending.send_step(broken)).status == "sent"


async def test_an_endless_hold_outweighs_a_dated_one(practice: Practice) -> None:
    who, case, _ = await billed(practice)
    await place(practice, who, "exclusion", until=AT.date())
    await place(practice, who, "dispute")
    assert (await practice.sending.send_step(practice.step(case, who))).status == "held"


@pytest.mark.parametrize(
    ("kind", "status"),
    [("deceased", "off"), ("legal_hold", "off"), ("adverse_event", "off"), ("dispute", "sent")],
)
async def test_a_receipt_is_silent_only_where_nothing_may_be_said(
    practice: Practice, kind: HoldKind, status: str
) -> None:
    who, case, invoice = await billed(practice)
    practice.pay_online(invoice, 65_000)
    await place(practice, who, kind)
    receipt = practice.step(case, who, step=RECEIPT_STEP, settled_ok=True)
    assert (await practice.sending.send_step(receipt)).status == status
    assert silent(practice) == (status == "off")


@pytest.mark.parametrize(("first", "name"), [(True, "send"), (False, "chase")])
async def test_a_switch_stops_its_function_alone(
    practice: Practice, first: bool, name: str
) -> None:
    who, case, _ = await billed(practice)
    await switch(practice, "chase" if first else "send")
    sent = await practice.sending.send_step(practice.step(case, who, first=first))
    assert sent.status == "sent"
    who, case, _ = await billed(practice)
    practice.world.text.sent.clear()
    practice.mail.sent.clear()
    await switch(practice, name)
    sent = await practice.sending.send_step(practice.step(case, who, first=first))
    assert sent.status == "off"
    assert silent(practice)
    assert (await rows(practice, case))["invoice", "sms"].reason == "SWITCHED_OFF"
    assert [one.rule for one in await answers(practice, who)] == ["L7"]


@pytest.mark.parametrize("name", ["send", "chase"])
async def test_a_bill_that_tells_of_a_failed_payment_hears_both_switches(
    practice: Practice, name: str
) -> None:
    who, case, _ = await billed(practice)
    await switch(practice, name)
    ask = practice.step(case, who, in_flight_cents=65_000)
    assert (await practice.sending.send_step(ask)).status == "off"
    assert silent(practice)


@pytest.mark.parametrize("what", ["send", "sms"])
async def test_a_switch_thrown_after_the_last_reading_still_stops_the_hand_over(
    practice: Practice, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, case, _ = await billed(practice)
    ready = sending.ready_messages

    async def thrown(*given: Any) -> Any:
        if what == "send":
            await switch(practice, "send")
        else:
            await set_channel(practice, "sms", is_on=False)
        return await ready(*given)

    monkeypatch.setattr(sending, "ready_messages", thrown)
    sent = await practice.sending.send_step(practice.step(case, who))
    assert practice.world.text.sent == []
    assert sent.status == ("off" if what == "send" else "sent")
    assert len(practice.mail.sent) == (0 if what == "send" else 1)
    assert (await rows(practice, case))["invoice", "sms"].state == "skipped"


async def test_a_channel_without_an_agreement_carries_nothing(practice: Practice) -> None:
    who, case, _ = await billed(practice)
    await set_channel(practice, "sms", is_on=False)
    assert (await practice.sending.send_step(practice.step(case, who))).status == "sent"
    assert practice.world.text.sent == []
    assert len(practice.mail.sent) == 1
    assert (await rows(practice, case))["invoice", "sms"].reason == "CHANNEL_OFF"


async def test_a_barred_channel_leaves_the_step_to_the_other_one(practice: Practice) -> None:
    who, case, _ = await billed(practice)
    async with practice.world.pool.acquire() as conn:
        await consents.opt_out(conn, practice.client_id(who), "sms", "all", "desk", "stop")
    sent = await practice.sending.send_step(practice.step(case, who, 1, at=DAY_3))
    assert sent.status == "sent"
    kept = await rows(practice, case)
    assert (kept["day-3", "sms"].state, kept["day-3", "sms"].reason) == ("skipped", "opted_out")
    assert kept["day-3", "email"].state == "accepted"


async def test_a_refusal_at_once_leaves_the_step_to_the_other_one(practice: Practice) -> None:
    who, case, _ = await billed(practice)

    async def landline(_: OutgoingText) -> Refused:
        return Refused(code="21614", kind="invalid_address")

    practice.world.text.send = landline  # type: ignore[method-assign]
    step = practice.step(case, who, 1, at=DAY_3)
    sent = await practice.sending.send_step(step)
    assert [(one.channel, one.state) for one in sent.outcomes] == [
        (Channel.SMS, "refused"),
        (Channel.EMAIL, "accepted"),
    ]
    assert (await practice.sending.send_step(step)).status == "sent"
    assert len(practice.mail.sent) == 1
    async with practice.world.pool.acquire() as conn:
        text = await consents.permission(conn, practice.client_id(who), Channel.SMS, "billing")
    assert text.reason == "address_suppressed"  # the next step does not try the landline again


@pytest.mark.parametrize(
    ("kind", "reason"), [("invalid_address", "address_suppressed"), ("filtered", None)]
)
async def test_a_mailbox_that_is_not_there_is_written_to_no_more(
    practice: Practice, kind: str, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, case, _ = await billed(practice, practice.client(email=f"{uuid4()}@example.test"))

    async def refused(_: OutgoingEmail) -> Refused:
        return Refused(code="550", kind=kind)

    monkeypatch.setattr(practice.mail, "send", refused)
    await practice.sending.send_step(practice.step(case, who))
    client_id = practice.client_id(who)
    async with practice.world.pool.acquire() as conn:
        allowed = await consents.permissions(conn, client_id, "billing")
    assert (allowed[Channel.EMAIL].reason, allowed[Channel.SMS].ok) == (reason, True)
    practice.world.pms.clients[who] = practice.world.pms.clients[who].model_copy(
        update={"email": f"{uuid4()}@example.test"}
    )
    await refresh_contact(practice.tools, case.location_id, who)
    async with practice.world.pool.acquire() as conn:
        assert (await consents.permission(conn, client_id, Channel.EMAIL, "billing")).ok


@pytest.mark.parametrize(("barred", "status"), [("opt_out", "no_consent"), ("off", "unreachable")])
async def test_without_any_channel_a_person_is_asked_for_what_is_missing(
    practice: Practice, barred: str, status: str
) -> None:
    who, case, _ = await billed(practice)
    for channel in ("sms", "email"):
        if barred == "off":
            await set_channel(practice, channel, is_on=False)
        else:
            async with practice.world.pool.acquire() as conn:
                client_id = practice.client_id(who)
                await consents.opt_out(conn, client_id, channel, "all", "desk", "stop")
    assert (await practice.sending.send_step(practice.step(case, who))).status == status
    assert silent(practice)


async def test_a_second_visit_is_covered_by_a_message_that_came_after_its_invoice(
    practice: Practice,
) -> None:
    who, first, _ = await billed(practice)
    _, second, _ = await billed(practice, who)
    later = AT + timedelta(minutes=20)
    assert (await practice.sending.send_step(practice.step(first, who, at=later))).status == "sent"
    sent = await practice.sending.send_step(
        practice.step(second, who, at=later + timedelta(minutes=5))
    )
    assert (sent.status, sent.reason, sent.local_date) == ("covered", "IN_STATEMENT", AT.date())
    assert len(practice.world.text.sent) == len(practice.mail.sent) == 1
    assert {row.reason for row in (await rows(practice, second)).values()} == {"IN_STATEMENT"}
    assert [(one.answer, one.rule) for one in await answers(practice, who)] == [("covered", "C9")]


async def test_a_message_from_before_the_invoice_does_not_cover_it_but_takes_the_day(
    practice: Practice,
) -> None:
    who, first, _ = await billed(practice)
    await practice.sending.send_step(practice.step(first, who))
    later = AT + timedelta(hours=2)
    _, second, _ = await billed(practice, who, later)
    sent = await practice.sending.send_step(practice.step(second, who, at=later))
    assert (sent.status, sent.reason) == ("snoozed", "CAP_FULL")
    assert sent.until is not None
    assert sent.until.isoformat() == "2026-11-06T16:00:00+00:00"
    (kept,) = await answers(practice, who)
    assert (kept.answer, kept.rule, kept.until) == ("moved", "D12", sent.until)
    again = practice.step(second, who, at=sent.until)
    assert (await practice.sending.send_step(again)).status == "sent"


async def test_a_fourth_touch_in_seven_days_is_moved(practice: Practice) -> None:
    who = practice.client()
    cases = [(await billed(practice, who, AT + timedelta(days=n)))[1] for n in (0, 4, 5)]
    for days, case in zip((0, 4, 5), cases, strict=True):
        at = AT + timedelta(days=days, minutes=1)
        went = await practice.sending.send_step(practice.step(case, who, at=at))
        assert (went.status, went.reason) == ("sent", None)
    at = AT + timedelta(days=6)
    sent = await practice.sending.send_step(practice.step(cases[0], who, 2, at=at))
    assert sent.status == "snoozed"
    assert sent.until is not None
    assert timedelta(days=7) < sent.until - AT < timedelta(days=7, hours=1)


async def test_a_less_important_message_yields_to_one_that_was_moved_to_today(
    practice: Practice,
) -> None:
    who, first, _ = await billed(practice)
    _, second, _ = await billed(practice, who)
    at = DAY_3
    moved = SendAnswer(
        case_id=first.case_id,
        client_id=practice.client_id(who),
        location_id=practice.world.location_id,
        document_id=ids.document_id(first.case_id, 1),
        step="invoice",
        priority=1,
        answer="moved",
        reason="CAP_FULL",
        rule="D12",
        policy_version=1,
        until=at,
        at=AT,
    )
    async with practice.world.pool.acquire() as conn:
        await send_answers.note(conn, moved)
    low = practice.step(second, who, 1, at=at)
    low = low.model_copy(update={"step": low.step.model_copy(update={"priority": 3})})
    yields = await practice.sending.send_step(low)
    assert (yields.status, yields.reason) == ("snoozed", "YIELDS")
    same = practice.step(second, who, 1, at=at)
    assert (await practice.sending.send_step(same)).status == "sent"


async def test_news_of_a_failed_payment_yields_to_nothing_and_others_to_it(
    practice: Practice,
) -> None:
    who, case, _ = await billed(practice)
    await place(practice, who, "dispute")
    await practice.sending.send_step(practice.step(case, who, in_flight_cents=65_000))
    await practice.sending.send_step(practice.step(case, who))
    assert [one.priority for one in await answers(practice, who)] == [0, 1]


async def test_a_temporary_failure_gives_the_same_channel_one_more_message(
    practice: Practice,
) -> None:
    who, case, _ = await billed(practice)
    ask = practice.step(case, who, 1, at=DAY_3)
    await practice.sending.send_step(ask)
    (text,) = practice.world.text.sent
    async with practice.world.pool.acquire() as conn:
        await touchpoints.mark(conn, text.message_key, "failed", failure_code="30003")
    later = ask.model_copy(update={"at": DAY_3 + timedelta(hours=4)})
    assert len(practice.world.text.sent) == 1
    again = later.model_copy(update={"retry_of": text.message_key})
    for _ in range(2):
        assert (await practice.sending.send_step(again)).status == "sent"
    assert len(practice.world.text.sent) == 2


async def test_an_intent_left_behind_is_not_dated_back(practice: Practice) -> None:
    who, case, _ = await billed(practice)

    async def away(_: OutgoingText) -> Accepted:
        raise ProviderUnavailable("away")

    practice.world.text.send = away  # type: ignore[method-assign]
    with pytest.raises(Exception, match="away"):
        await practice.sending.send_step(practice.step(case, who, 1, at=DAY_3))
    del practice.world.text.send  # type: ignore[method-assign]
    next_day = practice.step(case, who, 1, at=DAY_3 + timedelta(days=1))
    assert (await practice.sending.send_step(next_day)).status == "sent"
    async with practice.world.pool.acquire() as conn:
        found = await touchpoints.of_case(conn, case.case_id)
    assert [(one.state, one.reason) for one in found if one.intent == 0] == [
        ("skipped", "OVERTAKEN")
    ]
    (out,) = [one for one in found if one.state == "accepted"]
    assert out.local_date == DAY_3.date() + timedelta(days=1)
