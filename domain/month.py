"""A calendar month, the practice's accounting period."""

import re
from datetime import date, timedelta

from domain.calendar import add_months
from domain.model import Record

_WRITTEN = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


class Month(Record):
    """One month by its `first` day; `last` is its last day, `2026-11` its text."""

    first: date

    @property
    def last(self) -> date:
        """The last civil day."""
        return self.next.first - timedelta(days=1)

    @property
    def next(self) -> "Month":
        """The month after."""
        return Month(first=add_months(self.first, 1))

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"


def month_of(day: date) -> Month:
    """The month that a day belongs to."""
    return Month(first=day.replace(day=1))


def parse_month(text: str) -> Month:
    """`2026-11` as a month. Raises ValueError with a sentence."""
    found = _WRITTEN.fullmatch(text.strip())
    if not found or found[1] == "0000":
        raise ValueError(f"{text} is no month; write it like 2026-11.")
    return Month(first=date(int(found[1]), int(found[2]), 1))
