"""What the screen knows: the queue, the place in it, the filters, who decides."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from starter.desk.records import Waiting


@dataclass(frozen=True)
class Line:
    """One open question as the list shows it; `due` is at most eight characters."""

    waiting: Waiting
    who: str
    invoice: str
    due: str

    @property
    def review_id(self) -> str:
        """The question's id."""
        return self.waiting.review_id

    @property
    def owner(self) -> str:
        """Who looks after it; `confirm` where a proposal waits for a second person."""
        return "confirm" if self.waiting.proposed_by else self.waiting.owner or ""

    def answers_to(self, words: Iterable[str]) -> bool:
        """Whether every word is found in the client, the case, the invoice or the title."""
        it = self.waiting
        said = (self.who, self.invoice, it.title, it.code, self.owner, it.case_id, it.review_id)
        known = " ".join(said).lower()
        return all(word in known for word in words)


@dataclass
class Session:
    """One person's sitting at the queue. `by` is empty until somebody has said their name.

    `current_id` may name a question that has just left the queue: it stays on the screen until
    the person moves on, so that nothing changes under their fingers.
    """

    by: str = ""
    lines: list[Line] = field(default_factory=list)
    code: str = ""
    words: str = ""
    current_id: str = ""
    under_way: set[str] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)
    decided: int = 0
    has_read: bool = False
    _place: int = 0

    @property
    def is_narrow(self) -> bool:
        """Whether a filter hides questions."""
        return bool(self.code or self.words.strip())

    @property
    def shown(self) -> list[Line]:
        """The lines that the filters leave, oldest first."""
        words = self.words.lower().split()
        return [
            line
            for line in self.lines
            if self.code in ("", line.waiting.code) and line.answers_to(words)
        ]

    @property
    def current(self) -> Line | None:
        """The line under the cursor; None when its question has left the queue."""
        return next((line for line in self.shown if line.review_id == self.current_id), None)

    @property
    def place(self) -> int:
        """The cursor's row among the shown lines."""
        ids = [line.review_id for line in self.shown]
        if self.current_id in ids:
            self._place = ids.index(self.current_id)
        return max(0, min(self._place, len(ids) - 1))

    def arrived(self, lines: list[Line], *, reading: bool) -> None:
        """Take the queue as it stands now; while somebody reads a question, it stays."""
        self._place = self.place
        self.lines, self.has_read = lines, True
        if not reading or not self.current_id:
            self._settle()

    def narrow(self, *, code: str | None = None, words: str | None = None) -> None:
        """Show the questions of one code, or those that some words find; empty shows all."""
        self.code = self.code if code is None else code
        self.words = self.words if words is None else words
        self._settle()

    def go_to(self, review_id: str) -> None:
        """Put the cursor on a question."""
        self.current_id = review_id

    def move(self, steps: int) -> None:
        """Go down or up; from a question that has left, down leads to the one in its place."""
        shown, place = self.shown, self.place
        if self.current is None and steps > 0:
            steps -= 1
        if shown:
            self.current_id = shown[max(0, min(place + steps, len(shown) - 1))].review_id

    def go_on(self, review_id: str) -> None:
        """Leave an answered question for the next one that waits, the last for the first."""
        ids = [line.review_id for line in self.shown]
        place = ids.index(review_id) if review_id in ids else self.place
        later = [*ids[place:], *ids[:place]]
        free = [each for each in later if each != review_id and each not in self.under_way]
        self.current_id = free[0] if free else ""

    def gave_reason(self, reason: str) -> None:
        """Remember a reason, newest first: the next form offers it."""
        if reason.strip():
            self.reasons = [reason, *(each for each in self.reasons if each != reason)]

    def codes(self) -> list[tuple[str, str, int]]:
        """(code, title, how many) of what waits, most first."""
        titles = {line.waiting.code: line.waiting.title for line in self.lines}
        count = dict.fromkeys(titles, 0)
        for line in self.lines:
            count[line.waiting.code] += 1
        most_first = sorted(titles, key=lambda code: (-count[code], code))
        return [(code, titles[code], count[code]) for code in most_first]

    def alike(self, review_id: str) -> list[str]:
        """The shown questions of the same code as this one, itself among them, in order."""
        codes = {line.review_id: line.waiting.code for line in self.shown}
        return [each for each, code in codes.items() if code == codes.get(review_id)]

    def _settle(self) -> None:
        shown = self.shown
        if self.current is None:
            self.current_id = shown[self.place].review_id if shown else ""
