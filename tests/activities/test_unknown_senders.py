"""A number that no client had: whoever turns out to have it is silent, whatever else happens."""

import asyncio

import pytest

from activities import reply_holds
from activities.contacts import refresh_contact
from activities.contracts import UndoIn
from activities.undoing import UndoActivities
from connectors.ports import PmsClient
from domain.case import Channel, Undo
from store import clients, consents
from store.db import transaction
from tests.activities.practice import Practice
from tests.activities.test_reply_decisions import known_by_now, wrote
from tests.web.conftest import new_phone


async def test_a_newcomer_with_another_number_by_then_is_still_released(
    practice: Practice,
) -> None:
    phone = new_phone()
    reply = await wrote(practice, "call me", phone)
    await reply.ask()
    ref = practice.client(phone_e164=phone)
    reply.clients = [await refresh_contact(practice.tools, practice.world.location_id, ref)]
    assert await reply.standing() == [("reply", None)]
    person = practice.world.pms.clients[ref]
    assert isinstance(person, PmsClient)
    practice.world.pms.clients[ref] = person.model_copy(update={"phone_e164": new_phone()})
    await refresh_contact(practice.tools, practice.world.location_id, ref)
    await reply.decide("resume")
    assert await reply.standing() == []


@pytest.mark.parametrize(
    ("body", "choice", "kind"),
    [
        ("call me", "adverse_event", "adverse_event"),
        ("call me", "exclude", "exclusion"),
        ("that bill is wrong", "complaint", "complaint"),
    ],
)
async def test_who_is_to_stay_silent_is_so_also_when_known_only_after_the_answer(
    practice: Practice, body: str, choice: str, kind: str
) -> None:
    phone = new_phone()
    reply = await wrote(practice, body, phone)
    shown = await reply.shows(choice, reason="as they asked")
    said = "a clinician is asked" if choice == "adverse_event" else "whoever turns out to have it"
    assert said in shown.follows[-1].lower().replace("the number", "it")
    applied = await reply.decide(choice, reason="as they asked")
    reply.clients = [await known_by_now(practice, phone)]
    assert await reply.standing() == [(kind, None)]
    if choice == "adverse_event":
        [reply.received] = applied.replies
        await reply.decide("clinician_spoke", "run/2", reason="called")
        assert await reply.standing() == []
        assert await reply.standing(await known_by_now(practice, phone)) == []


async def test_who_wants_no_texts_gets_none_also_when_known_only_after_the_answer(
    practice: Practice,
) -> None:
    phone = new_phone()
    reply = await wrote(practice, "who is this", phone)
    shown = await reply.shows("opt_out")
    assert "Nothing goes to the number that wrote by sms." in shown.follows
    await reply.decide("opt_out")
    client_id = await known_by_now(practice, phone)
    async with practice.world.pool.acquire() as conn:
        said = await consents.permission(conn, client_id, Channel.SMS, "billing")
    assert not said.ok


async def test_words_that_come_while_their_sender_becomes_known_silence_them(
    practice: Practice,
) -> None:
    phone, world = new_phone(), practice.world
    ref = practice.client(phone_e164=phone)
    client_id = practice.client_id(ref)
    contact = clients.Contact(first_name="Ada", last_name="Quill", phone_e164=phone)
    async with transaction(world.pool) as conn:
        await clients.upsert_client(
            conn, world.vault, client_id, world.location_id, "boulevard", ref, contact
        )
        await reply_holds.place_on_newcomer(conn, client_id)
        writing = asyncio.create_task(wrote(practice, "call me", phone))
        await asyncio.wait([writing], timeout=0.5)
    reply = await writing
    reply.clients = [client_id]
    assert await reply.standing() == [("reply", None)]


async def test_an_answer_that_comes_while_their_sender_becomes_known_lifts_the_hold(
    practice: Practice,
) -> None:
    phone, world = new_phone(), practice.world
    reply = await wrote(practice, "call me", phone)
    await reply.ask()
    ref = practice.client(phone_e164=phone)
    client_id = practice.client_id(ref)
    contact = clients.Contact(first_name="Ada", last_name="Quill", phone_e164=phone)
    async with transaction(world.pool) as conn:
        await clients.upsert_client(
            conn, world.vault, client_id, world.location_id, "boulevard", ref, contact
        )
        await reply_holds.place_on_newcomer(conn, client_id)
        answering = asyncio.create_task(reply.decide("resume"))
        await asyncio.wait([answering], timeout=0.5)
    await answering
    assert await reply.standing(client_id) == []


async def test_who_shares_the_number_of_an_erased_client_is_released(practice: Practice) -> None:
    phone = new_phone()
    reply = await wrote(practice, "call me", phone)
    await reply.ask()
    first, second = [await known_by_now(practice, phone) for _ in range(2)]
    async with transaction(practice.world.pool) as conn:
        await clients.erase_contact(conn, first)
    assert await reply.standing(second) == [("reply", None)]
    await reply.decide("resume")
    assert await reply.standing(second) == []


async def test_who_becomes_known_after_an_answer_was_taken_back_is_silent(
    practice: Practice,
) -> None:
    phone, world = new_phone(), practice.world
    reply = await wrote(practice, "call me", phone)
    asked = await reply.ask()
    reply.clients = [await known_by_now(practice, phone)]
    await reply.decide("resume")
    undo = Undo(review_id=asked.review_id or "", by="robin", reason="a mistake")
    done = await UndoActivities(world.pool, world.engine).take_back(UndoIn(undo=undo, at=reply.at))
    assert (done.effect, await reply.standing()) == ("undone", [("reply", None)])
    assert await reply.standing(await known_by_now(practice, phone)) == [("reply", None)]
