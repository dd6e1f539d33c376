"""The cap over everything a client hears: one touch a day, three in seven days, in every zone."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import calendar, cap
from domain.cap import Touch, earliest, has_room

CHICAGO, NEW_YORK, HONOLULU = "America/Chicago", "America/New_York", "Pacific/Honolulu"
NOON = datetime(2026, 10, 15, 17, 0, tzinfo=UTC)
"""A Thursday, noon in Chicago."""
DAY = timedelta(days=1)


def touch(at: datetime, step: str = "day-3") -> Touch:
    return Touch(document_id="d", step=step, at=at)


def test_nothing_said_leaves_room() -> None:
    assert earliest(NOON, [], [CHICAGO]) == NOON


def test_a_day_that_has_its_touch_is_full_until_midnight() -> None:
    assert not has_room(NOON, [touch(NOON - timedelta(hours=2))], [CHICAGO])
    moved = earliest(NOON, [touch(NOON - timedelta(hours=2))], [CHICAGO])
    assert moved == calendar.instant(NOON.date() + DAY, cap._MIDNIGHT, CHICAGO)


def test_yesterday_evening_leaves_today_free() -> None:
    assert has_room(NOON, [touch(NOON - timedelta(hours=17))], [CHICAGO])


def test_a_day_counts_in_every_plausible_zone() -> None:
    late = datetime(2026, 10, 16, 4, 30, tzinfo=UTC)
    """23:30 on Thursday in Chicago, 0:30 on Friday in New York, 18:30 in Honolulu."""
    friday = datetime(2026, 10, 16, 15, 0, tzinfo=UTC)
    assert has_room(friday, [touch(late)], [CHICAGO])
    assert not has_room(friday, [touch(late)], [CHICAGO, NEW_YORK])
    thursday = datetime(2026, 10, 15, 22, 0, tzinfo=UTC)
    assert not has_room(thursday, [touch(late)], [HONOLULU])


def test_three_in_seven_days_are_enough() -> None:
    touches = [touch(NOON - timedelta(days=days)) for days in (6, 4, 2)]
    assert has_room(NOON, touches[1:], [CHICAGO])
    moved = earliest(NOON, touches, [CHICAGO])
    assert timedelta(days=7) < moved - touches[0].at <= timedelta(days=7, minutes=15)


def test_the_cadence_of_the_product_fits_the_cap() -> None:
    sent: list[Touch] = []
    for days, hours in ((0, 0), (3, -2), (7, -2), (14, -2)):
        at = NOON + timedelta(days=days, hours=hours)
        assert has_room(at, sent, [CHICAGO])
        sent.append(touch(at))


def test_more_important_messages_have_the_smaller_number() -> None:
    order = ["payment_failed", "billing_due", "check_in", "renewal"]
    assert sorted(cap.PRIORITIES, key=cap.PRIORITIES.__getitem__) == order


@given(
    st.lists(st.integers(0, 14 * 24 * 60), min_size=1, max_size=30).map(sorted),
    st.sampled_from([(CHICAGO,), (CHICAGO, NEW_YORK), (NEW_YORK, HONOLULU)]),
)
def test_whatever_is_asked_when_the_cap_holds_and_nothing_is_lost(
    minutes: list[int], zones: tuple[str, ...]
) -> None:
    """Every ask goes at the earliest instant that the cap allows, a clock change included."""
    start = datetime(2026, 10, 25, 15, 0, tzinfo=UTC)
    sent: list[Touch] = []
    for minute in minutes:
        at = earliest(start + timedelta(minutes=minute), sent, zones)
        assert earliest(at, sent, zones) == at
        assert at - (start + timedelta(minutes=minute)) < timedelta(days=8 * len(minutes))
        sent.append(touch(at))
    ordered = sorted(one.at for one in sent)
    for zone in zones:
        days = [calendar.local_date(at, zone) for at in ordered]
        assert all(a < b for a, b in pairwise(days))
    for first, fourth in zip(ordered, ordered[3:], strict=False):
        assert fourth - first > timedelta(days=7)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        earliest(NOON.replace(tzinfo=None), [touch(NOON)], [CHICAGO])
