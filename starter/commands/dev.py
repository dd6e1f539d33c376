"""`tieout dev`: the whole stack on this machine until Ctrl-C."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from starter.dev import Stack
from starter.errors import Refusal
from starter.ports import Ports
from starter.settings import state_folder


def dev(
    fresh: Annotated[bool, typer.Option(help="Forget everything in the state folder.")] = False,
    state: Annotated[
        Path | None, typer.Option(help="State folder; TIEOUT_STATE or .tieout without it.")
    ] = None,
    free_ports: Annotated[bool, typer.Option(help="Use any free ports, not the usual.")] = False,
) -> None:
    """Run PostgreSQL, Temporal, the vendors' sandbox, worker and web; no Docker."""
    stack = Stack(
        state or state_folder(),
        fresh=fresh,
        ports=Ports.free() if free_ports else None,
        say=_say,
        database_url=os.environ.get("TIEOUT_DATABASE_URL"),
    )
    asyncio.run(_until_told(stack))


_console = Console(highlight=False)


def _say(line: str) -> None:
    _console.print(f"  {line}")


async def _until_told(stack: Stack) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    starting = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    interrupted = asyncio.create_task(_cancel_when(told, starting))
    try:
        async with stack:
            interrupted.cancel()
            _console.print(_places(stack))
            await _serve(stack, told)
            _console.print("Stopping; what is under way finishes first.")
    except asyncio.CancelledError:
        if not told.is_set():
            raise
    _console.print(f"Stopped. State is kept in {stack.state}.")


async def _cancel_when(told: asyncio.Event, task: "asyncio.Task[None] | None") -> None:
    await told.wait()
    if task:
        task.cancel()


async def _serve(stack: Stack, told: asyncio.Event) -> None:
    ended = asyncio.create_task(stack.first_exit())
    asked = asyncio.create_task(told.wait())
    try:
        await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
        if ended.done() and not told.is_set():
            raise Refusal(f"{ended.result()} ended by itself: see {stack.log(ended.result())}.")
    finally:
        ended.cancel()
        asked.cancel()


def _places(stack: Stack) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2))
    for name, place in (
        ("Temporal UI", stack.temporal_ui_url),
        ("Pay page and webhooks", stack.web_url),
        ("Vendors' sandbox", f"{stack.sandbox_url}/_control/health"),
        ("Worker metrics", stack.metrics_url),
        ("Logs", str(stack.state / "logs")),
    ):
        table.add_row(name, place)
    return table
