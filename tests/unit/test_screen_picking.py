"""The small form: what is offered for what is typed, and what Enter takes."""

from datetime import UTC, datetime, timedelta

import pytest

from starter.screen.picking import MATCHES_MAX, Field, Option, Picking, matching
from starter.screen.reader import due_words

ITEMS = (
    Option("FILLER-SYRINGE", "dermal filler"),
    Option("LASER-6", "laser package of 6 sessions"),
    Option("LASER-SESSION", "laser treatment"),
    Option("SERUM", "vitamin serum"),
)


def typed(text, *, closed=True, options=ITEMS, marks=0, optional=False):
    picking = Picking(Field("sku", "Item", "one of the price book", options, closed, optional))
    picking.type(text)
    for _ in range(abs(marks)):
        picking.mark(1 if marks > 0 else -1)
    return picking


def names(options):
    return [option.value for option in options]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["FILLER-SYRINGE", "LASER-6", "LASER-SESSION", "SERUM"]),
        ("las", ["LASER-6", "LASER-SESSION"]),
        ("laser-session", ["LASER-SESSION"]),
        ("ser", ["SERUM", "LASER-6", "LASER-SESSION"]),
        ("laser treat", ["LASER-SESSION"]),
        ("dermal", ["FILLER-SYRINGE"]),
        ("toxin", []),
    ],
)
def test_every_word_must_be_found_and_the_beginning_of_a_value_comes_first(text, found):
    assert names(matching(ITEMS, text)) == found


def test_no_more_is_offered_than_fits():
    many = [Option(f"I-{n}") for n in range(50)]
    assert len(matching(many, "")) == MATCHES_MAX


def test_where_only_an_option_is_right_enter_takes_the_likeliest():
    assert typed("las").value == "LASER-6"
    assert typed("las", marks=1).value == "LASER-SESSION"
    assert typed("serum").value == "SERUM"


def test_what_matches_nothing_is_given_as_typed_so_that_the_books_can_say_why_not():
    assert typed("LASR").value == "LASR"


def test_free_words_are_taken_as_typed_unless_one_is_marked():
    reasons = (Option("called"), Option("checked"))
    assert typed("c", closed=False, options=reasons).value == "c"
    assert typed("c", closed=False, options=reasons, marks=2).value == "checked"
    assert typed("", closed=False, options=reasons, marks=1).value == "called"


def test_the_mark_stays_among_the_matches():
    assert typed("las", marks=9).value == "LASER-SESSION"
    assert typed("las", marks=-1).marked is None
    assert typed("toxin", marks=1).marked is None


def test_nothing_typed_is_missing_unless_it_may_be():
    assert typed("  ").problem == "Item is missing: one of the price book."
    assert typed("  ", optional=True).problem is None
    assert typed("las").problem is None


NOW = datetime(2026, 3, 5, 18, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "words"),
    [(-72, "3 d late"), (-18, "1 d late"), (-1, "11:40"), (2, "14:40"), (24, "Fri 06")],
)
def test_the_due_time_is_short_and_local(hours, words):
    assert due_words(NOW + timedelta(hours=hours), NOW, "America/Chicago") == words


def test_far_and_unknown_due_times():
    assert due_words(NOW + timedelta(days=30), NOW, "America/Chicago") == "04 Apr"
    assert due_words(None, NOW, "America/Chicago") == ""
