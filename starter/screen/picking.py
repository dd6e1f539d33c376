"""The fields of a small form: what may be typed there, and what completes it."""

from collections.abc import Sequence
from dataclasses import dataclass

MATCHES_MAX = 6


@dataclass(frozen=True)
class Option:
    """Something to pick: `value` is what a decision gets, `words` explain it."""

    value: str
    words: str = ""


@dataclass(frozen=True)
class Field:
    """One thing that a choice needs. `closed`: nothing but one of the options is right."""

    name: str
    label: str
    hint: str = ""
    options: tuple[Option, ...] = ()
    closed: bool = False
    optional: bool = False


def matching(options: Sequence[Option], typed: str, most: int = MATCHES_MAX) -> list[Option]:
    """The options that what is typed may mean, the likeliest first; all of them for nothing."""
    words = typed.lower().split()
    found = [each for each in options if all(word in _text(each) for word in words)]
    if words:
        found.sort(key=lambda each: _distance(each, words[0]))
    return found[:most]


def _text(option: Option) -> str:
    return f"{option.value} {option.words}".lower()


def _distance(option: Option, word: str) -> int:
    value = option.value.lower()
    if value == word:
        return 0
    if value.startswith(word):
        return 1
    return 2 if any(part.startswith(word) for part in _text(option).split()) else 3


class Picking:
    """What one field holds while somebody types: the words, the matches, the marked match."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.typed = ""
        self.marked: int | None = None

    @property
    def matches(self) -> list[Option]:
        """What completes the words."""
        return matching(self.field.options, self.typed)

    def type(self, text: str) -> None:
        """Other words; where only an option is right, the likeliest one is marked."""
        self.typed = text
        self.marked = 0 if self.field.closed and text.strip() and self.matches else None

    def mark(self, steps: int) -> None:
        """Move the mark down or up; above the first match nothing is marked."""
        last = len(self.matches) - 1
        place = (-1 if self.marked is None else self.marked) + steps
        self.marked = None if place < 0 or last < 0 else min(place, last)

    @property
    def value(self) -> str:
        """What the field would give now."""
        return self.typed.strip() if self.marked is None else self.matches[self.marked].value

    @property
    def problem(self) -> str | None:
        """What is missing, in one sentence; None when the field has something."""
        if self.value or self.field.optional:
            return None
        return f"{self.field.label} is missing: {self.field.hint}."
