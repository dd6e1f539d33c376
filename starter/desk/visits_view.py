"""Visits as a list and one visit as its whole story, as data and as a page."""

from typing import Any

from rich.console import Group, RenderableType

from domain.findings import plain as shortest
from domain.invoice import InvoiceLine, LineKind, PricedInvoice
from domain.ledger import ACCOUNTS, Entry
from domain.money import dollars
from domain.reviews import topic_of
from starter.desk.answers import verdict
from starter.desk.books import SHORT, Books
from starter.desk.paper import (
    LEFT,
    RIGHT,
    bullet,
    command,
    grid,
    heading,
    indented,
    pairs,
    plain,
    stack,
)
from store import invoices, ledger, payments, reviews, touchpoints, visits
from store.invoices import Document
from store.reviews import Review
from store.touchpoints import Touchpoint
from store.visits import VisitStanding

CHANNELS = {"sms": "SMS", "email": "e-mail"}
_KINDS = {"invoice": "Invoice", "supplementary": "Supplement", "credit_note": "Credit note"}


def standing_words(visit: VisitStanding) -> str:
    """Where the visit stands, in a few plain words."""
    if visit.question_code is not None:
        return f"asks: {topic_of(visit.question_code).title}"
    if visit.is_disputed:
        return "disputed at the bank"
    if visit.ended_by is not None:
        return f"ended by {visit.ended_by}"
    if visit.held:
        return "held until a person releases it"
    if visit.draft_status == "not_billable":
        return "nothing to bill"
    if visit.number is None:
        return "not billed yet"
    if visit.is_carried:
        return "small rest, carried to the next visit"
    if visit.balance_cents > 0:
        return "waits for the patient"
    return "settled" if visit.balance_cents == 0 else "overpaid"


def last_words(visit: VisitStanding) -> str:
    """The last message that went out."""
    if visit.last_step is None:
        return "no message yet"
    if visit.last_day is None:
        return f"last: {visit.last_step}"
    return f"last: {_stepped(visit.last_step, visit.last_day)}"


def _stepped(step: str, day: int) -> str:
    """`day-3`, or `day-3, late on day 5`; the plan's name says the day only when it was kept."""
    return step if step in (f"day-{day}", "invoice") else f"{step} on day {day}"


def standing_data(visit: VisitStanding) -> dict[str, Any]:
    """One visit of the list for a program: no names."""
    return {
        **visit.model_dump(mode="json"),
        "short_id": visit.order_id[:SHORT],
        "open": visit.is_open,
        "standing": standing_words(visit),
    }


async def list_page(books: Books, known: list[VisitStanding]) -> RenderableType:
    """The list for a person: two lines per visit."""
    several = len({visit.location_id for visit in known}) > 1
    rows = []
    for visit in known:
        who = await books.name(visit.client_id)
        about = [who, last_words(visit), *([visit.location_id] if several else [])]
        rows.append(
            (
                visit.order_id[:SHORT],
                visit.number or "-",
                "-" if visit.due_cents is None else dollars(visit.due_cents),
                dollars(visit.balance_cents),
                stack(plain(standing_words(visit), "bold"), plain(", ".join(about), "dim")),
            )
        )
    columns = [("visit", LEFT, False), ("invoice", LEFT, False)]
    columns += [("due", RIGHT, False), ("balance", RIGHT, False), ("standing", LEFT, True)]
    return grid(*columns, rows=rows)


async def visit_data(books: Books, visit: VisitStanding) -> dict[str, Any]:
    """One visit in full for a program: no names."""
    conn, case_id = books.conn, visit.case_id

    def dumped(records: Any) -> list[dict[str, Any]]:
        return [each.model_dump(mode="json") for each in records]

    return {
        **standing_data(visit),
        "questions": dumped(await reviews.of_case(conn, case_id)),
        "documents": dumped(await invoices.documents_of(conn, case_id)),
        "payments": [
            {
                **each.model_dump(mode="json"),
                "applied_cents": await payments.allocated(conn, each.payment_id, case_id),
            }
            for each in await payments.of_case(conn, case_id)
        ],
        "messages": dumped(await touchpoints.of_case(conn, case_id)),
        "ledger": dumped(await ledger.entries_of_case(conn, case_id)),
        "actions": dumped(await visits.actions_of(conn, case_id)),
        "history_url": books.history_url(case_id),
    }


async def visit_page(books: Books, visit: VisitStanding) -> RenderableType:
    """One visit in full for a person."""
    return Group(
        *await _head(books, visit),
        *await _questions(books, visit),
        *await _documents(books, visit),
        *await _payments(books, visit),
        *await _messages(books, visit),
        *await _entries(books, visit),
        *await _actions(books, visit),
        heading("History in Temporal"),
    )


async def _head(books: Books, visit: VisitStanding) -> list[RenderableType]:
    title = visit.number or "Visit without an invoice yet"
    billed = "-" if visit.due_cents is None else dollars(visit.due_cents)
    rows: list[tuple[str, object]] = [
        ("client", await books.name(visit.client_id)),
        ("began", await books.local(visit.location_id, visit.began_at)),
        ("billed", f"{billed} due, {dollars(visit.balance_cents)} still owed"),
        ("messages", last_words(visit)),
        ("case", visit.case_id),
    ]
    return [plain(f"{title}: {standing_words(visit)}", "bold"), pairs(rows)]


