"""`tieout review`: the queue, one question in full, and every decision that is refused."""

import pytest

from store import reviews
from tests.cli.desk import one_sentence

WIDTH = 80


def fits(said) -> bool:
    """Whether no line but an address or a command to copy is wider than the terminal."""
    lines = [line for line in said.out.splitlines() if "://" not in line and "tieout " not in line]
    return max(map(len, lines)) <= WIDTH


async def test_an_empty_queue_says_so(world):
    said = await world.run("review", "list", "--location", world.location_id)
    assert (said.code, said.words) == (0, "No question waits for a person.")
    said = await world.run("review", "list", "--location", world.location_id, "--json")
    assert said.json == []


async def test_without_a_verb_and_a_terminal_it_is_the_list(world):
    asked = await world.ask("UNREACHABLE")
    listed = await world.run("review", "list", "--location", world.location_id)
    assert (await world.run("review", "--location", world.location_id)) == listed
    said = await world.run("review", "--location", world.location_id, "--json")
    assert [each["review_id"] for each in said.json] == [asked.review_id]


async def test_the_queue_is_oldest_first_with_money_age_client_invoice_and_suggestion(world):
    document = await world.bill()
    young = await world.ask("UNREACHABLE", days_ago=0)
    old = await world.ask(
        "CHASE_EXHAUSTED",
        case_id=document.case_id,
        document_id=document.document_id,
        cents=39_361,
        days_ago=14,
    )
    said = await world.run("review", "list", "--location", world.location_id)
    assert said.code == 0
    assert said.out.index(old.review_id[:8]) < said.out.index(young.review_id[:8])
    for words in (
        "$393.61",
        "Still unpaid after the last reminder",
        f"FA, {document.number}, suggested: keep_open",
        "2 questions wait",
    ):
        assert words in said.words
    assert fits(said)
    [first, second] = (
        await world.run("review", "list", "--location", world.location_id, "--json")
    ).json
    assert first["review_id"] == old.review_id
    assert first["age_business_days"] in (9, 10)  # one holiday at most in two weeks
    assert first["invoice"] == document.number
    assert (second["invoice"], second["age_business_days"]) == (None, 0)


async def test_an_unknown_location_is_refused(world):
    said = await world.run("review", "list", "--location", "nowhere")
    assert "no location nowhere" in one_sentence(said, 1)


async def test_a_question_shows_both_sides_choices_consequence_reminders_and_the_command(world):
    asked = await world.ask(
        "UNDERPAID", ours={"still owed": "$320.00"}, theirs={"paid": "$10.00"}, facts=("a fact",)
    )
    await reviews.note_reminder(world.conn, asked.review_id, 1, asked.opened_at)
    said = await world.run("review", "show", asked.review_id[:8])
    assert said.code == 0
    for words in (
        "Every reminder has gone out; a payment covers a part and $320.00 is still owed.",
        "still owed: $320.00 paid: $10.00",
        "- a fact",
        "leave_open (suggested)",
        "Write off: $320.00 is written off as bad debt and the case closes.",
        "needs --reason WHY",
        "needs --invoice NO" if "invoice_id" in asked.choices[-1].needs else "apply",
        "The rest stays open and nobody is reminded of it.",
        "reminded on business day 1",
        "next on business day 3",
        f"tieout review decide {asked.review_id[:8]} leave_open --by YOUR-NAME",
    ):
        assert words in said.words, words
    assert fits(said)


@pytest.mark.parametrize("verb", ["show", "decide"])
async def test_an_unknown_or_ambiguous_id_is_one_sentence(world, verb):
    rest = ("retry", "--by", "dana") if verb == "decide" else ()
    said = await world.run("review", verb, "zzzz", *rest)
    assert one_sentence(said, 1) == "There is no review zzzz: see `tieout review list`."
    one = await world.ask("UNREACHABLE")
    twin = one.model_copy(update={"review_id": one.review_id[:-1] + "_"})
    await reviews.open_review(world.conn, twin)
    said = await world.run("review", verb, one.review_id[:8], *rest)
    assert "More than one review begins with" in one_sentence(said, 1)


