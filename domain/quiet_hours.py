"""When a patient may be written to: the patient's own daytime, in every zone they may be in.

Where a zone is not certain, the overlap of all plausible ones counts. Laws that are stricter than
the product's own hours are a dated table. Nothing here reads a clock or a file at call time; it
runs in activities, never in a workflow. Every returned instant is aware and in UTC.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from domain import calendar
from domain.model import Record
from domain.quiet_laws import STATE_WINDOWS, WIDEST
from domain.zones_area import ZONES, place_of_phone
from domain.zones_zip import PLACES, place_of_zip

ALL_STATE_ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/Adak",
    "Pacific/Honolulu",
)
"""Every clock of the fifty states: where somebody is of whom nothing is known."""

_instant = lru_cache(maxsize=4096)(calendar.instant)
_DAY = timedelta(days=1)
_HORIZON = timedelta(days=15)
"""Zones that do not meet for so long have no common daytime."""
_SUNDAY = 6


class QuietPolicy(Record):
    """Hours of one message class as data. The state table and 8:00-21:00 can only narrow it."""

    version: int = 1
    opens_at: time = time(9, 0)
    closes_at: time = time(20, 0)
    holidays: Literal["silent", "allowed"] = "silent"
    """Federal holidays, and the days on which they are observed."""
    sundays: Literal["silent", "allowed"] = "allowed"
    hand_off_seconds: int = 60
    """What must be left of the window: a text valid for less is lost in the provider's queue."""


QUIET: Mapping[str, QuietPolicy] = MappingProxyType(
    {
        "billing": QuietPolicy(),
        "care": QuietPolicy(),
        "marketing": QuietPolicy(sundays="silent"),
    }
)
"""The product's hours by message class."""


def plausible_zones(
    record_zone: str | None,
    postal_code: str | None,
    phone_e164: str | None,
    location_zone: str | None,
) -> tuple[str, ...]:
    """Every zone that the client may be in, likeliest first; never empty.

    A zone on record stands alone. Else the ZIP's, with the area code as a second opinion. An
    area code alone has the location as its second opinion, because people keep their numbers
    when they move. Nothing known: the location; no location: the zones of all fifty states.
    """
    if record_zone and _is_zone(record_zone):
        return (record_zone,)
    by_zip, by_phone = place_of_zip(postal_code), place_of_phone(phone_e164)
    zones = [*(by_zip.zones if by_zip else ()), *(by_phone.zones if by_phone else ())]
    if not by_zip and location_zone and _is_zone(location_zone):
        zones.append(location_zone)
    return tuple(dict.fromkeys(zones)) or ALL_STATE_ZONES


def plausible_states(postal_code: str | None, phone_e164: str | None) -> tuple[str, ...]:
    """Every state whose hours may bind: by ZIP and by area code; empty when neither tells."""
    places = (place_of_zip(postal_code), place_of_phone(phone_e164))
    return tuple(dict.fromkeys(state for place in places if place for state in place.states))


def next_allowed(
    at: datetime,
    zones: Sequence[str],
    states: Sequence[str] = (),
    policy: QuietPolicy = QUIET["billing"],
) -> datetime:
    """`at` itself when a message may go now, else the next instant at which one may.

    It is allowed in every zone at once. Zones that never share an hour are given up from the
    least likely on, so that no message is lost. Raises ValueError on a naive `at`, on no zones,
    and on a policy that never opens.
    """
    return window(at, zones, states, policy)[0]


def closes_at(
    at: datetime,
    zones: Sequence[str],
    states: Sequence[str] = (),
    policy: QuietPolicy = QUIET["billing"],
) -> datetime:
    """When the window closes that `next_allowed` finds; arguments and errors as there."""
    return window(at, zones, states, policy)[1]


def window(
    at: datetime,
    zones: Sequence[str],
    states: Sequence[str] = (),
    policy: QuietPolicy = QUIET["billing"],
) -> tuple[datetime, datetime]:
    """Both `next_allowed` and `closes_at`, reckoned once."""
    if not zones:
        raise ValueError("no zone: nobody's daytime can be told")
    if at.tzinfo is None:
        raise ValueError("a datetime without a zone is not an instant")
    at = at.astimezone(UTC)
    for count in range(len(zones), 0, -1):
        found = _common(at, zones[:count], states, policy)
        if found is not None:
            return found
    raise ValueError("these hours never open")


def _common(
    at: datetime, zones: Sequence[str], states: Sequence[str], policy: QuietPolicy
) -> tuple[datetime, datetime] | None:
    """The first instant from `at` on that lies in every zone's window, and where that ends."""
    begins, enough = at, timedelta(seconds=policy.hand_off_seconds)
    while begins - at < _HORIZON:
        windows = [_window_from(begins, zone, states, policy) for zone in zones]
        opens = max(begins, *(window[0] for window in windows))
        closes = min(window[1] for window in windows)
        if closes - opens >= enough:
            return opens, closes
        # Either some zone opens later, or what is left of this window is too short to use.
        begins = opens if opens > begins else closes
    return None


def _window_from(
    at: datetime, zone: str, states: Sequence[str], policy: QuietPolicy
) -> tuple[datetime, datetime]:
    """The first window of one zone that ends after `at`."""
    day = calendar.local_date(at, zone)
    for ahead in range(_HORIZON.days + 1):
        hours = _hours(day + ahead * _DAY, states, policy)
        if hours is None:
            continue
        opens, closes = (_instant(day + ahead * _DAY, hour, zone) for hour in hours)
        if closes > at:
            return opens, closes
    raise ValueError("these hours never open")


def _hours(day: date, states: Sequence[str], policy: QuietPolicy) -> tuple[time, time] | None:
    """Local hours of one civil day under the policy and every state's law; None: silent."""
    if policy.sundays == "silent" and day.weekday() == _SUNDAY:
        return None
    if policy.holidays == "silent" and calendar.is_federal_holiday(day):
        return None
    laws = [law for law in STATE_WINDOWS if law.state in states and law.binds(day)]
    opens = max(policy.opens_at, WIDEST[0], *(law.opens_at for law in laws))
    closes = min(policy.closes_at, WIDEST[1], *(law.closes_at for law in laws))
    return (opens, closes) if opens < closes else None


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


for _name in {*ALL_STATE_ZONES, *(z for p in PLACES.values() for z in p.zones)}:
    ZoneInfo(_name)  # read now, kept by the library
for _names in ZONES.values():
    for _name in _names:
        ZoneInfo(_name)
