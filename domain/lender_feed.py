"""Whether a lender's ways in are well: pure, from what the books know of its feed.

A trouble has a key, so that it is asked about once, and is gone when the facts say so.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta

from pydantic import AwareDatetime

from domain import calendar
from domain.lender_contracts import LenderContract, Mode
from domain.model import Record
from domain.money import dollars
from domain.plan_case import PlanStatus

MISSING, ROWS, GAP = "LENDER_FILE_MISSING", "LENDER_FILE_ROWS", "LENDER_WEBHOOK_GAP"
UNREAD, HINT = "LENDER_UNREAD", "LENDER_HINT"
REFUNDED = "LENDER_OVER_REFUNDED"
SAYS_MAX = 12
GAP_GRACE = timedelta(hours=1)
"""A webhook may be so late and still not be missed."""
GAP_WINDOW = timedelta(hours=24)
HINT_GRACE = timedelta(hours=4)
"""How long a hint may wait for a read, before a person is asked."""


class Trouble(Record):
    """One thing that is wrong with a feed. `says` are short sentences without a name in them."""

    code: str
    key: str
    says: tuple[str, ...]
    plan_id: str | None = None
    """Of a hint: the plan that it is about."""


class FileSeen(Record):
    """An imported file: what it is of, and what could not be used."""

    name: str
    sha256: str
    cut_at: AwareDatetime | None
    fault: str | None
    bad: tuple[tuple[int, str], ...]
    """Line and reason."""


class Found(Record):
    """A status that was found by asking; `heard_at` is the webhook that told the same."""

    plan_id: str
    status: PlanStatus
    found_at: AwareDatetime
    heard_at: AwareDatetime | None


class Hint(Record):
    """A plan whose status a webhook alone has told."""

    plan_id: str
    status: PlanStatus
    heard_at: AwareDatetime


class OverRefund(Record):
    """A plan on which more was given back than there was."""

    plan_id: str
    financed_cents: int
    refunded_cents: int


class Feed(Record):
    """What the books know of one lender's feed at one location."""

    since: AwareDatetime
    """When the practice began with it; nothing is missing from before."""
    files: tuple[FileSeen, ...] = ()
    found: tuple[Found, ...] = ()
    hints: tuple[Hint, ...] = ()
    over_refunds: tuple[OverRefund, ...] = ()
    unread: tuple[Trouble, ...] = ()
    """What an answer held that nobody could understand, as it was noted."""


def troubles(contract: LenderContract, zone: str, feed: Feed, now: datetime) -> list[Trouble]:
    """Everything that is wrong with a feed now."""
    return [
        *missing_files(contract, zone, feed, now),
        *_rows(feed.files),
        *_gap(contract, feed.found, now),
        *_hints(contract, feed.hints, now),
        *map(_over_refund, feed.over_refunds),
        *feed.unread,
    ]


def is_healed(code: str, key: str, feed: Feed, now: Sequence[Trouble]) -> bool:
    """Whether the facts have answered a question that is open: never because time has passed."""
    if any((each.code, each.key) == (code, key) for each in now):
        return False
    if code == MISSING:
        return any(
            file.name.endswith(f"_{key.replace('-', '').replace('/', '_')}.csv")
            for file in feed.files
        )
    if code == ROWS:
        name, _, digest = key.rpartition("/")
        return any(f.name == name and not f.sha256.startswith(digest) for f in feed.files)
    return code in (GAP, HINT, REFUNDED)


def missing_files(contract: LenderContract, zone: str, feed: Feed, now: datetime) -> list[Trouble]:
    """Cuts whose file should be here: each is due at the first due hour after its lag."""
    if contract.file_due_at is None:
        return []
    seen = {file.cut_at for file in feed.files}
    found, day = [], calendar.local_date(max(feed.since, now - timedelta(days=14)), zone)
    while day <= calendar.local_date(now, zone):
        for number, at in enumerate(contract.cuts, start=1):
            cut = calendar.instant(day, at, zone)
            is_due = cut >= feed.since and due_at(contract, zone, cut) <= now
            if is_due and cut not in seen:
                found.append(_missing(contract, day, number))
        day += timedelta(days=1)
    return found


def due_at(contract: LenderContract, zone: str, cut: datetime) -> datetime:
    """When a cut's file is missed: the first due hour at or after its lag."""
    due = contract.file_due_at or time(0)
    ready = cut + timedelta(hours=contract.lag_hours)
    day = calendar.local_date(ready, zone)
    first = calendar.instant(day, due, zone)
    return first if first >= ready else calendar.instant(day + timedelta(days=1), due, zone)


def _missing(contract: LenderContract, day: date, number: int) -> Trouble:
    key = f"{day.isoformat()}/{number}"
    says = f"The file of cut {number} of {day.isoformat()} has not come."
    return Trouble(code=MISSING, key=key, says=(f"{contract.name}: {says}",))


def _rows(files: Iterable[FileSeen]) -> list[Trouble]:
    found = []
    for file in files:
        says = [f"The file is not whole: {file.fault}."] if file.fault else []
        says += [f"Line {line}: {why}." for line, why in file.bad]
        if says:
            shown = says[:SAYS_MAX]
            if len(says) > SAYS_MAX:
                shown.append(f"{len(says) - SAYS_MAX} more lines.")
            key = f"{file.name}/{file.sha256[:12]}"
            found.append(Trouble(code=ROWS, key=key, says=tuple(shown)))
    return found


def missed(contract: LenderContract, found: Iterable[Found], now: datetime) -> list[Found]:
    """Statuses of the last day that a webhook should have told, and none did in time."""
    return [
        each
        for each in found
        if each.status in contract.announced
        and now - GAP_WINDOW <= each.found_at <= now - GAP_GRACE
        and (each.heard_at is None or each.heard_at > each.found_at + GAP_GRACE)
    ]


def _gap(contract: LenderContract, found: Sequence[Found], now: datetime) -> list[Trouble]:
    if Mode.WEBHOOK not in contract.modes or not (lost := missed(contract, found, now)):
        return []
    day = min(each.found_at for each in lost).date()
    says = (
        f"{len(lost)} changes of the last day were found by asking; no webhook told of them.",
        "Nothing is lost: asking goes on. Look at the webhook's address and secret.",
    )
    return [Trouble(code=GAP, key=day.isoformat(), says=says)]


def _hints(contract: LenderContract, hints: Iterable[Hint], now: datetime) -> list[Trouble]:
    return [
        Trouble(
            code=HINT,
            key=f"{hint.plan_id}/{hint.status}",
            says=(
                f"A webhook said that plan {hint.plan_id} is {hint.status.replace('_', ' ')}.",
                f"{contract.name} does not say so when it is asked.",
            ),
            plan_id=hint.plan_id,
        )
        for hint in hints
        if hint.heard_at <= now - HINT_GRACE
    ]


def _over_refund(each: OverRefund) -> Trouble:
    given, financed = dollars(each.refunded_cents), dollars(each.financed_cents)
    return Trouble(
        code=REFUNDED,
        key=f"{each.plan_id}/{each.refunded_cents}",
        says=(f"Plan {each.plan_id}: {given} was refunded of {financed} financed.",),
        plan_id=each.plan_id,
    )
