"""`tieout doctor`: the integration checklist, each line ok or what to fix."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from starter.checks import Finding, examine
from starter.logging import configure
from starter.settings import SettingsError, load_settings


def doctor(
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check every part that a working installation needs; exit 1 when one is to be fixed."""
    configure("ERROR")
    findings = _findings()
    found_wanting = not all(finding.ok for finding in findings)
    if json_:
        typer.echo(json.dumps({"ok": not found_wanting, "checks": [asdict(f) for f in findings]}))
    else:
        _show(findings)
    if found_wanting:
        raise typer.Exit(1)


def _findings() -> list[Finding]:
    try:
        settings = load_settings()
    except SettingsError as error:
        return [Finding("settings", False, str(error))]
    return [Finding("settings", True, settings.environment), *asyncio.run(examine(settings))]


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False)
    for finding in findings:
        mark = "[green]ok      [/]" if finding.ok else "[red]fix this[/]"
        console.print(f"{mark}  {finding.name:<10} ", end="")
        console.out(finding.text)
