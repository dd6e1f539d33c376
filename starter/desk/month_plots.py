"""Plots of the month-end page as places of bars in an inline SVG; whole units, no script."""

from collections.abc import Mapping, Sequence

from domain.model import Record
from domain.money import dollars
from domain.month_end import Debts, Roll, Waiting

WIDE, BAR, GAP, TALL = 480, 16, 9, 150
_LABEL, _AMOUNT = 190, 84


class Bar(Record):
    """A rectangle and its tooltip; `tone` is a class of the stylesheet."""

    x: int
    y: int
    width: int
    height: int
    tone: str
    title: str


class Word(Record):
    """A text at its anchor: start, middle or end."""

    x: int
    y: int
    text: str
    anchor: str = "start"
    tone: str = ""


class Plot(Record):
    """One plot. `says` is what a reader without eyes hears."""

    width: int
    height: int
    says: str
    bars: tuple[Bar, ...]
    words: tuple[Word, ...]
    legend: tuple[tuple[str, str], ...] = ()
    """(tone, name)"""


def by_age(debts: Sequence[Debts]) -> Plot | None:
    """Debts stacked by who owes, one column for each age."""
    ages = list(debts[0].by_age) if debts else []
    sums = [sum(max(0, each.by_age[age]) for each in debts) for age in ages]
    top = max(sums, default=0)
    if top == 0:
        return None
    step = WIDE // len(ages)
    bars, words = [], []
    for column, (age, total_cents) in enumerate(zip(ages, sums, strict=True)):
        middle, floor = column * step + step // 2, TALL + 20
        y = floor
        for tone, each in enumerate(debts):
            cents = max(0, each.by_age[age])
            height = _scaled(cents, top, TALL)
            y -= height
            title = f"{each.who}, {age}: {dollars(cents)}"
            bars.append(_bar(middle - 19, y, 38, height, f"tone-{tone}", title))
        words.append(Word(x=middle, y=floor + 18, text=age, anchor="middle", tone="soft"))
        if total_cents:
            words.append(Word(x=middle, y=y - 6, text=_short(total_cents), anchor="middle"))
    return Plot(
        width=WIDE,
        height=TALL + 46,
        says="Debts by days past due: "
        + ", ".join(f"{age} {dollars(c)}" for age, c in zip(ages, sums, strict=True)),
        bars=tuple(bar for bar in bars if bar.height),
        words=tuple(words),
        legend=tuple((f"tone-{tone}", each.who) for tone, each in enumerate(debts)),
    )


def opening_and_closing(rolls: Sequence[Roll]) -> Plot | None:
    """What is owed to clients at the start and at the end of the month."""
    shown = [roll for roll in rolls if roll.opening_cents > 0 or roll.closing_cents > 0]
    if not shown:
        return None
    top = max(max(roll.opening_cents, roll.closing_cents) for roll in shown)
    bars, words, y = [], [], 0
    for roll in shown:
        words.append(Word(x=_LABEL - 10, y=y + BAR + 4, text=roll.name, anchor="end", tone="small"))
        for tone, cents, when in (
            ("faint", roll.opening_cents, "at the start"),
            ("tone-0", roll.closing_cents, "at the end"),
        ):
            width = _scaled(max(0, cents), top, WIDE - _LABEL - _AMOUNT)
            bars.append(_bar(_LABEL, y, width, BAR - 3, tone, f"{roll.name} {when}"))
            words.append(
                Word(x=_LABEL + width + 8, y=y + BAR - 6, text=dollars(cents), tone="small")
            )
            y += BAR
        y += GAP
    return Plot(
        width=WIDE,
        height=y,
        says="Owed by the practice at the start and at the end of the month.",
        bars=tuple(bars),
        words=tuple(words),
        legend=(("faint", "at the start"), ("tone-0", "at the end")),
    )


def rows(sums: Mapping[str, int], says: str) -> Plot | None:
    """One bar for each name; what is taken off is drawn in another tone."""
    shown = {name: cents for name, cents in sums.items() if cents}
    if not shown:
        return None
    top = max(abs(cents) for cents in shown.values())
    bars, words, y = [], [], 0
    for name, cents in shown.items():
        width = max(2, _scaled(abs(cents), top, WIDE - _LABEL - _AMOUNT))
        tone = "tone-0" if cents > 0 else "tone-1"
        bars.append(_bar(_LABEL, y, width, BAR, tone, f"{name}: {dollars(cents)}"))
        words.append(Word(x=_LABEL - 10, y=y + BAR - 4, text=name, anchor="end", tone="small"))
        words.append(Word(x=_LABEL + width + 8, y=y + BAR - 4, text=dollars(cents), tone="small"))
        y += BAR + GAP
    return Plot(width=WIDE, height=y, says=says, bars=tuple(bars), words=tuple(words))


def questions(waiting: Sequence[Waiting]) -> Plot | None:
    """Open questions by the money that waits with them."""
    return rows({one.title: one.money_cents for one in waiting}, "Money in open questions.")


def _bar(x: int, y: int, width: int, height: int, tone: str, title: str) -> Bar:
    return Bar(x=x, y=y, width=width, height=height, tone=tone, title=title)


def _scaled(cents: int, top_cents: int, size: int) -> int:
    """The length of a bar; something is never nothing."""
    return max(2 if cents else 0, cents * size // top_cents)


def _short(cents: int) -> str:
    """`$1.2k` above a thousand dollars."""
    if cents < 100_000:
        return f"${cents // 100}"
    return f"${cents // 100_000}.{cents % 100_000 // 10_000}k"
