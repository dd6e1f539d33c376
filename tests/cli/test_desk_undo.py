"""`tieout review undo`: shown first, by two people where two had decided, refused in a sentence."""

from unittest import mock

from activities import undoing
from domain import entries
from store import ledger, review_acts, reviews, undos
from tests.cli.desk import one_sentence
from tests.cli.test_desk_reviews import fits
from tests.cli.test_desk_second import _owed, _write_off


async def _take_back(settings, place, review, undo):
    """What the case does with it; none is running in these tests."""
    from store.db import open_pool, transaction

    pool = await open_pool(settings.database_url.get_secret_value(), max_size=1)
    async with transaction(pool) as conn:
        await undoing.take_back(conn, undo, review.decided_at)
    await pool.close()


HANDED_OVER = mock.patch("starter.desk.engine.take_back", _take_back)


async def _called(world):
    """A decision that booked nothing."""
    asked = await world.ask("UNREACHABLE")
    answer = {"review_id": asked.review_id, "choice": "called", "by": "dana"}
    async with world.conn.transaction():
        await reviews.decide(world.conn, asked.review_id, answer, "dana", "", asked.opened_at)
    return asked


async def _written_off(world):
    """A decision of two people, with its entry."""
    asked = await _owed(world)
    given = _write_off(asked)
    await review_acts.propose(world.conn, asked.review_id, given, "dana", "moved", asked.opened_at)
    async with world.conn.transaction():
        confirmed = {**given, "confirmed_by": "eve"}
        await reviews.decide(
            world.conn, asked.review_id, confirmed, "dana", "moved", asked.opened_at
        )
        entry = entries.written_off(
            review_id=asked.review_id,
            amount_cents=asked.money_cents,
            client_id=world.client_id,
            case_id=asked.case_id,
            location_id=world.location_id,
            effective_on=asked.opened_at.date(),
        )
        await ledger.post(world.conn, entry)
    return asked


async def test_it_is_shown_and_nothing_happens(world):
    asked = await _written_off(world)
    words = ("review", "undo", asked.review_id, "--by", "robin", "--reason", "they called")
    said = await world.run(*words, "--dry-run")
    assert (said.code, said.err) == (0, "")
    for shown in (
        "written off reversed account debit credit 1100 AR patients $393.61",
        "6030 Bad debt $393.61",
        "The question is asked again, with both sides as they were.",
        "First, a second person has to confirm it.",
    ):
        assert shown in said.words, shown
    assert fits(said)
    shown = (await world.run(*words, "--dry-run", "--json")).json
    assert (shown["second_person"], shown["problem"]) == (True, None)
    assert await undos.proposal(world.conn, asked.review_id) is None
    assert (await reviews.get(world.conn, asked.review_id)).undone_by is None
    assert await ledger.balance_of_case(world.conn, asked.case_id) == 0


async def test_one_person_takes_back_what_one_decided_and_again_changes_nothing(world):
    asked = await _called(world)
    words = ("review", "undo", asked.review_id[:8], "--by", "robin")
    assert "--reason WHY" in one_sentence(await world.run(*words), 2)
    with HANDED_OVER:
        for sentence in ("Taken back by robin; the question is open", "by robin already"):
            said = await world.run(*words, "--reason", "wrong patient")
            assert (said.code, said.err) == (0, "")
            assert sentence in said.words
    said = await world.run("review", "show", asked.review_id)
    assert "undone by robin" in said.words
    [line] = (await world.run("review", "list", "--location", world.location_id, "--json")).json
    assert (line["code"], line["review_id"] == asked.review_id) == ("UNREACHABLE", False)


async def test_two_people_take_back_what_two_decided(world):
    asked = await _written_off(world)
    words = ("review", "undo", asked.review_id)
    said = await world.run(*words, "--by", "robin", "--reason", "they called", "--json")
    assert said.json["state"] == "proposed"
    assert await ledger.balance_of_case(world.conn, asked.case_id) == 0
    said = await world.run("review", "show", asked.review_id)
    assert "robin wants it taken back: they called" in said.words
    said = await world.run(*words, "--by", "Ro bin")
    assert "robin proposed it; another person confirms." in one_sentence(said, 1)
    with HANDED_OVER:
        said = await world.run(*words, "--by", "dana", "-y")
    assert "Taken back by robin; the question is open again." in said.words
    assert await ledger.balance_of_case(world.conn, asked.case_id) == 39_361


async def test_what_cannot_be_taken_back_is_one_sentence(world):
    waiting = await world.ask("UNREACHABLE")
    mapped = await world.ask("CATALOG_UNMAPPED", line="L1")
    answer = {"review_id": mapped.review_id, "choice": "map", "by": "dana"}
    await reviews.decide(world.conn, mapped.review_id, answer, "dana", "", mapped.opened_at)
    for asked, sentence in (
        (waiting, "This question has no answer: there is nothing to take back."),
        (mapped, "The visit was read and billed by it: correct the chart"),
    ):
        said = await world.run(
            "review", "undo", asked.review_id, "--by", "robin", "--reason", "x", "--json"
        )
        assert sentence in one_sentence(said, 1)
