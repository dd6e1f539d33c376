"""One clock for the whole practice: the wall clock, moved ahead by a shift that only grows.

The twins stamp what they see with the wall clock. The shift that was in force then tells what
time it was for the patient, so nothing but this history is needed to read their records.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta

from store import locations
from store.db import Pool, transaction


class Clock:
    """The practice's time. Move it only while nothing is under way."""

    def __init__(self, pool: Pool, location_id: str, begins: datetime) -> None:
        self._pool = pool
        self._location_id = location_id
        self._since: list[datetime] = []
        self._shifts: list[int] = []
        self._begins = begins

    @property
    def shift_seconds(self) -> int:
        """How far the practice is ahead of the wall clock (or behind it)."""
        return self._shifts[-1]

    def now(self) -> datetime:
        """The practice's time."""
        return datetime.now(UTC) + timedelta(seconds=self.shift_seconds)

    async def start(self) -> None:
        """Set the practice to the plan's first moment."""
        await self._shift_to(self._seconds_to(self._begins))

    async def reach(self, at: datetime) -> None:
        """Move on to an instant, at most a second past it; one that is past moves nothing."""
        seconds = self._seconds_to(at)
        if seconds > self.shift_seconds:
            await self._shift_to(seconds)

    def shift_at(self, wall: datetime) -> int:
        """The shift that was in force at an instant of the wall clock."""
        return self._shifts[max(0, bisect_right(self._since, wall) - 1)]

    def seen(self, wall: datetime) -> datetime:
        """What the practice's clock showed at an instant of the wall clock."""
        return wall + timedelta(seconds=self.shift_at(wall))

    @staticmethod
    def _seconds_to(at: datetime) -> int:
        return (at - datetime.now(UTC)) // timedelta(seconds=1) + 1

    async def _shift_to(self, seconds: int) -> None:
        self._since.append(datetime.now(UTC))
        self._shifts.append(seconds)
        async with transaction(self._pool) as conn:
            await locations.shift_clock(conn, self._location_id, seconds)
