"""What lies over the queue for a moment: a form, or a page to read."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from rich.console import Group, RenderableType
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from starter.desk.paper import pairs, plain
from starter.screen.picker import Picker
from starter.screen.picking import Field, Option

Check = Callable[[dict[str, str]], Awaitable[str | None]]
"""Says in one sentence what is wrong with a filled form; None when it holds."""


class Form(ModalScreen[dict[str, str] | None]):
    """Asks one field after the other; gives what was filled in, by field, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, title: str, fields: list[Field], check: Check | None = None) -> None:
        super().__init__()
        self._title, self._fields, self._check = title, fields, check

    def compose(self) -> ComposeResult:
        """The fields under a title."""
        with Vertical(classes="dialog"):
            yield Static(plain(self._title, "bold"))
            for field in self._fields:
                yield Picker(field)
            yield Static(classes="fault")
            yield Static(plain("Enter goes on, up and down pick, Esc goes back"), classes="hint")

    async def on_picker_given(self, event: Picker.Given) -> None:
        """Go to the next field; after the last one the form is done, unless it does not hold."""
        pickers = list(self.query(Picker))
        after = pickers[pickers.index(event.picker) + 1 :]
        if after:
            after[0].query_one(Input).focus()
            self._say("")
            return
        filled = {each.picking.field.name: each.picking.value for each in pickers}
        given = {name: value for name, value in filled.items() if value}
        problem = await self._check(given) if self._check else None
        if problem:
            self._say(problem)
        else:
            self.dismiss(given)

    def on_picker_faulty(self, event: Picker.Faulty) -> None:
        """Say what is missing."""
        self._say(event.sentence)

    def _say(self, sentence: str) -> None:
        self.query_one(".fault", Static).update(plain(sentence))


class Reading(ModalScreen[None]):
    """A page to read: help, or the whole visit."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,v,question_mark,enter,left", "dismiss(None)", "Back"),
        Binding("j", "turn(1)", show=False),
        Binding("k", "turn(-1)", show=False),
        Binding("space", "turn(15)", show=False),
        Binding("backspace", "turn(-15)", show=False),
    ]

    def __init__(self, title: str, page: RenderableType) -> None:
        super().__init__()
        self._title, self._page = title, page

    def compose(self) -> ComposeResult:
        """The page fills the screen."""
        with Vertical(classes="reading"):
            yield Static(plain(self._title, "bold"))
            with VerticalScroll():
                yield Static(self._page)
            yield Static(plain("up, down and space scroll, Esc goes back"), classes="hint")

    def action_turn(self, lines: int) -> None:
        """Scroll."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def ask_name(title: str, known: list[str]) -> Form:
    """Asks for one person's name, once in a sitting for whoever decides."""
    told = tuple(Option(each) for each in known)
    return Form(title, [Field("by", "Name", "it stands in the books", told)])


def undo_field(decided: list[Option]) -> Field:
    """Which decision is taken back."""
    hint = "down marks the last one; type to find another"
    return Field("review", "Decision", hint, tuple(decided), closed=True)


KEYS = (
    ("up, down, j, k", "the question above or below; in an open question the arrows scroll"),
    ("Enter, right", "open the question"),
    ("Esc, left", "back to the answers, to the list, to all questions"),
    ("1 to 9", "this answer: what it needs is asked, then its preview is shown"),
    ("y", "do what the preview shows"),
    ("r", "add a reason to it"),
    ("b", "give the same answer to every shown question of this code"),
    ("u", "take a decision back, by counter-entries, with a reason"),
    ("t, a", "look after this question; give it to somebody else"),
    ("v", "the whole visit: bill with reasons, messages, payments, ledger"),
    ("space, backspace", "turn pages"),
    ("/", "find by client, invoice, case or words"),
    ("f", "show the questions of one code"),
    ("w", "somebody else decides from now on"),
    ("c", "light or dark"),
    ("q", "leave"),
)


def help_page() -> RenderableType:
    """Every key."""
    return Group(
        pairs(KEYS),
        plain(
            "\n* marks the answer that the facts suggest. Nothing is decided before y."
            " The list is oldest first and follows the books by itself."
        ),
    )
