"""`tieout demo`: the Thursday, live, on a real stack, and its proof."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from domain.money import dollars
from starter.demo.cast import thursday
from starter.demo.figures import day_figures
from starter.demo.financing import Year
from starter.demo.financing_figures import plan_figures
from starter.demo.financing_story import STORY
from starter.demo.group import Centre, group_of
from starter.demo.stories import Thursday
from starter.dev import EXAMPLE, Stack
from starter.ports import Ports
from starter.practice import read_practice
from starter.rehearsal import Rehearsal
from starter.settings import state_folder

_NAME_WIDTH = 20


class Story(StrEnum):
    """What the demo plays."""

    THURSDAY = "thursday"
    FINANCING = "financing"


def demo(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one object; the story goes to stderr.")
    ] = False,
    state: Annotated[
        Path | None, typer.Option(help="Folder for the demo's books and histories.")
    ] = None,
    story: Annotated[Story, typer.Option(help="What to play.")] = Story.THURSDAY,
) -> None:
    """Play six visits of one Thursday, or the plans of a group, and prove the books."""
    console = Console(stderr=as_json, highlight=False)
    folder = state or state_folder() / "demo"
    figures = asyncio.run(play(folder, console, story))
    if as_json:
        typer.echo(json.dumps(figures, indent=2))
    elif story is Story.FINANCING:
        show_plans(console, figures, folder)
    else:
        show(console, figures, folder)
    if not figures["ok"]:
        raise typer.Exit(1)


async def play(folder: Path, console: Console, story: Story) -> dict[str, Any]:
    """Start a stack of its own, play the story on it, read the figures."""
    console.print("[bold]Starting Temporal, PostgreSQL, the vendors' twins and tieout[/]")

    def say(line: str) -> None:
        console.print(f"  [dim]{line}[/]")

    def tell(name: str, sentence: str) -> None:
        console.print(f"  {name:<{_NAME_WIDTH}} {sentence}", soft_wrap=True)

    group = group_of(read_practice(EXAMPLE)) if story is Story.FINANCING else ()
    async with Stack(folder, fresh=True, ports=Ports.free(), say=say, practices=group) as stack:
        ui_url = f"http://127.0.0.1:{Ports.fixed().temporal_ui}/namespaces/default/workflows"
        if group:
            return await play_plans(stack, console, tell, ui_url)
        location_id = stack.practice.location.location_id
        async with Rehearsal(stack.settings, location_id) as practice:
            await practice.at_two_on_thursday()
            console.print(f"\n[bold]Thursday at {practice.location.practice_name}[/]")
            visits = thursday(practice.now(), "demo")
            played = await Thursday(practice, tell).play(visits)
            return await day_figures(practice, played, ui_url)


async def play_plans(
    stack: Stack, console: Console, tell: Callable[[str, str], None], ui_url: str
) -> dict[str, Any]:
    """Seven plans at the three locations of a group."""
    async with contextlib.AsyncExitStack() as opened:
        centres = []
        for practice in stack.practices:
            centre = Centre(stack.settings, practice.location.location_id)
            centres.append(await opened.enter_async_context(centre))
            await centre.at_two_on_thursday()
        names = ", ".join(one.location.practice_name for one in centres)
        console.print(f"\n[bold]Plans at {names}[/]")
        told = await Year(centres, tell).play(STORY)
        return await plan_figures(centres, told, ui_url)


def show(console: Console, figures: dict[str, Any], folder: Path) -> None:
    """The table of the day, the books, and where to look."""
    notes: list[str] = []
    table = Table(title="The day", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("visit", no_wrap=True)
    table.add_column("ended", no_wrap=True)
    for heading in ("due", "tax", "sent"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("on day", no_wrap=True)
    for visit in figures["visits"]:
        table.add_row(
            visit["name"],
            visit["status"].replace("_", " "),
            dollars(visit["due_cents"]),
            dollars(visit["tax_cents"]),
            f"{visit['sent_ms']} ms",
            ", ".join(sorted({str(one["day"]) for one in visit["messages"]}, key=int)),
        )
    for visit in figures["visits"]:
        used = [f"{count} {sku} drawn" for sku, count in visit["drawn"].items()]
        used += [
            f"{kind.replace('_', ' ')} {dollars(cents)}" for kind, cents in visit["tenders"].items()
        ]
        if used:
            notes.append(f"{visit['name']}: {', '.join(used)}")
    console.print()
    console.print(table)
    for note in notes:
        console.print(f"Visit {note}.")
    books = figures["ledger"]
    console.print(
        f"Ledger: debits {dollars(books['debits_cents'])}, credits"
        f" {dollars(books['credits_cents'])}, unbalanced entries {books['unbalanced_entries']}."
    )
    console.print(
        f"Money messages after settlement: {figures['money_messages_after_settlement']}."
        f" Doubled messages: {figures['duplicate_messages']}."
    )
    console.print(f"Histories: run [bold]tieout dev --state {folder}[/], then open")
    console.print(f"  {figures['temporal_ui']}")
    console.print(
        "[green]The day ties out.[/]" if figures["ok"] else "[red]It does not tie out.[/]"
    )


def show_plans(console: Console, figures: dict[str, Any], folder: Path) -> None:
    """What each patient heard and when, what a person solved, and where to look."""
    for plan in figures["plans"]:
        table = Table(
            title=f"{plan['lender']} at {plan['location']}: {plan['status'].replace('_', ' ')}",
            title_justify="left",
            title_style="bold",
            box=SIMPLE_HEAD,
        )
        table.add_column("day", no_wrap=True)
        table.add_column("said", no_wrap=True)
        table.add_column("by", no_wrap=True)
        said: dict[tuple[str, str], list[str]] = {}
        for one in plan["messages"]:
            said.setdefault((one["local_date"], one["step"]), []).append(one["channel"])
        for (day, step), channels in said.items():
            table.add_row(day, step, ", ".join(sorted(channels)))
        console.print(table)
        for one in plan["exceptions"]:
            how = f"decided by {one['by']}" if one["by"] else one["state"]
            console.print(f"  {one['code'].replace('_', ' ').lower()}: {how}")
    console.print(
        f"\nDoubled: {figures['doubled']}. On a due date: {figures['on_due_date']}."
        f" To a lender's debtor: {figures['to_lender_debtor']}."
    )
    console.print(f"Histories: run [bold]tieout dev --state {folder}[/], then open")
    console.print(f"  {figures['temporal_ui']}")
    console.print(
        "[green]The plans tie out.[/]" if figures["ok"] else "[red]They do not tie out.[/]"
    )
