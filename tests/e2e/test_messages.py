"""Messages that do not arrive, patients who answer, and providers that refuse or fall silent."""

from typing import Any

import pytest

from starter.demo.cast import TOXIN, line
from tests.e2e.play import OUT, TOXIN_40, Case, Play, new_patient

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TO_DAY_3, TO_DAY_7 = 2.95, 6.9
"""From Thursday at 14:00: the third day is a Sunday, when Texas is left alone until noon."""


async def states(play: Play, case: Case, step: str) -> dict[str, str]:
    return {str(one.channel): one.state for one in await play.messages(case, step)}


async def until_states(play: Play, case: Case, step: str, wanted: dict[str, str]) -> None:
    async def so() -> bool:
        found = await states(play, case, step)
        return {channel: found.get(channel) for channel in wanted} == wanted

    await play.until(so, f"{step} being {wanted}", case)


@pytest.mark.parametrize("phone_end", ["0001", "0002"])
async def test_number_that_twilio_refuses_gets_the_invoice_by_email(
    play: Play, phone_end: str
) -> None:
    case = await play.case(TOXIN_40, patient=new_patient(phone_end=phone_end))
    await until_states(play, case, "invoice", {"sms": "failed", "email": "accepted"})
    assert await play.texts(case) == []
    assert len(await play.mails(case)) == 1
    await play.pay_to_the_end(case)


async def test_step_by_sms_alone_to_a_refused_number_goes_by_email_at_once(play: Play) -> None:
    case = await play.case(TOXIN_40, patient=new_patient(phone_end="0002"))
    await until_states(play, case, "invoice", {"sms": "failed", "email": "accepted"})
    await play.practice.skip(case.case_id, TO_DAY_3)
    await until_states(play, case, "day-3", {"sms": "failed", "email": "accepted"})
    assert await play.texts(case) == []
    assert "UNREACHABLE" not in await play.codes(case)
    await play.practice.skip(case.case_id, 4)
    await until_states(play, case, "day-7", {"sms": "failed", "email": "accepted"})


@pytest.mark.parametrize("phone_end", ["0003", "0005"])
async def test_undelivered_reminder_goes_once_by_email(play: Play, phone_end: str) -> None:
    case = await play.case(TOXIN_40, patient=new_patient(phone_end=phone_end))
    await until_states(play, case, "invoice", {"sms": "failed", "email": "accepted"})
    await play.practice.skip(case.case_id, TO_DAY_3)
    await until_states(play, case, "day-3", {"sms": "failed", "email": "accepted"})
    await play.flush()
    assert len(await play.mails(case)) == 2
    assert "UNREACHABLE" not in await play.codes(case)


async def test_mailbox_that_bounces_gets_the_invoice_by_sms(play: Play) -> None:
    case = await play.case(TOXIN_40, patient=new_patient(mailbox="bounce"))
    await until_states(play, case, "invoice", {"sms": "delivered", "email": "failed"})
    assert await play.mails(case) == []
    await play.pay_to_the_end(case)


async def test_patient_whom_nothing_reaches_is_a_persons_question(play: Play) -> None:
    patient = new_patient(phone_end="0002", mailbox="bounce")
    case = await play.case(TOXIN_40, patient=patient)
    asked = await play.question(case, "UNREACHABLE")
    assert await play.texts(case) == []
    assert await play.mails(case) == []
    assert await play.balance(case) == 52_000
    await play.decide(asked, "stop", reason="wrong contact data")
    assert await play.result(case) == "closed_by_staff"
    assert await play.balance(case) == 52_000


async def test_stop_ends_texts_and_not_emails(play: Play) -> None:
    case = await play.billed(TOXIN_40)
    await reply(play, case, "STOP")

    async def recorded() -> bool:
        rows = await play.fetch(
            "SELECT 1 FROM consent_events WHERE client_id = $1 AND NOT allowed", case.client_id
        )
        return bool(rows)

    await play.until(recorded, "the opt-out")
    await play.practice.skip(case.case_id, TO_DAY_3)
    await play.until_out(case, "day-3")
    assert await states(play, case, "day-3") == {"sms": "skipped", "email": "accepted"}
    await play.practice.skip(case.case_id, 4)
    await play.until_out(case, "day-7")
    assert await states(play, case, "day-7") == {"sms": "skipped", "email": "accepted"}
    assert len(await play.texts(case)) == 1
    assert len(await play.mails(case)) == 3


