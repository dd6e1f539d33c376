"""State laws on the hours of automated messages, as a dated table.

The statutes speak of solicitations; whether they reach consented billing texts is open, so they
apply here to every automated message. The table was made from a vendor's list and one statute;
docs/messages.md says what of it is verified. A change of law is a new row.
"""

from datetime import date, time

from domain.model import Record

TABLE_AS_OF = date(2026, 11, 22)

WIDEST = (time(8, 0), time(21, 0))
"""Federal hours where the patient is (47 CFR 64.1200(c)(1)); no policy may exceed them."""

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
_MONDAY_TO_FRIDAY = (0, 1, 2, 3, 4)
_WEEKEND = (5, 6)
_MONDAY_TO_SATURDAY = (0, 1, 2, 3, 4, 5)
_SUNDAY = (6,)


class StateWindow(Record):
    """Local hours of one state on some weekdays (0 is Monday), from `since` to `until` inclusive.

    Without `since` it binds at any date: when it began is not known here.
    """

    state: str
    opens_at: time
    closes_at: time
    weekdays: tuple[int, ...] = EVERY_DAY
    since: date | None = None
    until: date | None = None
    source: str

    def binds(self, day: date) -> bool:
        """Whether the law narrows this civil day."""
        has_begun = self.since is None or self.since <= day
        return (
            has_begun
            and (self.until is None or day <= self.until)
            and (day.weekday() in self.weekdays)
        )


_VENDOR = "vendor table, to be verified by counsel"
_SB_140 = "Texas SB 140 (texts)"


def _window(state: str, opens: int, closes: int, **more: object) -> StateWindow:
    return StateWindow.model_validate(
        {
            "state": state,
            "opens_at": time(opens),
            "closes_at": time(closes),
            "source": _VENDOR,
            **more,
        }
    )


STATE_WINDOWS = (
    _window("CT", 9, 20),
    _window("FL", 8, 20),
    _window("MD", 8, 20),
    _window("MS", 8, 20),
    _window("NJ", 8, 20),
    _window("OK", 8, 20),
    _window("RI", 9, 18, weekdays=_MONDAY_TO_FRIDAY),
    _window("RI", 10, 17, weekdays=_WEEKEND),
    _window("TX", 9, 21, weekdays=_MONDAY_TO_SATURDAY, since=date(2025, 9, 1), source=_SB_140),
    _window("TX", 12, 21, weekdays=_SUNDAY, since=date(2025, 9, 1), source=_SB_140),
)
