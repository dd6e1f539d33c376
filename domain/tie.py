"""Two sides of one figure, compared thing by thing: what differs is named, with its sign.

A difference that only falls on another side of the month's end is `timing`; one that a known task
or rule accounts for to the cent is `explained`; any other is `off`. Two that cancel are both seen.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from domain.model import Record


class Verdict(StrEnum):
    """What a line of the tie-out says."""

    TIES = "ties"
    EXPLAINED = "explained"
    OFF = "off"
    UNCHECKED = "unchecked"


class Item(Record):
    """One thing that the sides do not agree on, in signed cents: `off_cents` is ours less theirs.

    `kind`: off | timing | explained. `name` is an id that a person can look up.
    """

    name: str
    kind: str
    ours_cents: int
    theirs_cents: int
    off_cents: int
    why: str


class Tie(Record):
    """One line of the tie-out. `ours` and `theirs` say where each figure comes from."""

    code: str
    title: str
    ours: str
    theirs: str
    ours_cents: int
    theirs_cents: int
    items: tuple[Item, ...] = ()
    unchecked: str | None = None
    """Why there is no second source; a figure that is not nil is then not tied out."""
    note: str | None = None

    @property
    def off_cents(self) -> int:
        """The sum of what is off, without signs: errors that cancel count twice, not never."""
        return sum(abs(item.off_cents) for item in self.items if item.kind == "off")

    @property
    def verdict(self) -> Verdict:
        """Whether the line ties, and if not, whether every cent is accounted for."""
        if any(item.kind == "off" for item in self.items):
            return Verdict.OFF
        if self.unchecked is not None:
            return Verdict.UNCHECKED
        return Verdict.EXPLAINED if self.items else Verdict.TIES


class Side:
    """One side of a tie: signed cents per thing, up to the month's end and ever."""

    def __init__(self, until: date) -> None:
        self._until = until
        self.cents: dict[str, int] = {}
        self.ever: dict[str, int] = {}
        self.days: dict[str, date] = {}

    def add(self, key: str, cents: int, on: date) -> None:
        """What one fact says of a thing, on its day."""
        self.ever[key] = self.ever.get(key, 0) + cents
        if on <= self._until:
            self.cents[key] = self.cents.get(key, 0) + cents
        else:
            self.days[key] = min(on, self.days.get(key, on))

    @property
    def total_cents(self) -> int:
        """Up to the month's end."""
        return sum(self.cents.values())


Why = Mapping[str, tuple[int, str]]
"""Thing -> cents that are known to differ, and the sentence that accounts for them."""


def tie(
    code: str,
    title: str,
    ours: tuple[str, Side],
    theirs: tuple[str, Side],
    *,
    names: Mapping[str, str] | None = None,
    known: Why | None = None,
    note: str | None = None,
) -> Tie:
    """Compare two sides; `names` says what a thing is, `known` what of it is accounted for."""
    (our_name, mine), (their_name, other) = ours, theirs
    items = []
    for key in sorted(mine.ever.keys() | other.ever.keys()):
        found = _items(key, mine, other, our_name, their_name, (known or {}).get(key))
        shown = {"name": (names or {}).get(key, key)}
        items += [item.model_copy(update=shown) for item in found]
    return Tie(
        code=code,
        title=title,
        ours=our_name,
        theirs=their_name,
        ours_cents=mine.total_cents,
        theirs_cents=other.total_cents,
        items=tuple(sorted(items, key=lambda item: (item.kind != "off", item.name))),
        note=note,
    )


def _items(
    key: str,
    mine: Side,
    other: Side,
    our_name: str,
    their_name: str,
    known: tuple[int, str] | None,
) -> list[Item]:
    """What is to say of one thing: nothing, one difference, or a known part and the rest."""
    here, there = mine.cents.get(key, 0), other.cents.get(key, 0)
    if here == there:
        return []

    def item(kind: str, off_cents: int, why: str) -> Item:
        return Item(
            name=key, kind=kind, ours_cents=here, theirs_cents=there, off_cents=off_cents, why=why
        )

    if mine.ever.get(key, 0) == other.ever.get(key, 0):
        return [item("timing", here - there, _later(key, mine, other, our_name, their_name))]
    known_cents, sentence = known or (0, "")
    found = [item("explained", known_cents, sentence)] if known_cents else []
    rest_cents = here - there - known_cents
    if rest_cents:
        why = "Both know it, at different amounts."
        if not other.ever.get(key):
            why = f"Not in {their_name}."
        elif not mine.ever.get(key):
            why = f"Not in {our_name}."
        found.append(item("off", rest_cents, why))
    return found


def _later(key: str, mine: Side, other: Side, our_name: str, their_name: str) -> str:
    late = [(our_name, mine.days[key])] if key in mine.days else []
    late += [(their_name, other.days[key])] if key in other.days else []
    return " ".join(f"In {name} on {day}." for name, day in late)
