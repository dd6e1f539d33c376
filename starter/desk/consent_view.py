"""What may be sent to a client, everything said about it, and what silences them, as a page."""

from rich.console import Group, RenderableType

from domain import consent
from domain.case import Channel
from starter.desk.books import SHORT, Books
from starter.desk.paper import LEFT, grid, heading, indented, plain
from store import consents, holds
from store.client_log import location_of

REASONS = {
    "no_address": "no address",
    "address_suppressed": "address barred",
    "opted_out": "opted out",
    "no_consent": "not agreed to",
}


async def consents_page(books: Books, client_id: str) -> RenderableType:
    """The page; a name only on a terminal."""
    location_id = await location_of(books.conn, client_id)
    standing = [
        hold for hold in await holds.of_client(books.conn, client_id) if hold.released_at is None
    ]
    when = "once nothing silences the client, see below" if standing else "now"
    parts: list[RenderableType] = [
        plain(f"{await books.name(client_id)}, client {client_id[:SHORT]}", "bold"),
        heading(f"May be sent {when}"),
        indented(await _table(books, client_id)),
        heading("Said"),
    ]
    said = await consents.words_of(books.conn, client_id)
    parts += [
        indented(plain(f"{await books.local(location_id, word.at)}  {_word(word)}"))
        for word in said
    ] or [indented(plain("nothing; billing goes to the contact in the PMS"))]
    parts.append(heading("Silent because of"))
    parts += [indented(plain(_hold(hold))) for hold in standing] or [indented(plain("nothing"))]
    return Group(*parts)


async def _table(books: Books, client_id: str) -> RenderableType:
    rows = []
    for each in consent.CLASSES:
        may = await consents.permissions(books.conn, client_id, each)
        rows.append((each, *(_answer(may[channel]) for channel in Channel)))
    columns = (("class", LEFT, False), *((each.value, LEFT, False) for each in Channel))
    return grid(*columns, rows=rows)


def _answer(may: consent.Permission) -> str:
    if may.ok:
        return "yes, in detail" if may.detail == consent.DETAILED else "yes"
    return f"no: {REASONS.get(may.reason or '', may.reason)}"


def _word(word: consent.ConsentWord) -> str:
    what = "START" if word.how == consent.RESTORED else "yes to" if word.allowed else "no to"
    detail = ", in detail" if word.detail == consent.DETAILED else ""
    return f"{what} {word.scope} by {word.channel}{detail} ({word.how})"


def _hold(hold: holds.PastHold) -> str:
    ends = f"until {hold.until}" if hold.until else "until lifted"
    if hold.kind in holds.PERMANENT:
        ends = "for good"
    return f"{hold.kind}, {ends}, by {hold.placed_by}: {hold.reason}"
