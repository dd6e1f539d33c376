"""`tieout review` on the whole screen: fifty questions without a mouse, and what is never done."""

from datetime import UTC, datetime
from types import SimpleNamespace
from unittest import mock
from uuid import uuid4

import pytest
from textual.widgets import Input

from domain.case import Decision
from starter.desk.paper import owns_terminal
from starter.desk.records import Outcome
from starter.screen.app import Desk
from starter.screen.dialogs import Form, Reading
from starter.screen.opening import work
from store import ledger, review_acts, reviews
from tests.cli.sitting import app_of, refuses, sitting

FIFTY = ("UNREACHABLE", "MESSAGE_UNKNOWN", "STATE_UNKNOWN", "PMS_CONFIRM", "CHASE_EXHAUSTED")


async def decision_of(world, asked):
    return (await reviews.get(world.conn, asked.review_id)).decision


@pytest.mark.timeout(180)
async def test_fifty_questions_are_answered_with_two_keys_each(world, pool):
    asked = [await world.ask(FIFTY[n % len(FIFTY)], cents=100 + n, days_ago=9) for n in range(50)]
    async with sitting(world, pool, by="") as it:
        await it.opens()
        await it.press("1")
        await it.dialog(Form)
        await it.type("dana")
        await it.press("enter")
        await it.previews()
        await it.press("y")
        for n in range(1, 50):
            await it.until(lambda n=n: it.session.decided == n, f"{n} decided")
            await it.press("1")
            await it.previews()
            await it.press("y")
        await it.sees("No question waits for a person.")
        assert it.status == "Decided: keep_open, by dana. Nothing is left."
    assert len(it.pressed) == len(["enter"]) + len("dana") + len(["enter"]) + 2 * 50
    for each in asked:
        given = await decision_of(world, each)
        assert (given["choice"], given["by"]) == (each.choices[0].name, "dana")


async def test_fields_are_asked_completed_and_checked_before_the_preview(world, pool):
    document = await world.bill()
    unmapped = await world.ask(
        "CATALOG_UNMAPPED", case_id=document.case_id, line="SERUM", days_ago=3
    )
    charge = f"ch_{uuid4().hex}"
    await world.loose(charge, 32_000)
    loose = await world.ask(
        "NO_REFERENCE", case_id=f"payment/stripe/{charge}", nobody=True, days_ago=1
    )
    async with sitting(world, pool) as it:
        await it.opens()
        await it.press("1")
        await it.dialog(Form)
        await it.press("enter")
        await it.sees("Item is missing: an item or package of the price book.")
        await it.type("LASR")
        await it.press("enter")
        await it.sees("There is no LASR in price book 1")
        await it.press("backspace")
        await it.sees("> LASER-SESSION")
        await it.press("enter")
        await it.previews()
        await it.sees("sku LASER-SESSION")
        await it.press("r")
        await it.dialog(Form)
        await it.type("as charted")
        await it.press("enter")
        await it.sees("reason as charted")
        assert await decision_of(world, unmapped) is None
        await it.press("y")
        await it.until(lambda: it.session.decided == 1, "not decided")
        given = await decision_of(world, unmapped)
        assert (given["sku"], given["reason"]) == ("LASER-SESSION", "as charted")

        await it.press("1")
        await it.dialog(Form)
        await it.sees(f"{document.number} $393.61 owed by Fern Abbott")
        await it.press("down")
        await it.sees(f"> {document.number}")
        await it.press("enter")
        await it.previews()
        await it.sees("2095 Unidentified receipts $320.00")
        await it.press("y")
        await it.until(lambda: it.session.decided == 2, "not decided")
        assert (await decision_of(world, loose))["invoice_id"] == document.document_id


async def test_a_question_is_not_answered_unseen_or_without_its_preview(world, pool):
    asked = await world.ask("UNREACHABLE", days_ago=2)
    other = await world.ask("MESSAGE_UNKNOWN", days_ago=1)
    async with sitting(world, pool) as it:
        await it.press("1")
        await it.rests()
        assert it.desk.pending is None
        await it.press("y")
        await it.opens()
        await it.press("y")
        await it.sees("1 I called the patient")
        await it.press("2")
        await it.previews()
        await it.press("escape")
        await it.until(lambda: it.desk.pending is None, "still a preview")
        await it.press("y", "9")
        await it.press("1")
        await it.previews()
        await it.press("j")
        await it.sees("Unclear whether a message went out")
        await it.press("y", "k")
        await it.sees("Patient cannot be reached")
        assert it.desk.pending is None
    assert await decision_of(world, asked) is None
    assert await decision_of(world, other) is None


