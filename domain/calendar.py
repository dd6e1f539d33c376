"""Civil dates, local send hours and business days, without ever asking for the time.

Zones are IANA names. Every returned datetime is aware and in UTC. The module runs inside
workflows: everything that reads files is loaded at import.
"""

from calendar import monthrange
from collections.abc import Set
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from holidays import country_holidays

from domain.case import ChasePolicy, ChaseStep

_STAFF_HOUR = time(9, 0)
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_YEARS_KNOWN = range(2020, 2071)
_FEDERAL_HOLIDAYS = frozenset(country_holidays("US", years=_YEARS_KNOWN))


def local_date(at: datetime, zone: str) -> date:
    """Civil date of an instant in a zone. Raises ValueError on a naive datetime."""
    return _local(at, zone).date()


def instant(day: date, at: time, zone: str) -> datetime:
    """Instant of a civil date and local time.

    A local time that the clocks skip moves to the next valid minute; one that occurs twice
    is the first of the two.
    """
    local = datetime.combine(day, at.replace(tzinfo=None, fold=0), tzinfo=ZoneInfo(zone))
    while _is_skipped(local):
        local = local.replace(second=0, microsecond=0) + _MINUTE
    return local.astimezone(UTC)


def chase_due(policy: ChasePolicy, step: ChaseStep, day0: date, zone: str) -> datetime:
    """When a dunning step is due: `step.day` civil days after day 0 at the send hour."""
    return instant(day0 + timedelta(days=step.day), policy.send_at, zone)


def next_step(
    policy: ChasePolicy, day0: date, now: datetime, done: Set[str], zone: str
) -> tuple[ChaseStep | None, tuple[str, ...]]:
    """The step to take next, due or upcoming, and the names of those to skip as too late.

    Of several overdue steps only the latest is taken; if another falls due later the same
    civil day, that one is taken and no other, so that no client hears twice in a day.
    `done` holds names of steps sent or skipped. (None, ()) when nothing is left.
    """
    open_steps = sorted((step for step in policy.steps if step.name not in done), key=_day_of)
    today = local_date(now, zone)
    reached = [step for step in open_steps if day0 + timedelta(days=step.day) <= today]
    if reached:
        return reached[-1], tuple(step.name for step in reached[:-1])
    return (open_steps[0] if open_steps else None), ()


def allowed_from(at: datetime, zone: str, opens: time, closes: time) -> datetime:
    """`at` itself inside the daily window [opens, closes), else the next opening.

    Raises ValueError when the window is empty.
    """
    if opens >= closes:
        raise ValueError(f"the window {opens:%H:%M}-{closes:%H:%M} never opens")
    day = local_date(at, zone)
    if at < instant(day, opens, zone):
        return instant(day, opens, zone)
    if at < instant(day, closes, zone):
        return at.astimezone(UTC)
    return instant(day + _DAY, opens, zone)


def window_seconds_left(at: datetime, zone: str, closes: time) -> int:
    """Whole seconds until the window closes on the local day of `at`; 0 once it has."""
    left = instant(local_date(at, zone), closes, zone) - at
    return max(0, left // timedelta(seconds=1))


def add_months(day: date, months: int) -> date:
    """The same day of the month some months later (or earlier), clamped to the month's end."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month0 + 1, min(day.day, monthrange(year, month0 + 1)[1]))


def is_business_day(day: date) -> bool:
    """Whether US federal offices work on a day. Raises ValueError past the known years."""
    return not is_federal_holiday(day) and day.weekday() < 5


def is_federal_holiday(day: date) -> bool:
    """Whether a day is a US federal holiday or its observance; errors as `is_business_day`."""
    if day.year not in _YEARS_KNOWN:
        raise ValueError(f"no federal holidays known for {day.year}")
    return day in _FEDERAL_HOLIDAYS


def add_business_days(day: date, days: int) -> date:
    """The n-th business day after a day, which itself does not count; n is 0 or more."""
    for _ in range(days):
        day += _DAY
        while not is_business_day(day):
            day += _DAY
    return day


def business_days_since(day: date, today: date) -> int:
    """How many business days have begun after a day, up to and with `today`; 0 or more."""
    return sum(
        is_business_day(day + timedelta(days=n)) for n in range(1, max(0, (today - day).days) + 1)
    )


def staff_reminder_due(opened_at: datetime, business_days: int, zone: str) -> datetime:
    """When to remind staff of a question: at 09:00 local on the n-th business day after it."""
    return instant(add_business_days(local_date(opened_at, zone), business_days), _STAFF_HOUR, zone)


def _day_of(step: ChaseStep) -> int:
    return step.day


def _local(at: datetime, zone: str) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a datetime without a zone is not an instant")
    return at.astimezone(ZoneInfo(zone))


def _is_skipped(local: datetime) -> bool:
    there_and_back = local.astimezone(UTC).astimezone(local.tzinfo)
    return there_and_back.replace(tzinfo=None) != local.replace(tzinfo=None)
