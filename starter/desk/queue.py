"""The queue of questions and one question in full, as data and as a page."""

from typing import Any

from rich.console import Group, RenderableType

from domain import calendar
from domain.case import Decision
from domain.money import dollars
from domain.reviews import in_words, topic_of
from domain.topics import Need
from starter.desk.answers import OPTIONS, command_line, needs_of, verdict
from starter.desk.books import SHORT, Books
from starter.desk.deciding import line_of
from starter.desk.paper import (
    LEFT,
    RIGHT,
    bullet,
    command,
    grid,
    halves,
    heading,
    indented,
    pairs,
    plain,
    stack,
)
from starter.desk.records import Waiting
from starter.desk.reply_view import reply_section
from store import catalogs, invoices, reviews, undos
from store.reviews import Choice, Review

_SKUS_SHOWN_MAX = 16


async def invoice_number(books: Books, review: Review) -> str | None:
    """The printed number of the invoice that a question is about, if there is one."""
    if review.document_id is not None:
        return (await invoices.document(books.conn, review.document_id)).number
    known = await invoices.documents_of(books.conn, review.case_id)
    return known[0].number if known else None


async def queue_data(books: Books, waiting: list[Review]) -> list[dict[str, Any]]:
    """The queue for a program: no names."""
    return [
        {
            **(await line_of(books, review)).model_dump(mode="json"),
            "invoice": await invoice_number(books, review),
        }
        for review in waiting
    ]


async def queue_page(books: Books, waiting: list[Review]) -> RenderableType:
    """The queue for a person: two lines per question."""
    several = len({review.location_id for review in waiting}) > 1
    rows = []
    for review in waiting:
        known = [
            await about(books, review.case_id, review.client_id),
            await invoice_number(books, review) or no_invoice(review.case_id),
            *([review.location_id] if several else []),
            f"suggested: {review.suggested}" if review.suggested else "look at the facts",
            *whose(line := await line_of(books, review)),
        ]
        question = stack(plain(topic_of(review.code).title, "bold"), plain(", ".join(known), "dim"))
        age = f"{line.age_business_days} d"
        rows.append((line.short_id, dollars(line.money_cents), age, question))
    columns = (("id", LEFT, False), ("money", RIGHT, False), ("age", RIGHT, False))
    table = grid(*columns, ("question", LEFT, True), rows=rows)
    one = waiting[0].review_id[:SHORT]
    return Group(
        table,
        plain(f"\n{_counted(len(waiting))}; age in business days. See one:"),
        indented(command(f"tieout review show {one}")),
    )


def whose(line: Waiting) -> list[str]:
    """Who looks after a question, and who is waited for."""
    return [
        *([f"with {line.owner}"] if line.owner else []),
        *(
            [f"{line.proposed_by} proposes {line.proposed}: a second person confirms"]
            if line.proposed_by
            else []
        ),
        *(["overdue"] if line.is_overdue else []),
    ]


async def question_data(books: Books, review: Review) -> dict[str, Any]:
    """One question in full for a program: no names."""
    topic = topic_of(review.code)
    return {
        **review.model_dump(mode="json"),
        "short_id": review.review_id[:SHORT],
        "title": topic.title,
        "meaning": in_words(topic.meaning, review.money_cents),
        "if_ignored": in_words(topic.if_ignored, review.money_cents),
        "age_business_days": await books.business_age(review.location_id, review.opened_at),
        "invoice": await invoice_number(books, review),
        "reminders": [
            each.model_dump(mode="json")
            for each in await reviews.reminders_of(books.conn, review.review_id)
        ],
        "commands": {each.name: command_line(review, each) for each in review.choices},
    }


async def question_page(books: Books, review: Review) -> RenderableType:
    """One question in full for a person."""
    topic = topic_of(review.code)
    parts: list[RenderableType] = [
        plain(f"{topic.title}  ({review.code})", "bold"),
        plain(in_words(topic.meaning, review.money_cents)),
        plain(""),
        await _particulars(books, review),
        *await evidence(books, review),
    ]
    if review.state == "open":
        parts += [
            heading("Choices"),
            *(indented(_choice(review, each)) for each in review.choices),
            *await _items(books, review),
            heading("If nobody decides"),
            indented(plain(in_words(topic.if_ignored, review.money_cents))),
        ]
    parts += await reminders(books, review)
    return Group(*parts, *await ending(books, review))


