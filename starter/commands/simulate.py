"""`tieout simulate messages`: weeks of a practice under faults, and the proof of its messages."""

import asyncio
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from starter.simulate.drawing import make_plan
from starter.simulate.report import Outcome, simulate

app = typer.Typer(help="Play a practice under faults and check the rules.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Play a practice under faults and check the rules."""


@app.command("messages")
def messages(
    seed: Annotated[int, typer.Option(help="The same seed plans the same run.")] = 1,
    clients: Annotated[int, typer.Option(min=1, max=1000, help="How many patients.")] = 20,
    days: Annotated[int, typer.Option(min=3, max=120, help="How many days.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
    progress: Annotated[bool, typer.Option(help="Say on stderr how far it is.")] = False,
    stories: Annotated[
        bool, typer.Option(help="Tell on stderr all that happened to a client with a violation.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option(help="Keep books, histories and logs in this folder.")
    ] = None,
) -> None:
    """Prove on a stack of its own that no patient gets a wrong message.

    Example: tieout simulate messages --seed 1 --clients 200 --days 60 --json --progress
    """
    console = Console(stderr=True, highlight=False)
    began = time.monotonic()

    def tell(line: str) -> None:
        if progress:
            console.print(f"{time.monotonic() - began:7.1f} s  {line}")

    folder = keep or Path(tempfile.mkdtemp(prefix="tieout-simulate-"))
    try:
        outcome = asyncio.run(simulate(make_plan(seed, clients, days), folder, tell))
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    outcome.figures["seconds"] = round(time.monotonic() - began)
    for one in outcome.found:
        line = f"{one.invariant}: client {one.client}, {one.at:%Y-%m-%d %H:%M}Z: {one.what}"
        console.print(line, soft_wrap=True)
    for lines in outcome.stories.values() if stories else ():
        console.print("\n".join(["", *lines]), soft_wrap=True, markup=False)
    if as_json:
        typer.echo(json.dumps(outcome.figures, indent=2))
    else:
        _show(Console(highlight=False), outcome)
    if outcome.found:
        raise typer.Exit(1)


def _show(console: Console, outcome: Outcome) -> None:
    figures = outcome.figures
    console.print(
        f"Seed {figures['seed']}: {figures['clients']} clients, {figures['days']} days,"
        f" {figures['visits']} visits, {figures['messages']} messages,"
        f" {sum(figures['faults'].values())} faults."
    )
    for name, count in figures["violations"].items():
        bound = figures["upper_bound"][name]
        console.print(f"  {name}: {count} of {figures['checked'][name]} (below {bound} at 95 %)")
    race = figures["residual_race"]
    console.print(
        f"Payments after the last look at the balance: {race['payments']},"
        f" {race['longest_ms']} ms before the hand-off at most."
    )
