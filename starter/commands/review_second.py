"""`tieout review confirm|refuse|undo|take|policy`: what needs a second look or person."""

import asyncio
from typing import Annotated

import typer

from domain.case import Decision
from domain.money import dollars
from starter.desk import answers, deciding, undoing
from starter.desk.books import SHORT, open_books
from starter.desk.paper import confirmed, console, pairs, plain, print_json, usage
from starter.desk.preview_view import preview_page
from starter.desk.records import Outcome
from starter.errors import Refusal
from store import desk_policies, reviews, undos

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The question's id, or its beginning.")]
By = Annotated[str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")]
Reason = Annotated[str, typer.Option(help="Why; name no patient.", metavar="WHY")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")]


def confirm(review_id: Id, by: By = "", yes: Yes = False, as_json: AsJson = False) -> None:
    """Say yes to what somebody else proposed; then it is carried out.

    Example: tieout review confirm 1a2b3c4d --by robin
    """
    asyncio.run(_confirm(review_id, _named(by), yes, as_json))


async def _confirm(review_id: str, by: str, yes: bool, as_json: bool) -> None:
    async with open_books() as books:
        review = await reviews.get(books.conn, review_id)
        if review.proposal is not None and not as_json:
            proposal = Decision.model_validate(review.proposal)
            console().print(plain(f"{proposal.by} proposes {proposal.choice}: {proposal.reason}"))
            console().print(preview_page(await deciding.preview(books, proposal)))
        if not confirmed("Confirm it?", yes=yes, as_json=as_json):
            typer.echo("Nothing was confirmed.", err=True)
            raise typer.Exit(1)
        _say(await deciding.confirm(books, review_id, by), as_json)


def refuse(review_id: Id, by: By = "", reason: Reason = "", as_json: AsJson = False) -> None:
    """Say no to what somebody else proposed; the question waits for another answer.

    Example: tieout review refuse 1a2b3c4d --by robin --reason "they pay on Friday"
    """
    if not reason.strip():
        usage("Say why: --reason WHY.")
    asyncio.run(_refuse(review_id, _named(by), reason.strip(), as_json))


async def _refuse(review_id: str, by: str, reason: str, as_json: bool) -> None:
    async with open_books() as books:
        _say(await deciding.refuse(books, review_id, by, reason), as_json)


def undo(
    review_id: Id,
    by: By = "",
    reason: Reason = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what it would do, and do nothing.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take a decision back by counter-entries, until its month is closed.

    Its question is asked again. A message that went out, or money on its way back, stays; then
    nothing is undone. What two people decided, two take back: each gives this command.

    Example: tieout review undo 1a2b3c4d --by robin --reason "wrong visit" --dry-run
    """
    asyncio.run(_undo(review_id, _named(by), reason.strip(), dry_run, yes, as_json))


async def _undo(
    review_id: str, by: str, reason: str, dry_run: bool, yes: bool, as_json: bool
) -> None:
    async with open_books() as books:
        review = await reviews.get(books.conn, review_id)
        if review.undone_by is None:
            waits = await undos.proposal(books.conn, review.review_id)
            if waits is None and not reason:
                usage("Say why: --reason WHY.")
            shown = await undoing.shown(books, review_id, by, reason or "as proposed")
            if dry_run and as_json:
                print_json(shown.model_dump(mode="json"))
            elif not as_json:
                console().print(preview_page(shown))
            if shown.problem is not None:
                raise Refusal(f"Nothing was taken back: {shown.problem}")
            if dry_run:
                return
            if not confirmed("Take it back?", yes=yes, as_json=as_json):
                typer.echo("Nothing was taken back.", err=True)
                raise typer.Exit(1)
        _say(await deciding.undo(books, review_id, by, reason or "as proposed"), as_json)


def take(review_id: Id, by: By = "", as_json: AsJson = False) -> None:
    """Say that you look after a question; the queue shows it.

    Example: tieout review take 1a2b3c4d --by dana
    """
    asyncio.run(_take(review_id, _named(by), as_json))


async def _take(review_id: str, by: str, as_json: bool) -> None:
    async with open_books() as books:
        line = await deciding.take(books, review_id, by)
        if as_json:
            print_json(line.model_dump(mode="json"))
        else:
            console().print(plain(f"{line.title} ({line.short_id}) is with {line.owner}."))


def policy(
    location: Annotated[str, typer.Argument(help="The location.")],
    second_person_above: Annotated[
        str | None,
        typer.Option(help="From more than this on, two people decide.", metavar="DOLLARS"),
    ] = None,
    manager_email: Annotated[
        str | None,
        typer.Option(help="Gets the last reminder of a question, too.", metavar="ADDRESS"),
    ] = None,
    by: By = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Show or set whom decisions about money need. A change is for new questions.

    Example: tieout review policy lumin --second-person-above 250 --by owner --reason "grown"
    """
    change = second_person_above is not None or manager_email is not None
    if change and not reason.strip():
        usage("Say why: --reason WHY.")
    who = _named(by) if change else ""
    cents = answers.cents_of(second_person_above)
    asyncio.run(_policy(location, cents, manager_email, who, reason.strip(), as_json))


async def _policy(
    location: str, cents: int | None, email: str | None, by: str, reason: str, as_json: bool
) -> None:
    async with open_books() as books:
        place = await books.location(location)
        now = await desk_policies.current(books.conn, place.location_id)
        if by:
            changes = {"second_person_above_cents": cents, "manager_email": email}
            given = {name: value for name, value in changes.items() if value is not None}
            now = now.model_copy(update={**given, "version": now.version + 1})
            await desk_policies.put(books.conn, now, by, reason)
        if as_json:
            print_json(now.model_dump(mode="json"))
            return
        rows = [
            ("location", now.location_id),
            ("version", now.version or "the default"),
            ("two people above", dollars(now.second_person_above_cents)),
            ("manager", now.manager_email or "nobody; the desk alone is reminded"),
        ]
        console().print(pairs(rows))


def _named(by: str) -> str:
    if not by.strip():
        usage("Say who: --by NAME, or set TIEOUT_STAFF.")
    return by.strip()


def _say(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        print_json(outcome.model_dump(mode="json"))
    else:
        console().print(plain(f"{outcome.sentence} ({outcome.review_id[:SHORT]})"))
    if outcome.state == "failed":
        raise Refusal(outcome.sentence)
