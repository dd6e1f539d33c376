"""Write-back that a person has suspended: nothing is written to the PMS, and nothing is lost."""

from activities.contracts import CaseRef, WriteBackIn, WriteBackOut
from domain import ids
from domain.case import Decision
from store import locations, reviews
from store.db import transaction
from store.locations import Switch
from store.reviews import Review
from tests.activities.desk import DUE_CENTS, billed
from tests.activities.mismatches import not_taken
from tests.activities.practice import AT, Practice


async def paid(practice: Practice) -> tuple[str, CaseRef]:
    who, case, invoice = await billed(practice)
    practice.pay_online(invoice, DUE_CENTS)
    await practice.read(case, who)
    return who, case


async def tells(practice: Practice, who: str, case: CaseRef) -> WriteBackOut:
    ask = WriteBackIn(case=case, client_id=practice.client_id(who), at=AT)
    return await practice.back.write_back(ask)


async def switched(practice: Practice, state: Switch) -> None:
    async with transaction(practice.world.pool) as conn:
        here = practice.world.location_id
        await locations.set_switch(conn, here, locations.WRITE_BACK, state, "dana", "checked")


async def asked(practice: Practice, told: WriteBackOut) -> Review:
    async with practice.world.pool.acquire() as conn:
        return await reviews.get(conn, told.review_id or "")


async def waiting(practice: Practice) -> list[str]:
    async with practice.world.pool.acquire() as conn:
        return await reviews.with_waiting_note(conn, practice.world.location_id)


def tries(practice: Practice) -> int:
    return [call for call, _ in practice.world.pms.asked].count("write_note")


async def test_the_choice_suspends_the_location_in_the_name_of_who_decided(
    practice: Practice,
) -> None:
    scene = await not_taken(practice)
    tried, notes = tries(practice), dict(practice.world.pms.notes)
    why = "the PMS is being moved"
    review_id = scene.review.review_id
    given = Decision(review_id=review_id, choice="suspend", by="dana", reason=why)
    shown = await scene.shows(given)
    here = practice.world.location_id
    assert f"The switch write-back is off at {here}." in shown.follows
    assert await scene.does(given) == "continue"
    async with practice.world.pool.acquire() as conn:
        [off] = [one for one in await locations.not_live(conn) if one.location_id == here]
    assert (off.name, off.state, off.changed_by, off.reason) == ("write-back", "off", "dana", why)
    assert scene.case is not None
    told = await tells(practice, scene.who, scene.case)
    question = await asked(practice, told)
    assert (question.code, question.money_cents) == ("PMS_CONFIRM", DUE_CENTS)
    assert question.shown["ours"]["our note"] == "waits: write-back is suspended"
    assert (tries(practice), practice.world.pms.notes) == (tried, notes)


async def test_each_payment_meanwhile_is_a_task_and_its_note_is_written_when_it_is_resumed(
    practice: Practice,
) -> None:
    await switched(practice, "off")
    who, case = await paid(practice)
    tried = tries(practice)
    told = await tells(practice, who, case)
    assert (told.status, told.code) == ("task", "PMS_CONFIRM")
    assert await tells(practice, who, case) == told
    assert (tries(practice), await waiting(practice)) == (tried, [case.case_id])
    await switched(practice, "live")
    assert await tells(practice, who, case) == told
    assert await tells(practice, who, case) == told
    assert tries(practice) == tried + 1, "searched for first, so written once"
    assert practice.world.pms.notes[ids.dedupe_ref(case.case_id)].startswith("Paid online $650.00")


async def test_a_note_that_fails_when_it_is_resumed_is_asked_about_once(
    practice: Practice,
) -> None:
    await switched(practice, "off")
    who, case = await paid(practice)
    await tells(practice, who, case)
    await switched(practice, "live")
    practice.world.pms.note_refusal = "no"
    told = await tells(practice, who, case)
    assert told.code == "PMS_WRITE_FAILED"
    assert await tells(practice, who, case) == told
    assert sorted(await practice.questions(case.case_id)) == [
        ("PMS_CONFIRM", "open"),
        ("PMS_WRITE_FAILED", "open"),
    ]
    practice.world.pms.note_refusal = None
    await practice.decide(case, who, told.review_id or "", "retry")
    assert (await tells(practice, who, case)).code == "PMS_CONFIRM"


async def test_what_the_desk_recorded_meanwhile_needs_no_note(practice: Practice) -> None:
    await switched(practice, "off")
    who, case = await paid(practice)
    tried = tries(practice)
    told = await tells(practice, who, case)
    await practice.decide(case, who, told.review_id or "", "done")
    await switched(practice, "live")
    assert (await tells(practice, who, case)).status == "agreed"
    assert (tries(practice), await waiting(practice)) == (tried, [])
