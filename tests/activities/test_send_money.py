"""Money before a due step: credit, a payer at the page, money while the message is on its way."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from activities import send as sending
from activities.contracts import SendIn
from connectors.ports import OutgoingText
from domain import entries_held
from store import checkouts, ledger, races
from store.checkouts import Checkout
from store.db import transaction
from tests.activities.practice import AT, Practice
from tests.activities.sends import DAY_3, answers, billed, rows, silent


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
        received = entries_held.unapplied_received(
            payment_id=str(uuid4()),
            source="stripe",
            kind="card",
            amount_cents=cents,
            client_id=practice.client_id(who),
            location_id=practice.world.location_id,
            effective_on=AT.date(),
        )
        kept = entries_held.unapplied_kept_as_credit(
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
