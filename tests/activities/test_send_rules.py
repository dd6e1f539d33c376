"""Why a due step does not go, in the order of the rules; each refusal is kept with its rule."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from activities import send as sending
from activities.contracts import SendIn
from connectors.ports import Accepted, OutgoingText, ProviderUnavailable, Refused
from domain import entries, ids
from domain.case import Channel
from domain.dunning import RECEIPT_STEP
from store import (
    channels,
    checkouts,
    consents,
    holds,
    ledger,
    locations,
    races,
    send_answers,
    touchpoints,
)
from store.channels import ChannelSetting
from store.checkouts import Checkout
from store.db import transaction
from store.holds import ClientHold, HoldKind
from store.send_answers import SendAnswer
from store.touchpoints import Touchpoint
from tests.activities.practice import AT, Practice

DAY_3 = AT + timedelta(days=4)
"""A Monday; the day before is a Sunday, when Texas is left alone until noon."""


async def billed(practice: Practice, who: str | None = None, at: datetime = AT) -> Any:
    """A patient, a visit of $650.00 and its invoice at the processor."""
    who = who or practice.client()
    case = practice.chart(who, ("TOXIN-UNIT", "50"), at=at)
    await practice.bill(case, at)
    return who, case, await practice.ask_online(case, 65_000)


async def place(practice: Practice, who: str, kind: HoldKind, **changes: Any) -> str:
    """A hold of the client; returns its id."""
    hold = ClientHold(
        hold_id=str(uuid4()),
        client_id=practice.client_id(who),
        kind=kind,
        placed_by="dana",
        reason="test",
        placed_at=AT,
    ).model_copy(update=changes)
    async with transaction(practice.world.pool) as conn:
        await holds.place(conn, hold)
    return hold.hold_id


async def answers(practice: Practice, who: str) -> list[SendAnswer]:
    """What the client's log says of refusals."""
    async with practice.world.pool.acquire() as conn:
        return await send_answers.of_client(conn, practice.client_id(who))


async def rows(practice: Practice, case: Any) -> dict[tuple[str, str], Touchpoint]:
    """Newest message by step and channel."""
    async with practice.world.pool.acquire() as conn:
        found = await touchpoints.of_case(conn, case.case_id)
    return {(row.step, str(row.channel)): row for row in found}


def silent(practice: Practice) -> bool:
    """Whether nobody was written to."""
    return not practice.world.text.sent and not practice.mail.sent


async def set_channel(practice: Practice, channel: str, is_on: bool) -> None:
    """Switch a channel of the location, as a person would."""
    setting = ChannelSetting(
        location_id=practice.world.location_id,
        channel=channel,
        provider="twilio" if channel == "sms" else "smtp",
        is_on=is_on,
        baa_on=date(2026, 1, 1),
        set_by="dana",
        reason="test",
    )
    async with practice.world.pool.acquire() as conn:
        await channels.put(conn, setting)


async def switch(practice: Practice, name: str) -> None:
    """Throw a kill switch."""
    async with practice.world.pool.acquire() as conn:
        await locations.set_switch(conn, practice.world.location_id, name, "off", "dana", "test")


HELD = ["dispute", "complaint", "adverse_event", "reply", "exclusion", "legal_hold", "deceased"]
RULES = {"dispute": "D6", "complaint": "D6", "adverse_event": "D6", "reply": "D19"}


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
    await switch(practice, name)
    sent = await practice.sending.send_step(practice.step(case, who, first=first))
    assert sent.status == "off"
    assert silent(practice)
    assert (await rows(practice, case))["invoice", "sms"].reason == "SWITCHED_OFF"
    assert [one.rule for one in await answers(practice, who)] == ["L7"]


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


async def test_nothing_goes_while_a_payer_is_at_the_processor(practice: Practice) -> None:
    who, case, _ = await billed(practice)
    until = AT + timedelta(minutes=15)
    checkout = Checkout(
        checkout_id=str(uuid4()),
        location_id=practice.world.location_id,
        client_id=practice.client_id(who),
        case_id=case.case_id,
        door="invoice",
        amount_cents=65_000,
        opened_at=AT - timedelta(minutes=1),
        lock_until=until,
    )
    async with transaction(practice.world.pool) as conn:
        await checkouts.open_checkout(conn, checkout)
    sent = await practice.sending.send_step(practice.step(case, who))
    assert (sent.status, sent.reason, sent.until) == ("snoozed", "PAYMENT_BEING_MADE", until)
    assert silent(practice)


async def test_credit_that_covers_the_visit_is_a_persons_decision(practice: Practice) -> None:
    who, case, _ = await billed(practice)
    await earn_credit(practice, who, 70_000)
    ask = practice.step(case, who)
    assert (await practice.sending.send_step(ask)).status == "credit"
    assert silent(practice)
    anyway = ask.model_copy(update={"despite_credit": True})
    assert (await practice.sending.send_step(anyway)).status == "sent"


async def test_credit_below_the_balance_stops_nothing(practice: Practice) -> None:
    who, case, _ = await billed(practice)
    await earn_credit(practice, who, 64_999)
    assert (await practice.sending.send_step(practice.step(case, who))).status == "sent"