@pytest.mark.parametrize(
    ("code", "words", "sentence"),
    [
        ("CATALOG_UNMAPPED", ["map"], "The choice map needs --sku SKU."),
        ("CATALOG_UNMAPPED", ["map", "--sku", " "], "The choice map needs --sku SKU."),
        ("CATALOG_UNMAPPED", ["charge"], "not by charge"),
        ("CATALOG_UNMAPPED", ["chart_fixed", "--sku", "SERUM"], "takes no --sku"),
        ("CATALOG_UNMAPPED", ["not_billable"], "needs --reason WHY"),
        ("PRICE_MISSING", ["one_off_price", "--amount", "12,5"], "is not an amount"),
        ("PRICE_MISSING", ["one_off_price", "--amount", "-1"], "is not an amount"),
        ("PRICE_MISSING", ["one_off_price", "--amount", "1.005"], "is not an amount"),
        ("NO_REFERENCE", ["apply"], "needs --invoice NO"),
        ("REPLY_PAID", ["promise", "--until", "04.12.2026"], "write it like 2026-12-04"),
    ],
)
async def test_what_is_missing_or_misspelt_ends_with_two(world, code, words, sentence):
    asked = await world.ask(code)
    said = await world.run("review", "decide", asked.review_id, *words, "--by", "dana")
    assert sentence in one_sentence(said, 2)


async def test_nobody_decides_anonymously(world):
    asked = await world.ask("UNREACHABLE")
    said = await world.run("review", "decide", asked.review_id, "called")
    assert "--by NAME" in one_sentence(said, 2)
    world.env["TIEOUT_STAFF"] = "dana"
    said = await world.run("review", "decide", asked.review_id, "called")
    assert "Temporal does not answer" in said.err  # the name was enough to get that far


async def test_an_item_or_invoice_that_does_not_exist_is_refused(world):
    asked = await world.ask("CATALOG_UNMAPPED")
    said = await world.run(
        "review", "decide", asked.review_id, "map", "--sku", "LASER-SESION", "--by", "dana"
    )
    assert one_sentence(said, 1) == (
        f"There is no LASER-SESION in price book 1 of {world.location_id};"
        " did you mean LASER-SESSION?"
    )
    asked = await world.ask("NO_REFERENCE")
    said = await world.run(
        "review", "decide", asked.review_id, "apply", "--invoice", "LUM-9", "--by", "dana"
    )
    assert one_sentence(said, 1) == (
        f"There is no invoice LUM-9 at {world.location_id}:"
        " `tieout visit list` shows the open ones."
    )


async def test_a_closed_question_says_who_closed_it(world):
    asked = await world.ask("UNREACHABLE")
    answer = {"choice": "called", "by": "robin"}
    await reviews.decide(world.conn, asked.review_id, answer, "robin", "left word", asked.opened_at)
    said = await world.run("review", "decide", asked.review_id, "called", "--by", "dana")
    sentence = one_sentence(said, 1)
    assert "Already decided by robin on 20" in sentence
    assert "called, because: left word" in sentence
    said = await world.run("review", "show", asked.review_id)
    assert "by robin on" in said.words
    assert "To decide" not in said.words
    gone = await world.ask("STATE_UNKNOWN")
    await reviews.withdraw(world.conn, gone.review_id, "paid")
    said = await world.run("review", "decide", gone.review_id, "try_again", "--by", "dana")
    assert "taken back (paid)" in one_sentence(said, 1)


async def test_without_temporal_nothing_is_decided_and_the_question_stays(world):
    asked = await world.ask("UNREACHABLE")
    said = await world.run("review", "decide", asked.review_id, "called", "--by", "dana")
    assert said.code == 1
    assert "Temporal does not answer at 127.0.0.1:1" in said.err
    assert (await reviews.get(world.conn, asked.review_id)).state == "open"


async def test_no_name_address_or_phone_leaves_the_terminal(world):
    asked = await world.ask("UNREACHABLE")
    for words in (
        ["review", "list", "--location", world.location_id],
        ["review", "list", "--location", world.location_id, "--json"],
        ["review", "show", asked.review_id],
        ["review", "show", asked.review_id, "--json"],
        ["visit", "show", asked.case_id, "--json"],
        ["client", "log", world.client_id, "--json"],
    ):
        said = await world.run(*words)
        assert said.code == 0, said
        for private in ("Fern", "Abbott", "+1512", "@patients"):
            assert private not in said.out
