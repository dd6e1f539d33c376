"""The stories in which money moves, each by the entries that it books."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from domain.ledger import Event
from tests.crash.town import Town

Tell = Callable[[Town], Awaitable[None]]
UNDONE = "_reversed"


@dataclass(frozen=True)
class Story:
    """`books` are events of entries that it books itself; the last ones wait for the others."""

    name: str
    books: frozenset[str]
    tell: Tell
    is_last: bool


STORIES: dict[str, Story] = {}


def story(*books: Event, undoes: Sequence[Event] = (), is_last: bool = False) -> Any:
    """Registers a story; it books these events, and the counter-entries of those it `undoes`."""
    events = frozenset((*books, *(event + UNDONE for event in undoes)))

    def register(tell: Tell) -> Tell:
        STORIES[tell.__name__] = Story(tell.__name__, events, tell, is_last)
        return tell

    return register
