"""`tieout review decide-all`: shown first, each question by itself, failures named."""

from unittest import mock

from starter.desk.records import Outcome
from starter.errors import Refusal
from store import reviews
from tests.cli.desk import one_sentence
from tests.cli.test_desk_reviews import fits

ALL = ("review", "decide-all", "MESSAGE_UNKNOWN", "treat_as_sent", "--by", "dana")


def _given():
    """What the cases of the questions are handed; they are not running in these tests."""
    given = []

    async def give(books, review, decision):
        given.append(decision)
        if len(given) == 2:
            raise Refusal("The case of this question is closed; nothing was changed.")
        async with books.conn.transaction():
            await reviews.decide(
                books.conn,
                review.review_id,
                decision.model_dump(mode="json"),
                decision.by,
                decision.reason,
                review.opened_at,
            )
        return Outcome(review_id=review.review_id, state="decided", sentence="Decided.")

    return given, mock.patch("starter.desk.outcomes.give", give)


async def test_it_is_shown_and_nothing_happens(world):
    asked = [await world.ask("MESSAGE_UNKNOWN") for _ in range(3)]
    other = await world.ask("UNREACHABLE")
    said = await world.run(*ALL, "--location", world.location_id, "--dry-run")
    assert (said.code, said.err) == (0, "")
    assert "3 questions of MESSAGE_UNKNOWN, each answered treat_as_sent." in said.words
    assert fits(said)
    shown = (await world.run(*ALL, "--location", world.location_id, "--dry-run", "--json")).json
    assert {one["review_id"] for one in shown["previews"]} == {one.review_id for one in asked}
    for one in (*asked, other):
        assert (await reviews.get(world.conn, one.review_id)).state == "open"


async def test_each_is_answered_by_itself_and_a_failure_is_named_and_stops_no_other(world):
    asked = [await world.ask("MESSAGE_UNKNOWN", days_ago=days) for days in (3, 2, 1)]
    given, taken = _given()
    with taken:
        said = await world.run(*ALL, "--location", world.location_id, "-y")
    assert [one.review_id for one in given] == [one.review_id for one in asked]
    assert said.code == 1
    failed = f"{asked[1].review_id[:8]}: The case of this question is closed; nothing was changed."
    assert failed in said.words
    assert "2 of 3 answered." in said.words
    states = [(await reviews.get(world.conn, one.review_id)).state for one in asked]
    assert states == ["decided", "open", "decided"]


async def test_what_is_about_more_money_is_left_out_and_what_needs_two_says_so(world):
    documents = [await world.bill() for _ in range(2)]
    asked = [
        await world.ask("CHASE_EXHAUSTED", case_id=document.case_id, cents=cents)
        for document, cents in zip(documents, (39_361, 50_000), strict=True)
    ]
    words = ("review", "decide-all", "CHASE_EXHAUSTED", "write_off", "--by", "dana")
    assert "--reason WHY" in one_sentence(await world.run(*words), 2)
    words = (*words, "--reason", "x", "--location", world.location_id, "--up-to", "400")
    said = await world.run(*words, "--dry-run")
    assert "1 of them wait for a second person then." in said.words
    assert f"{asked[1].review_id[:8]}: It is about more money." in said.words
    shown = (await world.run(*words, "--dry-run", "--json")).json
    assert shown["previews"][0]["second_person"] is True
    assert [(line["account"], line["debit_cents"]) for line in shown["totals"]] == [
        ("1100", 0),
        ("6030", 39_361),
    ]


async def test_what_cannot_be_answered_alike_is_one_sentence(world):
    for words, sentence in (
        (("NO_SUCH", "keep_open"), "There is no code NO_SUCH"),
        (("UNREACHABLE", "map"), "UNREACHABLE can be decided by called, retry, stop; not by map."),
        (("CATALOG_UNMAPPED", "map"), "needs --sku SKU for each question"),
    ):
        said = await world.run("review", "decide-all", *words, "--by", "dana")
        assert sentence in one_sentence(said, 2)
    said = await world.run(*ALL, "--location", world.location_id, "--json")
    assert "No open question of MESSAGE_UNKNOWN" in one_sentence(said, 1)
    assert "--by NAME" in one_sentence(await world.run(*ALL[:4]), 2)
