"""A reply is read by a person on the same day; until then the patient hears nothing."""

from datetime import timedelta

from domain.reply_case import ReplyInput, ReplyResult
from tests.workflows.clinic import THURSDAY, Clinic, received
from tests.workflows.fakes import World
from tests.workflows.undoing import first_input, reopened, undo_of


async def test_the_desk_is_asked_and_told_on_the_same_day(clinic: Clinic, world: World) -> None:
    reply = await clinic.reply("REPLY_CALL")
    assert world.open_codes == ["REPLY_CALL"]
    assert [(code, day) for code, day, _ in world.reminders] == [("REPLY_CALL", 0)]
    assert world.reminders[0][2].date() == THURSDAY.date()
    await reply.day(1, hour=15)
    assert [day for _, day, _ in world.reminders] == [0, 1]


async def test_a_decision_releases_and_tells_the_visit(clinic: Clinic, world: World) -> None:
    visit = await clinic.visit()
    world.reply_visit = visit.handle.id
    reply = await clinic.reply("REPLY_UNCLEAR")
    await reply.decide("resume")
    assert await reply.ended() == ReplyResult(decided=1, settled=0)
    assert "client_released" in await signals_of(visit)
    assert "payment_posted" not in await signals_of(visit)


async def test_a_payment_recorded_by_the_desk_is_read_by_the_visit(
    clinic: Clinic, world: World
) -> None:
    visit = await clinic.visit()
    world.reply_visit = visit.handle.id
    reply = await clinic.reply("REPLY_PAID")
    await reply.decide("recorded")
    await reply.ended()
    assert {"client_released", "payment_posted"} <= set(await signals_of(visit))


async def test_a_closed_visit_needs_no_telling(clinic: Clinic, world: World) -> None:
    visit = await clinic.visit()
    await visit.pay()
    await visit.ended()
    world.reply_visit = visit.handle.id
    reply = await clinic.reply("REPLY_DISPUTE")
    await reply.decide("resume")
    assert (await reply.ended()).decided == 1


async def test_the_books_answer_i_paid_by_themselves(clinic: Clinic, world: World) -> None:
    visit = await clinic.visit()
    world.reply_visit = visit.handle.id
    reply = await clinic.reply("REPLY_PAID")
    await reply.pass_(minutes=3)
    assert world.open_codes == ["REPLY_PAID"]
    assert world.times("settle_reply") == 1
    await visit.pay()
    await reply.pass_(hours=48)
    assert await reply.ended() == ReplyResult(decided=0, settled=1)
    assert world.question("REPLY_PAID").state == "withdrawn"


async def test_while_the_books_show_nothing_the_question_stays(
    clinic: Clinic, world: World
) -> None:
    visit = await clinic.visit()
    world.reply_visit = visit.handle.id
    reply = await clinic.reply("REPLY_PAID")
    await reply.day(7)
    assert world.times("settle_reply") == 2
    assert world.open_codes == ["REPLY_PAID"]


async def test_a_second_reply_of_the_same_kind_is_read_with_the_first(
    clinic: Clinic, world: World
) -> None:
    reply = await clinic.reply("REPLY_CALL")
    first = world.question("REPLY_CALL").review_id
    await reply.signal("reply_received", received("REPLY_CALL", inbox_id="inbox-2"))
    assert world.open_codes == ["REPLY_CALL"]
    assert world.question("REPLY_CALL").review_id != first
    assert [r.inbox_id for r in world.of("ask_reply")[-1].replies] == ["inbox-1", "inbox-2"]
    await reply.decide("resume")
    assert [r.inbox_id for r in world.of("apply_reply")[0].replies] == ["inbox-1", "inbox-2"]
    assert await reply.ended() == ReplyResult(decided=1, settled=0)


async def test_replies_of_two_kinds_are_two_questions(clinic: Clinic, world: World) -> None:
    reply = await clinic.reply("REPLY_CALL")
    await reply.signal("reply_received", received("ADVERSE_EVENT", inbox_id="inbox-2"))
    assert sorted(world.open_codes) == ["ADVERSE_EVENT", "REPLY_CALL"]
    await reply.decide("resume", "REPLY_CALL")
    assert world.open_codes == ["ADVERSE_EVENT"]
    await reply.decide("clinician_spoke", reason="called, all well")
    assert await reply.ended() == ReplyResult(decided=2, settled=0)


async def test_a_repeated_reply_is_asked_once(clinic: Clinic, world: World) -> None:
    reply = await clinic.reply("REPLY_CALL")
    for _ in range(3):
        await reply.signal("reply_received", received("REPLY_CALL"))
    assert world.times("ask_reply") == 1


