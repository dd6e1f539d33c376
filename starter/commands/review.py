"""`tieout review` and its verbs: the questions that wait for a person, and their answers."""

import asyncio
from datetime import date
from typing import Annotated

import typer
from rich.text import Text

from domain.case import Decision
from domain.catalog import ItemClass
from domain.money import dollars
from starter.commands import review_many, review_second
from starter.desk import answers, deciding
from starter.desk.books import SHORT, open_books
from starter.desk.paper import (
    command,
    confirmed,
    console,
    day_of,
    indented,
    owns_terminal,
    plain,
    print_json,
    usage,
)
from starter.desk.preview_view import preview_page
from starter.desk.queue import example, question_data, question_page, queue_data, queue_page
from starter.desk.records import Outcome
from starter.errors import Refusal
from store import reviews
from store.reviews import Choice, Review

app = typer.Typer(invoke_without_command=True)
for name, run in (
    ("decide-all", review_many.decide_all),
    ("confirm", review_second.confirm),
    ("refuse", review_second.refuse),
    ("undo", review_second.undo),
    ("take", review_second.take),
    ("policy", review_second.policy),
):
    app.command(name)(run)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The question's id, or its beginning.")]
By = Annotated[str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")]


@app.callback()
def review(
    context: typer.Context,
    location: Annotated[str | None, typer.Option(help="Of one location alone.")] = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """The questions that wait for a person.

    Without a verb it is the queue on the whole screen: ? shows the keys. On a pipe it is the list.

    Example: tieout review --location lumin --by dana
    """
    if context.invoked_subcommand is not None:
        return
    if as_json or not owns_terminal():
        asyncio.run(_list(location, as_json))
        return
    from starter.screen.opening import sit_down

    asyncio.run(sit_down(location, by.strip()))


@app.command("list")
def list_(
    location: Annotated[str | None, typer.Option(help="Of one location alone.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show every open question, oldest first.

    Names are shown on a terminal alone; a pipe or a file gets initials.

    Example: tieout review list --location lumin
    """
    asyncio.run(_list(location, as_json))


async def _list(location: str | None, as_json: bool) -> None:
    async with open_books() as books:
        waiting = await reviews.list_open(books.conn, await books.known_location(location))
        if as_json:
            print_json(await queue_data(books, waiting))
        elif waiting:
            console().print(await queue_page(books, waiting))
        else:
            console().print(plain("No question waits for a person."))


@app.command()
def show(review_id: Id, as_json: AsJson = False) -> None:
    """Show one question: both sides, the facts, every choice and what it does.

    Example: tieout review show 1a2b3c4d
    """
    asyncio.run(_show(review_id, as_json))


async def _show(review_id: str, as_json: bool) -> None:
    async with open_books() as books:
        review = await reviews.get(books.conn, review_id)
        if as_json:
            print_json(await question_data(books, review))
        else:
            console().print(await question_page(books, review))
            if words := example(review):
                # One unbroken line, so that it can be copied.
                console().print(command(words), soft_wrap=True)


@app.command()
def decide(
    review_id: Id,
    choice: Annotated[str, typer.Argument(metavar="CHOICE", help="One of the shown choices.")],
    by: By = "",
    reason: Annotated[str, typer.Option(help="Why; name no patient.", metavar="WHY")] = "",
    sku: Annotated[
        str | None, typer.Option(help="The item or package of the price book.", metavar="SKU")
    ] = None,
    amount: Annotated[
        str | None, typer.Option(help="A price, or an instalment, in dollars.", metavar="DOLLARS")
    ] = None,
    invoice: Annotated[
        str | None,
        typer.Option(
            help="The printed number of an invoice, or of each with commas.", metavar="NO"
        ),
    ] = None,
    item_class: Annotated[
        str | None,
        typer.Option("--class", help=f"One of {', '.join(ItemClass)}.", metavar="CLASS"),
    ] = None,
    until: Annotated[
        date | None,
        typer.Option(
            parser=day_of,
            help="The day of a promise or of a first instalment.",
            metavar="YYYY-MM-DD",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what it would do, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Answer a question in your name, after a look at every posting and message it causes.

    Above the location's limit another person has to confirm; until then nothing happens.

    Example: tieout review decide 1a2b3c4d write_off --by dana --reason "moved" --dry-run

    Example: tieout review decide 1a2b3c4d map --sku LASER-SESSION --by dana

    Exit codes: 0 decided, 1 refused, 2 something is missing or misspelt.
    """
    if not by.strip():
        usage("Say who decides: --by NAME, or set TIEOUT_STAFF.")
    typed = Decision(
        review_id=review_id,
        choice=choice,
        by=by.strip(),
        reason=reason.strip(),
        sku=sku,
        amount_cents=answers.cents_of(amount),
        invoice_id=invoice,
        item_class=item_class,
        until=until,
    )
    asyncio.run(_decide(typed, dry_run, yes, as_json))


async def _decide(typed: Decision, dry_run: bool, yes: bool, as_json: bool) -> None:
    async with open_books() as books:
        review = await reviews.get(books.conn, typed.review_id)
        await answers.must_be_open(books, review)
        choice = answers.choice_named(review, typed.choice)
        decision = typed.model_copy(update={"review_id": review.review_id})
        answers.must_fit(decision, review, choice)
        decision = await answers.must_exist(books, decision, review)
        shown = await deciding.preview(books, decision)
        if dry_run and as_json:
            print_json(shown.model_dump(mode="json"))
        elif not as_json:
            console().print(_answer(choice, typed), preview_page(shown))
        if shown.problem is not None:
            raise Refusal(f"Nothing was decided: {shown.problem}")
        if dry_run:
            return
        if not confirmed("Decide so?", yes=yes, as_json=as_json):
            typer.echo("Nothing was decided.", err=True)
            raise typer.Exit(1)
        outcome = await deciding.decide(books, decision)
        done = outcome.state != "sent"
        if as_json:
            said = {"outcome": outcome.state, "sentence": outcome.sentence, "carried_out": done}
            print_json({**decision.model_dump(mode="json"), **said})
        else:
            _say_what_follows(review, outcome)
        if outcome.state == "failed":
            raise typer.Exit(1)


def _answer(choice: Choice, typed: Decision) -> Text:
    given = [
        *([typed.sku] if typed.sku else []),
        *([dollars(typed.amount_cents)] if typed.amount_cents is not None else []),
        *([typed.item_class] if typed.item_class else []),
        *([typed.invoice_id.upper()] if typed.invoice_id else []),
        *([str(typed.until)] if typed.until else []),
    ]
    what = f"{choice.label} ({', '.join(given)})" if given else choice.label
    return plain(f"{what}: {choice.effect}")


def _say_what_follows(review: Review, outcome: Outcome) -> None:
    console().print(plain(outcome.sentence))
    if outcome.state == "proposed":
        words = f"tieout review confirm {review.review_id[:SHORT]} --by THEIR-NAME"
        console().print(indented(command(words)))
    elif review.case_id.startswith("visit/"):
        order = review.case_id.rpartition("/")[2]
        console().print(indented(command(f"tieout visit show {order[:SHORT]}")))
