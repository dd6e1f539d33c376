"""`tieout review decide-all`: the same answer to every open question of one code."""

import asyncio
from typing import Annotated

import typer

from domain.case import Decision
from domain.reviews import TOPICS
from domain.topics import Choice, Need
from starter.desk import answers, deciding
from starter.desk.books import SHORT, open_books
from starter.desk.paper import bullet, confirmed, console, indented, plain, print_json, usage
from starter.desk.preview_view import batch_page
from starter.desk.records import Outcome
from starter.errors import Refusal

_NOT_DONE = ("failed", "sent")


def decide_all(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The reason code of the questions.")],
    choice: Annotated[str, typer.Argument(metavar="CHOICE", help="One of the code's choices.")],
    by: Annotated[
        str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why; name no patient.", metavar="WHY")] = "",
    location: Annotated[str | None, typer.Option(help="Of one location alone.")] = None,
    up_to: Annotated[
        str | None,
        typer.Option(help="Leave out what is about more money than this.", metavar="DOLLARS"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what it would do, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")] = False,
) -> None:
    """Give one answer to every open question of a code, each by itself.

    What needs a second person is only proposed. One that fails holds back no other.

    Example: tieout review decide-all MESSAGE_UNKNOWN treat_as_sent --by dana --dry-run

    Exit codes: 0 each was answered, 1 one was not, 2 something is missing or misspelt.
    """
    if not by.strip():
        usage("Say who decides: --by NAME, or set TIEOUT_STAFF.")
    known = _choice(code.upper(), choice)
    if Need.REASON in known.needs and not reason.strip():
        usage(f"The choice {choice} needs {answers.OPTIONS[Need.REASON]}.")
    typed = Decision(review_id="", choice=choice, by=by.strip(), reason=reason.strip())
    limit_cents = answers.cents_of(up_to)
    asyncio.run(_decide(typed, code.upper(), location, limit_cents, dry_run, yes, as_json))


def _choice(code: str, name: str) -> Choice:
    """The choice of a code; leaves with 2 where each question needs an answer of its own."""
    if code not in TOPICS:
        usage(f"There is no code {code}: `tieout review list --json` shows those that wait.")
    choices = {choice.name: choice for choice in TOPICS[code].choices}
    if name not in choices:
        usage(f"{code} can be decided by {', '.join(choices)}; not by {name}.")
    own = [answers.OPTIONS[need] for need in choices[name].needs if need is not Need.REASON]
    if own:
        usage(f"The choice {name} needs {own[0]} for each question: `tieout review decide`.")
    return choices[name]


async def _decide(
    typed: Decision,
    code: str,
    location: str | None,
    limit_cents: int | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    async with open_books() as books:
        found = await deciding.batch(books, typed, code, location, limit_cents)
        if dry_run and as_json:
            print_json(found.model_dump(mode="json"))
        elif not as_json:
            console().print(batch_page(found))
        if dry_run:
            return
        if not found.previews:
            raise Refusal(f"No open question of {code} can be answered {typed.choice}.")
        if not confirmed(f"Decide all {len(found.previews)} so?", yes=yes, as_json=as_json):
            typer.echo("Nothing was decided.", err=True)
            raise typer.Exit(1)
        done = await deciding.decide_all(books, typed, [each.review_id for each in found.previews])
    if as_json:
        print_json(
            {
                "code": code,
                "choice": typed.choice,
                "by": typed.by,
                "outcomes": [each.model_dump(mode="json") for each in done],
                "skipped": [each.model_dump(mode="json") for each in found.skipped],
            }
        )
    else:
        _say(done)
    if any(each.state in _NOT_DONE for each in done):
        raise typer.Exit(1)


def _say(done: list[Outcome]) -> None:
    for each in done:
        console().print(indented(bullet(f"{each.review_id[:SHORT]}: {each.sentence}")))
    missed = sum(each.state in _NOT_DONE for each in done)
    console().print(plain(f"{len(done) - missed} of {len(done)} answered."))
