"""`tieout import`: the bank's statement beside the processor's payouts; lenders' files."""

import asyncio
import getpass
import json
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from domain.bank import BankLine, Expected, overdue, pair, read_statement
from domain.model import Record
from domain.money import dollars
from starter.commands import import_lenders
from starter.files import printable, refuse
from starter.settings import load_settings
from starter.wiring import vault
from store import bank
from store.db import open_pool, transaction

app = typer.Typer(help="Import what no interface delivers.", no_args_is_help=True)

_BYTES_MAX = 5_000_000

app.command("carecredit")(import_lenders.carecredit)
app.command("in-house")(import_lenders.in_house)


@app.callback()
def _group() -> None:
    """Import what no interface delivers."""


class Outcome(Record):
    """What a statement and the payouts say of each other; `known` lines were there before."""

    applied: bool
    lines: tuple[BankLine, ...]
    known: int
    matched: dict[str, Expected]
    missing: tuple[Expected, ...]
    """Payouts that the statement should show and does not."""

    @property
    def unmatched(self) -> list[BankLine]:
        """Lines that are no payout."""
        return [line for line in self.lines if line.line_id not in self.matched]


@app.command("bank")
def bank_(
    file: Annotated[Path, typer.Argument(help="CSV: date, amount, description, reference.")],
    apply: Annotated[bool, typer.Option("--apply", help="Import; else only look.")] = False,
    by: Annotated[str, typer.Option(help="Who answers for it.", metavar="NAME")] = "",
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Match a bank statement to the payouts; a dry run unless --apply is given.

    Example: tieout import bank october.csv --apply --by dana

    Exit codes: 0 done, 1 a row is bad or a payout is missing at the bank, 2 no such statement.
    """
    lines = _lines(file)
    outcome = asyncio.run(_import(lines, by or getpass.getuser(), apply))
    if json_:
        typer.echo(json.dumps(_plain(outcome), indent=2))
    else:
        _show(outcome)
    if outcome.missing:
        raise typer.Exit(1)


def _lines(file: Path) -> list[BankLine]:
    try:
        raw = file.read_bytes()
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror or 'unknown reason'}.")
    if len(raw) > _BYTES_MAX:
        refuse(f"{file} is larger than 5 MB; import fewer months at a time.")
    try:
        lines, bad = read_statement(raw.decode())
    except UnicodeDecodeError:
        refuse(f"{file} is not UTF-8 text; export it as CSV in UTF-8.")
    except ValueError as fault:
        refuse(f"{file} is no bank statement: {fault}.")
    for row in bad:
        typer.echo(f"row {row.row}: {row.why}", err=True)
    if bad:
        typer.echo("Nothing was imported; correct these rows first.", err=True)
        raise typer.Exit(1)
    return lines


async def _import(lines: list[BankLine], by: str, apply: bool) -> Outcome:
    settings = load_settings()
    pool = await open_pool(settings.database_url.get_secret_value(), max_size=1)
    try:
        async with transaction(pool) as conn:
            safe = vault(settings)
            known = await bank.known(conn, [line.line_id for line in lines])
            fresh = [line for line in lines if line.line_id not in known]
            # A payout may become known after its line, so lines of earlier imports count too.
            waiting = [*await bank.unmatched(conn, safe), *fresh]
            wanted, first = await bank.expected(conn), await bank.first_day(conn)
            found = pair(waiting, wanted)
            days = [line.on for line in lines]
            since = min([first, *days] if first else days, default=date.max)
            if apply:
                await bank.add(conn, safe, fresh, by)
                await bank.match(conn, found)
            return Outcome(
                applied=apply,
                lines=tuple(waiting),
                known=len(known),
                matched=found,
                missing=tuple(overdue(wanted, found, since, max(days, default=date.min))),
            )
    finally:
        await pool.close()


def _plain(outcome: Outcome) -> dict[str, object]:
    return {
        **outcome.model_dump(mode="json", exclude={"lines"}),
        "unmatched": [
            line.model_dump(mode="json", exclude={"words"}) for line in outcome.unmatched
        ],
    }


def _show(outcome: Outcome) -> None:
    days = {line.line_id: line.on for line in outcome.lines}
    for line_id, each in outcome.matched.items():
        back = " (sent back)" if each.leg == "back" else ""
        typer.echo(
            f"payout     {days[line_id]}  {dollars(each.amount_cents):>14}  {each.payout_id}{back}"
        )
    for line in outcome.unmatched:
        words = printable(line.words)[:50]
        typer.echo(f"no payout  {line.on}  {dollars(line.amount_cents):>14}  {words}")
    for each in outcome.missing:
        typer.echo(
            f"missing    {each.on}  {dollars(each.amount_cents):>14}  {each.payout_id}:"
            " the bank does not show it"
        )
    counts = (
        f"{len(outcome.matched)} matched, {len(outcome.unmatched)} without a payout,"
        f" {len(outcome.missing)} missing, {outcome.known} known before"
    )
    typer.echo(f"{counts}." if outcome.applied else f"{counts}. Nothing was written; add --apply.")
