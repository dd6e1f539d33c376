# ruff: noqa: DTZ001
# Civil times are naive on purpose: each test pairs them with a zone of its own.

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import calendar
from domain.policies import DEFAULT_CHASE

NEW_YORK = "America/New_York"
CHICAGO = "America/Chicago"
ZONES = st.sampled_from(
    [
        NEW_YORK,
        CHICAGO,
        "America/Phoenix",
        "America/Los_Angeles",
        "America/Anchorage",
        "Pacific/Honolulu",
        "America/Indiana/Indianapolis",
        "America/Puerto_Rico",
    ]
)
DAYS = st.dates(date(2024, 1, 1), date(2040, 12, 31))
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2040, 12, 31)).map(
    lambda at: at.replace(tzinfo=UTC)
)
OPENS, CLOSES = time(9), time(20)
STEP = {step.name: step for step in DEFAULT_CHASE.steps}


def local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone))


def test_local_date_is_the_civil_date_of_the_zone() -> None:
    late = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
    assert calendar.local_date(late, NEW_YORK) == date(2026, 3, 1)
    assert calendar.local_date(late, "UTC") == date(2026, 3, 2)


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        calendar.local_date(datetime(2026, 3, 2), NEW_YORK)


def test_steps_count_civil_days_over_the_spring_change() -> None:
    day0 = date(2026, 3, 5)
    due = calendar.chase_due(DEFAULT_CHASE, STEP["day-3"], day0, NEW_YORK)
    assert due == datetime(2026, 3, 8, 14, 0, tzinfo=UTC)
    assert due.utcoffset() == timedelta(0)
    winter = calendar.chase_due(DEFAULT_CHASE, STEP["day-3"], date(2026, 3, 1), NEW_YORK)
    assert winter == datetime(2026, 3, 4, 15, 0, tzinfo=UTC)


def test_a_skipped_local_time_moves_to_the_next_valid_minute() -> None:
    at = calendar.instant(date(2026, 3, 8), time(2, 30), NEW_YORK)
    assert local(at, NEW_YORK).replace(tzinfo=None) == datetime(2026, 3, 8, 3, 0)


def test_a_repeated_local_time_is_the_first_of_the_two() -> None:
    at = calendar.instant(date(2026, 11, 1), time(1, 30), NEW_YORK)
    assert at == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


@given(DAYS, st.times().map(lambda t: t.replace(microsecond=0)), ZONES)
def test_an_instant_is_at_its_local_time_or_right_after_the_gap(
    day: date, at: time, zone: str
) -> None:
    result = local(calendar.instant(day, at, zone), zone)
    assert result.date() == day
    late = result.replace(tzinfo=None) - datetime.combine(day, at)
    assert timedelta(0) <= late <= timedelta(hours=1)
    earlier = local(calendar.instant(day, at, zone) - timedelta(hours=1), zone)
    assert earlier.replace(tzinfo=None) != result.replace(tzinfo=None)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 6, 1, 8, 59), datetime(2026, 6, 1, 9, 0)),
        (datetime(2026, 6, 1, 9, 0), datetime(2026, 6, 1, 9, 0)),
        (datetime(2026, 6, 1, 19, 59, 59), datetime(2026, 6, 1, 19, 59, 59)),
        (datetime(2026, 6, 1, 20, 0), datetime(2026, 6, 2, 9, 0)),
        (datetime(2026, 6, 1, 23, 59), datetime(2026, 6, 2, 9, 0)),
        (datetime(2026, 3, 7, 23, 0), datetime(2026, 3, 8, 9, 0)),
    ],
)
def test_the_window_is_the_patients_daytime(now: datetime, expected: datetime) -> None:
    at = now.replace(tzinfo=ZoneInfo(CHICAGO))
    allowed = calendar.allowed_from(at, CHICAGO, OPENS, CLOSES)
    assert local(allowed, CHICAGO).replace(tzinfo=None) == expected


@given(INSTANTS, ZONES)
def test_nothing_is_ever_allowed_at_night_or_in_the_past(at: datetime, zone: str) -> None:
    allowed = calendar.allowed_from(at, zone, OPENS, CLOSES)
    assert OPENS <= local(allowed, zone).time() < CLOSES
    assert timedelta(0) <= allowed - at <= timedelta(hours=14)
    assert calendar.allowed_from(allowed, zone, OPENS, CLOSES) == allowed
    assert calendar.window_seconds_left(allowed, zone, CLOSES) > 0


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="never opens"):
        calendar.allowed_from(datetime(2026, 6, 1, tzinfo=UTC), CHICAGO, CLOSES, OPENS)


