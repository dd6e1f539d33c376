"""Nobody is written to outside their daytime, in any zone they may be in, and no message is lost.

The oracle is written from the rule and knows nothing of the search: it looks at wall clocks.
"""

from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import zones_area
from domain.calendar import is_federal_holiday
from domain.quiet_hours import (
    ALL_STATE_ZONES,
    QUIET,
    QuietPolicy,
    closes_at,
    next_allowed,
    plausible_states,
    plausible_zones,
    window,
)
from domain.quiet_laws import STATE_WINDOWS, TABLE_AS_OF
from domain.zones_zip import PLACES

NEW_YORK, CHICAGO, DENVER = "America/New_York", "America/Chicago", "America/Denver"
LOS_ANGELES, HONOLULU, GUAM = "America/Los_Angeles", "Pacific/Honolulu", "Pacific/Guam"
US_ZONES = sorted({*ALL_STATE_ZONES, *chain.from_iterable(p.zones for p in PLACES.values())})
CHANGING = {NEW_YORK, CHICAGO, DENVER, LOS_ANGELES, "America/Anchorage", "America/Adak"}
STATES = sorted({law.state for law in STATE_WINDOWS})
FIRST, LAST = date(2026, 1, 1), date(2028, 12, 31)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
LONGEST_WAIT = timedelta(days=5)
ANY_HOUR = QuietPolicy(opens_at=time(8), closes_at=time(21), holidays="allowed")
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)).map(  # noqa: DTZ001
    lambda at: at.replace(tzinfo=UTC)
)


def at(zone: str, *civil: int) -> datetime:
    return datetime(*civil, tzinfo=ZoneInfo(zone))  # type: ignore[misc, arg-type]


def shown(instant: datetime, zone: str) -> str:
    return instant.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M")


def is_daytime(instant: datetime, zone: str, states: tuple[str, ...], policy: QuietPolicy) -> bool:
    """The rule itself, on one wall clock."""
    local = instant.astimezone(ZoneInfo(zone))
    day, hour = local.date(), local.time()
    if policy.holidays == "silent" and is_federal_holiday(day):
        return False
    if policy.sundays == "silent" and day.isoweekday() == 7:
        return False
    if not (time(8) <= hour < time(21) and policy.opens_at <= hour < policy.closes_at):
        return False
    for law in STATE_WINDOWS:
        is_in_force = (law.since or day) <= day <= (law.until or day)
        is_binding = law.state in states and is_in_force and day.weekday() in law.weekdays
        if is_binding and not law.opens_at <= hour < law.closes_at:
            return False
    return True


def check(
    asked: datetime, zones: tuple[str, ...], states: tuple[str, ...], policy: QuietPolicy
) -> None:
    """Inside every window, not before it was asked, not late, and the window's end is its end."""
    opens, closes = window(asked, zones, states, policy)
    assert opens == next_allowed(asked, zones, states, policy)
    assert closes == closes_at(asked, zones, states, policy)
    assert asked <= opens < closes <= opens + timedelta(hours=13)
    assert opens - asked <= LONGEST_WAIT
    assert opens.utcoffset() == timedelta(0)
    second = timedelta(seconds=1)
    inside = (opens, opens + second, opens + (closes - opens) / 2, closes - second)
    for zone in zones:
        assert all(is_daytime(instant, zone, states, policy) for instant in inside)
    assert not all(is_daytime(closes, zone, states, policy) for zone in zones)
    assert next_allowed(opens, zones, states, policy) == opens
    assert closes - opens >= timedelta(seconds=policy.hand_off_seconds)


def clock_changes(zone: str) -> list[date]:
    """Civil days on which the clocks of a zone change."""
    noon = [datetime.combine(day, time(12), tzinfo=ZoneInfo(zone)) for day in DAYS]
    return [late.date() for early, late in pairwise(noon) if early.utcoffset() != late.utcoffset()]


