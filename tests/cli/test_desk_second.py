"""`tieout review decide --dry-run|confirm|refuse|take|policy`, as a person uses them."""

import asyncpg
import pytest

from store import review_acts, reviews
from tests.cli.desk import one_sentence
from tests.cli.test_desk_reviews import fits


async def _owed(world, cents=None):
    """A visit that is owed, with the question what to do about it."""
    document = await world.bill()
    cents = cents or document.priced.due_cents
    return await world.ask("CHASE_EXHAUSTED", case_id=document.case_id, cents=cents)


def _write_off(asked):
    return {
        **dict.fromkeys(
            ("sku", "amount_cents", "item_class", "invoice_id", "until", "client_id", "status"),
        ),
        "review_id": asked.review_id,
        "choice": "write_off",
        "by": "dana",
        "reason": "moved",
        "confirmed_by": None,
    }


async def _proposed(world, asked):
    await review_acts.propose(
        world.conn, asked.review_id, _write_off(asked), "dana", "moved", asked.opened_at
    )


async def test_a_choice_is_shown_before_it_is_taken(world):
    asked = await _owed(world)
    words = ("review", "decide", asked.review_id, "write_off", "--by", "dana", "--reason", "moved")
    said = await world.run(*words, "--dry-run")
    assert (said.code, said.err) == (0, "")
    for shown in (
        "written off account debit credit 1100 AR patients $393.61",
        "6030 Bad debt $393.61",
        "The case ends and nothing more is sent.",
        "First, a second person has to confirm it.",
    ):
        assert shown in said.words, shown
    assert fits(said)
    shown = (await world.run(*words, "--dry-run", "--json")).json
    assert [line["account"] for line in shown["entries"][0]["lines"]] == ["1100", "6030"]
    assert (shown["second_person"], shown["problem"]) == (True, None)
    assert (await reviews.get(world.conn, asked.review_id)).state == "open"
    rows = await world.conn.fetchval(
        "SELECT count(*) FROM ledger_entries WHERE location_id = $1", world.location_id
    )
    assert rows == 1  # the invoice alone


async def test_what_is_not_possible_is_said_before_the_case_is_asked(world):
    asked = await world.ask("DUPLICATE_SUSPECTED")
    said = await world.run("review", "decide", asked.review_id, "refund", "--by", "dana")
    assert said.code == 1
    assert said.err.strip() == "Nothing was decided: This question names no payment."


async def test_the_queue_shows_who_is_awaited(world):
    asked = await _owed(world)
    said = await world.run("review", "take", asked.review_id[:8], "--by", "robin")
    assert "is with robin." in said.words
    await _proposed(world, asked)
    said = await world.run("review", "list", "--location", world.location_id)
    assert "with robin, dana proposes write_off: a second person confirms" in said.words
    assert fits(said)
    [line] = (await world.run("review", "list", "--location", world.location_id, "--json")).json
    assert (line["owner"], line["proposed_by"], line["proposed"]) == ("robin", "dana", "write_off")
    said = await world.run("review", "show", asked.review_id)
    assert "dana proposes write_off: moved" in said.words
    assert f"tieout review confirm {asked.review_id[:8]} --by NAME" in said.words
    said = await world.run(
        "review", "decide", asked.review_id, "stop", "--by", "eve", "--reason", "x"
    )
    assert "An answer of dana waits for a second person." in said.err


@pytest.mark.parametrize("same", ["dana", "DANA", " D ana"])
async def test_the_same_person_does_not_confirm(world, same):
    asked = await _owed(world)
    await _proposed(world, asked)
    for verb, rest in (("confirm", ()), ("refuse", ("--reason", "no"))):
        said = await world.run("review", verb, asked.review_id, "--by", same, *rest, "--json")
        assert one_sentence(said, 1) == ("dana proposed it; another person confirms or refuses.")
    with pytest.raises(asyncpg.PostgresError):  # nor does the database let them
        await world.conn.execute(
            "INSERT INTO review_decisions (review_id, decision, decision_hash, decided_by, reason,"
            " decided_at, confirmed_by) SELECT review_id, decision, decision_hash, acted_by,"
            " reason, acted_at, $2 FROM review_acts WHERE review_id = $1",
            asked.review_id,
            same,
        )


async def test_nothing_to_confirm_is_one_sentence(world):
    asked = await _owed(world)
    said = await world.run("review", "confirm", asked.review_id, "--by", "eve")
    assert "Nothing waits for a second person here" in one_sentence(said, 1)


async def test_a_limit_is_shown_and_set_by_name(world):
    said = await world.run("review", "policy", world.location_id)
    assert "two people above $100.00" in said.words
    change = ("review", "policy", world.location_id, "--second-person-above", "500")
    assert "--reason WHY" in one_sentence(await world.run(*change, "--by", "o"), 2)
    said = await world.run(*change, "--by", "owner", "--reason", "grown", "--json")
    assert (said.json["version"], said.json["second_person_above_cents"]) == (1, 50_000)
    asked = await _owed(world)
    assert (await reviews.get(world.conn, asked.review_id)).second_person == []
