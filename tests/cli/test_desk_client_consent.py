"""`tieout client consents, opt-out, opt-in, hold, exclude, promise, release`, as staff use them."""

import contextlib
from datetime import UTC, datetime, timedelta
from unittest import mock
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from domain import ids
from domain.case import Channel
from domain.plan_case import Lender, PlanStatus
from domain.plan_facts import FactSource, PlanFact
from starter.commands import client_holds
from starter.desk import engine, reply_view
from starter.desk.books import Books
from store import clients, consents, holds, inbox, plans, send_answers
from tests.cli.conftest import AT, PHONE
from tests.cli.desk import one_sentence

BY = ("--by", "dana")
WHY = (*BY, "--reason", "asked by phone")


async def may(world, channel=Channel.SMS, of="billing"):
    return await consents.permission(world.conn, world.client_id, channel, of)


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


async def standing(world) -> list[str]:
    placed = await holds.of_client(world.conn, world.client_id)
    return [hold.kind for hold in placed if hold.released_at is None]


async def test_staff_end_and_allow_one_kind_of_message(world):
    await with_phone(world)
    out = ("client", "opt-out", world.client_id, "--channel", "sms", "--scope", "billing", *WHY)
    said = await world.run(*out, "--json")
    assert said.json["may_send"]["billing"]["sms"] == {
        "ok": False,
        "reason": "opted_out",
        "detail": "neutral",
    }
    assert (await may(world)).reason == "opted_out"
    allow = ("client", "opt-in", world.client_id, "--channel", "sms", "--scope", "billing")
    words = ("--how", "verbal", "--words", "yes to texts", "--detail", "detailed", *BY)
    assert (await world.run(*allow, *words)).words == "Recorded: billing by sms, by dana."
    assert (await may(world)).detail == "detailed"
    row = await world.conn.fetchrow(
        "SELECT how, words, taken_by FROM consent_events WHERE client_id = $1 AND allowed",
        world.client_id,
    )
    assert tuple(row) == ("verbal", "yes to texts", "dana")


async def test_marketing_is_allowed_in_writing_alone(world):
    await with_phone(world)
    base = ("client", "opt-in", world.client_id, "--channel", "sms", "--scope", "marketing")
    await world.run(*base, "--how", "verbal", "--words", "yes", *BY)
    assert (await may(world, of="marketing")).reason == "no_consent"
    await world.run(*base, "--how", "written", "--words", "form 12", *BY)
    assert (await may(world, of="marketing")).ok


async def test_an_old_paper_does_not_outdo_a_newer_stop(world):
    await with_phone(world)
    await consents.opt_out(world.conn, world.client_id, "sms", "all", "sms-reply", "stop")
    base = ("client", "opt-in", world.client_id, "--channel", "sms", "--scope", "all")
    old = ("--how", "written", "--words", "form", "--given-on", "2026-01-05", *BY)
    await world.run(*base, *old)
    assert (await may(world)).reason == "opted_out"


async def test_the_day_of_an_old_paper_is_shown_as_that_day(world):
    base = ("client", "opt-in", world.client_id, "--channel", "sms", "--scope", "care")
    paper = (*base, "--how", "written", "--words", "form", *BY, "--given-on")
    await world.run(*paper, "2026-01-05")
    page = (await world.run("client", "consents", world.client_id)).words
    assert "2026-01-05 00:00 yes to care by sms (written)" in page
    assert one_sentence(await world.run(*paper, in_days(2)), 2).endswith("lies ahead.")


async def test_a_promise_on_a_reply_is_refused_before_it_is_given(world):
    document = await world.bill()
    asked = await world.ask("REPLY_PAID", case_id=f"reply/{world.location_id}/{world.client_id}")
    promised = ("review", "decide", asked.review_id, "promise", "--invoice", document.number, *BY)
    for days, why in ((-2, "is past."), (40, "at most 30 days ahead.")):
        assert one_sentence(await world.run(*promised, "--until", in_days(days)), 2).endswith(why)


async def test_a_corrected_address_is_freed_only_when_that_is_said(world):
    digest = await with_phone(world)
    await consents.suppress_address(world.conn, digest, "sms", "wrong_person")
    base = ("client", "opt-in", world.client_id, "--channel", "sms", "--scope", "billing")
    words = ("--how", "verbal", "--words", "yes", *BY)
    await world.run(*base, *words)
    assert (await may(world)).reason == "address_suppressed"
    await world.run(*base, *words, "--address-corrected")
    assert (await may(world)).ok


