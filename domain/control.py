"""The daily control: what of a tie-out differs, and whether a person has explained just that.

Any difference counts, in either direction and in any one thing; two that cancel are two.
"""

from collections.abc import Collection
from datetime import date

from domain.model import Record
from domain.tie import Tie, Verdict

CODE = "CONTROL_DIFF"
SHARED = frozenset({"CHARGES", "PAYOUTS", "BANK"})
"""Lines of the whole practice: asked about once, at the location that looks after its payouts."""

Off = tuple[tuple[str, int], ...]
"""Each thing that is off, by the name that a person can look up, with its signed cents."""


class Asked(Record):
    """What the desk knows of a line: an open question, or an answer to one."""

    case_id: str
    review_id: str
    off: Off
    since: date
    explained_by: str | None = None


def off_of(tie: Tie) -> Off:
    """What of a line nothing accounts for; empty when it ties."""
    return tuple(sorted((i.name, i.off_cents) for i in tie.items if i.kind == "off"))


def lines_of(ties: Collection[Tie], is_home: bool) -> list[Tie]:
    """The lines that a location answers for."""
    return [tie for tie in ties if is_home or tie.code not in SHARED]


def differing(ties: Collection[Tie]) -> list[Tie]:
    """The lines that do not tie."""
    return [tie for tie in ties if tie.verdict is Verdict.OFF]


def answer_to(off: Off, asked: Collection[Asked]) -> Asked | None:
    """Who has explained these very things at these very amounts; None when nobody has."""
    return next((one for one in asked if one.explained_by and one.off == off), None)


def first_open_day(closed_until: date | None, until: date) -> date:
    """From which day on entries are looked at: signed months are over, save that of `until`."""
    if closed_until is None:
        return date.min
    return min(date.fromordinal(closed_until.toordinal() + 1), until.replace(day=1))