async def owed(world, days_ago=1):
    """A bill that nobody paid, and the question what becomes of it."""
    document = await world.bill()
    return await world.ask(
        "CHASE_EXHAUSTED",
        case_id=document.case_id,
        document_id=document.document_id,
        cents=document.priced.due_cents,
        days_ago=days_ago,
    )


async def test_much_money_is_written_off_by_two_people_with_the_postings_before_their_eyes(
    world, pool
):
    asked = await owed(world)
    async with sitting(world, pool, size=(80, 40)) as it:
        await it.opens()
        await it.press("2")
        await it.dialog(Form)
        await it.type("moved away")
        await it.press("enter")
        await it.previews()
        await it.sees("First, a second person has to confirm it.")
        assert "6030 Bad debt" in it.seen
        assert "$393.61" in it.seen
        await it.press("y")
        await it.until(lambda: it.session.decided == 1, "not proposed")
        assert it.status.startswith("Proposed: write_off, by dana;")
        await it.sees("confirm Still unpaid")
        await it.opens()
        await it.sees("1 Confirm: Write off")
        await it.press("1")
        await it.until(lambda: "w changes who sits here" in it.status, "confirmed alone")
        assert it.desk.pending is None
        await it.press("w")
        await it.dialog(Form)
        await it.type("robin")
        await it.press("enter")
        await it.sees("as robin")
        await it.press("1")
        await it.previews()
        await it.sees("6030 Bad debt")
        assert await ledger.balance_of_case(world.conn, asked.case_id) == 39_361
        await it.press("y")
        await it.until(lambda: it.session.decided == 2, "not confirmed")
    done = await reviews.get(world.conn, asked.review_id)
    assert (done.decided_by, done.confirmed_by) == ("dana", "robin")
    assert await ledger.balance_of_case(world.conn, asked.case_id) == 0


async def test_a_second_person_may_refuse_and_the_question_takes_another_answer(world, pool):
    asked = await owed(world)
    answer = {"choice": "write_off", "by": "dana", "reason": "moved away"}
    given = Decision(review_id=asked.review_id, **answer).model_dump(mode="json")
    at = datetime.now(UTC)
    await review_acts.propose(world.conn, asked.review_id, given, "dana", "moved away", at)
    async with sitting(world, pool, by="robin") as it:
        await it.opens()
        await it.sees("Proposed by dana, because: moved away.")
        await it.press("2")
        await it.dialog(Form)
        await it.type("they answered")
        await it.press("enter")
        await it.previews()
        await it.press("y")
        await it.until(lambda: it.status.startswith("Refused by robin"), "not refused")
    stands = await reviews.get(world.conn, asked.review_id)
    assert (stands.state, stands.proposal) == ("open", None)


async def test_one_answer_goes_to_every_shown_question_of_its_code(world, pool):
    same = [await world.ask("MESSAGE_UNKNOWN", days_ago=n) for n in (9, 7, 5)]
    hidden = await world.ask("MESSAGE_UNKNOWN", days_ago=3, nobody=True)
    other = await world.ask("UNREACHABLE", days_ago=1)
    async with sitting(world, pool) as it:
        await it.finds()
        await it.type("fern")
        await it.sees("4 of 5 open")
        await it.press("enter")
        await it.until(lambda: not isinstance(it.app.focused, Input), "still typing")
        await it.opens()
        await it.press("1")
        await it.previews()
        await it.sees("b all 3 of this code")
        await it.press("b")
        await it.sees("Treat it as sent, 3 times")
        await it.press("y")
        await it.until(lambda: it.session.decided == 3, "not all decided")
        assert it.status == "3 questions answered. 2 left."
        assert it.session.current_id == other.review_id
    for each in same:
        assert (await decision_of(world, each))["choice"] == "treat_as_sent"
    for each in (other, hidden):
        assert await decision_of(world, each) is None


def focused_field(it) -> str:
    return it.app.focused.parent.picking.field.name


async def test_the_last_decision_is_offered_to_be_taken_back_with_a_reason(world, pool):
    early, late = [await world.ask("UNREACHABLE", days_ago=n) for n in (3, 2)]
    for asked in (early, late):
        given = Decision(review_id=asked.review_id, choice="called", by="robin")
        answer = given.model_dump(mode="json")
        await reviews.decide(world.conn, asked.review_id, answer, "robin", "", asked.opened_at)
    told = []

    async def undo(books, review_id, by, reason):
        told.append((review_id, by, reason))
        return Outcome(review_id=review_id, state="undone", sentence="Taken back by dana.")

    async with sitting(world, pool) as it:
        with mock.patch("starter.desk.deciding.undo", undo):
            await it.press("u")
            await it.dialog(Form)
            await it.press("down")
            await it.sees(f"> {late.review_id[:8]} I called the patient, $320.00, Fern Abbott")
            await it.press("enter", "enter")
            await it.until(lambda: focused_field(it) == "reason", "no next field")
            await it.press("enter")
            await it.sees("Reason is missing")
            await it.type("wrong patient")
            await it.press("enter")
            await it.until(lambda: it.status.startswith("Taken back by dana."), "not undone")
    assert told == [(late.review_id[:8], "dana", "wrong patient")]