class TestEveryZoneForThreeYears:
    @pytest.mark.parametrize("zone", US_ZONES)
    def test_every_day(self, zone: str) -> None:
        for day in DAYS:
            for hour in (time(0), time(12), time(19, 59, 30), time(20)):
                check(
                    datetime.combine(day, hour, tzinfo=ZoneInfo(zone)), (zone,), (), QuietPolicy()
                )

    @pytest.mark.parametrize("message_class", QUIET)
    @pytest.mark.parametrize("zone", US_ZONES)
    def test_every_quarter_of_an_hour_around_both_clock_changes(
        self, zone: str, message_class: str
    ) -> None:
        changes = clock_changes(zone)
        assert len(changes) == (6 if zone in CHANGING else 0)
        for day in changes:
            begin = datetime.combine(day, time(0), tzinfo=ZoneInfo(zone)).astimezone(UTC)
            for quarter in range(-8, 4 * 25):
                asked = begin + quarter * timedelta(minutes=15)
                check(asked, (zone,), (), QUIET[message_class])

    @settings(max_examples=400, deadline=None)
    @given(
        INSTANTS,
        st.lists(st.sampled_from(ALL_STATE_ZONES), min_size=1, unique=True).map(tuple),
        st.lists(st.sampled_from(STATES), max_size=3, unique=True).map(tuple),
        st.sampled_from(list(QUIET.values())),
    )
    def test_any_zones_under_any_laws(
        self, asked: datetime, zones: tuple[str, ...], states: tuple[str, ...], policy: QuietPolicy
    ) -> None:
        check(asked, zones, states, policy)

    @settings(max_examples=150, deadline=None)
    @given(INSTANTS, st.lists(st.sampled_from(US_ZONES), min_size=1, max_size=2).map(tuple))
    def test_no_earlier_minute_would_have_been_allowed(
        self, asked: datetime, zones: tuple[str, ...]
    ) -> None:
        opens = next_allowed(asked, zones, (), QuietPolicy())
        enough, step = timedelta(minutes=1), timedelta(minutes=20)
        while asked < opens - enough:
            assert not all(
                is_daytime(moment, zone, (), QuietPolicy())
                for zone in zones
                for moment in (asked, asked + enough)
            )
            asked += step

    def test_the_clocks_of_all_states_under_all_laws_still_meet(self) -> None:
        for day in DAYS[::7]:
            check(
                at(HONOLULU, day.year, day.month, day.day),
                ALL_STATE_ZONES,
                tuple(STATES),
                QUIET["marketing"],
            )


