"""Messages that do not arrive, patients who answer, and providers that refuse or fall silent."""

from typing import Any

import httpx
import pytest

from domain.ids import reply_workflow_id
from starter.demo.cast import TOXIN, line
from store import reviews
from store.reviews import Review
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


async def test_a_number_that_was_refused_is_not_texted_again_and_its_steps_go_by_email(
    play: Play,
) -> None:
    case = await play.case(TOXIN_40, patient=new_patient(phone_end="0002"))
    await until_states(play, case, "invoice", {"sms": "failed", "email": "accepted"})
    await play.practice.skip(case.case_id, TO_DAY_3)
    await until_states(play, case, "day-3", {"sms": "skipped", "email": "accepted"})
    assert await play.texts(case) == []
    assert "UNREACHABLE" not in await play.codes(case)
    await play.practice.skip(case.case_id, 4)
    await until_states(play, case, "day-7", {"sms": "skipped", "email": "accepted"})


async def test_undelivered_reminder_goes_once_by_email(play: Play) -> None:
    case = await play.case(TOXIN_40, patient=new_patient(phone_end="0005"))
    await until_states(play, case, "invoice", {"sms": "failed", "email": "accepted"})
    await play.practice.skip(case.case_id, TO_DAY_3)
    await until_states(play, case, "day-3", {"sms": "failed", "email": "accepted"})
    await play.flush()
    assert len(await play.mails(case)) == 2
    assert "UNREACHABLE" not in await play.codes(case)


async def test_phone_that_is_off_is_tried_again_after_hours_and_then_left_for_email(
    play: Play,
) -> None:
    case = await play.case(TOXIN_40, patient=new_patient(phone_end="0003"))
    await until_states(play, case, "invoice", {"sms": "failed", "email": "accepted"})
    await play.practice.skip(case.case_id, TO_DAY_3)
    await until_states(play, case, "day-3", {"sms": "failed"})
    await play.flush()
    assert len(await play.messages(case, "day-3")) == 1
    await play.practice.skip(case.case_id, 0.2)
    await until_states(play, case, "day-3", {"sms": "failed", "email": "accepted"})
    assert len(await play.messages(case, "day-3")) == 3
    assert len(await play.mails(case)) == 2


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
    known = await suppressed(play)
    await reply(play, first, "stop ")
    await play.flush()

    async def one_more() -> bool:
        return await suppressed(play) == known + 1

    await play.until(one_more, "the stopped number")
    patient = new_patient()
    shared = type(patient)(**{**vars(patient), "phone_e164": first.patient.phone_e164})
    second = await play.case([line(TOXIN, "Wrinkle relaxer", 10, 1_300)], patient=shared)
    await until_states(play, second, "invoice", {"sms": "skipped", "email": "accepted"})
    assert len(await play.texts(second)) == 1  # the first visit's


async def test_reply_in_words_pauses_the_chase_until_a_person_answers(play: Play) -> None:
    case = await play.billed(TOXIN_40)
    await reply(play, case, "I think this is wrong, call me")
    asked = await asked_about(play, case, "REPLY_DISPUTE")
    await play.practice.skip(case.case_id, TO_DAY_3)
    assert await play.messages(case, "day-3") == []
    await play.decide(asked, "resume")
    await play.until_out(case, "day-3")
    assert len(await play.texts(case)) == 2


async def test_a_reaction_silences_everything_and_asks_a_clinician(play: Play) -> None:
    case = await play.billed(TOXIN_40)
    await reply(play, case, "my eyelid is drooping, STOP texting me about money")
    asked = await asked_about(play, case, "ADVERSE_EVENT")
    await play.practice.skip(case.case_id, TO_DAY_3)
    assert (len(await play.texts(case)), len(await play.mails(case))) == (1, 1)
    await play.decide(asked, "clinician_spoke", reason="called")
    await play.until_out(case, "day-3")
    assert await states(play, case, "day-3") == {"sms": "skipped", "email": "accepted"}


async def test_i_paid_is_answered_by_the_books(play: Play) -> None:
    case = await play.billed(TOXIN_40)
    await play.pay_online(case)
    await reply(play, case, "I paid this already")
    await asked_about(play, case, "REPLY_PAID")
    await play.until_balance(case, 0)
    await play.practice.skip(reply_case(case), 0.01)

    async def answered() -> bool:
        rows = await play.fetch(
            "SELECT 1 FROM client_hold_releases JOIN client_holds USING (hold_id)"
            " WHERE client_id = $1 AND released_by = 'books'",
            case.client_id,
        )
        return bool(rows)

    await play.until(answered, "the books' answer")


async def test_a_bounce_that_comes_later_goes_by_text_and_bars_the_mailbox(play: Play) -> None:
    case = await play.case(TOXIN_40, patient=new_patient(mailbox="bounce-later"))
    await until_states(play, case, "invoice", {"sms": "delivered", "email": "failed"})
    await play.practice.skip(case.case_id, TO_DAY_3)
    await play.until_out(case, "day-3")
    await play.practice.skip(case.case_id, 4)
    await until_states(play, case, "day-7", {"sms": "delivered", "email": "skipped"})
    assert len(await play.mails(case)) == 1


async def test_one_click_ends_email(play: Play) -> None:
    case = await play.billed(TOXIN_40)
    [mail] = await play.mails(case)
    assert mail["headers"]["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    url = mail["headers"]["list-unsubscribe"].strip("<>")
    async with httpx.AsyncClient() as http:
        answer = await http.post(url, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    await play.practice.skip(case.case_id, TO_DAY_3)
    await play.until_out(case, "day-3")
    await play.practice.skip(case.case_id, 4)
    await until_states(play, case, "day-7", {"sms": "delivered", "email": "skipped"})
    assert len(await play.mails(case)) == 1


def reply_case(case: Case) -> str:
    return reply_workflow_id(case.case_id.split("/")[1], case.client_id)


async def asked_about(play: Play, case: Case, code: str) -> Review:
    """Wait for the question that a reply opens."""

    async def asked() -> Review | None:
        async with play.practice.pool.acquire() as conn:
            waiting = await reviews.open_of_case(conn, reply_case(case))
        return next((one for one in waiting if one.code == code), None)

    found: Review = await play.until(asked, f"question {code}", case)
    return found


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


async def suppressed(play: Play) -> int:
    """How many addresses are stopped; the books know none by itself."""
    rows = await play.fetch("SELECT count(DISTINCT digest) FROM address_events WHERE suppressed")
    return int(rows[0][0])