async def evidence(books: Books, review: Review) -> list[RenderableType]:
    """What is known: the patient's words, both sides, the facts, the chart."""
    parts = [
        *await reply_section(books, review),
        heading("Both sides"),
        indented(_sides(review)),
    ]
    if facts := _facts(review):
        parts += [heading("Facts"), *(indented(bullet(fact)) for fact in facts)]
    return [*parts, *await _charted(books, review)]


_PAYOUT, _CONTROL = "payout/", "control/"


def _is_loose_money(case_id: str) -> bool:
    return case_id.startswith("payment/")


def no_invoice(case_id: str) -> str:
    """What stands in place of an invoice number."""
    if case_id.startswith(_PAYOUT):
        return "no invoice: a payout"
    if case_id.startswith("lot/"):
        return "no invoice: an expired package or credit"
    if case_id.startswith(_CONTROL):
        return "no invoice: the daily control"
    return "no invoice yet" if case_id.startswith("visit/") else "no invoice named"


async def about(books: Books, case_id: str, client_id: str | None) -> str:
    """Whom a question is about, as staff call them."""
    if case_id.startswith(_PAYOUT):
        return "the processor"
    if case_id.startswith(_CONTROL):
        return f"the line {case_id.rpartition('/')[2]}"
    if client_id is None and _is_loose_money(case_id):
        return "payer not known"
    return await books.name(client_id)


async def _particulars(books: Books, review: Review) -> RenderableType:
    opened = await books.local(review.location_id, review.opened_at)
    age = await books.business_age(review.location_id, review.opened_at)
    return pairs(
        [
            ("question", review.review_id),
            ("at stake", dollars(review.money_cents)),
            ("asked", f"{opened}, {age} business days ago"),
            ("with", (await line_of(books, review)).owner or "nobody yet"),
            ("due", await _due(books, review)),
            ("about", await about(books, review.case_id, review.client_id)),
            ("invoice", await invoice_number(books, review) or no_invoice(review.case_id)),
            ("case", review.case_id),
        ]
    )


async def _due(books: Books, review: Review) -> str:
    line = await line_of(books, review)
    at = await books.local(review.location_id, line.due_at or review.opened_at)
    return f"{at}, overdue" if line.is_overdue and review.state == "open" else at


def _sides(review: Review) -> RenderableType:
    ours, theirs = review.shown.get("ours") or {}, review.shown.get("theirs") or {}
    return halves(("ours", _side(ours)), ("theirs", _side(theirs)))


def _side(said: dict[str, Any]) -> RenderableType:
    if not said:
        return plain("says nothing")
    return stack(*(plain(f"{name}: {value}") for name, value in said.items()))


def _facts(review: Review) -> list[str]:
    """What is known and what can be done about it, once each."""
    told = {str(said) for said in (review.shown.get("theirs") or {}).values()}
    facts = [str(fact) for fact in review.shown.get("facts") or []]
    action = review.shown.get("action")
    return [fact for fact in facts if fact not in told] + ([str(action)] if action else [])


async def _charted(books: Books, review: Review) -> list[RenderableType]:
    """The chart of a draft that waits, with the line in question marked."""
    line_id = review.shown.get("line_id")
    draft = await invoices.latest_draft(books.conn, review.case_id) if line_id else None
    if draft is None:
        return []
    rows = [
        (">" if line.line_id == line_id else "", line.line_id[-SHORT:], line.quantity, line.code)
        for line in draft.chart.lines
    ]
    columns = (("", LEFT, False), ("line", LEFT, False), ("quantity", RIGHT, False))
    return [
        heading("The visit as charted"),
        indented(grid(*columns, ("code in the PMS", LEFT, True), rows=rows)),
    ]


