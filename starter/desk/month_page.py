"""The month-end page on a terminal: within 80 columns, the most important first."""

from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.text import Text

from domain.money import dollars
from domain.month_end import MonthReport
from domain.tie import Tie, Verdict
from starter.desk.books import SHORT
from starter.desk.month_words import counted, event_in_words, headline, owners, said_of, signed
from starter.desk.paper import LEFT, RIGHT, bullet, grid, heading, indented, plain

ITEMS_SHOWN = 5
EXPLAINED_SHOWN = 2
_STYLES = {Verdict.OFF: "bold red", Verdict.UNCHECKED: "yellow", Verdict.EXPLAINED: ""}


def month_page(report: MonthReport, *, whole: bool = False) -> RenderableType:
    """The whole page; `whole` shows every item of every list."""
    shown = None if whole else ITEMS_SHOWN
    where = ", ".join(report.locations)
    return Group(
        plain(f"Month end {report.month}, {report.practice} ({where})", "bold"),
        Text(headline(report), style="green" if report.is_tied else "bold red"),
        *_ties(report, shown),
        *_debts(report, shown),
        *_rolls(report),
        *_held(report, shown),
        *_waiting(report),
        *_adjustments(report, shown),
        *_two_people(report, shown),
        *_signed(report),
    )


def _ties(report: MonthReport, shown: int | None) -> Iterator[RenderableType]:
    yield heading("Tie-out")
    yield grid(
        ("line", LEFT, True),
        ("ours", RIGHT, False),
        ("theirs", RIGHT, False),
        ("says", LEFT, True),
        rows=[
            (
                tie.title,
                dollars(tie.ours_cents),
                dollars(tie.theirs_cents),
                Text(said_of(tie), style=_STYLES.get(tie.verdict, "green")),
            )
            for tie in report.ties
        ],
    )
    for tie in report.ties:
        if tie.items or tie.unchecked:
            yield from _items(tie, shown)


def _items(tie: Tie, shown: int | None) -> Iterator[RenderableType]:
    yield heading(f"{tie.title}: {tie.ours} and {tie.theirs}")
    if tie.unchecked:
        yield indented(plain(tie.unchecked))
    if shown is not None and tie.verdict is Verdict.EXPLAINED:
        shown = EXPLAINED_SHOWN
    for item in tie.items[:shown]:
        words = f"{signed(item.off_cents)}  {item.name}: {item.why}"
        yield indented(bullet(words))
    if shown is not None and len(tie.items) > shown:
        yield indented(plain(f"and {len(tie.items) - shown} more; --all shows them"))


def _debts(report: MonthReport, shown: int | None) -> Iterator[RenderableType]:
    yield heading("Owed to the practice, by days past due")
    if not report.debts:
        yield indented(plain("Nothing."))
        return
    ages = list(report.debts[0].by_age)
    yield grid(
        ("days", LEFT, False),
        *((debts.who, RIGHT, True) for debts in report.debts),
        rows=[
            *((age, *(_or_blank(debts.by_age[age]) for debts in report.debts)) for age in ages),
            ("all", *(dollars(debts.cents) for debts in report.debts)),
        ],
    )
    for debts in report.debts:
        if shown is None:
            yield heading(f"Owed by {debts.who}")
            for item in debts.items:
                name = f"{item.number}, {item.ref}" if item.number else item.ref
                yield indented(bullet(f"{dollars(item.cents)} since {item.since}: {name}"))


def _rolls(report: MonthReport) -> Iterator[RenderableType]:
    yield heading("Owed by the practice")
    yield grid(
        ("account", LEFT, True),
        ("opening", RIGHT, False),
        ("changes", LEFT, True),
        ("closing", RIGHT, False),
        rows=[
            (
                f"{roll.name} ({roll.account})",
                dollars(roll.opening_cents),
                _changes(roll.changes),
                dollars(roll.closing_cents),
            )
            for roll in report.rolls
            if roll.opening_cents or roll.closing_cents or roll.changes
        ],
    )
    alone = [roll.account for roll in report.rolls if roll.sources == "the ledger alone"]
    if alone:
        yield indented(plain(f"From the ledger alone: {', '.join(alone)}."))


def _changes(changes: Mapping[str, int]) -> str:
    return "\n".join(f"{name} {signed(cents)}" for name, cents in changes.items())


def _held(report: MonthReport, shown: int | None) -> Iterator[RenderableType]:
    if not report.held:
        return
    yield heading("Money without a place")
    for item in report.held[:shown]:
        words = f"{dollars(item.cents)} for {counted(item.days, 'day')}: {item.ref}, {item.note}"
        yield indented(bullet(words))
    if shown is not None and len(report.held) > shown:
        yield indented(plain(f"and {len(report.held) - shown} more; --all shows them"))


def _waiting(report: MonthReport) -> Iterator[RenderableType]:
    yield heading("Open questions")
    if not report.waiting:
        yield indented(plain("None."))
        return
    yield grid(
        ("question", LEFT, True),
        ("count", RIGHT, False),
        ("money", RIGHT, False),
        ("oldest", RIGHT, False),
        ("owner", LEFT, True),
        rows=[
            (
                one.title,
                one.count,
                dollars(one.money_cents),
                f"{one.oldest_days} d",
                owners(one),
            )
            for one in report.waiting
        ],
    )


def _adjustments(report: MonthReport, shown: int | None) -> Iterator[RenderableType]:
    yield heading("Adjustments, write-offs and decisions on money")
    if not report.adjustments:
        yield indented(plain("None."))
    for each in report.adjustments[:shown]:
        late = f" for {each.fact_on}, whose month was closed" if each.fact_on else ""
        second = f" and {each.confirmed_by}" if each.confirmed_by else ""
        by = f", by {each.by}{second}" if each.by else ""
        why = f": {each.reason}" if each.reason else ""
        words = f"{each.on}  {dollars(each.cents)}  {event_in_words(each.event)}{late}{by}{why}"
        yield indented(bullet(f"{words} ({each.entry_id[:SHORT]})"))
    if shown is not None and len(report.adjustments) > shown:
        yield indented(plain(f"and {len(report.adjustments) - shown} more; --all shows them"))


def _two_people(report: MonthReport, shown: int | None) -> Iterator[RenderableType]:
    if not report.two_people:
        return
    yield heading("Decided by two people")
    for each in report.two_people[:shown]:
        yield indented(
            bullet(
                f"{dollars(each.money_cents)}  {each.code}: {each.choice}, by {each.by},"
                f" confirmed by {each.confirmed_by} ({each.review_id[:SHORT]})"
            )
        )


def _signed(report: MonthReport) -> Iterator[RenderableType]:
    yield heading("Sign-off")
    for each in report.signed:
        why = f", because: {each.reason}" if each.reason else ""
        yield indented(
            plain(f"{each.location_id}: closed by {each.signed_by} on {each.signed_at:%F}{why}")
        )
    for place in sorted(set(report.locations) - {each.location_id for each in report.signed}):
        yield indented(
            plain(f"{place}: open. `tieout period close --month {report.month} --by NAME`")
        )


def _or_blank(cents: int) -> str:
    return dollars(cents) if cents else ""
