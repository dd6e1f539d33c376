"""The stories in which money moves, each by the entries that it books."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from domain.ledger import Event
from tests.crash.doomed import DESK, WEB
from tests.crash.town import Town

Tell = Callable[[Town], Awaitable[None]]
UNDONE = "_reversed"


@dataclass(frozen=True)
class Story:
    """`books` are events of entries that it books itself; the last ones wait for the others.

    `deaths` are what the web process and the desk's commands write in it: `web.payment_received`,
    `desk.bank_lines`, an entry or a table.
    """

    name: str
    books: frozenset[str]
    deaths: frozenset[str]
    tell: Tell
    is_last: bool

    def dies(self, part: str) -> bool:
        """Whether this part of the product dies in it by itself."""
        return any(death.startswith(f"{part}.") for death in self.deaths)


STORIES: dict[str, Story] = {}


def story(
    *books: Event,
    undoes: Sequence[Event] = (),
    web: Sequence[str] = (),
    desk: Sequence[str] = (),
    is_last: bool = False,
) -> Any:
    """Registers a story; it books these events, and the counter-entries of those it `undoes`.

    `web` and `desk` are the entries and tables at which these processes die in it.
    """
    events = frozenset((*books, *(event + UNDONE for event in undoes)))
    deaths = frozenset((*(f"{WEB}.{one}" for one in web), *(f"{DESK}.{one}" for one in desk)))

    def register(tell: Tell) -> Tell:
        STORIES[tell.__name__] = Story(tell.__name__, events, deaths, tell, is_last)
        return tell

    return register