async def test_a_question_is_taken_and_given_to_somebody(world, pool):
    asked = await world.ask("UNREACHABLE")
    async with sitting(world, pool) as it:
        await it.press("t")
        await it.sees("dana looks after: Patient cannot be reached, Fern Abbott.")
        await it.press("a")
        await it.dialog(Form)
        await it.type("robin")
        await it.press("enter")
        await it.sees("robin looks after")
    assert (await reviews.get(world.conn, asked.review_id)).owner == "robin"


async def test_a_refusal_is_one_sentence_and_the_question_stays(world, pool):
    asked = await world.ask("UNREACHABLE")
    async with sitting(world, pool, give=refuses) as it:
        await it.opens()
        await it.press("1")
        await it.previews()
        await it.press("y")
        await it.until(lambda: "was paid meanwhile" in it.status, "no refusal")
        assert it.status == "The visit was paid meanwhile; nothing was changed."
        await it.sees("1 I called the patient")
        await it.press("1")
        await it.previews()
    assert await decision_of(world, asked) is None


async def test_the_queue_follows_the_books_and_never_turns_a_page_under_the_reader(world, pool):
    asked = await world.ask("UNREACHABLE", days_ago=2)
    async with sitting(world, pool) as it:
        await it.opens()
        await it.press("1")
        await it.previews()
        young = await world.ask("OVERPAID", cents=4_200)
        it.desk.refresh_queue()
        await it.sees("2 open, $362.00")
        assert it.desk.pending is not None
        given = Decision(review_id=asked.review_id, choice="called", by="robin")
        answer = given.model_dump(mode="json")
        await reviews.decide(world.conn, asked.review_id, answer, "robin", "", asked.opened_at)
        it.desk.refresh_queue()
        await it.sees("by robin on")
        assert it.status == "Answered meanwhile; j leads to the next question."
        assert (it.session.current_id, it.desk.pending) == (asked.review_id, None)
        await it.press("1", "y", "j")
        await it.sees("Paid more than owed")
        assert it.session.current_id == young.review_id


async def test_words_and_codes_find_questions(world, pool):
    document = await world.bill()
    for code in ("UNREACHABLE", "OVERPAID"):
        await world.ask(code)
    await world.ask("UNDERPAID", case_id=document.case_id, document_id=document.document_id)
    async with sitting(world, pool) as it:
        await it.finds()
        await it.type(document.number[-3:])
        await it.sees("1 of 3 open")
        assert "Paid less than owed" in it.seen
        await it.press("enter", "escape")
        await it.sees("| 3 open")
        await it.press("f")
        await it.dialog(Form)
        await it.type("overp")
        await it.press("enter")
        await it.sees("1 of 3 open, $320.00 | OVERPAID")
        await it.press("escape")
        await it.sees("| 3 open")
        await it.finds()
        await it.type("nothing like it")
        await it.sees("No question is found: Esc shows all again.")


async def test_the_visit_and_the_help_can_be_read(world, pool):
    document = await world.bill()
    await world.ask("UNDERPAID", case_id=document.case_id, document_id=document.document_id)
    async with sitting(world, pool) as it:
        await it.opens()
        await it.sees("1 Leave the rest open")
        await it.press("v")
        await it.dialog(Reading)
        await it.sees("$393.61 due, $393.61 still owed")
        await it.press("escape", "?")
        await it.sees("answer: what it needs is asked")
        await it.press("escape", "escape", "w")
        await it.dialog(Form)
        await it.type("robin")
        await it.press("enter")
        await it.sees("as robin")


async def test_what_breaks_the_screen_is_said_without_what_the_books_hold(world, pool, capsys):
    broken = mock.patch.object(Desk, "draw", side_effect=RuntimeError("Fern Abbott"))
    with broken, pytest.raises(RuntimeError):
        await work(app_of(world, pool), headless=True)
    assert "".join(capsys.readouterr()) == ""


@pytest.mark.parametrize("piped", ["stdin", "stdout", "stderr"])
def test_the_screen_needs_the_whole_terminal(piped):
    streams = {
        name: SimpleNamespace(isatty=lambda name=name: name != piped)
        for name in ("stdin", "stdout", "stderr")
    }
    with mock.patch.multiple("sys", **streams):
        assert not owns_terminal()
    streams[piped].isatty = lambda: True
    with mock.patch.multiple("sys", **streams):
        assert owns_terminal()