def _choice(review: Review, choice: Choice) -> RenderableType:
    mark = "  (suggested)" if choice.name == review.suggested else ""
    needs = ", ".join(OPTIONS[need] for need in needs_of(choice))
    lines: list[RenderableType] = [
        plain(f"{choice.name}{mark}", "bold"),
        indented(plain(f"{choice.label}: {choice.effect}")),
    ]
    if choice.name in review.second_person:
        lines.append(indented(plain("a second person confirms it", "dim")))
    if needs:
        lines.append(indented(plain(f"needs {needs}", "dim")))
    return stack(*lines)


async def _items(books: Books, review: Review) -> list[RenderableType]:
    """What --sku may name, where a choice needs it."""
    if not any(Need.SKU in needs_of(choice) for choice in review.choices):
        return []
    catalog = await catalogs.current_catalog(books.conn, review.location_id)
    known = [*(item.sku for item in catalog.items), *(bundle.sku for bundle in catalog.packages)]
    rest = len(known) - _SKUS_SHOWN_MAX
    more = f" and {rest} more" if rest > 0 else ""
    return [
        heading(f"SKU is one of (price book {catalog.version})"),
        indented(plain(", ".join(known[:_SKUS_SHOWN_MAX]) + more)),
    ]


async def reminders(books: Books, review: Review) -> list[RenderableType]:
    """When the desk was reminded of a question, and when it will be."""
    given = await reviews.reminders_of(books.conn, review.review_id)
    lines = [
        f"reminded on business day {each.business_day}, "
        f"{await books.local(review.location_id, each.at)}"
        for each in given
    ]
    if review.state == "open":
        lines.append(await _next_reminder(books, review, {each.business_day for each in given}))
    if not lines:
        return []
    return [heading("Reminders to the desk"), *(indented(plain(line)) for line in lines)]


async def _next_reminder(books: Books, review: Review, given: set[int]) -> str:
    where = await books.location(review.location_id)
    left = [day for day in where.chase.staff_reminder_business_days if day not in given]
    if not left:
        return "no further reminder; the question stays open"
    due = calendar.staff_reminder_due(review.opened_at, left[0], where.zone)
    return f"next on business day {left[0]}, {await books.local(review.location_id, due)}"


async def ending(books: Books, review: Review) -> list[RenderableType]:
    """How a closed question ended, or whom an open one waits for."""
    if review.proposal is not None:
        given = Decision.model_validate(review.proposal)
        words = f"{given.by} proposes {given.choice}: {given.reason or 'no reason given'}"
        return [
            heading("Waits for a second person"),
            indented(plain(words)),
            indented(command(f"tieout review confirm {review.review_id[:SHORT]} --by NAME")),
            indented(command(f"tieout review refuse {review.review_id[:SHORT]} --by NAME")),
        ]
    if review.state == "decided":
        return [
            heading("Decided"),
            indented(plain(await verdict(books, review))),
            *await _back(books, review),
        ]
    if review.state == "withdrawn":
        why = await reviews.withdrawn_reason(books.conn, review.review_id)
        return [heading("Taken back"), indented(plain(why or "no longer needed"))]
    return [heading("To decide")]


async def _back(books: Books, review: Review) -> list[RenderableType]:
    """Who wants the decision taken back, while a second person has not said so."""
    waits = await undos.proposal(books.conn, review.review_id)
    if waits is None or review.undone_by is not None:
        return []
    return [
        heading("Waits for a second person"),
        indented(plain(f"{waits.proposed_by} wants it taken back: {waits.reason}")),
        indented(command(f"tieout review undo {review.review_id[:SHORT]} --by NAME")),
    ]


def example(review: Review) -> str | None:
    """The command that gives the suggested answer, while the question is open."""
    if review.state != "open" or review.proposal is not None:
        return None
    named = next((each for each in review.choices if each.name == review.suggested), None)
    return command_line(review, named or review.choices[0])


def _counted(count: int) -> str:
    return "One question waits" if count == 1 else f"{count} questions wait"