async def test_stop_binds_the_next_visit_of_the_same_number(play: Play) -> None:
    first = await play.billed(TOXIN_40)
    await reply(play, first, "stop ")
    await play.flush()
    await until_suppressed(play)
    patient = new_patient()
    shared = type(patient)(**{**vars(patient), "phone_e164": first.patient.phone_e164})
    second = await play.case([line(TOXIN, "Wrinkle relaxer", 10, 1_300)], patient=shared)
    await until_states(play, second, "invoice", {"sms": "skipped", "email": "accepted"})
    assert len(await play.texts(second)) == 1  # the first visit's


async def test_reply_in_words_pauses_the_chase_until_a_person_releases_it(play: Play) -> None:
    case = await play.billed(TOXIN_40)
    await reply(play, case, "I think this is wrong, call me")
    handle = play.practice.case(case.case_id)

    async def held() -> bool:
        return (await handle.query("standing"))["held_by"] is not None

    await play.until(held, "the hold", case)
    await play.practice.skip(case.case_id, TO_DAY_3)
    assert await play.messages(case, "day-3") == []
    await handle.execute_update("release", {"by": "desk"})
    await play.until_out(case, "day-3")
    assert len(await play.texts(case)) == 2


@pytest.mark.parametrize("kind", ["timeout_after", "error_after", "reset_after"])
async def test_text_whose_answer_was_lost_is_found_and_not_repeated(play: Play, kind: str) -> None:
    await play.fault("twilio", "messages.create", kind, seconds=0.2)
    case = await play.billed(TOXIN_40)
    assert len(await play.texts(case)) == 1
    assert "MESSAGE_UNKNOWN" not in await play.codes(case)


@pytest.mark.parametrize("kind", ["timeout_before", "error_before", "reset_before", "rate_limit"])
async def test_text_that_never_arrived_is_sent_again_once(play: Play, kind: str) -> None:
    await play.fault("twilio", "messages.create", kind, seconds=0.2)
    case = await play.billed(TOXIN_40)
    assert len(await play.texts(case)) == 1


@pytest.mark.parametrize("kind", ["timeout_after", "error_after", "reset_after", "reset_before"])
async def test_email_of_unknown_outcome_arrives_once(play: Play, kind: str) -> None:
    await play.fault("smtp", "smtp.data", kind, seconds=0.2)
    case = await play.billed(TOXIN_40)
    assert len(await play.mails(case)) == 1


async def test_no_vendor_of_messages_answers_and_nothing_is_lost(play: Play) -> None:
    await play.fault("twilio", "messages.create", "rate_limit", times=3)
    await play.fault("smtp", "smtp.data", "rate_limit", times=3)
    case = await play.billed(TOXIN_40)
    assert (len(await play.texts(case)), len(await play.mails(case))) == (1, 1)


async def test_no_message_says_who_was_treated_how_or_for_how_much(play: Play) -> None:
    case = await play.billed(TOXIN_40)
    words = [doc["body"] for doc in await play.texts(case)]
    words += [doc[part] for doc in await play.mails(case) for part in ("subject", "text", "html")]
    for text in words:
        for secret in ("relaxer", "520", case.patient.last_name, case.patient.birth_date):
            assert secret not in text
    assert all(one.state in OUT for one in await play.messages(case))


async def reply(play: Play, case: Case, words: str) -> None:
    body: dict[str, Any] = {"from": case.patient.phone_e164, "body": words}
    await play.practice.control("twilio/inbound", body)


async def until_suppressed(play: Play) -> None:
    async def so() -> bool:
        return bool(await play.fetch("SELECT 1 FROM address_events WHERE suppressed"))

    await play.until(so, "the stopped number")
