"""A field to type in, with its matches below."""

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from starter.desk.paper import plain
from starter.screen.picking import Field, Picking


class Picker(Vertical):
    """Up and down mark a match, Enter takes it."""

    class Given(Message):
        """The field was filled in."""

        def __init__(self, picker: "Picker") -> None:
            super().__init__()
            self.picker = picker

    class Faulty(Message):
        """The field cannot be left like this."""

        def __init__(self, sentence: str) -> None:
            super().__init__()
            self.sentence = sentence

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.picking = Picking(field)

    def compose(self) -> ComposeResult:
        """Label, what is typed, the matches."""
        field = self.picking.field
        yield Static(plain(f"{field.label}: {field.hint}"), classes="label")
        yield Input(compact=True)
        yield Static(classes="matches")

    def on_mount(self) -> None:
        """Show what may be picked before anything is typed."""
        self._draw()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Other words, other matches."""
        event.stop()
        if event.value != self.picking.typed:
            self.picking.type(event.value)
            self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what is marked or typed."""
        event.stop()
        if event.value != event.input.value:
            return  # a second Enter, pressed before the first was taken
        if event.value != self.picking.typed:
            self.picking.type(event.value)  # a quick hand is ahead of the change
        if problem := self.picking.problem:
            self.post_message(self.Faulty(problem))
            return
        value = self.picking.value
        self.picking.type(value)
        with self.prevent(Input.Changed):
            self.query_one(Input).value = value
        self.post_message(self.Given(self))

    def on_key(self, event: events.Key) -> None:
        """Up and down move the mark."""
        if event.key in ("up", "down"):
            event.stop()
            self.picking.mark(1 if event.key == "down" else -1)
            self._draw()

    def _draw(self) -> None:
        shown = [
            _match(option.value, option.words, marked=place == self.picking.marked)
            for place, option in enumerate(self.picking.matches)
        ]
        self.query_one(".matches", Static).update(Text("\n").join(shown))


def _match(value: str, words: str, *, marked: bool) -> Text:
    style = "reverse" if marked else ""
    line = plain(f"{'>' if marked else ' '} {value}", f"bold {style}")
    if words:
        line.append(f"  {plain(words).plain}", style)
    return line
