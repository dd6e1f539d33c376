"""`tieout messages`: read what patients and staff would read; check the words; replace them."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from domain import messages
from domain.case import Channel, MessageClass, Tone
from domain.template_catalog import DETAILED, NEUTRAL
from domain.template_versions import Replacement
from starter.desk.books import Books, open_books
from starter.desk.message_preview import Wanted, html_page, preview_data, preview_page, shown
from starter.desk.paper import confirmed, console, plain, print_json, usage
from starter.desk.spoken_versions import running_by_version, versions_data, versions_page
from starter.errors import Refusal
from store import template_versions

app = typer.Typer(
    help="Message templates: see them, check them, replace a version.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def preview(
    step: Annotated[str | None, typer.Option(help="A step or template, such as invoice.")] = None,
    channel: Annotated[Channel | None, typer.Option(help="One channel alone.")] = None,
    tone: Annotated[Tone | None, typer.Option(help="Templates of one tone.")] = None,
    language: Annotated[str | None, typer.Option(help="en or es.")] = None,
    detail: Annotated[str | None, typer.Option(help="neutral or detailed.")] = None,
    message_class: Annotated[
        MessageClass | None, typer.Option("--class", help="Messages of one consent class.")
    ] = None,
    version: Annotated[
        int | None, typer.Option(help="A template version that is kept; else the newest.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write one HTML page to this file.", dir_okay=False)
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show the HTML page in a browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show any message, rendered with sample values; all of them when nothing is named.

    Example: tieout messages preview --step invoice --language es --html page.html
    """
    if detail not in (None, NEUTRAL, DETAILED):
        raise typer.BadParameter("neutral or detailed", param_hint="--detail")
    version = version or messages.newest_version()
    _kept(version, "--version")
    wanted = Wanted.model_validate(
        {
            "step": step,
            "tone": tone,
            "channel": channel,
            "language": language,
            "detail": detail,
            "message_class": message_class,
            "version": version,
        }
    )
    found = shown(wanted)
    if not found:
        known = ", ".join(messages.catalog_of().templates)
        raise Refusal(f"No template answers to that; leave an option out, or name one of {known}.")
    file = html or (Path(tempfile.mkdtemp(prefix="tieout-")) / "messages.html" if open_ else None)
    if file is not None and not file.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {file.parent}", param_hint="--html")
    if file is not None:
        file.write_text(html_page(found), encoding="utf-8")
    if open_:
        typer.launch(str(file))
    if as_json:
        print_json(preview_data(found))
    elif file is not None:
        console().print(plain(f"{len(found)} messages are in {file}."))
    else:
        console().print(preview_page(found))


@app.command()
def lint(as_json: AsJson = False) -> None:
    """Check the words of every kept version; exit code 1 when something is wrong.

    Example: tieout messages lint
    """
    kept = messages.versions()
    findings = [
        {"version": version, "finding": finding}
        for version in kept
        for finding in messages.lint_templates(messages.TEMPLATES / f"v{version}")
    ]
    if as_json:
        print_json({"versions": kept, "findings": findings})
    elif findings:
        for each in findings:
            console().print(plain(f"version {each['version']}: {each['finding']}"))
    else:
        console().print(plain(f"Versions {', '.join(map(str, kept))}: nothing is wrong."))
    if findings:
        raise typer.Exit(1)


@app.command("versions")
def versions_(as_json: AsJson = False) -> None:
    """Show each version that is kept, how many running cases speak by it, and what was replaced.

    Example: tieout messages versions
    """
    asyncio.run(_versions(as_json))


async def _versions(as_json: bool) -> None:
    async with open_books() as books:
        running = await running_by_version(books.conn)
        replaced = await template_versions.replacements(books.conn)
    if as_json:
        print_json(versions_data(running, replaced))
    else:
        console().print(versions_page(running, replaced))


@app.command()
def replace(
    old: Annotated[int, typer.Argument(metavar="OLD", help="The version that is not to be said.")],
    new: Annotated[int, typer.Argument(metavar="NEW", help="The version that speaks for it.")],
    by: Annotated[
        str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why; name no patient.", metavar="WHY")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it concerns alone.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Replace a version's words everywhere from now on, also in the cases that began with it.

    Example: tieout messages replace 1 2 --by dana --reason "wrong phone number" --dry-run
    """
    _kept(old, "OLD")
    _kept(new, "NEW")
    if old == new:
        usage("Name two versions.")
    if not (dry_run or by.strip()):
        usage("Say who does it: --by NAME, or set TIEOUT_STAFF.")
    if not (dry_run or reason.strip()):
        usage("Say why: --reason WHY.")
    what = Replacement(from_version=old, to_version=new)
    asyncio.run(_replace(what, by.strip(), reason.strip(), dry_run, yes, as_json))


async def _replace(
    what: Replacement, by: str, reason: str, dry_run: bool, yes: bool, as_json: bool
) -> None:
    async with open_books() as books:
        running = (await running_by_version(books.conn))[what.from_version]
        said = f"{running} running cases speak by version {what.from_version}"
        if not dry_run:
            await _put_in_force(books, what, by, reason, said, asks=not (yes or as_json))
    if as_json:
        print_json({**what.model_dump(), "running_cases": running, "dry_run": dry_run})
    elif dry_run:
        console().print(plain(f"{said}. Nothing was replaced."))
    else:
        how = f"version {what.to_version} speaks for it from now on, by {by}"
        console().print(plain(f"{said}: {how}."))


async def _put_in_force(
    books: Books, what: Replacement, by: str, reason: str, said: str, *, asks: bool
) -> None:
    question = f"{said}. Let version {what.to_version} speak for it everywhere?"
    if not confirmed(question, yes=not asks, as_json=False):
        typer.echo("Nothing was replaced.", err=True)
        raise typer.Exit(1)
    await template_versions.replace(books.conn, what, by, reason)


def _kept(version: int, named: str) -> None:
    if version not in messages.versions():
        known = ", ".join(map(str, messages.versions()))
        raise typer.BadParameter(f"kept versions: {known}", param_hint=named)
