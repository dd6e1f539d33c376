"""Two sides compared: what is off, what is only later, what is accounted for."""

from datetime import date, timedelta

from domain.month_end import Aged, age_name, by_age
from domain.month_keys import thing_of
from domain.tie import Side, Tie, Verdict, tie

UNTIL = date(2026, 10, 31)
NEXT = UNTIL + timedelta(days=1)


def side(**cents: int) -> Side:
    made = Side(UNTIL)
    for key, each in cents.items():
        made.add(key, each, UNTIL)
    return made


def compared(ours: Side, theirs: Side, **more) -> Tie:
    return tie("X", "A line", ("the ledger", ours), ("the bank", theirs), **more)


def test_equal_sides_tie() -> None:
    found = compared(side(a=5, b=-3), side(b=-3, a=5))
    assert (found.verdict, found.off_cents, found.ours_cents) == (Verdict.TIES, 0, 2)


def test_two_errors_that_cancel_are_both_off_with_their_signs() -> None:
    found = compared(side(a=5, b=5), side(a=6, b=4))
    assert (found.ours_cents, found.theirs_cents) == (10, 10)
    assert [(item.name, item.off_cents) for item in found.items] == [("a", -1), ("b", 1)]
    assert (found.verdict, found.off_cents) == (Verdict.OFF, 2)


def test_what_one_side_lacks_is_said_with_the_side_s_name() -> None:
    found = compared(side(a=5), side(b=7), names={"a": "entry a"})
    assert [(item.name, item.why) for item in found.items] == [
        ("b", "Not in the ledger."),
        ("entry a", "Not in the bank."),
    ]


def test_what_falls_on_the_other_side_of_the_month_s_end_is_timing() -> None:
    theirs = Side(UNTIL)
    theirs.add("a", 5, NEXT)
    found = compared(side(a=5), theirs)
    assert [(item.kind, item.why) for item in found.items] == [
        ("timing", f"In the bank on {NEXT}.")
    ]
    assert (found.verdict, found.off_cents) == (Verdict.EXPLAINED, 0)


def test_what_comes_after_the_month_s_end_is_not_this_month_s() -> None:
    ours, theirs = Side(UNTIL), Side(UNTIL)
    ours.add("a", 5, NEXT)
    theirs.add("a", 6, NEXT)
    assert compared(ours, theirs).items == ()


def test_a_known_difference_is_explained_to_the_cent_and_no_further() -> None:
    known = {"a": (5, "On no statement yet.")}
    exact = compared(side(a=5), side(), known=known)
    assert [(item.kind, item.off_cents) for item in exact.items] == [("explained", 5)]
    more = compared(side(a=6), side(), known=known)
    assert [(item.kind, item.off_cents) for item in more.items] == [("off", 1), ("explained", 5)]
    assert more.verdict is Verdict.OFF


def test_a_line_without_a_second_source_is_not_tied() -> None:
    found = compared(side(), side()).model_copy(update={"unchecked": "no statement"})
    assert found.verdict is Verdict.UNCHECKED


def test_ages_are_days_past_due_and_every_cent_is_in_one() -> None:
    buckets = {
        "not due": (-9, -1),
        "0-2": (0, 2),
        "3-6": (3, 6),
        "7-13": (7, 13),
        "14-30": (14, 30),
        "31-60": (31, 60),
        "61-90": (61, 90),
        "over 90": (91, 900),
    }
    for name, ends in buckets.items():
        assert {age_name(days) for days in ends} == {name}
    items = [Aged(ref=str(days), cents=1, days=days, since=UNTIL) for days in range(-5, 120)]
    assert sum(by_age(items).values()) == 125


def test_a_business_key_names_its_thing() -> None:
    assert thing_of("received|stripe|p-1|visit/a/b/c", "e") == "payment:p-1"
    assert thing_of("payout-failed|stripe|po_1|lumin", "e") == "payout:po_1"
    assert thing_of("written-off|r-1", "e") == "entry:e"
    assert thing_of("received", "e") == "entry:e"