async def test_the_page_says_what_may_go_and_why_not(world):
    await with_phone(world)
    await consents.opt_out(world.conn, world.client_id, "sms", "all", "sms-reply", "stop")
    await world.run("client", "hold", world.client_id, "--kind", "dispute", *WHY)
    page = (await world.run("client", "consents", world.client_id)).words
    assert "May be sent once nothing silences the client" in page
    assert "billing no: opted out" in page
    assert "no to all by sms (sms-reply)" in page
    assert "dispute, until lifted, by dana: asked by phone" in page
    assert "Fern" not in page
    data = (await world.run("client", "consents", world.client_id, "--json")).json
    assert data["said"][0]["how"] == "sms-reply"
    assert data["holds"][0]["kind"] == "dispute"


async def test_a_hold_stands_until_it_is_released(world):
    held = await world.run("client", "hold", world.client_id, "--kind", "complaint", *WHY)
    assert held.words == "Silent until a person lifts it: complaint, by dana."
    assert await standing(world) == ["complaint"]
    freed = await world.run("client", "release", world.client_id, *WHY)
    assert freed.words == "Lifted: complaint. 0 visits go on."
    assert await standing(world) == []
    again = await world.run("client", "release", world.client_id, *WHY)
    assert one_sentence(again, 1).endswith("nothing silences this client.")


async def approved(world) -> str:
    """A lender has approved the client; the id of the plan's case."""
    plan_id = f"app-{uuid4()}"
    fact = PlanFact(
        location_id=world.location_id,
        lender=Lender.CHERRY,
        plan_id=plan_id,
        source=FactSource.POLL,
        key=str(uuid4()),
        as_of=AT,
        observed_at=AT,
        client_id=world.client_id,
        status=PlanStatus.APPROVED,
    )
    await plans.record(world.conn, fact)
    return ids.plan_workflow_id(world.location_id, Lender.CHERRY, plan_id)


async def test_a_hold_is_told_to_the_client_s_plans(world, monkeypatch):
    plan, told = await approved(world), []

    @contextlib.asynccontextmanager
    async def tell_cases(_, case_ids):
        async def tell(signal, _):
            told.extend((case_id, signal) for case_id in case_ids)

        yield tell

    monkeypatch.setattr(engine, "tell_cases", tell_cases)
    await world.run("client", "hold", world.client_id, "--kind", "complaint", *WHY)
    assert told == [(plan, "client_held")]


async def test_silence_does_not_wait_for_the_engine(world):
    await approved(world)
    held = await world.run("client", "hold", world.client_id, "--kind", "complaint", *WHY)
    assert (held.code, held.err) == (0, "")
    assert await standing(world) == ["complaint"]


async def test_only_the_named_kind_is_released(world):
    for kind in ("complaint", "dispute"):
        await world.run("client", "hold", world.client_id, "--kind", kind, *WHY)
    await world.run("client", "release", world.client_id, "--kind", "dispute", *WHY)
    assert await standing(world) == ["complaint"]


async def test_a_release_of_a_kind_that_does_not_stand_says_so(world):
    await world.run("client", "hold", world.client_id, "--kind", "dispute", *WHY)
    release = ("client", "release", world.client_id, *WHY, "--kind")
    none = await world.run(*release, "adverse_event")
    assert one_sentence(none, 1) == "Nothing was changed: no adverse event silences this client."
    assert (await world.run(*release, "exlusion")).code == 2
    assert await standing(world) == ["dispute"]


async def test_what_nobody_can_lift_is_asked_again_at_a_terminal(world, monkeypatch):
    hold = ("client", "hold", world.client_id, "--kind", "deceased", *WHY)
    asked = mock.Mock(return_value=False)
    monkeypatch.setattr(client_holds, "confirmed", asked)
    assert one_sentence(await world.run(*hold), 1) == "Nothing was changed."
    assert await standing(world) == []
    assert asked.call_args.kwargs == {"yes": False, "as_json": False}
    asked.return_value = True
    assert (await world.run(*hold)).code == 0


async def test_an_opt_in_without_words_asks_for_them(world):
    base = ("client", "opt-in", world.client_id, "--channel", "sms", "--scope", "care")
    said = await world.run(*base, "--how", "web", *BY)
    assert one_sentence(said, 2) == "Say what was agreed to: --words WORDS."


