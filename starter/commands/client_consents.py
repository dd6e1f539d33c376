"""`tieout client consents|opt-out|opt-in`: who may be written to, and what changes it."""

import asyncio
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Annotated, Any

import typer

from domain import calendar, consent
from domain.case import Channel
from starter.commands.client_holds import AsJson, By, Client, Reason, answers_for
from starter.desk.books import Books, open_books
from starter.desk.consent_view import consents_page
from starter.desk.paper import console, day_of, plain, print_json, usage
from store import consents, holds
from store.client_log import location_of


class Scope(StrEnum):
    """What a word about consent is about."""

    BILLING = "billing"
    CARE = "care"
    MARKETING = "marketing"
    ALL = "all"


class How(StrEnum):
    """How a client agreed; marketing counts in writing alone."""

    WRITTEN = "written"
    VERBAL = "verbal"
    WEB = "web"


class DetailLevel(StrEnum):
    """How much a message without encryption may say."""

    NEUTRAL = "neutral"
    DETAILED = "detailed"


Way = Annotated[Channel, typer.Option(help="Text or e-mail.")]
GivenAt = Annotated[
    date | None,
    typer.Option(parser=day_of, help="When it was said, if not now.", metavar="YYYY-MM-DD"),
]


def show(client: Client, as_json: AsJson = False) -> None:
    """Show what may be sent, everything that was said about it, and what silences the client.

    Example: tieout client consents LUM-000001
    """
    asyncio.run(_show(client, as_json))


def opt_out(
    client: Client,
    channel: Way,
    scope: Annotated[Scope, typer.Option(help="What ends.")] = Scope.ALL,
    by: By = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Record, at once, that a client wants no more messages of a kind.

    Example: tieout client opt-out LUM-000001 --channel sms --by dana --reason "asked by phone"
    """
    answers_for(by, reason)
    asyncio.run(_opt_out(client, channel, scope, by.strip(), reason.strip(), as_json))


def opt_in(
    client: Client,
    channel: Way,
    scope: Annotated[Scope, typer.Option(help="What is allowed.")],
    how: Annotated[How, typer.Option(help="How the client agreed.")],
    words: Annotated[str, typer.Option(help="The words agreed to, or where they are kept.")] = "",
    detail: Annotated[DetailLevel, typer.Option(help="How much may be said.")] = (
        DetailLevel.NEUTRAL
    ),
    given_on: GivenAt = None,
    address_corrected: Annotated[
        bool, typer.Option(help="Free the address that was barred, too.")
    ] = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Record that a client agreed to messages of a kind.

    Example: tieout client opt-in LUM-000001 --channel sms --scope marketing --how written
    --words "form 12 of 2026" --by dana
    """
    answers_for(by, "agreed")
    if not words.strip():
        usage("Say what was agreed to: --words WORDS.")
    said = {"how": how.value, "words": words.strip(), "detail": detail.value, "given_at": given_on}
    asyncio.run(_opt_in(client, channel, scope, said, address_corrected, by.strip(), as_json))


async def _show(name: str, as_json: bool) -> None:
    async with open_books() as books:
        client_id = await books.client_named(name)
        if not as_json:
            console().print(await consents_page(books, client_id))
            return
        placed = await holds.of_client(books.conn, client_id)
        print_json(
            {
                "client_id": client_id,
                "may_send": await _may(books, client_id),
                "said": [word.model_dump(mode="json") for word in await _said(books, client_id)],
                "holds": [hold.model_dump(mode="json") for hold in placed],
            }
        )


async def _may(books: Books, client_id: str) -> dict[str, dict[str, Any]]:
    """Class -> channel -> whether, why not, and how much may be said."""
    return {
        each: {
            channel.value: answer.model_dump(mode="json")
            for channel, answer in (await consents.permissions(books.conn, client_id, each)).items()
        }
        for each in consent.CLASSES
    }


async def _said(books: Books, client_id: str) -> list[consent.ConsentWord]:
    return await consents.words_of(books.conn, client_id)


async def _opt_out(
    name: str, channel: Channel, scope: Scope, by: str, reason: str, as_json: bool
) -> None:
    async with open_books() as books:
        client_id = await books.client_named(name)
        await consents.opt_out(
            books.conn, client_id, channel, scope.value, "desk", reason, taken_by=by
        )
        may = await _may(books, client_id)
    _say(client_id, f"No more {scope.value} messages by {channel.value}, by {by}.", may, as_json)


async def _opt_in(
    name: str,
    channel: Channel,
    scope: Scope,
    said: dict[str, Any],
    address_corrected: bool,
    by: str,
    as_json: bool,
) -> None:
    async with open_books() as books, books.conn.transaction():
        client_id = await books.client_named(name)
        said["given_at"] = await _given_at(books, client_id, said["given_at"])
        await consents.opt_in(books.conn, client_id, channel, scope.value, taken_by=by, **said)
        if address_corrected:
            await consents.lift_for_client(books.conn, client_id, channel, consent.CORRECTED)
        may = await _may(books, client_id)
    _say(client_id, f"Recorded: {scope.value} by {channel.value}, by {by}.", may, as_json)


async def _given_at(books: Books, client_id: str, day: date | None) -> datetime:
    """The beginning of a civil day on the location's clock, so that it is shown as that day."""
    now = datetime.now(UTC)
    if day is None:
        return now
    where = await books.location(await location_of(books.conn, client_id))
    if day > calendar.local_date(now, where.zone):
        usage("The day on which it was said lies ahead.")
    return calendar.instant(day, time(), where.zone)


def _say(client_id: str, sentence: str, may: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({"client_id": client_id, "may_send": may})
    else:
        console().print(plain(sentence))