def test_seconds_left_of_the_window() -> None:
    zone = ZoneInfo(CHICAGO)
    assert (
        calendar.window_seconds_left(datetime(2026, 6, 1, 19, 58, tzinfo=zone), CHICAGO, CLOSES)
        == 120
    )
    assert (
        calendar.window_seconds_left(datetime(2026, 6, 1, 21, 0, tzinfo=zone), CHICAGO, CLOSES) == 0
    )


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 8, 31), 13, date(2027, 9, 30)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 1, 5), -1, date(2025, 12, 5)),
    ],
)
def test_months_clamp(day: date, months: int, expected: date) -> None:
    assert calendar.add_months(day, months) == expected


@pytest.mark.parametrize(
    ("day", "days", "expected"),
    [
        (date(2026, 7, 1), 0, date(2026, 7, 1)),
        (date(2026, 7, 1), 1, date(2026, 7, 2)),
        (date(2026, 7, 2), 1, date(2026, 7, 6)),
        (date(2026, 7, 4), 1, date(2026, 7, 6)),
        (date(2026, 11, 25), 1, date(2026, 11, 27)),
        (date(2026, 12, 31), 1, date(2027, 1, 4)),
        (date(2026, 5, 21), 3, date(2026, 5, 27)),
    ],
)
def test_business_days_skip_weekends_and_federal_holidays(
    day: date, days: int, expected: date
) -> None:
    assert calendar.add_business_days(day, days) == expected


def test_years_without_known_holidays_are_refused() -> None:
    with pytest.raises(ValueError, match="2071"):
        calendar.is_business_day(date(2071, 1, 2))


def test_staff_are_reminded_at_nine_local() -> None:
    friday_night = datetime(2026, 9, 5, 3, 0, tzinfo=UTC)
    due = calendar.staff_reminder_due(friday_night, 1, NEW_YORK)
    assert local(due, NEW_YORK).replace(tzinfo=None) == datetime(2026, 9, 8, 9, 0)


def at_local(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=ZoneInfo(NEW_YORK)).astimezone(UTC)


DAY0 = date(2026, 6, 1)


@pytest.mark.parametrize(
    ("days_later", "hour", "done", "name", "skipped"),
    [
        (0, 12, {"invoice"}, "day-3", ()),
        (3, 9, {"invoice"}, "day-3", ()),
        (3, 11, {"invoice"}, "day-3", ()),
        (3, 11, {"invoice", "day-3"}, "day-7", ()),
        (8, 11, {"invoice"}, "day-7", ("day-3",)),
        (30, 11, {"invoice"}, "day-14", ("day-3", "day-7")),
        (14, 8, {"invoice", "day-3"}, "day-14", ("day-7",)),
        (13, 23, {"invoice", "day-3"}, "day-7", ()),
        (30, 11, {"invoice", "day-3", "day-7", "day-14"}, None, ()),
    ],
)
def test_after_an_outage_only_the_latest_step_is_taken(
    days_later: int, hour: int, done: set[str], name: str | None, skipped: tuple[str, ...]
) -> None:
    now = at_local(DAY0 + timedelta(days=days_later), hour)
    step, late = calendar.next_step(DEFAULT_CHASE, DAY0, now, done, NEW_YORK)
    assert (step.name if step else None) == name
    assert late == skipped


@given(st.lists(st.integers(1, 300), max_size=12), ZONES)
def test_any_outages_lose_no_step_and_send_one_a_day(hours_down: list[int], zone: str) -> None:
    """Play a chase in which the worker wakes only now and then."""
    now = datetime.combine(DAY0, time(12), tzinfo=ZoneInfo(zone)).astimezone(UTC)
    done, sent_on = {"invoice"}, [DAY0]
    for hours in [*hours_down, 1000, 1, 1, 1]:
        now += timedelta(hours=hours)
        step, skipped = calendar.next_step(DEFAULT_CHASE, DAY0, now, done, zone)
        if step is not None and calendar.chase_due(DEFAULT_CHASE, step, DAY0, zone) <= now:
            sent_on.append(calendar.local_date(now, zone))
            done |= {step.name, *skipped}
    assert done == set(STEP)
    assert len(sent_on) == len(set(sent_on))