class TestHours:
    @pytest.mark.parametrize(
        ("asked", "zones", "expected"),
        [
            # spring forward: the night is an hour shorter, the morning is the same
            (at(NEW_YORK, 2027, 3, 13, 22), (NEW_YORK,), "03-14 09:00"),
            # fall back: one hour comes twice, the window once
            (at(NEW_YORK, 2026, 10, 31, 22), (NEW_YORK,), "11-01 09:00"),
            (at(NEW_YORK, 2026, 6, 1, 9), (NEW_YORK, LOS_ANGELES), "06-01 12:00"),
            (at(NEW_YORK, 2026, 6, 1, 9), (LOS_ANGELES, NEW_YORK), "06-01 12:00"),
            # nothing known: Hawaii's morning to the east coast's evening
            (at(NEW_YORK, 2026, 6, 1, 9), ALL_STATE_ZONES, "06-01 15:00"),
            (at(NEW_YORK, 2026, 1, 5, 9), ALL_STATE_ZONES, "01-05 14:00"),
            # holidays: Thanksgiving; a Saturday holiday with the Friday of its observance
            (at(NEW_YORK, 2026, 11, 25, 21), (NEW_YORK,), "11-27 09:00"),
            (at(NEW_YORK, 2026, 7, 2, 20), (NEW_YORK,), "07-05 09:00"),
            # too short a rest of the window is no window
            (at(NEW_YORK, 2026, 6, 1, 19, 58, 59), (NEW_YORK,), "06-01 19:58"),
            (at(NEW_YORK, 2026, 6, 1, 19, 59, 1), (NEW_YORK,), "06-02 09:00"),
        ],
    )
    def test_known_cases(self, asked: datetime, zones: tuple[str, ...], expected: str) -> None:
        assert shown(next_allowed(asked, zones), NEW_YORK) == expected

    @pytest.mark.parametrize(
        ("state", "zone", "day", "hours"),
        [
            ("CT", NEW_YORK, (2026, 6, 2), ("09:00", "20:00")),
            ("FL", NEW_YORK, (2026, 6, 2), ("08:00", "20:00")),
            ("MD", NEW_YORK, (2026, 6, 2), ("08:00", "20:00")),
            ("MS", CHICAGO, (2026, 6, 2), ("08:00", "20:00")),
            ("NJ", NEW_YORK, (2026, 6, 2), ("08:00", "20:00")),
            ("OK", CHICAGO, (2026, 6, 2), ("08:00", "20:00")),
            ("RI", NEW_YORK, (2026, 6, 2), ("09:00", "18:00")),
            ("RI", NEW_YORK, (2026, 6, 6), ("10:00", "17:00")),
            ("RI", NEW_YORK, (2026, 6, 7), ("10:00", "17:00")),
            ("TX", CHICAGO, (2026, 6, 6), ("09:00", "21:00")),
            ("TX", CHICAGO, (2026, 6, 7), ("12:00", "21:00")),
            ("TX", CHICAGO, (2025, 8, 31), ("08:00", "21:00")),
            ("GA", NEW_YORK, (2026, 6, 7), ("08:00", "21:00")),
        ],
    )
    def test_the_table_of_states(
        self, state: str, zone: str, day: tuple[int, int, int], hours: tuple[str, str]
    ) -> None:
        found = window(at(zone, *day), (zone,), (state,), ANY_HOUR)
        assert tuple(shown(instant, zone)[-5:] for instant in found) == hours

    def test_several_states_are_all_obeyed(self) -> None:
        sunday = at(NEW_YORK, 2026, 6, 7)
        opens, closes = window(sunday, (NEW_YORK,), ("TX", "RI"), ANY_HOUR)
        assert (shown(opens, NEW_YORK), shown(closes, NEW_YORK)) == ("06-07 12:00", "06-07 17:00")

    def test_no_policy_can_be_wider_than_federal_hours(self) -> None:
        wide = QuietPolicy(opens_at=time(5), closes_at=time(23))
        opens, closes = window(at(CHICAGO, 2026, 6, 1), (CHICAGO,), (), wide)
        assert (shown(opens, CHICAGO), shown(closes, CHICAGO)) == ("06-01 08:00", "06-01 21:00")

    @pytest.mark.parametrize(
        ("message_class", "opens"),
        [("billing", "06-07 09:00"), ("care", "06-07 09:00"), ("marketing", "06-08 09:00")],
    )
    def test_sundays_are_for_no_marketing(self, message_class: str, opens: str) -> None:
        saturday_night = at(CHICAGO, 2026, 6, 6, 22)
        found = next_allowed(saturday_night, (CHICAGO,), (), QUIET[message_class])
        assert shown(found, CHICAGO) == opens

    def test_a_practice_may_write_on_holidays(self) -> None:
        allowed = QuietPolicy(holidays="allowed")
        found = next_allowed(at(CHICAGO, 2026, 12, 25, 7), (CHICAGO,), (), allowed)
        assert shown(found, CHICAGO) == "12-25 09:00"

    def test_zones_that_never_meet_give_up_the_least_likely(self) -> None:
        asked, zones = at(NEW_YORK, 2026, 12, 1, 4), (NEW_YORK, GUAM)
        assert shown(next_allowed(asked, zones, ("RI",)), NEW_YORK) == "12-01 09:00"
        assert shown(next_allowed(asked, zones), NEW_YORK) == "12-01 18:00"

    def test_what_cannot_be_asked(self) -> None:
        noon = at(CHICAGO, 2026, 6, 1, 12)
        with pytest.raises(ValueError, match="without a zone"):
            next_allowed(noon.replace(tzinfo=None), (CHICAGO,))
        with pytest.raises(ValueError, match="no zone"):
            next_allowed(noon, ())
        with pytest.raises(ValueError, match="never open"):
            next_allowed(noon, (CHICAGO,), (), QuietPolicy(opens_at=time(20), closes_at=time(9)))


