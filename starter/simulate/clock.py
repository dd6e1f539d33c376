"""One clock for the whole practice: the wall clock, moved ahead by a shift that only grows.

The twins stamp what they see with the wall clock. The shift that was in force then tells what
time it was for the patient, so nothing but this history is needed to read their records.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta

from store import locations
from store.db import Pool, transaction


class Clock:
    """The practice's time. Move it only while nothing is under way.

    The product knows the shift in whole seconds, for the cases that it starts; the practice's own
    time is exact.
    """

    def __init__(self, pool: Pool, location_id: str, begins: datetime) -> None:
        self._pool = pool
        self._location_id = location_id
        self._since: list[datetime] = []
        self._shifts: list[timedelta] = []
        self._begins = begins

    @property
    def shift(self) -> timedelta:
        """How far the practice is ahead of the wall clock (or behind it)."""
        return self._shifts[-1]

    def now(self) -> datetime:
        """The practice's time."""
        return datetime.now(UTC) + self.shift

    async def start(self) -> None:
        """Set the practice to the plan's first moment."""
        await self._move(self._begins - datetime.now(UTC))

    async def reach(self, at: datetime) -> None:
        """Move on to an instant; one that is past moves nothing."""
        shift = at - datetime.now(UTC)
        if shift > self.shift:
            await self._move(shift)

    def shift_at(self, wall: datetime) -> timedelta:
        """The shift that was in force at an instant of the wall clock."""
        return self._shifts[max(0, bisect_right(self._since, wall) - 1)]

    def seen(self, wall: datetime) -> datetime:
        """What the practice's clock showed at an instant of the wall clock."""
        return wall + self.shift_at(wall)

    def told_at(self, wall: datetime) -> timedelta:
        """What the product knew of the shift at an instant of the wall clock."""
        return timedelta(seconds=_whole(self.shift_at(wall)))

    async def _move(self, shift: timedelta) -> None:
        self._since.append(datetime.now(UTC))
        self._shifts.append(shift)
        async with transaction(self._pool) as conn:
            await locations.shift_clock(conn, self._location_id, _whole(shift))


def _whole(shift: timedelta) -> int:
    return shift // timedelta(seconds=1)
