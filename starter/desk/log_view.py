"""One client's log in plain words: when, what, why, and by which rule or version."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rich.console import RenderableType

from domain.money import dollars
from domain.reviews import TOPICS
from starter.desk.books import SHORT, Books
from starter.desk.paper import LEFT, grid, plain, stack
from starter.desk.visits_view import CHANNELS
from store.client_log import LogRow

_MESSAGE = {
    "intent": "will be sent",
    "sending": "handed to the provider",
    "accepted": "taken by the provider",
    "delivered": "delivered",
    "failed": "failed",
    "unknown": "unclear whether it went out",
    "skipped": "not sent",
}
_ANSWERS = {
    "moved": "moved to a later day",
    "snoozed": "put off",
    "held": "held until a person lets it go",
    "in_flight": "a payment is under way",
    "covered": "the message before it asks for this, too",
    "off": "switched off",
    "unverified": "the balance could not be verified",
    "small": "too little is left to ask for",
    "settled": "nothing is owed",
    "credit": "the client has credit",
    "no_consent": "the client allows no channel",
    "unreachable": "no channel reaches the client",
}
_DRAFT = {"held": "draft held", "issued": "draft priced", "not_billable": "nothing to bill"}
_DONE = {"hold": "held by hand", "release": "released", "close": "closed by hand"}


def log_data(rows: list[LogRow]) -> list[dict[str, Any]]:
    """The log for a program: every field, and the words that a person would read."""
    return [
        {**row.model_dump(mode="json"), "what": what(row), "why": why(row), "rule": rule(row)}
        for row in rows
    ]


async def log_page(books: Books, location_id: str, rows: list[LogRow]) -> RenderableType:
    """The log for a person."""
    lines = []
    for row in rows:
        shown = row.model_copy(update={"until": await _local(books, location_id, row.until)})
        told = stack(plain(what(shown)), *([plain(why(row), "dim")] if why(row) else []))
        visit = row.case_id.rpartition("/")[2][:SHORT] if row.case_id else ""
        lines.append((await books.local(location_id, row.at, seconds=True), visit, told, rule(row)))
    columns = [("when", LEFT, False), ("visit", LEFT, False)]
    columns += [("what, and why", LEFT, True), ("rule", LEFT, True)]
    return grid(*columns, rows=lines)


async def _local(books: Books, location_id: str, until: str | None) -> str | None:
    """An instant as the location's clock shows it, like `when`; a civil day as it is."""
    if until is None or "T" not in until:
        return until
    return await books.local(location_id, datetime.fromisoformat(until))


def what(row: LogRow) -> str:
    """What happened."""
    return _WHAT[row.source](row)


def why(row: LogRow) -> str:
    """Why, or by whom; empty when the fact speaks for itself."""
    reason = _spoken(row.reason or "")
    if row.by:
        return f"by {row.by}" + (f": {row.reason}" if row.reason else "")
    if row.source == "question" and row.state == "withdrawn":
        return f"taken back: {reason}"
    return reason


def rule(row: LogRow) -> str:
    """The rule, policy, template or price book that it came from."""
    if row.source == "message":
        said = f" ({row.words})" if row.words else ""
        return f"{row.name}, template {row.version}{said}"
    if row.source == "answer":
        return f"rule {row.detail}, policy {row.version}"
    if row.source == "document":
        return f"price book {row.version}"
    return row.name or "" if row.source in ("question", "decision", "reminder") else ""


def _spoken(code: str) -> str:
    """A code such as NOT_HANDED_OVER in words; a sentence stays what it is."""
    return code.lower().replace("_", " ") if code.isupper() else code


def _title(row: LogRow) -> str:
    topic = TOPICS.get(row.name or "")
    return topic.title if topic else str(row.name)


def _message(row: LogRow) -> str:
    return f"{_channel(row)} {row.name}: {_MESSAGE[row.state or 'intent']}"


def _ledger(row: LogRow) -> str:
    change = row.cents or 0
    owed = f"owes {dollars(abs(change))} {'more' if change > 0 else 'less'}" if change else ""
    return f"booked: {_worded(row)}" + (f", {owed}" if owed else "")


def _answer(row: LogRow) -> str:
    waits = f", looked at again at {row.until}" if row.until else ""
    return f"{row.name} not sent: {_ANSWERS.get(row.state or '', row.state)}{waits}"


def _hold(row: LogRow) -> str:
    last = f", silent to {row.until}" if row.until else ""
    return f"hold {row.state}: {_worded(row)}{last}"


def _consent(row: LogRow) -> str:
    level = ", treatment may be named" if row.words == "detailed" else ""
    said = f", said at {row.until}" if row.until else ""
    return f"{_channel(row)} {row.state} for {row.name}{level}{said}"


def _channel(row: LogRow) -> str:
    return CHANNELS.get(row.detail or "", row.detail or "")


def _worded(row: LogRow) -> str:
    return (row.name or "").replace("_", " ")


_WHAT: Mapping[str, Callable[[LogRow], str]] = {
    "message": _message,
    "received": lambda row: (
        f"{row.detail} told us: {row.name}"
        + (f" ({row.state})" if row.state != "dispatched" else "")
    ),
    "question": lambda row: f"desk asked: {_title(row)}, {dollars(row.cents or 0)}",
    "decision": lambda row: f"desk decided: {row.detail}",
    "reminder": lambda row: f"desk reminded, business day {row.day}",
    "payment": lambda row: f"{row.name} payment {row.state}, {dollars(row.cents or 0)}",
    "applied": lambda row: f"{row.name} payment applied, {dollars(row.cents or 0)}",
    "ledger": _ledger,
    "document": lambda row: (
        f"{(row.detail or '').replace('_', ' ')} {row.name} issued, {dollars(row.cents or 0)} due"
    ),
    "draft": lambda row: _DRAFT[row.state or "held"],
    "consent": _consent,
    "address": lambda row: f"{_channel(row)} address {row.state}",
    "answer": _answer,
    "hold": _hold,
    "checkout": lambda row: f"client opened a payment page, {dollars(row.cents or 0)}",
    "action": lambda row: _DONE[row.name or "hold"],
    "templates": lambda row: (
        f"words of version {row.version} replaced everywhere by version {row.name}"
    ),
}
