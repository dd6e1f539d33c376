"""`tieout match FILE`: which open items a list of payments settles, and why; a what-if."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from domain.matching_book import Answer, MatchBook, match_all
from domain.matching_types import Candidate, HeldPayment, Matched, Proposed
from domain.model import Authored
from domain.money import dollars
from starter.files import BadFile, cells, printable, read_file, refuse

_COLUMNS_MAX = 100
_CODE_COLUMNS = len("DUPLICATE_SUSPECTED")
_STYLE = {"matched": "green", "proposed": "yellow", "held": "red"}


class Totals(Authored):
    """Cents of all payments by answer, and what goes to accounts of its own."""

    matched_cents: int = 0
    proposed_cents: int = 0
    held_cents: int = 0
    excess_cents: int = 0
    """Of the matched: over the balance, to the clients' credit (2060)."""
    rounding_cents: int = 0
    """Of the matched: cheques short within the tolerance (6060)."""
    lender_fee_cents: int = 0
    """Of the matched: kept by lenders (6020)."""


class Result(Authored):
    """What `--json` prints. `all_matched` when no payment waits for a person."""

    status: Literal["all_matched", "some_wait"]
    totals: Totals
    answers: tuple[Answer, ...]


def match(
    file: Annotated[Path, typer.Argument(help="JSON file with payments and open items.")],
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Match the payments of a file to its open items and say why (what-if, no side effect).

    Example: tieout match examples/match/day.json

    Exit codes: 0 all matched, 1 some are proposed or held for a person, 2 the file cannot be
    read or understood.
    """
    try:
        book = read_file(file, MatchBook, "match fewer payments at a time", is_strict=True)
    except BadFile as bad:
        refuse(str(bad))
    answers = match_all(book)
    all_matched = all(each.status == "matched" for each in answers)
    totals = totals_of(answers)
    if json_:
        status: Literal["all_matched", "some_wait"] = "all_matched" if all_matched else "some_wait"
        typer.echo(Result(status=status, totals=totals, answers=answers).model_dump_json(indent=2))
    else:
        _show(_console(), book, answers, totals)
    if not all_matched:
        raise typer.Exit(1)


def totals_of(answers: tuple[Answer, ...]) -> Totals:
    """The sums of a run; a matched lender payment counts with the net that arrived."""
    cents = {
        status: sum(each.amount_cents for each in answers if _is_money(each, status))
        for status in ("matched", "proposed", "held")
    }
    certain = [each.answer for each in answers if isinstance(each.answer, Matched)]
    closings = [closing for answer in certain for closing in answer.closings]
    return Totals(
        matched_cents=cents["matched"],
        proposed_cents=cents["proposed"],
        held_cents=cents["held"],
        excess_cents=sum(answer.excess_cents for answer in certain),
        rounding_cents=sum(each.cents for each in closings if each.account == "6060"),
        lender_fee_cents=sum(each.cents for each in closings if each.account == "6020"),
    )


def _is_money(each: Answer, status: str) -> bool:
    """Whether it counts: not what was booked before, is no receipt or of another currency."""
    if isinstance(each.answer, HeldPayment) and (
        not each.answer.is_new_money or each.answer.code == "CURRENCY_MISMATCH"
    ):
        return False
    return each.status == status


def _console() -> Console:
    """A console that is never wider than a hundred columns."""
    console = Console(highlight=False)
    return Console(width=min(console.width, _COLUMNS_MAX), highlight=False)


def _show(console: Console, book: MatchBook, answers: tuple[Answer, ...], totals: Totals) -> None:
    numbers = {loan.case_id: loan.number for loan in book.loans}
    numbers |= {item.case_id: item.number for item in book.items}
    if answers:
        _show_table(console, book, answers, numbers)
    for each in answers:
        _show_why(console, each, numbers)
    for line in _sums(answers, totals):
        console.print(Text(line, style="bold"))


def _show_table(
    console: Console, book: MatchBook, answers: tuple[Answer, ...], numbers: dict[str, str]
) -> None:
    table = Table()
    table.add_column("payment", overflow="fold")
    table.add_column("paid on", no_wrap=True)
    table.add_column("amount", justify="right", no_wrap=True)
    # Fixed on a narrow screen: beside a mere minimum, rich would cut the last column off.
    narrow = console.width < _COLUMNS_MAX
    table.add_column("answer", width=_CODE_COLUMNS if narrow else None, min_width=_CODE_COLUMNS)
    table.add_column("goes to", overflow="fold")
    for each in answers:
        name, paid_on, amount, to = cells(
            each.payment_id, each.paid_on, _amount(book, each), _goes_to(each, numbers)
        )
        table.add_row(name, paid_on, amount, Text(_said(each), style=_STYLE[each.status]), to)
    console.print(table)


def _amount(book: MatchBook, each: Answer) -> str:
    if each.currency == book.currency:
        return dollars(each.amount_cents)
    return f"{dollars(each.amount_cents).replace('$', '')} {each.currency}"


def _said(each: Answer) -> str:
    if isinstance(each.answer, HeldPayment):
        return f"held {each.answer.code}"
    ticked = ", ticked" if isinstance(each.answer, Proposed) and each.answer.is_preticked else ""
    return f"{each.status}, tier {each.answer.tier}{ticked}"


def _goes_to(each: Answer, numbers: dict[str, str]) -> str:
    """`$100.00 LUM-1; $0.70 credit`, or the account in which it waits."""
    answer = each.answer
    if isinstance(answer, HeldPayment):
        return answer.account if answer.is_new_money else "nothing to book"
    parts = [
        f"{dollars(part.cents)} {numbers.get(part.case_id, part.case_id)}"
        + (f" ({part.instalment_id})" if part.instalment_id else "")
        for part in answer.allocations
    ]
    parts += [f"{dollars(each.cents)} from {each.account}" for each in answer.closings]
    if answer.excess_cents:
        parts.append(f"{dollars(answer.excess_cents)} credit")
    return "; ".join(parts)


def _show_why(console: Console, each: Answer, numbers: dict[str, str]) -> None:
    answer = each.answer
    console.print(Text(printable(f"{each.payment_id} ({each.source}): {_said(each)}"), "bold"))
    lines = [f"why: {why}" for why in answer.trace]
    if isinstance(answer, Proposed):
        lines.append(f"leads the next best by {answer.margin_points} points of 100")
    if not isinstance(answer, HeldPayment) and answer.notice:
        lines.append(f"notice: {answer.notice}")
    candidates = answer.candidates if isinstance(answer, HeldPayment) else ()
    rivals = answer.rivals if isinstance(answer, Proposed) else ()
    lines += [_candidate("candidate", one, numbers) for one in candidates]
    lines += [_candidate("next best", one, numbers) for one in rivals]
    if not isinstance(answer, Matched):
        lines += [f"before: {tried}" for tried in answer.tried]
    for line in lines:
        console.print(Padding(Text(printable(line)), (0, 0, 0, 2), expand=False))


def _candidate(label: str, one: Candidate, numbers: dict[str, str]) -> str:
    names = ", ".join(numbers.get(case_id, case_id) for case_id in one.case_ids)
    return f"{label}: {names}, {one.points} points: {'; '.join(one.reasons)}"


def _sums(answers: tuple[Answer, ...], totals: Totals) -> list[str]:
    counts = {
        status: sum(each.status == status for each in answers)
        for status in ("matched", "proposed", "held")
    }
    lines = [
        f"{counts['matched']} matched {dollars(totals.matched_cents)}, "
        f"{counts['proposed']} proposed {dollars(totals.proposed_cents)}, "
        f"{counts['held']} held {dollars(totals.held_cents)}."
    ]
    beside = (
        (totals.excess_cents, "becomes clients' credit (2060)"),
        (totals.rounding_cents, "goes to rounding (6060)"),
        (totals.lender_fee_cents, "was kept by lenders (6020)"),
    )
    lines += [f"{dollars(cents)} {words}." for cents, words in beside if cents]
    return lines
