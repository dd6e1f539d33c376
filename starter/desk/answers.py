"""Makes a decision from what a person typed, and refuses what could not be carried out."""

import difflib
import re
import shlex
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain import calendar
from domain import reviews as taxonomy
from domain.case import Decision
from domain.reply_case import promise_problem
from domain.topics import Need
from starter.desk.books import SHORT, Books
from starter.desk.paper import usage
from starter.errors import Refusal
from store import catalogs, invoices, reviews
from store.reviews import Choice, Review

OPTIONS = {
    Need.SKU: "--sku SKU",
    Need.AMOUNT: "--amount 12.50",
    Need.INVOICE: "--invoice NO",
    Need.ITEM_CLASS: "--class CLASS",
    Need.REASON: "--reason WHY",
    Need.UNTIL: "--until DATE",
    Need.CLIENT: "--client ID",
    Need.STATUS: "--status STATUS",
}
"""What a choice needs, as it is typed."""

_AMOUNT = re.compile(r"\$?(\d{1,3}(?:,\d{3})*|\d+)(\.\d{1,2})?")
_CENTS_MAX = 1_000_000_000


def needs_of(choice: Choice) -> list[Need]:
    """What the choice cannot do without."""
    return [Need(need) for need in choice.needs]


def command_line(review: Review, choice: Choice) -> str:
    """The command that gives this answer."""
    words = ["tieout review decide", review.review_id[:SHORT], choice.name, "--by YOUR-NAME"]
    return " ".join([*words, *(OPTIONS[need] for need in needs_of(choice))])


def choice_named(review: Review, name: str) -> Choice:
    """The choice as the question offered it; leaves with 2 when it offers no such choice."""
    offered = {choice.name: choice for choice in review.choices}
    if name not in offered:
        usage(f"{review.code} can be decided by {', '.join(offered)}; not by {name}.")
    return offered[name]


def cents_of(text: str | None) -> int | None:
    """`12.50` as 1250; leaves with 2 when the text is no amount."""
    if text is None:
        return None
    if not _AMOUNT.fullmatch(text):
        usage(f"{shlex.quote(text)} is not an amount; write dollars like 12.50.")
    cents = int(Decimal(text.lstrip("$").replace(",", "")) * 100)
    if cents > _CENTS_MAX:
        usage(f"{text} is more than any bill can be.")
    return cents


def must_fit(decision: Decision, review: Review, choice: Choice) -> None:
    """Leave with 2 when the choice lacks something, or was given something it does not take."""
    for need in needs_of(choice):
        if not _given(decision, need):
            usage(f"The choice {choice.name} needs {OPTIONS[need]}.")
    for need in OPTIONS.keys() - {Need.REASON}:
        if need not in choice.needs and _given(decision, need):
            usage(f"The choice {choice.name} takes no {OPTIONS[need].split()[0]}.")
    problem = taxonomy.problem_with(decision, review.code)
    if problem is not None:
        usage(problem)


async def must_exist(books: Books, decision: Decision, review: Review) -> Decision:
    """The decision with what it names found in the books, and a day that can be promised."""
    if decision.sku is not None:
        await _item(books, decision.sku, review.location_id)
    if decision.until is not None and decision.choice == "promise":
        await _day(books, decision, review.location_id)
    if decision.invoice_id is None:
        return decision
    names = decision.invoice_id.split(",") if decision.choice == "choose" else [decision.invoice_id]
    found = [await _document(books, name.strip(), review.location_id) for name in names]
    return decision.model_copy(update={"invoice_id": ",".join(found)})


async def _document(books: Books, name: str, location_id: str) -> str:
    """The id of an invoice that a person named."""
    found = await invoices.find(books.conn, location_id, name)
    if found is None:
        raise Refusal(
            f"There is no invoice {name} at {location_id}: `tieout visit list` shows the open ones."
        )
    return found.document_id


async def must_be_open(books: Books, review: Review) -> None:
    """`Refusal` that says who decided a closed question, when and how."""
    if review.state == "withdrawn":
        why = await reviews.withdrawn_reason(books.conn, review.review_id)
        raise Refusal(f"This question was taken back ({why}); there is nothing left to decide.")
    if review.state == "decided":
        raise Refusal(f"Already decided {await verdict(books, review)}; nothing was changed.")


async def verdict(books: Books, review: Review) -> str:
    """`by Dana on 2026-03-05 14:02: map (SKU), because …` of a decided question."""
    given = review.decision or {}
    at = await books.local(review.location_id, review.decided_at or review.opened_at)
    extras = [str(given[need]) for need in (Need.SKU, Need.ITEM_CLASS) if given.get(need)]
    with_what = f" ({', '.join(extras)})" if extras else ""
    because = f", because: {review.decided_reason}" if review.decided_reason else ""
    second = f" and {review.confirmed_by}" if review.confirmed_by else ""
    undone = f"; undone by {review.undone_by}" if review.undone_by else ""
    who = f"{review.decided_by}{second}"
    return f"by {who} on {at}: {given.get('choice')}{with_what}{because}{undone}"


async def _day(books: Books, decision: Decision, location_id: str) -> None:
    """Leave with 2 when nobody can promise that day."""
    now, where = datetime.now(UTC), await books.location(location_id)
    today = calendar.local_date(now + timedelta(seconds=where.clock_shift_seconds), where.zone)
    problem = promise_problem(decision.until, today)
    if problem is not None:
        usage(problem)


def _given(decision: Decision, need: Need) -> bool:
    value = getattr(decision, need)
    return value is not None and str(value).strip() != ""


async def _item(books: Books, sku: str, location_id: str) -> None:
    catalog = await catalogs.current_catalog(books.conn, location_id)
    known = [*(item.sku for item in catalog.items), *(bundle.sku for bundle in catalog.packages)]
    if sku in known:
        return
    near = difflib.get_close_matches(sku.upper(), known, n=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    raise Refusal(f"There is no {sku} in price book {catalog.version} of {location_id}{hint}")
