"""A bank statement as a file, and which of its lines are payouts of the processor.

A line and a payout belong together by exact amount and by date, at most three days apart, and
by nothing else. A payout is given to one line alone, the nearest first.
"""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from domain.model import Record
from domain.money import cents_of

COLUMNS = ("date", "amount", "description", "reference")
DAYS_APART_MAX = 3
_FORMATS = ("%Y-%m-%d", "%m/%d/%Y")


class BankLine(Record):
    """One line: positive cents came in. `line_id` is the same when the line is imported again."""

    line_id: str
    row: int
    on: date
    amount_cents: int
    words: str
    """The bank's description and reference; may name a person."""


class BadRow(Record):
    """A row that cannot be used, by its number in the file; `why` quotes nothing of it."""

    row: int
    why: str


class Expected(Record):
    """A payout that the bank should show: `leg` is in, or back when it failed later."""

    source: str
    payout_id: str
    leg: str
    amount_cents: int
    on: date


def read_statement(text: str) -> tuple[list[BankLine], list[BadRow]]:
    """Lines and bad rows of a CSV text. Raises ValueError when a column is missing.

    The nth of several equal lines is a line of its own, so that a file may be imported again
    and two equal deposits of one day both count.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    names = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    lacking = [name for name in COLUMNS if name not in names]
    if lacking:
        raise ValueError(f"the first row lacks {', '.join(lacking)}")
    lines: list[BankLine] = []
    bad: list[BadRow] = []
    seen: dict[tuple[str, ...], int] = {}
    for raw in reader:
        row = reader.line_num
        cells = {name: (raw.get(names[name]) or "").strip() for name in COLUMNS}
        on, cents = _date(cells["date"]), cents_of(cells["amount"])
        if on is None:
            bad.append(BadRow(row=row, why="the date is neither 2026-11-02 nor 11/02/2026"))
        elif not cents:
            bad.append(BadRow(row=row, why="the amount is not one like 1,234.50 or -20.00"))
        else:
            words = " ".join(each for each in (cells["description"], cells["reference"]) if each)
            same = (on.isoformat(), str(cents), cells["description"], cells["reference"])
            seen[same] = seen.get(same, 0) + 1
            digest = hashlib.sha256("|".join([*same, str(seen[same])]).encode()).hexdigest()
            lines.append(
                BankLine(line_id=digest[:32], row=row, on=on, amount_cents=cents, words=words)
            )
    return lines, bad


def pair(lines: Sequence[BankLine], expected: Sequence[Expected]) -> dict[str, Expected]:
    """Line id -> the payout that it is; what has no partner is left out."""
    near = sorted(
        (abs((line.on - each.on).days), line.on, line.line_id, each.payout_id, each.leg)
        for line in lines
        for each in expected
        if line.amount_cents == each.amount_cents
        and abs(line.on - each.on) <= timedelta(days=DAYS_APART_MAX)
    )
    named = {(each.payout_id, each.leg): each for each in expected}
    found: dict[str, Expected] = {}
    for _, _, line_id, payout_id, leg in near:
        if line_id not in found and (payout_id, leg) in named:
            found[line_id] = named.pop((payout_id, leg))
    return found


def overdue(
    expected: Sequence[Expected], found: Mapping[str, Expected], since: date, until: date
) -> list[Expected]:
    """Payouts that statements from `since` up to `until` should show and do not."""
    shown = {(each.payout_id, each.leg) for each in found.values()}
    last = until - timedelta(days=DAYS_APART_MAX)
    late = [
        each
        for each in expected
        if (each.payout_id, each.leg) not in shown and since <= each.on <= last
    ]
    return sorted(late, key=lambda each: (each.on, each.payout_id))


def _date(text: str) -> date | None:
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a civil date
        except ValueError:
            continue
    return None
