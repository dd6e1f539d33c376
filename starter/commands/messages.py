"""`tieout messages`: read what patients and staff would read; check the words."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from domain import messages
from domain.case import Channel, MessageClass, Tone
from domain.template_catalog import DETAILED, NEUTRAL
from starter.desk.message_preview import Wanted, html_page, preview_data, preview_page, shown
from starter.desk.paper import console, plain, print_json
from starter.errors import Refusal

app = typer.Typer(help="Message templates: see them, check them.", no_args_is_help=True)

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
        int, typer.Option(help="A template version that is kept.")
    ] = messages.TEMPLATE_VERSION,
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
    if version not in messages.versions():
        known = ", ".join(map(str, messages.versions()))
        raise typer.BadParameter(f"kept versions: {known}", param_hint="--version")
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