async def test_a_reaction_found_by_the_desk_goes_to_a_clinician(
    clinic: Clinic, world: World
) -> None:
    reply = await clinic.reply("REPLY_UNCLEAR")
    await reply.decide("adverse_event")
    assert world.open_codes == ["ADVERSE_EVENT"]
    assert [(code, day) for code, day, _ in world.reminders] == [
        ("REPLY_UNCLEAR", 0),
        ("ADVERSE_EVENT", 0),
    ]
    await reply.decide("keep_silent", reason="in care")
    assert await reply.ended() == ReplyResult(decided=2, settled=0)


async def test_what_cannot_be_carried_out_waits_for_another_answer(
    clinic: Clinic, world: World
) -> None:
    reply = await clinic.reply("REPLY_CALL")
    day = (THURSDAY + timedelta(days=5)).date()
    refused = await reply.refused(reply.answer("promise", invoice_id="nowhere"))
    assert refused.message == "The choice promise needs a date."
    await reply.decide("promise", invoice_id="nowhere", until=day)
    assert world.codes == world.open_codes == ["REPLY_CALL"]
    assert "an answer could not be carried out: promise" in await reply.details()
    await reply.decide("promise", invoice_id="document-1", until=day)
    assert (await reply.ended()).decided == 1


async def test_a_failing_step_is_tried_again_and_nothing_is_lost(
    clinic: Clinic, world: World
) -> None:
    world.failing["ask_reply"] = "BadRequest"
    reply = await clinic.reply("REPLY_CALL")
    assert world.codes == []
    world.failing.clear()
    await reply.pass_(hours=1)
    assert world.open_codes == ["REPLY_CALL"]


async def signals_of(case: object) -> list[str]:
    history = await case.handle.fetch_history()  # type: ignore[attr-defined]
    return [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in history.events
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]


async def test_an_answered_reply_is_asked_about_again_in_a_new_run(
    clinic: Clinic, world: World
) -> None:
    reply = await clinic.reply("REPLY_CALL")
    start = await first_input(reply, ReplyInput)
    await reply.decide("resume")
    await reply.ended()
    asked = world.times("ask_reply")
    await reopened(reply, "PatientReply", start.model_copy(update={"was_read": True}))
    assert (world.open_codes, world.times("ask_reply")) == (["REPLY_CALL"], asked)
    await reply.decide("dispute", reason="the sum is wrong")
    assert [r.inbox_id for r in world.of("apply_reply")[-1].replies] == ["inbox-1"]
    assert await reply.ended() == ReplyResult(decided=1, settled=0)


async def test_an_answer_taken_back_while_another_is_open_waits_beside_it(
    clinic: Clinic, world: World
) -> None:
    reply = await clinic.reply("REPLY_CALL")
    await reply.signal("reply_received", received("ADVERSE_EVENT", inbox_id="inbox-2"))
    await reply.decide("resume", "REPLY_CALL")
    await reply.signal("decision_undone", undo_of(world))
    assert sorted(world.open_codes) == ["ADVERSE_EVENT", "REPLY_CALL"]
    # What comes while it is open is read together with it.
    await reply.signal("reply_received", received("REPLY_CALL", inbox_id="inbox-3"))
    assert [r.inbox_id for r in world.of("ask_reply")[-1].replies] == ["inbox-1", "inbox-3"]


async def test_what_the_books_refuse_to_take_back_leaves_the_reply_answered(
    clinic: Clinic, world: World
) -> None:
    reply = await clinic.reply("REPLY_CALL")
    start = await first_input(reply, ReplyInput)
    await reply.decide("resume")
    await reply.ended()
    world.refuses_undos.append("Since then a message went to the patient.")
    await reopened(reply, "PatientReply", start.model_copy(update={"was_read": True}))
    assert await reply.ended() == ReplyResult(decided=0, settled=0)
    assert world.open_codes == []


async def test_what_was_asked_anew_a_person_answers_and_not_the_books(
    clinic: Clinic, world: World
) -> None:
    visit = await clinic.visit()
    world.reply_visit = visit.handle.id
    reply = await clinic.reply("REPLY_PAID")
    await reply.signal("reply_received", received("REPLY_CALL", inbox_id="inbox-2"))
    await reply.decide("dispute", "REPLY_PAID", reason="wrong sum")
    await reply.signal("decision_undone", undo_of(world))
    await visit.pay()
    await reply.signal("reply_received", received("REPLY_PAID", inbox_id="inbox-3"))
    await reply.day(4)
    assert sorted(world.open_codes) == ["REPLY_CALL", "REPLY_PAID"]
    assert world.times("settle_reply") == 0
