"""When a client may be written to: the allowed hours in every zone that may be theirs."""

from datetime import datetime, timedelta

from domain import calendar
from domain.case import ChasePolicy

_LAST_MINUTE = timedelta(minutes=1)


class Hours:
    """The allowed hours of one client under one policy."""

    def __init__(self, chase: ChasePolicy, location_zone: str) -> None:
        self._chase = chase
        self.zones: tuple[str, ...] = (location_zone,)

    def opens(self, at: datetime) -> datetime:
        """`at` itself when a message may go then, else the next time that it may.

        The last minute of the window is left out: an attempt takes some seconds, and a text
        that is only valid for these is lost in the provider's queue.
        """
        opens = self._next(at)
        if opens > at or self.seconds_left(at) >= _LAST_MINUTE.total_seconds():
            return opens
        return self._next(at + _LAST_MINUTE)

    def seconds_left(self, at: datetime) -> int:
        """Whole seconds until the window closes; 0 outside of it."""
        return calendar.window_seconds_left(at, self.zones[0], self._chase.window_closes_at)

    def _next(self, at: datetime) -> datetime:
        window = (self._chase.window_opens_at, self._chase.window_closes_at)
        return calendar.allowed_from(at, self.zones[0], *window)
