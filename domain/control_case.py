"""What the case of a control line is told and what it answers."""

from datetime import date

from domain.model import Record


class ControlInput(Record):
    """A line of a location's tie-out that differed at the end of a day, `since`."""

    location_id: str
    line: str
    since: date
    zone: str
    staff_reminder_business_days: tuple[int, ...] = (1, 3, 7)
    clock_shift_seconds: int = 0


class ControlSeen(Record):
    """A hint of the daily control that the line should be looked at; the case reads the books."""

    until: date


class ControlResult(Record):
    """How it ended: ties (nothing is off, or its month was signed) | explained (by a person)."""

    status: str