@pytest.mark.parametrize("kind", ["legal_hold", "deceased"])
async def test_what_is_for_good_is_never_released(world, kind):
    held = await world.run("client", "hold", world.client_id, "--kind", kind, *WHY)
    assert "for good" in held.words
    refused = await world.run("client", "release", world.client_id, *WHY)
    assert one_sentence(refused, 1) == f"Nothing was changed: {kind} is never lifted."
    assert await standing(world) == [kind]


async def test_a_release_that_no_visit_would_hear_of_changes_nothing(world):
    document = await world.bill()
    await world.run("client", "hold", world.client_id, "--kind", "dispute", *WHY)
    answer = send_answers.SendAnswer(
        case_id=document.case_id,
        client_id=world.client_id,
        location_id=world.location_id,
        document_id=document.document_id,
        step="day-3",
        priority=1,
        answer="held",
        reason="dispute",
        rule="D6",
        policy_version=1,
        at=AT,
    )
    await send_answers.note(world.conn, answer)
    refused = await world.run("client", "release", world.client_id, *WHY)
    assert refused.code == 1
    assert "Temporal" in one_sentence(refused, 1)
    assert await standing(world) == ["dispute"]


async def test_nobody_promises_what_is_not_owed(world):
    document = await world.bill()
    await world.pay(document, document.priced.due_cents)
    settled = await world.run("client", "promise", document.number, "--until", in_days(10), *BY)
    assert "Nothing is owed on" in one_sentence(settled, 1)


async def test_an_exclusion_may_have_an_end(world):
    day = in_days(20)
    said = await world.run("client", "exclude", world.client_id, "--until", day, *WHY, "--json")
    assert (said.json["kind"], said.json["until"]) == ("exclusion", day)
    past = await world.run("client", "exclude", world.client_id, "--until", in_days(-3), *WHY)
    assert one_sentence(past, 2).endswith("The last silent day is past.")


async def test_a_promise_is_one_an_invoice_and_near(world):
    document = await world.bill()
    far = await world.run("client", "promise", document.number, "--until", in_days(40), *BY)
    assert one_sentence(far, 2).endswith("A promise lies at most 30 days ahead.")
    day = in_days(10)
    kept = await world.run("client", "promise", document.number, "--until", day, *BY, "--json")
    assert (kept.json["case_id"], kept.json["until"]) == (document.case_id, day)
    again = await world.run("client", "promise", document.number, "--until", day, *BY)
    assert "one promise already" in one_sentence(again, 1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("hold", "{}", "--kind", "dispute"), "Say who does it"),
        (("hold", "{}", "--kind", "dispute", *BY), "Say why"),
        (("opt-out", "{}", "--channel", "sms", *BY), "Say why"),
        (("promise", "{}", *BY), "nothing"),
    ],
)
async def test_what_nobody_answers_for_is_refused(world, words, sentence):
    said = await world.run("client", *(word.format(world.client_id) for word in words))
    assert said.code in (1, 2)
    assert sentence in said.err or said.code == 1
    assert await standing(world) == []


async def test_the_desk_reads_what_the_patient_wrote_and_a_program_does_not(world):
    body = urlencode({"From": PHONE, "Body": "please call\x1b[31m me at 5"}).encode()
    inbox_id, _ = await inbox.receive(
        world.conn, world.vault, "twilio", None, uuid4().hex, "message.received", None, {}, body
    )
    case_id = f"reply/{world.location_id}/{world.client_id}"
    asked = await world.ask("REPLY_CALL", case_id=case_id, theirs={"replies": inbox_id})
    page = await world.run("review", "show", asked.review_id)
    assert reply_view.HIDDEN in page.words
    assert "please call" not in page.words
    assert "please call" not in (await world.run("review", "show", asked.review_id, "--json")).out
    books = Books(None, world.conn, world.vault, at_terminal=True)
    _, line = await reply_view.reply_section(books, asked)
    assert line.renderable.plain.endswith("please call?[31m me at 5")


async def with_phone(world) -> bytes:
    """Give the client a number; its digest."""
    phone = f"+1512{uuid4().int % 10**7:07d}"
    contact = clients.Contact(first_name="Fern", last_name="Abbott", phone_e164=phone)
    place = (world.client_id, world.location_id, "boulevard", world.client_id)
    await clients.upsert_client(world.conn, world.vault, *place, contact)
    return clients.phone_digest(world.vault, phone)
