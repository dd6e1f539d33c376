"""What an attempt that did not end in a message leaves behind: a record, and nothing in the way."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from activities import send as sending
from activities.bounces import tell_failed
from activities.contacts import refresh_contact
from activities.contracts import ResolveIn, SendIn, StandingOut
from connectors.ports import (
    Accepted,
    OutcomeUnknown,
    OutgoingEmail,
    OutgoingText,
    ProviderUnavailable,
)
from domain.case import Channel
from store import checkouts, clients, consents, handovers, holds, touchpoints
from store.checkouts import Checkout
from store.db import transaction
from tests.activities.practice import AT, Practice
from tests.activities.sends import DAY_3, answers, billed, place, rows, set_channel, silent, switch
from tests.web.conftest import new_phone


async def away(_: OutgoingText | OutgoingEmail) -> Any:
    """A provider that takes nothing."""
    raise ProviderUnavailable("away")


async def left_behind(practice: Practice, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that claims the day and reaches no provider."""
    with monkeypatch.context() as patch:
        patch.setattr(practice.world.text, "send", away)
        patch.setattr(practice.mail, "send", away)
        with pytest.raises(Exception, match="away"):
            await practice.sending.send_step(ask)


async def test_an_intent_left_behind_does_not_outlive_the_debt(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, case, invoice = await billed(practice)
    _, second, _ = await billed(practice, who, AT + timedelta(minutes=1))
    ask = practice.step(case, who)
    await left_behind(practice, ask, monkeypatch)
    practice.pay_online(invoice, 65_000)
    assert (await practice.sending.send_step(ask)).status == "settled"
    assert {row.state for row in (await rows(practice, case)).values()} == {"skipped"}
    later = practice.step(second, who, at=AT + timedelta(minutes=2))
    assert (await practice.sending.send_step(later)).status == "sent"


async def test_a_step_that_waits_after_an_attempt_goes_when_its_time_comes(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, case, _ = await billed(practice)
    ask = practice.step(case, who, 1, at=DAY_3)
    await left_behind(practice, ask, monkeypatch)
    hold_id = await place(practice, who, "dispute")
    assert (await practice.sending.send_step(ask)).status == "held"
    assert {row.state for row in (await rows(practice, case)).values()} == {"skipped"}
    async with practice.world.pool.acquire() as conn:
        await holds.release(conn, hold_id, "dana", "done", AT)
    assert (await practice.sending.send_step(ask)).status == "sent"
    assert len(practice.world.text.sent) == 1


async def test_a_claimed_step_that_could_not_be_verified_goes_later(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, case, _ = await billed(practice)
    claim = practice.sending._claim

    async def slow(*given: Any, **named: Any) -> Any:
        """A system goes away while the claim waits for its lock."""
        claimed = await claim(*given, **named)
        practice.world.pms.down = True
        monkeypatch.setattr(sending, "_FRESH", timedelta(0))
        return claimed

    ask = practice.step(case, who)
    with monkeypatch.context() as patch:
        patch.setattr(practice.sending, "_claim", slow)
        assert (await practice.sending.send_step(ask)).status == "unverified"
    monkeypatch.setattr(sending, "_FRESH", timedelta(seconds=2))
    practice.world.pms.down = False
    assert (await practice.sending.send_step(ask)).status == "sent"
    assert len(practice.world.text.sent) == len(practice.mail.sent) == 1


@pytest.mark.parametrize(("missing", "rule"), [("opt_out", "J2"), ("off", "J3")])
async def test_a_step_without_a_channel_is_kept_with_its_rule(
    practice: Practice, missing: str, rule: str
) -> None:
    who, case, _ = await billed(practice)
    for channel in ("sms", "email"):
        if missing == "off":
            await set_channel(practice, channel, is_on=False)
        else:
            async with practice.world.pool.acquire() as conn:
                client_id = practice.client_id(who)
                await consents.opt_out(conn, client_id, channel, "all", "desk", "stop")
    sent = await practice.sending.send_step(practice.step(case, who))
    assert [(one.answer, one.rule) for one in await answers(practice, who)] == [(sent.status, rule)]


async def test_a_hand_over_stopped_in_the_last_moment_is_kept_with_its_rule(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, case, _ = await billed(practice)
    ready = sending.ready_messages

    async def thrown(*given: Any) -> Any:
        await switch(practice, "send")
        return await ready(*given)

    monkeypatch.setattr(sending, "ready_messages", thrown)
    assert (await practice.sending.send_step(practice.step(case, who))).status == "off"
    (kept,) = await answers(practice, who)
    assert (kept.answer, kept.reason, kept.rule) == ("off", "SWITCHED_OFF", "L7")


@pytest.mark.parametrize("said", ["stop", "dispute", "pays"])
async def test_what_the_client_says_while_the_balance_is_read_is_heard(
    practice: Practice, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, case, _ = await billed(practice)
    refresh = practice.sending._refresh

    async def slow(*given: Any) -> Any:
        """The processor takes its time; the client writes meanwhile."""
        if said == "dispute":
            await place(practice, who, "dispute")
        elif said == "pays":
            await at_the_processor(practice, who, case)
        else:
            async with practice.world.pool.acquire() as conn:
                client_id = practice.client_id(who)
                await consents.opt_out(conn, client_id, "sms", "all", "sms-reply", "stop")
        monkeypatch.setattr(practice.sending, "_refresh", refresh)
        return await refresh(*given)

    monkeypatch.setattr(practice.sending, "_refresh", slow)
    sent = await practice.sending.send_step(practice.step(case, who, 1, at=DAY_3))
    assert practice.world.text.sent == []
    assert sent.status == {"dispute": "held", "pays": "snoozed", "stop": "sent"}[said]
    assert silent(practice) == (said != "stop")


async def at_the_processor(practice: Practice, who: str, case: Any) -> None:
    """A payer was sent to the processor just now."""
    checkout = Checkout(
        checkout_id=str(uuid4()),
        location_id=practice.world.location_id,
        client_id=practice.client_id(who),
        case_id=case.case_id,
        door="invoice",
        amount_cents=65_000,
        opened_at=DAY_3,
        lock_until=DAY_3 + timedelta(minutes=15),
    )
    async with transaction(practice.world.pool) as conn:
        await checkouts.open_checkout(conn, checkout)


@pytest.mark.parametrize(("seconds", "status"), [(60, "sent"), (100, "snoozed")])
async def test_reads_that_take_long_do_not_carry_a_message_into_the_night(
    practice: Practice, seconds: int, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, case, _ = await billed(practice)
    read = sending.read_case

    async def slow(*given: Any) -> Any:
        """As if this reading had begun long ago."""
        found, locked_until = await read(*given)
        begun = found.begun - timedelta(seconds=seconds)
        return replace(found, begun=begun), locked_until

    monkeypatch.setattr(sending, "read_case", slow)
    at = datetime(2026, 11, 6, 1, 57, 30, tzinfo=UTC)
    sent = await practice.sending.send_step(practice.step(case, who, at=at))
    assert sent.status == status
    assert [text.validity_seconds // 10 for text in practice.world.text.sent] == (
        [] if status == "snoozed" else [8]
    )


async def test_what_is_decided_anew_is_decided_for_the_same_attempt(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, case, _ = await billed(practice)
    refresh = practice.sending._refresh

    async def slow(*given: Any) -> Any:
        await place(practice, who, "promise", case_id=case.case_id, until=AT.date())
        monkeypatch.setattr(practice.sending, "_refresh", refresh)
        return await refresh(*given)

    monkeypatch.setattr(practice.sending, "_refresh", slow)
    monkeypatch.setattr(sending, "at_this_attempt", lambda at: at + timedelta(hours=1))
    assert (await practice.sending.send_step(practice.step(case, who))).status == "snoozed"
    (kept,) = await answers(practice, who)
    assert timedelta(hours=1) <= kept.at - AT < timedelta(hours=1, minutes=1)


@pytest.mark.parametrize("owes_more", [True, False])
async def test_a_text_that_speaks_for_another_visit_is_not_taken_back(
    practice: Practice, owes_more: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, first, invoice = await billed(practice)
    _, second, other = await billed(practice, who)
    later = AT + timedelta(minutes=20)
    assert (await practice.sending.send_step(practice.step(first, who, at=later))).status == "sent"
    covered = practice.step(second, who, at=later + timedelta(minutes=5))
    assert (await practice.sending.send_step(covered)).status == "covered"
    cancelled: list[str] = []

    async def cancel(provider_id: str) -> bool:
        cancelled.append(provider_id)
        return True

    monkeypatch.setattr(practice.world.text, "cancel", cancel)
    if not owes_more:
        practice.pay_online(other, 65_000)
        await practice.read(second, who)
    practice.pay_online(invoice, 65_000)
    await practice.read(first, who)
    assert len(cancelled) == (0 if owes_more else 1)


@pytest.mark.parametrize("meanwhile", ["stop", "switch"])
async def test_an_email_is_repeated_on_what_is_true_when_it_goes(
    practice: Practice, meanwhile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, case, _ = await billed(practice)
    practice.mail.resends_safely = True
    practice.mail.failures = [OutcomeUnknown("no answer")]

    async def lost(_: OutgoingText) -> Any:
        raise OutcomeUnknown("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(practice.world.text, "send", lost)
        sent = await practice.sending.send_step(practice.step(case, who))

    async def slow(*_: Any) -> None:
        """The look-up of the text takes its time."""
        if meanwhile == "switch":
            await switch(practice, "chase")
        else:
            async with practice.world.pool.acquire() as conn:
                client_id = practice.client_id(who)
                await consents.opt_out(conn, client_id, "email", "all", "unsubscribe", "one-click")

    monkeypatch.setattr(practice.world.text, "find", slow)
    ask = ResolveIn(
        case=case,
        client_id=practice.client_id(who),
        step=practice.step(case, who).step,
        message_keys=tuple(one.message_key for one in sent.outcomes),
        last_look=False,
        at=AT + timedelta(minutes=1),
    )
    await practice.sending.resolve_sends(ask)
    assert practice.mail.sent == []


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_text_is_looked_up_where_and_as_it_was_handed_over(
    practice: Practice, is_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, case, _ = await billed(practice)
    handed: list[OutgoingText] = []

    async def lost(text: OutgoingText) -> Any:
        handed.append(text)
        raise OutcomeUnknown("no answer")

    async def find(text: OutgoingText, _: datetime) -> Accepted | None:
        is_it = (text.to_e164, text.body) == (handed[0].to_e164, handed[0].body)
        return Accepted(provider_id=f"SM{text.message_key}") if is_it and is_there else None

    monkeypatch.setattr(practice.world.text, "send", lost)
    monkeypatch.setattr(practice.world.text, "find", find)
    sent = await practice.sending.send_step(practice.step(case, who))
    await changed(practice, case.location_id, who, first_name="Ira", phone_e164=new_phone())
    (key,) = [one.message_key for one in sent.outcomes if one.state == "unknown"]
    assert await kept(practice, key)
    ask = look_up(practice, case, who, key).model_copy(update={"last_look": True})
    found = await practice.sending.resolve_sends(ask)
    assert [one.state for one in found.outcomes] == ["accepted" if is_there else "absent"]
    assert not await kept(practice, key)


async def test_an_email_of_unknown_outcome_is_not_repeated_to_another_mailbox(
    practice: Practice,
) -> None:
    who, case, _ = await billed(practice)
    practice.mail.resends_safely = True
    practice.mail.failures = [OutcomeUnknown("no answer")]
    sent = await practice.sending.send_step(practice.step(case, who))
    await changed(practice, case.location_id, who, email="ira@example.test")
    (key,) = [one.message_key for one in sent.outcomes if one.state == "unknown"]
    found = await practice.sending.resolve_sends(look_up(practice, case, who, key))
    assert (found.unknown, practice.mail.sent) == ((key,), [])
    async with transaction(practice.world.pool) as conn:
        await clients.erase_contact(conn, practice.client_id(who))
    assert not await kept(practice, key)


@pytest.mark.parametrize("known", ["another number", "no number before", "gone"])
async def test_a_reminder_goes_to_the_number_that_the_patient_has_by_then(
    practice: Practice, known: str
) -> None:
    old, new = new_phone(), new_phone()
    first = {"phone_e164": None, "email": None} if known == "no number before" else {}
    who, case, _ = await billed(practice, practice.client(**{"phone_e164": old, **first}))
    people = practice.world.pms.clients
    if known == "gone":
        del people[who]
    else:
        people[who] = people[who].model_copy(update={"phone_e164": new})
    sent = await practice.sending.send_step(practice.step(case, who, 1, at=DAY_3))
    assert sent.status == "sent"
    assert [text.to_e164 for text in practice.world.text.sent] == [old if known == "gone" else new]


async def changed(practice: Practice, location_id: str, who: str, **changes: Any) -> None:
    """The desk corrects a patient in the PMS."""
    known = practice.world.pms.clients[who]
    practice.world.pms.clients[who] = known.model_copy(update=changes)
    await refresh_contact(practice.tools, location_id, who)


async def kept(practice: Practice, key: str) -> bool:
    """Whether the books hold, sealed, what was handed over."""
    async with practice.world.pool.acquire() as conn:
        return await handovers.get(conn, practice.world.vault, key) is not None


def look_up(practice: Practice, case: Any, who: str, key: str) -> ResolveIn:
    """Have one message of the first step looked up."""
    return ResolveIn(
        case=case,
        client_id=practice.client_id(who),
        step=practice.step(case, who).step,
        message_keys=(key,),
        last_look=False,
        at=AT + timedelta(minutes=1),
    )


async def test_a_repeat_that_reached_nobody_says_nothing_of_the_attempt_before(
    practice: Practice,
) -> None:
    who, case, _ = await billed(practice)
    practice.mail.resends_safely = True
    practice.mail.failures = [OutcomeUnknown("no answer")]
    sent = await practice.sending.send_step(practice.step(case, who))
    (lost,) = [one for one in sent.outcomes if one.state == "unknown"]
    ask = look_up(practice, case, who, lost.message_key)
    practice.mail.failures = [ProviderUnavailable("connection refused")]
    found = await practice.sending.resolve_sends(ask)
    assert found.unknown == (lost.message_key,)
    found = await practice.sending.resolve_sends(ask)
    assert [one.state for one in found.outcomes] == ["accepted"]
    assert len(practice.mail.sent) == 1


async def test_a_visit_that_was_left_to_anothers_message_hears_that_it_bounced(
    practice: Practice,
) -> None:
    who, first, invoice = await billed(practice)
    _, second, _ = await billed(practice, who)
    later = AT + timedelta(minutes=20)
    assert (await practice.sending.send_step(practice.step(first, who, at=later))).status == "sent"
    covered = practice.step(second, who, at=later + timedelta(minutes=5))
    said = await practice.sending.send_step(covered)
    text = next(row for row in await _rows(practice, first) if row.channel is Channel.SMS)
    assert said.status == "covered"
    assert {(one.channel, one.state) for one in said.outcomes} == {
        (Channel.SMS, "accepted"),
        (Channel.EMAIL, "accepted"),
    }
    assert text.message_key in {one.message_key for one in said.outcomes}
    engine = practice.world.engine
    engine.running.update((first.case_id, second.case_id))
    await tell_failed(practice.world.pool, engine, text, "invalid_address")
    told = [(case_id, signal) for case_id, signal, _ in engine.signals]
    assert told == [(first.case_id, "delivery_failed"), (second.case_id, "delivery_failed")]
    # The visit that spoke for both is paid meanwhile: the other one speaks for itself.
    practice.pay_online(invoice, 65_000)
    await practice.read(first, who)
    mail = covered.step.model_copy(update={"channels": (Channel.EMAIL,)})
    again = covered.model_copy(update={"step": mail, "at": later + timedelta(days=1)})
    assert (await practice.sending.send_step(again)).status == "sent"
    assert len(practice.mail.sent) == 2


async def test_a_hold_that_comes_while_the_balance_is_read_again_is_heard(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first balance is too old once the client's lock is had, and the second takes time."""
    who, case, _ = await billed(practice)
    refresh, reads = practice.sending._refresh, []

    async def slow(ask: SendIn) -> StandingOut:
        reads.append(ask)
        if len(reads) == 2:
            await place(practice, who, "dispute")
        found = await refresh(ask)
        old = datetime.now(UTC) - timedelta(seconds=3)
        return found.model_copy(update={"read_at": old}) if len(reads) == 1 else found

    monkeypatch.setattr(practice.sending, "_refresh", slow)
    sent = await practice.sending.send_step(practice.step(case, who))
    assert (sent.status, sent.reason) == ("held", "HOLD_DISPUTE")
    assert (practice.world.text.sent, practice.mail.sent) == ([], [])
    assert {row.reason for row in await _rows(practice, case)} == {"OVERTAKEN"}


async def _rows(practice: Practice, case: Any) -> list[touchpoints.Touchpoint]:
    async with practice.world.pool.acquire() as conn:
        return await touchpoints.of_case(conn, case.case_id)