async def test_the_desk_uses_the_credit_for_the_visit(practice: Practice) -> None:
    who = practice.client()
    earlier = practice.chart(who, ("TOXIN-UNIT", "10"))
    await practice.bill(earlier)
    paid_twice = await practice.ask_online(earlier, 13_000)
    case = practice.chart(who, ("TOXIN-UNIT", "5"))
    await practice.bill(case)
    practice.pay_online(paid_twice, 20_000)
    await practice.read(earlier, who)
    owed = await balance(practice, case.case_id)
    asked = await practice.ask_desk(case, who, "CREDIT_ON_ACCOUNT")
    done = await practice.decide(case, who, asked, "apply_credit")
    assert (done.effect, done.balance_cents) == ("credited", 0)
    again = await practice.decide(case, who, asked, "apply_credit")
    assert again.balance_cents == 0
    assert (await practice.accounts(who))["2060"] == -(7_000 - owed)


async def balance(practice: Practice, case_id: str) -> int:
    async with practice.world.pool.acquire() as conn:
        return await ledger.balance_of_case(conn, case_id)


async def earn_credit(practice: Practice, who: str, cents: int) -> None:
    """Money on the client's account, as an overpayment leaves it."""
    async with transaction(practice.world.pool) as conn:
        received = entries.unapplied_received(
            payment_id=str(uuid4()),
            source="stripe",
            kind="card",
            amount_cents=cents,
            client_id=practice.client_id(who),
            location_id=practice.world.location_id,
            effective_on=AT.date(),
        )
        kept = entries.unapplied_kept_as_credit(
            payment_id=str(uuid4()),
            amount_cents=cents,
            client_id=practice.client_id(who),
            location_id=practice.world.location_id,
            effective_on=AT.date(),
        )
        await ledger.post_all(conn, [received, kept])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"asked_cents": 65_000}, "reminder_firm"),
        ({"asked_cents": 65_001}, "reminder_friendly"),
        ({"in_flight_cents": 65_000}, "payment_failed"),
        ({"in_flight_cents": 65_001, "asked_cents": 65_001}, "reminder_friendly"),
    ],
)
async def test_the_words_follow_the_money(
    practice: Practice, changes: dict[str, int], words: str
) -> None:
    who, case, _ = await billed(practice)
    step = practice.step(case, who, 2, at=AT + timedelta(days=8)).model_copy(update=changes)
    assert (await practice.sending.send_step(step)).status == "sent"
    assert (await rows(practice, case))["day-7", "sms"].words == f"{words}.en.neutral"


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


async def test_a_stale_balance_is_read_again_before_the_hand_over(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, case, invoice = await billed(practice)
    send = practice.sending
    claim = send._claim

    async def slow(*given: Any, **named: Any) -> Any:
        """The money comes while the claim waits for its lock."""
        claimed = await claim(*given, **named)
        practice.pay_online(invoice, 65_000)
        monkeypatch.setattr(sending, "_FRESH", timedelta(0))
        return claimed

    monkeypatch.setattr(send, "_claim", slow)
    sent = await send.send_step(practice.step(case, who))
    assert (sent.status, sent.balance_cents) == ("settled", 0)
    assert silent(practice)
    assert {row.state for row in (await rows(practice, case)).values()} == {"skipped"}


async def test_a_queued_text_is_taken_back_when_the_money_comes(practice: Practice) -> None:
    who, case, invoice = await billed(practice)
    await practice.sending.send_step(practice.step(case, who))
    cancelled: list[str] = []

    async def cancel(provider_id: str) -> bool:
        cancelled.append(provider_id)
        return True

    practice.world.text.cancel = cancel  # type: ignore[method-assign]
    await practice.read(case, who)
    assert cancelled == []
    practice.pay_online(invoice, 65_000)
    await practice.read(case, who)
    assert len(cancelled) == 1
    kept = (await rows(practice, case))["invoice", "sms"]
    assert (kept.state, kept.reason) == ("failed", "PAID_MEANWHILE")


async def test_the_gap_before_a_hand_over_is_measured_and_what_fell_into_it_counted(
    practice: Practice,
) -> None:
    who, case, invoice = await billed(practice)
    send = practice.world.text.send

    async def as_money_comes(text: OutgoingText) -> Any:
        practice.pay_online(invoice, 65_000)
        return await send(text)

    practice.world.text.send = as_money_comes  # type: ignore[method-assign]
    assert (await practice.sending.send_step(practice.step(case, who))).status == "sent"
    async with practice.world.pool.acquire() as conn:
        figures = await races.of_location(conn, practice.world.location_id)
    assert figures.messages == 2
    assert 0 <= figures.gap_ms_median <= figures.gap_ms_max < 2_000


async def test_every_refusal_about_money_is_kept(practice: Practice) -> None:
    who, case, invoice = await billed(practice)
    ask: SendIn = practice.step(case, who, 1, at=DAY_3)
    small = ask.model_copy(
        update={"chase": ask.chase.model_copy(update={"minimum_chase_cents": 65_001})}
    )
    assert (await practice.sending.send_step(small)).status == "small"
    practice.world.pms.down = True
    assert (await practice.sending.send_step(ask)).status == "unverified"
    practice.world.pms.down = False
    practice.pay_online(invoice, 65_000)
    assert (await practice.sending.send_step(ask)).status == "settled"
    assert [(one.answer, one.rule) for one in await answers(practice, who)] == [
        ("small", "D4"),
        ("unverified", "D3"),
        ("settled", "D2"),
    ]
