"""The daily control for a person and for a program: the lines, and what the desk knows of each."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from activities.control import line_of, ties_of
from domain.control import Asked, answer_to, off_of
from domain.model import Record
from domain.money import dollars
from domain.tie import Tie, Verdict
from starter.desk.books import SHORT
from starter.desk.month_words import counted, said_of, signed
from starter.desk.paper import LEFT, RIGHT, bullet, grid, heading, indented, plain
from store import control
from store.db import Conn
from store.locations import Location

ITEMS_SHOWN = 5


class ControlLine(Record):
    """One line; `asked` is its open question, or who has explained just what is off."""

    tie: Tie
    asked: Asked | None = None

    @property
    def is_settled(self) -> bool:
        """Nothing is off, or a person has said why."""
        explained = self.asked is not None and self.asked.explained_by is not None
        return explained or self.tie.verdict is not Verdict.OFF


class ControlReport(Record):
    """The control of one location at the end of `day`."""

    location_id: str
    day: date
    lines: tuple[ControlLine, ...]

    @property
    def is_settled(self) -> bool:
        """Every line is."""
        return all(line.is_settled for line in self.lines)


async def control_report(conn: Conn, place: Location, day: date) -> ControlReport:
    """What the daily control of a location sees; `conn` should see one state."""
    known = await control.asked(conn, place.location_id)
    return ControlReport(
        location_id=place.location_id,
        day=day,
        lines=tuple(_line(tie, known) for tie in await ties_of(conn, place, day)),
    )


def _line(tie: Tie, known: Sequence[Asked]) -> ControlLine:
    mine = [each for each in known if line_of(each.case_id) == tie.code]
    waiting = next((each for each in mine if each.explained_by is None), None)
    answer = answer_to(off_of(tie), mine) if tie.verdict is Verdict.OFF else None
    return ControlLine(tie=tie, asked=answer or waiting)


def control_data(reports: Sequence[ControlReport]) -> list[dict[str, Any]]:
    """The reports as JSON values, with the verdicts that a program acts on."""
    return [
        {
            "location_id": report.location_id,
            "day": report.day.isoformat(),
            "is_settled": report.is_settled,
            "lines": [_line_data(line) for line in report.lines],
        }
        for report in reports
    ]


def _line_data(line: ControlLine) -> dict[str, Any]:
    asked = line.asked
    return {
        **line.tie.model_dump(mode="json"),
        "verdict": line.tie.verdict.value,
        "off_cents": line.tie.off_cents,
        "review_id": asked.review_id if asked else None,
        "since": asked.since.isoformat() if asked else None,
        "explained_by": asked.explained_by if asked else None,
    }


def control_page(report: ControlReport, *, whole: bool = False) -> RenderableType:
    """One location on a terminal; `whole` names every thing that differs."""
    return Group(
        plain(f"Control totals of {report.location_id} at the end of {report.day}", "bold"),
        _headline(report),
        grid(
            ("line", LEFT, True),
            ("ours", RIGHT, False),
            ("theirs", RIGHT, False),
            ("says", LEFT, True),
            ("question", LEFT, True),
            rows=[_row(line) for line in report.lines],
        ),
        *(part for line in report.lines for part in _items(line.tie, whole)),
    )


def _headline(report: ControlReport) -> Text:
    off = [line for line in report.lines if line.tie.verdict is Verdict.OFF]
    if not off:
        return Text("No line is off.\n", style="green")
    cents = sum(line.tie.off_cents for line in off)
    words = f"{counted(len(off), 'line')} off, {dollars(cents)} in all"
    if report.is_settled:
        return Text(f"{words}, all of it explained by a person.\n", style="yellow")
    return Text(f"{words}.\n", style="bold red")


def _row(line: ControlLine) -> tuple[object, ...]:
    tie = line.tie
    is_off = tie.verdict is Verdict.OFF
    style = "bold red" if is_off else "green" if tie.verdict is Verdict.TIES else ""
    says = Text(said_of(tie), style=style)
    return (tie.title, dollars(tie.ours_cents), dollars(tie.theirs_cents), says, _asked(line))


def _asked(line: ControlLine) -> str:
    asked = line.asked
    if asked is None:
        return "not asked yet" if line.tie.verdict is Verdict.OFF else ""
    if asked.explained_by is not None:
        return f"explained by {asked.explained_by}"
    return f"{asked.review_id[:SHORT]} since {asked.since}"


def _items(tie: Tie, whole: bool) -> Iterator[RenderableType]:
    """What is off of a line; of what is accounted for, month end tells."""
    off = [item for item in tie.items if item.kind == "off"]
    shown = None if whole else ITEMS_SHOWN
    if off:
        yield heading(f"{tie.title}: {tie.ours} and {tie.theirs}")
    for item in off[:shown]:
        yield indented(bullet(f"{signed(item.off_cents)}  {item.name}: {item.why}"))
    if shown is not None and len(off) > shown:
        yield indented(plain(f"and {len(off) - shown} more; --all shows them"))
