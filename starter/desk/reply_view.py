"""What a patient wrote, opened from the sealed inbox for the person who answers it."""

import json
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from rich.console import RenderableType

from starter.desk.books import Books
from starter.desk.paper import heading, indented, plain
from store import inbox
from store.reviews import Review

HIDDEN = "shown on a terminal alone"
GONE = "no longer kept"


def _form(body: bytes) -> str:
    return (parse_qs(body.decode(), keep_blank_values=True).get("Body") or [""])[0]


def _object(body: bytes) -> str:
    return str(json.loads(body)["data"]["body"])


_READERS: Mapping[str, Callable[[bytes], str]] = {"twilio": _form, "podium": _object}


def reply_ids(review: Review) -> list[str]:
    """Inbox rows of the replies that a question is about."""
    named = (review.shown.get("theirs") or {}).get("replies")
    return str(named).split(", ") if named else []


async def reply_section(books: Books, review: Review) -> list[RenderableType]:
    """The patient's own words, oldest first; nothing for other questions."""
    found = reply_ids(review)
    if not found:
        return []
    parts: list[RenderableType] = [heading("The patient wrote")]
    for inbox_id in found:
        parts.append(indented(plain(await _words(books, review, inbox_id))))
    return parts


async def _words(books: Books, review: Review, inbox_id: str) -> str:
    try:
        event = await inbox.read(books.conn, books.vault, inbox_id)
        at = await books.local(review.location_id, event.received_at)
        if not books.at_terminal:
            return f"{at}  {HIDDEN}"
        return f"{at}  {_READERS[event.source](event.body)}"
    except (LookupError, ValueError):
        return GONE
