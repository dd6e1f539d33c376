"""`tieout catalog check|import`: the price book of a practice, from a file."""

import asyncio
import getpass
from pathlib import Path
from typing import Annotated

import typer

from starter.practice import Practice, import_practice, read_practice
from starter.settings import load_settings
from store.db import open_pool, transaction

app = typer.Typer(help="Check or import a practice's price book.", no_args_is_help=True)

PracticeFile = Annotated[Path, typer.Argument(help="JSON file with `location` and `catalog`.")]


@app.command()
def check(file: PracticeFile) -> None:
    """Say what is wrong with a practice file, and what invoices will be held for."""
    practice = _sound(file)
    typer.echo(f"{file} is sound: {_size(practice)}.")


@app.command("import")
def import_(
    file: PracticeFile,
    by: Annotated[str, typer.Option(help="Who answers for it.")] = "",
    reason: Annotated[str, typer.Option(help="Why this version.")] = "import",
) -> None:
    """Put the location and the next version of its catalog into the books."""
    practice = _sound(file)
    added = asyncio.run(_import(practice, by or getpass.getuser(), reason))
    version = f"version {practice.catalog.version} of {practice.location.location_id}"
    typer.echo(f"Imported {version}." if added else f"{version[0].upper()}{version[1:]} was there.")


async def _import(practice: Practice, by: str, reason: str) -> bool:
    pool = await open_pool(load_settings().database_url.get_secret_value(), max_size=1)
    try:
        async with transaction(pool) as conn:
            return await import_practice(conn, practice, by, reason)
    finally:
        await pool.close()


def _sound(file: Path) -> Practice:
    practice = read_practice(file)
    for gap in practice.gaps():
        typer.echo(f"gap: {gap}", err=True)
    problems = practice.problems()
    for problem in problems:
        typer.echo(f"wrong: {problem}", err=True)
    if problems:
        raise typer.Exit(1)
    return practice


def _size(practice: Practice) -> str:
    catalog = practice.catalog
    return f"{len(catalog.items)} items, {len(catalog.packages)} packages"
