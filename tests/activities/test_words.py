"""What a message says: in the patient's language, and the treatment only to who agreed to it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from activities.contracts import ResolveIn
from activities.details import treatment_of
from connectors.ports import Accepted, OutcomeUnknown, OutgoingText
from domain.case import Channel
from domain.invoice import InvoiceLine, LineKind, PricedInvoice
from starter.compose import ROOT
from starter.practice import read_practice
from store import consents, touchpoints
from tests.activities.practice import AT, Practice
from tests.template_folders import Templates

LINE = {
    "line_id": "1",
    "chart_line_id": None,
    "kind": LineKind.SALE,
    "item_class": "service",
    "quantity": "1",
    "unit_cents": 1,
    "gross_cents": 1,
    "net_cents": 1,
}


async def _billed(practice: Practice, who: str | None = None) -> tuple[str, Any, str]:
    who = who or practice.client()
    case = practice.chart(who, ("TOXIN-UNIT", "50"))
    await practice.bill(case)
    return who, case, await practice.ask_online(case, 65_000)


DETAILED_WORDS = "I agree that texts and e-mails may name my treatment."


async def _agreed(practice: Practice, who: str, channel: str = "sms") -> None:
    async with practice.world.pool.acquire() as conn:
        await consents.opt_in(
            conn,
            practice.client_id(who),
            channel,
            "billing",
            "written",
            DETAILED_WORDS,
            detail="detailed",
        )


async def test_a_treatment_is_named_to_a_client_who_agreed_and_on_that_channel_alone(
    practice: Practice,
) -> None:
    who, case, _ = await _billed(practice)
    await _agreed(practice, who)
    assert (await practice.sending.send_step(practice.step(case, who))).status == "sent"
    (text,), (email,) = practice.world.text.sent, practice.mail.sent
    assert "neuromodulator" in text.body
    assert "$650.00" in text.body
    assert "neuromodulator" not in email.text + email.html + email.subject
    assert "$" not in email.text


async def test_an_amount_that_is_not_owed_any_more_is_not_named(practice: Practice) -> None:
    who, case, processor_id = await _billed(practice)
    await _agreed(practice, who)
    practice.pay_online(processor_id, 20_000)
    await practice.read(case, who)
    assert (await practice.sending.send_step(practice.step(case, who))).status == "sent"
    (text,) = practice.world.text.sent
    assert "$" not in text.body
    assert "neuromodulator" not in text.body


async def test_a_detailed_text_of_unknown_outcome_is_found_by_its_own_words(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, case, processor_id = await _billed(practice)
    await _agreed(practice, who)
    searched: list[OutgoingText] = []

    async def lost(text: OutgoingText) -> Accepted:
        raise OutcomeUnknown("no answer")

    async def find(text: OutgoingText, since: datetime) -> None:
        searched.append(text)

    monkeypatch.setattr(practice.world.text, "send", lost)
    monkeypatch.setattr(practice.world.text, "find", find)
    ask = practice.step(case, who)
    sent = await practice.sending.send_step(ask)
    (unknown,) = [it.message_key for it in sent.outcomes if it.state == "unknown"]
    practice.pay_online(processor_id, 20_000)
    await practice.read(case, who)
    looked = ResolveIn(
        case=case,
        client_id=ask.client_id,
        step=ask.step,
        message_keys=(unknown,),
        at=AT,
        last_look=False,
    )
    await practice.sending.resolve_sends(looked)
    (text,) = searched
    assert "neuromodulator" in text.body
    assert "$650.00" in text.body


async def test_a_patient_is_written_to_in_their_language(practice: Practice) -> None:
    who, case, _ = await _billed(practice, practice.client(language="es-US"))
    assert (await practice.sending.send_step(practice.step(case, who))).status == "sent"
    (text,), (email,) = practice.world.text.sent, practice.mail.sent
    assert text.body.startswith("Hola Ada")
    assert email.text.startswith("Hola Ada")
    assert email.unsubscribe_url in email.text


async def test_a_language_that_is_not_written_becomes_english_and_is_logged(
    practice: Practice,
) -> None:
    who, case, _ = await _billed(practice, practice.client(language="fr-CA"))
    with capture_logs() as logs:
        await practice.sending.send_step(practice.step(case, who))
    (text,) = practice.world.text.sent
    assert text.body.startswith("Hi Ada")
    fallen = [each for each in logs if each["event"] == "language_not_written"]
    assert {(each["wanted"], each["used"]) for each in fallen} == {("fr-CA", "en")}


async def test_a_newer_template_version_is_no_new_message(
    practice: Practice, templates: Templates
) -> None:
    who, case, _ = await _billed(practice)
    ask = practice.step(case, who)
    templates.arrive(like=1)
    assert (await practice.sending.send_step(ask)).status == "sent"
    templates.arrive(like=2)
    assert (await practice.sending.send_step(ask)).status == "sent"
    assert len(practice.world.text.sent) == len(practice.mail.sent) == 1
    (email,) = practice.mail.sent
    assert "Stop these e-mails" not in email.text


DAY_7 = AT + timedelta(days=8)


@pytest.mark.parametrize(
    ("first", "later", "said"),
    [
        ({"in_flight_cents": 65_000}, {}, "payment_failed"),
        ({"asked_cents": 65_001}, {"asked_cents": 65_000}, "reminder_friendly"),
        ({}, {"asked_cents": 65_001}, "reminder_firm"),
    ],
    ids=["a payment failed", "softer after a part", "a part was paid meanwhile"],
)
@pytest.mark.parametrize("tried", ["absent", "same channel", "other channel"])
async def test_what_is_tried_again_on_its_day_says_the_same(
    practice: Practice, first: dict[str, int], later: dict[str, int], said: str, tried: str
) -> None:
    who, case, _ = await _billed(practice)
    ask = practice.step(case, who, 2, at=DAY_7)
    channels = {"other channel": (Channel.EMAIL,)}.get(tried, ask.step.channels)
    step = ask.step.model_copy(update={"channels": channels})
    await practice.sending.send_step(ask.model_copy(update={**first, "step": step}))
    failed = Channel.EMAIL if tried == "other channel" else Channel.SMS
    again = {**later, "at": DAY_7 + timedelta(hours=1)}
    async with practice.world.pool.acquire() as conn:
        (row,) = await touchpoints.of_step(conn, ask.document_id, "day-7", failed)
        reason = "ABSENT" if tried == "absent" else None
        await touchpoints.mark(conn, row.message_key, "failed", reason=reason)
    if tried == "same channel":
        again["retry_of"] = row.message_key
    if tried == "other channel":
        again["step"] = ask.step.model_copy(update={"channels": (Channel.SMS,)})
    await practice.sending.send_step(ask.model_copy(update=again))
    assert await _templates(practice, case) == [said] * (2 if tried == "other channel" else 3)


async def test_what_is_tried_again_on_its_day_has_the_version_of_its_words(
    practice: Practice, templates: Templates
) -> None:
    who, case, _ = await _billed(practice, practice.client(language="es-US"))
    ask = practice.step(case, who, 2, at=DAY_7)
    mail = ask.step.model_copy(update={"channels": (Channel.EMAIL,)})
    old = templates.arrive(like=1)
    await practice.sending.send_step(ask.model_copy(update={"step": mail}))
    templates.arrive(like=2)
    text = ask.step.model_copy(update={"channels": (Channel.SMS,)})
    assert (
        await practice.sending.send_step(ask.model_copy(update={"step": text}))
    ).status == "sent"
    async with practice.world.pool.acquire() as conn:
        found = await touchpoints.of_case(conn, case.case_id)
    assert [row.template_version for row in found] == [old, old]


async def test_what_is_tried_again_on_a_later_day_follows_the_money(practice: Practice) -> None:
    who, case, _ = await _billed(practice)
    ask = practice.step(case, who, 2, at=DAY_7)
    await practice.sending.send_step(ask)
    (text,) = practice.world.text.sent
    async with practice.world.pool.acquire() as conn:
        await touchpoints.mark(conn, text.message_key, "failed", reason="retry_tomorrow")
    again = {"at": DAY_7 + timedelta(days=1), "retry_of": text.message_key}
    await practice.sending.send_step(ask.model_copy(update={**again, "in_flight_cents": 65_000}))
    assert (await _templates(practice, case))[-1] == "payment_failed"


async def _templates(practice: Practice, case: Any) -> list[str]:
    """What each message of a case said, oldest first."""
    async with practice.world.pool.acquire() as conn:
        found = await touchpoints.of_case(conn, case.case_id)
    return [str(row.words).split(".")[0] for row in sorted(found, key=lambda row: row.intent)]


@pytest.mark.parametrize(
    ("skus", "treatment"),
    [
        (("TOXIN-UNIT",), "neuromodulator"),
        (("TOXIN-UNIT", "FILLER-SYRINGE", "TOXIN-UNIT"), "neuromodulator, filler"),
        (("TOXIN-UNIT", "FILLER-SYRINGE", "SERUM", "SUNSCREEN"), "neuromodulator +3"),
        ((), None),
        (("X" * 31,), None),
    ],
)
def test_a_treatment_fits_every_template(skus: tuple[str, ...], treatment: str | None) -> None:
    catalog = read_practice(ROOT / "examples" / "lumin.json").catalog
    lines = [InvoiceLine.model_validate({**LINE, "sku": sku}) for sku in skus]
    priced = PricedInvoice.model_construct(lines=tuple(lines))
    assert treatment_of(priced, catalog) == treatment
