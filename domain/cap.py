"""One cap over everything that a client hears: one touch a day, three in seven days (D12).

A touch is one step of one document; it may use both channels. Pure: instants in, instants out.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from types import MappingProxyType

from pydantic import AwareDatetime

from domain import calendar
from domain.model import Record

PRIORITIES: Mapping[str, int] = MappingProxyType(
    {"payment_failed": 0, "billing_due": 1, "check_in": 2, "renewal": 3}
)
"""Who goes first when the cap is full; the smaller number. A message yields to a smaller one."""

IN_A_WEEK_MAX = 3
WEEK = timedelta(days=7)
_SLACK = timedelta(minutes=15)
"""A hand-off may be late by some minutes; the seven days are kept by the provider's clock too."""
_DAY = timedelta(days=1)
_MIDNIGHT = time(0)
_MOVES_MAX = 32


class Touch(Record):
    """One step that reached a client, or may have. `at` is the case's time."""

    document_id: str
    step: str
    at: AwareDatetime


def has_room(at: datetime, others: Sequence[Touch], zones: Sequence[str]) -> bool:
    """Whether one more touch at `at` keeps the cap; `others` are all touches but its own."""
    return earliest(at, others, zones) == at


def earliest(at: datetime, others: Sequence[Touch], zones: Sequence[str]) -> datetime:
    """`at` itself, or the first later instant at which the cap has room again.

    A day counts as taken when it is in any of the client's plausible zones.
    """
    for _ in range(_MOVES_MAX):
        moved = max([_day_free(at, others, zone) for zone in zones] + [_week_free(at, others)])
        if moved <= at:
            return at
        at = moved
    raise ValueError("the cap finds no room within its bound")


def _day_free(at: datetime, others: Sequence[Touch], zone: str) -> datetime:
    taken = {calendar.local_date(touch.at, zone) for touch in others}
    day = calendar.local_date(at, zone)
    if day not in taken:
        return at
    while day in taken:
        day += _DAY
    return calendar.instant(day, _MIDNIGHT, zone)


def _week_free(at: datetime, others: Sequence[Touch]) -> datetime:
    recent = sorted(touch.at for touch in others if touch.at + WEEK + _SLACK > at)
    if len(recent) < IN_A_WEEK_MAX:
        return at
    return recent[-IN_A_WEEK_MAX] + WEEK + _SLACK