class TestWhere:
    @pytest.mark.parametrize(
        ("record", "postal_code", "phone", "location", "zones"),
        [
            (NEW_YORK, "94107", "+12135550100", DENVER, (NEW_YORK,)),
            ("Mars/Olympus", "94107", None, DENVER, (LOS_ANGELES,)),
            (None, "94107", "+14155550100", NEW_YORK, (LOS_ANGELES,)),
            (None, "94107-1234", "+12125550100", None, (LOS_ANGELES, NEW_YORK)),
            (None, "32401", None, None, (CHICAGO, NEW_YORK)),
            (None, "85001", None, None, ("America/Phoenix",)),
            (None, "96799", None, None, ("Pacific/Pago_Pago",)),
            (None, "06390", "+12125550100", None, (NEW_YORK,)),
            (None, None, "+12125550100", CHICAGO, (NEW_YORK, CHICAGO)),
            (None, None, "+18505550100", CHICAGO, (CHICAGO, NEW_YORK)),
            (None, None, "+18005550100", CHICAGO, (CHICAGO,)),
            (None, None, "+15555550100", CHICAGO, (CHICAGO,)),
            (None, None, "not a number", CHICAGO, (CHICAGO,)),
            (None, "09012", None, None, ALL_STATE_ZONES),
            (None, "1234", None, CHICAGO, (CHICAGO,)),
            (None, "x" * 5, None, CHICAGO, (CHICAGO,)),
            (None, None, "+79161234567", CHICAGO, (CHICAGO,)),
            (None, None, "+442079460000", CHICAGO, ("Europe/London", CHICAGO)),
            (None, None, None, None, ALL_STATE_ZONES),
            ("", "", "", "", ALL_STATE_ZONES),
        ],
    )
    def test_record_then_zip_then_area_code_then_location(
        self,
        record: str | None,
        postal_code: str | None,
        phone: str | None,
        location: str | None,
        zones: tuple[str, ...],
    ) -> None:
        assert set(plausible_zones(record, postal_code, phone, location)) == set(zones)
        assert plausible_zones(record, postal_code, phone, location)[0] in zones

    def test_the_address_is_likelier_than_the_number(self) -> None:
        assert plausible_zones(None, "94107", "+12125550100", CHICAGO)[0] == LOS_ANGELES

    @pytest.mark.parametrize(
        ("postal_code", "phone", "states"),
        [
            ("78701", "+15125550100", ("TX",)),
            ("30301", "+14015550100", ("GA", "RI")),
            ("73960", None, ("OK", "TX")),
            (None, "+18005550100", ()),
            (None, None, ()),
        ],
    )
    def test_every_plausible_state_counts(
        self, postal_code: str | None, phone: str | None, states: tuple[str, ...]
    ) -> None:
        assert plausible_states(postal_code, phone) == states

    def test_every_state_has_zips_and_area_codes(self) -> None:
        of_zips = set(chain.from_iterable(place.states for place in PLACES.values()))
        of_codes = set(quiet_hours_states())
        assert len(of_codes) == 51
        assert of_codes <= of_zips
        assert {law.state for law in STATE_WINDOWS} <= of_codes

    def test_every_area_code_of_a_state_has_zones_of_that_state(self) -> None:
        """Two sources of our own and the library's must tell the same country."""
        by_state: dict[str, set[str]] = {}
        for place in PLACES.values():
            for state in place.states:
                by_state.setdefault(state, set()).update(place.zones)
        strange = [
            code
            for code, state in zones_area.STATES.items()
            if not _offsets(zones_area.ZONES[code]) & _offsets(by_state[state])
        ]
        assert strange == []

    def test_the_table_of_laws_has_a_date_and_sources(self) -> None:
        assert date(2026, 1, 1) < TABLE_AS_OF
        assert all(law.source for law in STATE_WINDOWS)


def quiet_hours_states() -> set[str]:
    return set(zones_area.STATES.values())


def _offsets(zones: object) -> set[tuple[object, object]]:
    winter, summer = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 7, 1, 12, tzinfo=UTC)
    return {
        (winter.astimezone(ZoneInfo(z)).utcoffset(), summer.astimezone(ZoneInfo(z)).utcoffset())
        for z in zones  # type: ignore[attr-defined]
    }
