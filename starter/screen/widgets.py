"""What the screen is made of: the list, and the open question with its answers."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import DataTable, Static

from domain.money import dollars
from starter.desk.paper import plain
from starter.screen.choosing import Act, Answer, Pending
from starter.screen.fields import LABELS
from starter.screen.reader import Page, subject
from starter.screen.session import Line, Session

_FIXED = (("age", 4), ("due", 8), ("money", 10), ("owner", 7))
_GAP, _SCROLLBAR = 2, 1
_INVOICE = 12
_WIDE = 100
"""From here on the invoice has a column of its own."""


class Queue(DataTable[Text]):
    """The list: age, due time, money, owner, and what is asked about whom."""

    def on_mount(self) -> None:
        """A row is a question."""
        self.cursor_type = "row"
        self.cell_padding = 1
        self._wide = 0
        self._drawn: list[Line] = []

    def show(self, session: Session) -> None:
        """Draw the shown lines with the cursor where the session has it."""
        wide = self.app.size.width
        with self.prevent(DataTable.RowHighlighted):
            if wide != self._wide or session.shown != self._drawn:
                self._draw(session.shown, wide)
            if session.shown:
                self.move_cursor(row=session.place, animate=False)

    def _draw(self, lines: list[Line], wide: int) -> None:
        self._wide, self._drawn = wide, lines
        self.clear(columns=True)
        fixed = [*_FIXED, ("invoice", _INVOICE)] if wide >= _WIDE else [*_FIXED]
        rest = wide - sum(width + _GAP for _, width in fixed) - 2 * _GAP - _SCROLLBAR
        columns = [*_FIXED, ("question", rest * 3 // 5), ("about", rest - rest * 3 // 5)]
        for name, width in [*columns, *fixed[len(_FIXED) :]]:
            title = Text(name, justify="right" if name == "money" else "left")
            self.add_column(title, width=width)
        for line in lines:
            self.add_row(*_cells(line)[: len(self.columns)], key=line.review_id)


def _cells(line: Line) -> list[Text]:
    it = line.waiting
    money = _cell(dollars(it.money_cents))
    money.justify = "right"
    due = _cell(line.due, "bold red" if it.is_overdue else "")
    owner = _cell(line.owner or "-", "bold" if it.proposed_by else "")
    cells = [_cell(f"{it.age_business_days} d"), due, money, owner]
    return [*cells, _cell(it.title, "bold"), _cell(line.who), _cell(line.invoice)]


def _cell(text: str, style: str = "") -> Text:
    return one_line(plain(text, style))


def one_line(text: Text) -> Text:
    """The text on one line, cut with an ellipsis where it does not fit."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def key_line(hints: Sequence[tuple[str, str]]) -> Text:
    """Keys and what they do, on one line."""
    parts = [plain(f"{key} ", "bold").append(plain(does).plain, "not bold") for key, does in hints]
    return one_line(Text("   ").join(parts))


class Question(Vertical):
    """One question: what is known, then its answers or the preview of one."""

    def compose(self) -> ComposeResult:
        """Title, the scrolling story, the panel of answers or their preview."""
        yield Static(id="title")
        with VerticalScroll(id="story"):
            yield Static(id="words")
        with VerticalScroll(id="panel"):
            yield Static(id="answers")

    def show(self, page: Page | None, answers: Sequence[Answer], *, roomy: bool) -> None:
        """Draw a question with its answers; nothing when there is none."""
        self.query_one("#title", Static).update(_title(page), layout=False)
        self.query_one("#words", Static).update(page.story if page else "")
        self._panel(answers_table(answers, roomy=roomy) if answers else None)

    def show_pending(self, pending: Pending) -> None:
        """Draw the preview in place of the answers."""
        self._panel(_preview(pending))
        self.query_one("#panel").focus()

    @property
    def has_more(self) -> bool:
        """Whether the preview goes on below."""
        return self.query_one("#panel", VerticalScroll).max_scroll_y > 0

    def to_top(self) -> None:
        """Show the beginning of the story."""
        self.query_one("#story", VerticalScroll).scroll_home(animate=False)

    def turn(self, pages: int) -> None:
        """Scroll the preview, or the story, by pages."""
        panel = self.query_one("#panel", VerticalScroll)
        part = panel if panel.has_focus else self.query_one("#story", VerticalScroll)
        part.scroll_relative(y=pages * max(1, part.size.height - 1), animate=False)

    def _panel(self, part: RenderableType | None) -> None:
        panel = self.query_one("#panel", VerticalScroll)
        panel.display = part is not None
        panel.scroll_home(animate=False)
        self.query_one("#answers", Static).update(part or "")


def _title(page: Page | None) -> Table:
    title = Table.grid(expand=True, padding=(0, 1))
    title.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    title.add_column(justify="right", no_wrap=True)
    if page is None:
        return title
    it = page.line.waiting
    title.add_row(plain(it.title, "bold"), plain(dollars(it.money_cents), "bold"))
    due = plain(f"due {page.due}" if page.due else "", "bold red" if it.is_overdue else "")
    if it.owner:
        due.append(f"{', ' if page.due else ''}{it.owner} looks after it", "")
    title.add_row(plain(subject(page.line)), due)
    return title


def answers_table(answers: Sequence[Answer], *, roomy: bool) -> Table:
    """The answers: key, label, what it does; cut to one line each unless there is room."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, max_width=39, overflow="ellipsis")
    table.add_column(ratio=1, no_wrap=not roomy, overflow="ellipsis")
    for number, answer in enumerate(answers, 1):
        label = plain(answer.label, "bold")
        if answer.is_suggested:
            label.append(" *", "bold green")
        table.add_row(plain(f" {number} ", "bold reverse"), label, plain(_effect(answer)))
    return table


def _effect(answer: Answer) -> str:
    asks = ", ".join(LABELS[need] for need in answer.needs)
    return " ".join(
        [
            *(["Two people."] if answer.second_person else []),
            *([f"Asks {asks}."] if asks else []),
            answer.effect,
        ]
    )


def _preview(pending: Pending) -> RenderableType:
    answer = pending.answer
    times = f", {len(pending.ids)} times" if answer.act is Act.DECIDE_ALL else ""
    given = ", ".join(
        f"{name.removesuffix('_id').replace('_', ' ')} {value}"
        for name, value in pending.typed.items()
    )
    title = plain(f"{answer.label}{times}", "bold")
    return Group(title.append_text(plain(f"  {given}")), pending.preview)
