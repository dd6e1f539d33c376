"""What each answer about a reply does to the books; the patient stays silent until it is there."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from activities.contacts import refresh_contact
from activities.previews import preview
from activities.replies import ReplyActivities
from activities.reply_contracts import (
    ApplyReplyIn,
    ApplyReplyOut,
    AskReplyIn,
    AskReplyOut,
    ReplyRef,
    SettledIn,
)
from connectors.ports import PmsClient
from domain import calendar
from domain.case import Channel, Decision
from domain.preview import Preview
from domain.reply_case import ReplyInput, ReplyReceived
from store import clients, consents, holds, inbox, reviews
from store.db import transaction
from tests.activities.practice import Practice
from tests.web.conftest import Owed, World, add_client, add_plan, bill, new_phone, settle

ZONE = "America/Chicago"


@dataclass
class Wrote:
    """A reply that came in through the real intake, and the case that it opens."""

    world: World
    replies: ReplyActivities
    case: ReplyRef
    received: ReplyReceived
    clients: list[str]

    @property
    def at(self) -> datetime:
        return self.received.at

    async def ask(self, number: str = "run/1", **more: object) -> AskReplyOut:
        wanted = AskReplyIn(
            case=self.case,
            replies=(self.received,),
            code=self.received.code,
            at=self.at,
            review_no=number,
        )
        return await self.replies.ask_reply(wanted.model_copy(update=more))

    async def shows(self, choice: str, number: str = "run/1", **more: object) -> Preview:
        asked = await self.ask(number)
        given = {"review_id": asked.review_id, "choice": choice, "by": "dana", **more}
        async with self.world.pool.acquire() as conn:
            return await preview(conn, Decision.model_validate(given), self.at)

    async def decide(self, choice: str, number: str = "run/1", **more: object) -> ApplyReplyOut:
        asked = await self.ask(number)
        decision = Decision.model_validate(
            {"review_id": asked.review_id, "choice": choice, "by": "dana", **more}
        )
        wanted = ApplyReplyIn(
            case=self.case, replies=(self.received,), decision=decision, at=self.at
        )
        first = await self.replies.apply_reply(wanted)
        # The answer of the first call may be lost: a repeat must find the same books.
        assert await self.replies.apply_reply(wanted) == first
        return first

    async def standing(self, client_id: str | None = None) -> list[tuple[str, date | None]]:
        async with self.world.pool.acquire() as conn:
            placed = await holds.of_client(conn, client_id or self.clients[0])
        return [(hold.kind, hold.until) for hold in placed if hold.released_at is None]

    async def reason(self, channel: Channel = Channel.SMS) -> str | None:
        async with self.world.pool.acquire() as conn:
            return (await consents.permission(conn, self.clients[0], channel, "billing")).reason


async def wrote(practice: Practice, body: str, phone: str, *known: str) -> Wrote:
    """Text something to the practice."""
    world = practice.world
    raw = urlencode({"MessageSid": f"SM{uuid4().hex}", "From": phone, "Body": body}).encode()
    async with transaction(world.pool) as conn:
        inbox_id, _ = await inbox.receive(
            conn, world.vault, "twilio", None, uuid4().hex, "message.received", None, {}, raw
        )
    case_id = await world.intake.dispatch(inbox_id)
    # A case that runs already is told, not started.
    told = [message for _, _, message in world.engine.signals]
    told += [
        start.reply for _, _, start, _ in world.engine.started if isinstance(start, ReplyInput)
    ]
    [received] = [
        one for one in told if isinstance(one, ReplyReceived) and one.inbox_id == inbox_id
    ]
    return Wrote(
        world,
        ReplyActivities(practice.tools),
        ReplyRef(case_id=case_id, location_id=world.location_id, zone=ZONE),
        received,
        list(known),
    )


async def about(practice: Practice, body: str) -> tuple[Wrote, Owed]:
    """A patient who owes writes back."""
    owed = await bill(practice.world)
    return await wrote(practice, body, owed.phone, owed.client_id), owed


async def test_what_an_answer_does_is_shown_and_nothing_of_it_stays(practice: Practice) -> None:
    reply, _ = await about(practice, "please call me")
    before = await reply.standing(), await reply.reason()
    for choice, sentence in (
        ("dispute", "The patient is silenced: dispute."),
        ("exclude", "The patient is silenced: exclusion."),
        ("opt_out", "The patient opts out of sms."),
        ("resume", "A hold is lifted: reply."),
    ):
        shown = await reply.shows(choice, reason="as they asked")
        assert sentence in shown.follows, (choice, shown)
        assert shown.problem is None
    refused = await reply.shows("promise", invoice_id="nowhere", until=reply.at.date())
    assert refused.problem == "The invoice is not one of this patient's."
    assert (await reply.standing(), await reply.reason()) == before


async def test_the_question_names_the_debt_and_not_the_words(practice: Practice) -> None:
    reply, owed = await about(practice, "Please call me, my name is Zelda")
    assert await reply.standing() == [("reply", None)]
    asked = await reply.ask()
    async with practice.world.pool.acquire() as conn:
        review = await reviews.get(conn, asked.review_id or "")
    assert (review.code, review.client_id, review.money_cents) == (
        "REPLY_CALL",
        owed.client_id,
        24_000,
    )
    assert review.shown["theirs"] == {"replies": reply.received.inbox_id}
    assert "Zelda" not in review.model_dump_json()
    assert (await reply.ask()).review_id == asked.review_id


async def test_resume_lifts_the_hold_and_names_the_visit_to_tell(practice: Practice) -> None:
    reply, owed = await about(practice, "who is this")
    applied = await reply.decide("resume")
    assert (applied.effect, applied.case_ids) == ("done", (owed.case_id,))
    assert applied.hold_id == reply.received.holds[0].hold_id
    assert await reply.standing() == []
    assert (await reply.ask("run/2")).status == "answered"


async def test_i_paid_that_nobody_finds_is_silent_for_two_days(practice: Practice) -> None:
    reply, _ = await about(practice, "I paid that already")
    applied = await reply.decide("resume")
    assert applied.effect == "done"
    [(kind, until)] = await reply.standing()
    assert kind == "reply"
    assert until is not None
    # Silent through the civil day in which the 48 hours end, in the practice's zone.
    ends = calendar.instant(until + timedelta(days=1), time(0), ZONE)
    assert ends >= reply.at + timedelta(hours=48)


async def test_a_recorded_payment_has_the_visits_read_the_books(practice: Practice) -> None:
    reply, owed = await about(practice, "already paid")
    applied = await reply.decide("recorded")
    assert (applied.paid, applied.case_ids) == (True, (owed.case_id,))
    assert await reply.standing() == []


async def test_the_books_settle_i_paid_only_when_nothing_is_owed(practice: Practice) -> None:
    reply, owed = await about(practice, "paid yesterday")
    await reply.ask()
    look = SettledIn(case=reply.case, replies=(reply.received,), at=reply.at)
    assert not (await reply.replies.settle_reply(look)).settled
    assert await reply.standing() == [("reply", None)]
    await settle(practice.world, owed, 24_000)
    assert (await reply.replies.settle_reply(look)).settled
    assert await reply.standing() == []


@pytest.mark.parametrize(
    ("body", "choice", "kind"),
    [
        ("this amount is wrong", "dispute", "dispute"),
        ("this amount is wrong", "complaint", "complaint"),
        ("call me", "dispute", "dispute"),
        ("call me", "exclude", "exclusion"),
        ("my face is swollen", "keep_silent", "adverse_event"),
    ],
)
async def test_who_stays_silent_stays_so_for_the_stated_reason(
    practice: Practice, body: str, choice: str, kind: str
) -> None:
    reply, _ = await about(practice, body)
    applied = await reply.decide(choice, reason="see note")
    assert (applied.effect, applied.case_ids) == ("done", ())
    assert await reply.standing() == [(kind, None)]


async def test_a_reaction_passes_on_to_a_clinician_and_is_never_unheld(practice: Practice) -> None:
    reply, owed = await about(practice, "something odd since my visit")
    applied = await reply.decide("adverse_event")
    assert applied.effect == "adverse_event"
    assert await reply.standing() == [("adverse_event", None)]
    [moved] = applied.replies
    assert (moved.code, moved.inbox_id) == ("ADVERSE_EVENT", reply.received.inbox_id)
    reply.received = moved
    applied = await reply.decide("clinician_spoke", "run/2", reason="called")
    assert applied.case_ids == (owed.case_id,)
    assert await reply.standing() == []


async def test_a_promise_holds_its_invoice_until_the_day(practice: Practice) -> None:
    reply, owed = await about(practice, "call me")
    async with practice.world.pool.acquire() as conn:
        document_id = await conn.fetchval(
            "SELECT document_id FROM documents WHERE case_id = $1", owed.case_id
        )
    day = (reply.at + timedelta(days=9)).date()
    wrong = (
        ({"invoice_id": "nowhere", "until": day}, "The invoice is not one of this patient's."),
        (
            {"invoice_id": document_id, "until": day + timedelta(days=40)},
            "A promise lies at most 30 days ahead.",
        ),
        ({"invoice_id": document_id, "until": date(2020, 1, 1)}, "The promised day is past."),
    )
    for number, (given, why) in enumerate(wrong):
        applied = await reply.decide("promise", f"wrong/{number}", **given)
        assert (applied.effect, applied.why) == ("failed", why)
        assert await reply.standing() == [("reply", None)]
    applied = await reply.decide("promise", "run/9", invoice_id=document_id, until=day)
    assert (applied.effect, applied.case_ids) == ("done", (owed.case_id,))
    assert await reply.standing() == [("promise", day)]
    second = await wrote(practice, "call me again", owed.phone, owed.client_id)
    later = day + timedelta(days=1)
    applied = await second.decide("promise", "run/10", invoice_id=document_id, until=later)
    assert applied.why == "This invoice has had its one promise already."


async def test_no_more_texts_by_a_person_leaves_email(practice: Practice) -> None:
    reply, _ = await about(practice, "hm")
    await reply.decide("opt_out")
    assert await reply.reason() == "opted_out"
    assert await reply.reason(Channel.EMAIL) is None
    assert await reply.standing() == []


async def test_a_number_that_is_the_patients_after_all_is_freed(practice: Practice) -> None:
    reply, _ = await about(practice, "wrong number")
    assert await reply.reason() == "address_suppressed"
    await reply.decide("right_person", reason="it was a joke")
    assert await reply.reason() is None


async def test_a_joke_does_not_undo_a_stop(practice: Practice) -> None:
    reply, _ = await about(practice, "wrong number, stop texting me")
    await reply.decide("right_person", reason="it was a joke")
    assert await reply.reason() == "address_suppressed"


async def test_a_corrected_contact_is_read_from_the_pms(practice: Practice) -> None:
    client_ref = practice.client()
    client_id, phone = practice.client_id(client_ref), new_phone()
    world = practice.world
    person = world.pms.clients[client_ref]
    assert isinstance(person, PmsClient)
    async with transaction(world.pool) as conn:
        contact = clients.Contact(first_name="Ada", last_name="Quill", phone_e164=phone)
        await clients.upsert_client(
            conn, world.vault, client_id, world.location_id, "boulevard", client_ref, contact
        )
    reply = await wrote(practice, "you have the wrong person", phone, client_id)
    assert await reply.reason() == "address_suppressed"
    await reply.decide("corrected")
    assert await reply.reason() is None
    async with world.pool.acquire() as conn:
        read = await clients.contact_of(conn, world.vault, client_id)
    assert read.phone_e164 == person.phone_e164


@pytest.mark.parametrize("choice", ["adverse_event", "resume"])
async def test_plans_hear_of_what_a_person_decided(practice: Practice, choice: str) -> None:
    case, owed = await about(practice, "call me")
    plan = await add_plan(case.world, owed.client_id)
    applied = await case.decide(choice)
    assert applied.plan_case_ids == (plan,)
    assert plan not in applied.case_ids


async def test_a_family_is_silent_and_released_together(practice: Practice) -> None:
    phone = new_phone()
    owed = await bill(practice.world, phone=phone)
    other = await add_client(practice.world, phone)
    reply = await wrote(practice, "call me", phone, owed.client_id, other)
    assert await reply.standing(other) == [("reply", None)]
    await reply.decide("resume")
    assert [await reply.standing(one) for one in reply.clients] == [[], []]


async def test_a_stranger_with_a_reaction_is_asked_about(practice: Practice) -> None:
    reply = await wrote(practice, "my eye is drooping since the injection", new_phone())
    asked = await reply.ask()
    async with practice.world.pool.acquire() as conn:
        review = await reviews.get(conn, asked.review_id or "")
    assert (review.code, review.client_id) == ("ADVERSE_EVENT", None)
    assert review.shown["facts"] == ["No client has the number that this came from."]
    assert (await reply.decide("clinician_spoke", reason="called back")).effect == "done"


async def known_by_now(practice: Practice, phone: str) -> str:
    """The PMS shows a patient with this number for the first time."""
    world, ref = practice.world, practice.client(phone_e164=phone)
    return await refresh_contact(practice.tools, world.location_id, ref)


@pytest.mark.parametrize(
    ("body", "choice", "kind"),
    [("call me", "resume", "reply"), ("that bill is wrong", "resume", "dispute")],
)
async def test_who_wrote_before_we_knew_the_number_is_silent_until_answered(
    practice: Practice, body: str, choice: str, kind: str
) -> None:
    phone = new_phone()
    reply = await wrote(practice, body, phone)
    await reply.ask()
    reply.clients = [await known_by_now(practice, phone)]
    assert await reply.standing() == [(kind, None)]
    assert await known_by_now(practice, new_phone()) != reply.clients[0]
    shown = await reply.shows(choice)
    assert f"A hold is lifted: {kind}." in shown.follows
    await reply.decide(choice)
    assert await reply.standing() == []
    assert await reply.standing(await known_by_now(practice, phone)) == []


async def test_a_stranger_whom_nobody_may_text_is_one_when_known(practice: Practice) -> None:
    phone = new_phone()
    reply = await wrote(practice, "who is this", phone)
    await reply.ask()
    first, second = [await known_by_now(practice, phone) for _ in range(2)]
    reply.clients = [first, second]
    await reply.decide("opt_out")
    assert [await reply.standing(one) for one in reply.clients] == [[], []]
    async with practice.world.pool.acquire() as conn:
        said = [
            await consents.permission(conn, one, Channel.SMS, "billing") for one in (first, second)
        ]
    assert [one.reason for one in said] == ["opted_out", "opted_out"]
