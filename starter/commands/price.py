"""`tieout price FILE`: price a chart file and explain every line; nothing outside is touched."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from domain.catalog import Catalog
from domain.catalog_check import SUPPORTED_CURRENCIES, catalog_problems
from domain.chart import Chart, Entitlements
from domain.findings import plain
from domain.invoice import Held, HoldReason, LineKind, PricedInvoice
from domain.model import Authored
from domain.money import dollars
from domain.pricing import price as price_visit
from starter.files import BadFile, cells, printable, read_file, refuse


class PriceFile(Authored):
    """What `tieout price` reads: a catalog, one chart, what the client owns, what was approved."""

    catalog: Catalog
    chart: Chart
    entitlements: Entitlements = Entitlements()
    approved: tuple[str, ...] = ()
    """`CODE` or `CODE:chart_line_id` of hold reasons that a person let pass."""


def price(
    file: Annotated[Path, typer.Argument(help="JSON file with catalog, chart and entitlements.")],
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Price a chart file and explain every line (what-if, no side effect).

    Exit codes: 0 priced, 1 held for a person, 2 the file cannot be read or understood.
    """
    try:
        asked = read_price_file(file)
    except BadFile as bad:
        refuse(str(bad))
    answer = price_visit(asked.chart, asked.catalog, asked.entitlements, frozenset(asked.approved))
    if json_:
        typer.echo(_as_json(answer))
    else:
        _show(Console(), answer)
    if isinstance(answer, Held):
        raise typer.Exit(1)


def read_price_file(file: Path) -> PriceFile:
    """The file's content, checked; raises BadFile with one sentence."""
    asked = read_file(file, PriceFile, "a price file holds one chart")
    _check(file, asked)
    return asked


def _check(file: Path, asked: PriceFile) -> None:
    """What is well-formed and still no chart or catalog to price from."""
    for line in asked.chart.lines:
        if line.quantity < 0:
            raise BadFile(f"{file}: the quantity of chart line {line.line_id} is negative.")
    for what, currency in (("chart", asked.chart.currency), ("catalog", asked.catalog.currency)):
        if currency not in SUPPORTED_CURRENCIES:
            known = ", ".join(sorted(SUPPORTED_CURRENCIES))
            raise BadFile(f"{file}: the {what}'s currency is unknown; known are {known}.")
    problems = catalog_problems(asked.catalog)
    if problems:
        rest = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise BadFile(f"{file}: the catalog is faulty: {problems[0].removesuffix('.')}{rest}.")


def _as_json(answer: PricedInvoice | Held) -> str:
    """One object: `status`, then `invoice`, or `reasons` and `preview`."""
    if isinstance(answer, PricedInvoice):
        return _Answer(status="priced", invoice=answer).model_dump_json(indent=2)
    return _Answer(status="held", reasons=answer.reasons, preview=answer.preview).model_dump_json(
        indent=2
    )


class _Answer(Authored):
    status: str
    invoice: PricedInvoice | None = None
    reasons: tuple[HoldReason, ...] = ()
    preview: PricedInvoice | None = None


def _show(console: Console, answer: PricedInvoice | Held) -> None:
    if isinstance(answer, PricedInvoice):
        _show_invoice(console, answer)
        return
    console.print(Text("Held: a person decides before anybody sees this bill.", style="bold"))
    table = Table("reason", "line", "what", "what to do")
    for reason in answer.reasons:
        table.add_row(
            *cells(reason.code, reason.chart_line_id or "", reason.detail, _advice(reason))
        )
    console.print(table)
    if answer.preview is None:
        console.print(Text("No amount can be computed until then."))
        return
    console.print(Text("As it would be billed:", style="bold"))
    _show_invoice(console, answer.preview)


def _advice(reason: HoldReason) -> str:
    if not reason.approvable:
        return reason.action
    word = f"{reason.code}:{reason.chart_line_id}" if reason.chart_line_id else reason.code
    return f'{reason.action} Try it here with "approved": ["{word}"].'


def _show_invoice(console: Console, invoice: PricedInvoice) -> None:
    _show_lines(console, invoice)
    _show_draws(console, invoice)
    _show_sums(console, invoice)
    console.print(Text("How it came about", style="bold"))
    for line in invoice.lines:
        console.print(Text(printable(line.line_id), style="bold"))
        for sentence in line.trace:
            console.print(Padding(Text(printable(sentence)), (0, 0, 0, 2)))
    console.print(Text("invoice", style="bold"))
    for sentence in invoice.trace:
        console.print(Padding(Text(printable(sentence)), (0, 0, 0, 2)))


def _show_lines(console: Console, invoice: PricedInvoice) -> None:
    table = Table(title=f"Lines (catalog {invoice.catalog_version})", title_justify="left")
    for name in ("line", "kind", "item"):
        table.add_column(name)
    for name in ("quantity", "gross", "discount", "tax", "amount"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in invoice.lines:
        table.add_row(
            *cells(
                line.line_id,
                line.kind.value,
                line.sku,
                str(plain(line.quantity)),
                dollars(line.gross_cents),
                dollars(line.gross_cents - line.net_cents),
                dollars(line.tax_cents),
                dollars(line.net_cents + line.tax_cents),
            )
        )
    console.print(table)


def _show_draws(console: Console, invoice: PricedInvoice) -> None:
    draws = [line for line in invoice.lines if line.kind is LineKind.DRAW and line.draw]
    if not draws:
        return
    table = Table("item", "lot", title="Drawn from packages", title_justify="left")
    table.add_column("quantity", justify="right")
    table.add_column("value drawn", justify="right")
    for line in draws:
        if line.draw is not None:
            value = dollars(line.draw.value_cents)
            table.add_row(*cells(line.sku, line.draw.lot_id, str(line.draw.quantity), value))
    console.print(table)


def _show_sums(console: Console, invoice: PricedInvoice) -> None:
    table = Table(show_header=False, box=None)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("subtotal", dollars(invoice.subtotal_cents))
    table.add_row("discounts", dollars(-invoice.discount_cents))
    table.add_row("tax", dollars(invoice.tax_cents))
    table.add_row("tips", dollars(invoice.tip_cents))
    table.add_row("total", dollars(invoice.total_cents))
    for tender in invoice.tenders:
        name = tender.kind.value.replace("_", " ")
        table.add_row(*cells(f"{name} {tender.lot_id or tender.reference}", dollars(-tender.cents)))
    table.add_row(Text("due", style="bold"), Text(dollars(invoice.due_cents), style="bold"))
    console.print(table)
