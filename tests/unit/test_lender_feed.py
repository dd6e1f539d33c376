"""What is wrong with a lender's feed is seen in time, asked once, and gone when it is right."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.lender_contracts import CONTRACTS
from domain.lender_feed import (
    GAP,
    HINT,
    MISSING,
    ROWS,
    UNREAD,
    Feed,
    FileSeen,
    Found,
    Hint,
    Trouble,
    due_at,
    is_healed,
    troubles,
)
from domain.plan_case import Lender, PlanStatus

ZONE = "America/Chicago"
BANK, CHERRY = CONTRACTS[Lender.CARECREDIT], CONTRACTS[Lender.CHERRY]
SINCE = datetime(2026, 11, 9, 12, 0, tzinfo=UTC)
"""A Monday, 06:00 in Chicago: its first cut."""


def file(day: int, cut: int, sha: str = "a" * 64, **said) -> FileSeen:
    at = datetime(2026, 11, day, 12 if cut == 1 else 0, tzinfo=UTC)
    base = {
        "name": f"cc_{'5' * 16}_202611{day:02d}_{cut}.csv",
        "sha256": sha,
        "cut_at": at if cut == 1 else at + timedelta(days=1),
        "fault": None,
        "bad": (),
    }
    return FileSeen.model_validate({**base, **said})


def found(now: datetime, *files: FileSeen) -> list[Trouble]:
    return troubles(BANK, ZONE, Feed(since=SINCE, files=files), now)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour + 6, minute, tzinfo=UTC)


def test_both_files_of_a_day_are_due_at_ten_the_next_morning():
    assert found(local(10, 9, 59)) == []
    assert [each.key for each in found(local(10, 10))] == ["2026-11-09/1", "2026-11-09/2"]
    assert [each.key for each in found(local(10, 10), file(9, 1))] == ["2026-11-09/2"]
    assert found(local(11, 9), file(9, 2), file(9, 1)) == []
    assert {each.code for each in found(local(10, 10))} == {MISSING}


def test_a_file_is_due_at_ten_by_the_practices_clock_on_the_day_the_clocks_change():
    evening = datetime(2026, 10, 31, 23, 0, tzinfo=UTC)
    assert due_at(BANK, ZONE, evening) == datetime(2026, 11, 1, 16, 0, tzinfo=UTC)


def test_nothing_is_missing_from_before_the_practice_began():
    assert found(local(9, 17)) == []


def test_rows_that_a_person_must_see_are_shown_and_a_whole_file_in_its_place_heals_them():
    bad = file(9, 1, bad=((3, "its ref_id is missing"),), fault="it ends without a trailer")
    (trouble,) = found(local(10, 9), bad)
    assert trouble.code == ROWS
    assert trouble.says == (
        "The file is not whole: it ends without a trailer.",
        "Line 3: its ref_id is missing.",
    )
    again = file(9, 1, sha="b" * 64)
    assert is_healed(ROWS, trouble.key, Feed(since=SINCE, files=(again,)), [])
    assert not is_healed(ROWS, trouble.key, Feed(since=SINCE, files=()), [])


def test_a_file_that_comes_after_all_answers_its_question_and_time_does_not():
    assert is_healed(MISSING, "2026-11-09/1", Feed(since=SINCE, files=(file(9, 1),)), [])
    assert not is_healed(MISSING, "2026-11-09/2", Feed(since=SINCE, files=(file(9, 1),)), [])


NOW = datetime(2026, 11, 12, 18, 0, tzinfo=UTC)


def change(hours: float, heard: float | None, status=PlanStatus.APPROVED) -> Found:
    at = NOW - timedelta(hours=hours)
    return Found(
        plan_id="app-1",
        status=status,
        found_at=at,
        heard_at=None if heard is None else at + timedelta(hours=heard),
    )


@pytest.mark.parametrize(
    ("one", "is_gap"),
    [
        (change(3, None), True),
        (change(3, -1), False),
        (change(3, 0.5), False),
        (change(3, 2), True),
        (change(0.5, None), False),
        (change(30, None), False),
        (change(3, None, PlanStatus.IN_REVIEW), False),
    ],
)
def test_a_webhook_that_should_have_told_and_did_not_is_a_gap(one, is_gap):
    told = troubles(CHERRY, ZONE, Feed(since=SINCE, found=(one,)), NOW)
    assert [each.code for each in told] == ([GAP] if is_gap else [])
    # A lender of files announces nothing and misses nothing.
    assert troubles(BANK, ZONE, Feed(since=NOW, found=(one,)), NOW) == []


def test_a_hint_that_nothing_confirms_is_for_a_person_until_something_does():
    hint = Hint(plan_id="app-1", status=PlanStatus.ACCEPTED, heard_at=NOW - timedelta(hours=5))
    (told,) = troubles(CHERRY, ZONE, Feed(since=SINCE, hints=(hint,)), NOW)
    assert (told.code, told.plan_id) == (HINT, "app-1")
    fresh = hint.model_copy(update={"heard_at": NOW})
    assert troubles(CHERRY, ZONE, Feed(since=SINCE, hints=(fresh,)), NOW) == []
    assert is_healed(HINT, told.key, Feed(since=SINCE), [])


def test_what_could_not_be_understood_is_closed_by_a_person_alone():
    odd = Trouble(code=UNREAD, key="k", says=("Cherry: contract tx-1: amount is no amount.",))
    assert troubles(CHERRY, ZONE, Feed(since=SINCE, unread=(odd,)), NOW) == [odd]
    assert not is_healed(UNREAD, "k", Feed(since=SINCE), [])
