"""The list and the open question: what is shown, and the keys that move through it."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import DataTable, Input, Static

from domain.money import dollars
from starter.desk.paper import plain
from starter.errors import sentence
from starter.screen.choosing import Answer, Pending, answers_of
from starter.screen.dialogs import Form, Reading, help_page
from starter.screen.picking import Field, Option
from starter.screen.reader import Page, Reader, subject
from starter.screen.session import Session
from starter.screen.widgets import Question, Queue, key_line, one_line

REFRESH_SECONDS = 3.0
NOBODY_WAITS = "No question waits for a person."
FEW = 3
"""Up to this many answers may take two lines each on a small terminal."""
MEANWHILE = "Answered meanwhile; j leads to the next question."
LIST_KEYS = (
    ("Enter", "open"),
    ("j k", "move"),
    ("/", "find"),
    ("f", "code"),
    ("t", "take"),
    ("a", "assign"),
    ("?", "help"),
    ("q", "quit"),
)
ANSWER_KEYS = (("1-9", "answer"),)
OPEN_KEYS = (
    ("j k", "move"),
    ("v", "visit"),
    ("t", "take"),
    ("Space", "page"),
    ("Esc", "list"),
    ("?", "help"),
)
NO_MATCH = "No question is found: Esc shows all again."


class QueueScreen(Screen[None]):
    """One person reads the queue; what they answer belongs to the screen made of this one.

    `-open` gives the question the screen; on a tall one (`-tall`) it stands below the list.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,right,l", "open"),
        Binding("escape,left,h", "back"),
        Binding("j", "move(1)"),
        Binding("k", "move(-1)"),
        Binding("v", "visit"),
        Binding("slash", "find"),
        Binding("f", "code"),
        Binding("space", "turn(1)"),
        Binding("backspace", "turn(-1)"),
        Binding("c", "theme"),
        Binding("question_mark", "help"),
        Binding("q", "app.quit"),
    ]

    def __init__(self, reader: Reader, session: Session) -> None:
        super().__init__()
        self.reader, self.session = reader, session
        self.page: Page | None = None
        self.answers: list[Answer] = []
        self.pending: Pending | None = None

    def compose(self) -> ComposeResult:
        """One column: head, list, question, status, keys."""
        yield Static(id="head")
        yield Queue(id="queue")
        yield Static(id="empty")
        yield Question(id="question")
        yield Input(id="find", compact=True, placeholder="client, invoice, case or words")
        yield Static(id="status")
        yield Static(id="keys")

    def on_mount(self) -> None:
        """Read the queue now and every few seconds."""
        self.query_one(Queue).focus()
        self.refresh_queue()
        self.set_interval(REFRESH_SECONDS, self.refresh_queue)

    # What is shown.

    @property
    def is_open(self) -> bool:
        """Whether one question has the screen to itself."""
        return self.has_class("-open")

    @property
    def is_tall(self) -> bool:
        """Whether the list and a question fit below each other."""
        return self.has_class("-tall")

    @property
    def shows_question(self) -> bool:
        """Whether the current question can be read, and so be answered."""
        return self.is_open or self.is_tall

    def draw(self) -> None:
        """Bring the screen to what the session says."""
        session, is_open = self.session, self.is_open
        head = one_line(plain(head_words(session, self.reader.location_id)))
        self.query_one("#head", Static).update(head, layout=False)
        queue, empty = self.query_one(Queue), self.query_one("#empty", Static)
        queue.display = bool(session.shown) and not is_open
        empty.display = not session.shown and not is_open
        empty.update(plain(empty_words(session)))
        if not is_open:
            queue.show(session)
        if self.shows_question:
            self.load_page()
        self.draw_keys()

    def draw_keys(self) -> None:
        """The keys that do something now, on the last line."""
        keys = self.query_one("#keys", Static)
        keys.update(key_line(self.key_hints()), layout=False)

    def key_hints(self) -> Sequence[tuple[str, str]]:
        """(key, what it does) of the most important keys."""
        answer = ANSWER_KEYS if self.shows_question and self.answers else ()
        return (*answer, *(OPEN_KEYS if self.is_open else LIST_KEYS))

    def say(self, words: str, mood: str = "") -> None:
        """Put one line where everybody looks: `good`, `bad`, or neither."""
        for status in self.query("#status").results(Static):  # none, once the person has left
            status.set_class(mood == "good", "-good")
            status.set_class(mood == "bad", "-bad")
            status.update(one_line(plain(words)), layout=False)

    @contextlib.contextmanager
    def spoken(self) -> Iterator[None]:
        """Whatever fails inside is one sentence in the status line."""
        try:
            yield
        except Exception as error:
            self.say(sentence(error), "bad")

    @work(exclusive=True, group="queue")
    async def refresh_queue(self) -> None:
        """Read the queue again."""
        with self.spoken():
            self.session.arrived(await self.reader.queue(), reading=self.is_open)
            self.draw()

    @work(exclusive=True, group="page")
    async def load_page(self) -> None:
        """Read the current question."""
        with self.spoken():
            await self.read_page()

    async def read_page(self) -> Page | None:
        """The current question, read again; a preview of its answer stays while it is open."""
        review_id = self.session.current_id
        page = await self.reader.page(review_id) if review_id else None
        is_other = self.page is None or self.page.review.review_id != review_id
        answers = answers_of(page.review) if page else []
        if self.answers and not answers and not is_other:
            self.say(MEANWHILE)
        if is_other or answers != self.answers:
            self.pending = None
        self.page, self.answers = page, answers
        if self.pending is None:
            self.show_answers()
        if is_other:
            self.query_one(Question).to_top()
        return page

    def show_answers(self) -> None:
        """Draw the question with its answers; a preview is forgotten."""
        self.pending = None
        self.remove_class("-asks")
        roomy = self.is_tall or len(self.answers) <= FEW
        self.query_one(Question).show(self.page, self.answers, roomy=roomy)
        self.focus_reading()
        self.draw_keys()

    def focus_reading(self) -> None:
        """The arrows scroll an open question, and move in the list."""
        if isinstance(self.focused, Input):
            return
        (self.query_one("#story") if self.is_open else self.query_one(Queue)).focus()

    def on_resize(self) -> None:
        """Other columns for another width."""
        self.draw()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """The cursor moved in the list."""
        if event.row_key.value and event.row_key.value != self.session.current_id:
            self.session.go_to(event.row_key.value)
            if self.shows_question:
                self.load_page()

    def on_data_table_row_selected(self) -> None:
        """Enter in the list."""
        self.action_open()

    # Keys.

    def action_open(self) -> None:
        """Give the current question the screen."""
        if self.session.current is not None:
            self.add_class("-open")
            self.focus_reading()
            self.draw()

    def action_back(self) -> None:
        """Back to the answers, from there to the list, from there to all questions."""
        if self.pending is not None:
            self.show_answers()
        elif self.is_open:
            self.close_question()
        else:
            self._stop_finding()
            self.session.narrow(code="", words="")
        self.draw()

    def close_question(self) -> None:
        """Back to the list."""
        self.remove_class("-open")
        self.session.arrived(self.session.lines, reading=False)
        self.query_one(Queue).display = True
        self.focus_reading()

    def action_move(self, steps: int) -> None:
        """The question above or below."""
        self.session.move(steps)
        self.draw()

    def action_turn(self, pages: int) -> None:
        """Scroll the open question."""
        self.query_one(Question).turn(pages)

    def action_find(self) -> None:
        """Type words to find."""
        find = self.query_one("#find", Input)
        find.display = True
        self.set_focus(find)  # at once: the next key belongs to the words

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what the words find."""
        if event.input.id == "find":
            self.session.narrow(words=event.value)
            self.draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep what was found."""
        if event.input.id == "find":
            self.query_one(Queue).focus()

    def _stop_finding(self) -> None:
        find = self.query_one("#find", Input)
        with self.prevent(Input.Changed):
            find.value = ""
        find.display = False
        self.query_one(Queue).focus()

    @work(exclusive=True, group="dialog")
    async def action_code(self) -> None:
        """Show the questions of one code."""
        known = [Option(code, f"{count}: {title}") for code, title, count in self.session.codes()]
        field = Field("code", "Code", "empty shows all", tuple(known), closed=True, optional=True)
        given = await self.app.push_screen_wait(Form("Show the questions of one code", [field]))
        if given is not None:
            self.session.narrow(code=given.get("code", ""))
            self.draw()

    @work(exclusive=True, group="dialog")
    async def action_visit(self) -> None:
        """The whole visit."""
        line = self.session.current
        if line is not None and self.shows_question:
            with self.spoken():
                story = await self.reader.visit(line)
                await self.app.push_screen_wait(Reading(subject(line), story))

    def action_theme(self) -> None:
        """Light or dark."""
        self.app.theme = "textual-light" if self.app.current_theme.dark else "textual-dark"

    def action_help(self) -> None:
        """Every key."""
        self.app.push_screen(Reading("Keys", help_page()))


def empty_words(session: Session) -> str:
    """What stands in place of an empty list."""
    if not session.has_read:
        return "Reading the queue ..."
    return NO_MATCH if session.lines else NOBODY_WAITS


def head_words(session: Session, location_id: str | None) -> str:
    """The first line: where, how much waits, what is filtered, who decides."""
    shown, everything = session.shown, len(session.lines)
    count = f"{len(shown)} of {everything}" if len(shown) < everything else f"{everything}"
    parts = [
        f"tieout review, {location_id}" if location_id else "tieout review",
        f"{count} open, {dollars(sum(line.waiting.money_cents for line in shown))}",
        *([session.code] if session.code else []),
        *([f"find {session.words}"] if session.words else []),
        f"as {session.by}" if session.by else "nobody named yet",
    ]
    return "  |  ".join(parts)