async def _questions(books: Books, visit: VisitStanding) -> list[RenderableType]:
    asked = await reviews.of_case(books.conn, visit.case_id)
    parts = [await _question(books, review) for review in asked]
    return [heading("Questions"), *(indented(part) for part in parts)] if parts else []


async def _question(books: Books, review: Review) -> RenderableType:
    at = await books.local(review.location_id, review.opened_at)
    asked = plain(f"{at}  {topic_of(review.code).title}, {dollars(review.money_cents)}")
    if review.state == "open":
        return stack(asked, indented(command(f"tieout review show {review.review_id[:SHORT]}")))
    if review.state == "decided":
        return stack(asked, indented(plain(f"decided {await verdict(books, review)}")))
    why = await reviews.withdrawn_reason(books.conn, review.review_id)
    return stack(asked, indented(plain(f"taken back: {why}")))


async def _documents(books: Books, visit: VisitStanding) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for document in await invoices.documents_of(books.conn, visit.case_id):
        at = await books.local(visit.location_id, document.issued_at)
        parts += [heading(_title(document, at)), *_priced(document.priced)]
    return parts


def _title(document: Document, at: str) -> str:
    kind = f"{_KINDS[document.kind]} {document.number}"
    change = "" if document.kind == "invoice" else f", changes {dollars(document.change_due_cents)}"
    return f"{kind}, {at}, price book {document.catalog_version}{change}"


def _priced(priced: PricedInvoice) -> list[RenderableType]:
    rows = [
        (
            stack(plain(_line_name(line)), *(bullet(why) for why in line.trace)),
            "" if line.kind is LineKind.TIP else shortest(line.quantity),
            dollars(line.net_cents + line.tax_cents),
        )
        for line in priced.lines
    ]
    lines = grid(
        ("line", LEFT, True), ("quantity", RIGHT, False), ("amount", RIGHT, False), rows=rows
    )
    sums = [("total", dollars(priced.total_cents))]
    sums += [(each.kind.replace("_", " "), dollars(-each.cents)) for each in priced.tenders]
    sums.append(("due", dollars(priced.due_cents)))
    return [indented(lines), indented(grid(("", LEFT, False), ("", RIGHT, False), rows=sums))]


def _line_name(line: InvoiceLine) -> str:
    drawn = ", drawn from a package" if line.kind is LineKind.DRAW else ""
    return "tip" if line.kind is LineKind.TIP else f"{line.sku}{drawn}"


async def _payments(books: Books, visit: VisitStanding) -> list[RenderableType]:
    rows = []
    for fact in await payments.of_case(books.conn, visit.case_id):
        applied = await payments.allocated(books.conn, fact.payment_id, visit.case_id)
        where = f"{fact.kind} through {fact.source}" + (", outside" if fact.outside else "")
        at = await books.local(visit.location_id, fact.occurred_at)
        rows.append((at, where, fact.state, dollars(fact.amount_cents), dollars(applied)))
    columns = [("when", LEFT, False), ("how", LEFT, True), ("state", LEFT, False)]
    columns += [("amount", RIGHT, False), ("applied here", RIGHT, False)]
    return [heading("Payments"), indented(grid(*columns, rows=rows))] if rows else []


async def _messages(books: Books, visit: VisitStanding) -> list[RenderableType]:
    rows = [
        (
            await books.local(visit.location_id, one.at),
            _step(one),
            CHANNELS[one.channel],
            _outcome(one),
        )
        for one in await touchpoints.of_case(books.conn, visit.case_id)
    ]
    columns = [("when", LEFT, False), ("step", LEFT, False)]
    columns += [("by", LEFT, False), ("outcome", LEFT, True)]
    return [heading("Messages"), indented(grid(*columns, rows=rows))] if rows else []


def _step(one: Touchpoint) -> str:
    day = f"day {one.day}"
    return (
        one.step if one.day is None or one.step.replace("-", " ") == day else f"{one.step}, {day}"
    )


def _outcome(one: Touchpoint) -> str:
    why = one.reason or one.failure_code
    return f"{one.state}: {why.lower().replace('_', ' ')}" if why else one.state


async def _entries(books: Books, visit: VisitStanding) -> list[RenderableType]:
    entries = await ledger.entries_of_case(books.conn, visit.case_id)
    if not entries:
        return []
    rows = [row for entry in entries for row in _postings(entry)]
    columns = [("on", LEFT, False), ("event", LEFT, True), ("account", LEFT, True)]
    columns += [("debit", RIGHT, False), ("credit", RIGHT, False)]
    return [heading("Ledger"), indented(grid(*columns, rows=rows))]


def _postings(entry: Entry) -> list[tuple[str, ...]]:
    return [
        (
            entry.effective_on.isoformat() if first else "",
            entry.event.replace("_", " ") if first else "",
            f"{line.account} {ACCOUNTS[line.account]}",
            dollars(line.debit_cents) if line.debit_cents else "",
            dollars(line.credit_cents) if line.credit_cents else "",
        )
        for first, line in zip([True, *[False] * len(entry.postings)], entry.postings, strict=False)
    ]


async def _actions(books: Books, visit: VisitStanding) -> list[RenderableType]:
    lines = [
        f"{await books.local(visit.location_id, one.recorded_at)}  {one.action} by {one.taken_by}"
        + (f": {one.reason}" if one.reason else "")
        for one in await visits.actions_of(books.conn, visit.case_id)
    ]
    return [heading("By hand"), *(indented(plain(line)) for line in lines)] if lines else []
