"""What a choice needs as fields of a form, and the decision that they make."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from domain import calendar
from domain.case import Decision
from domain.catalog import ItemClass
from domain.money import dollars
from domain.plan_case import PlanStatus
from domain.reply_case import PROMISE_DAYS_MAX
from domain.topics import Need
from starter.desk import answers
from starter.desk.books import Books
from starter.desk.paper import day_of
from starter.screen.picking import Field, Option
from store import catalogs, invoices
from store.reviews import Choice, Review

LABELS = {
    Need.SKU: "item",
    Need.AMOUNT: "amount",
    Need.INVOICE: "invoice",
    Need.ITEM_CLASS: "class",
    Need.REASON: "reason",
    Need.UNTIL: "day",
    Need.CLIENT: "client",
    Need.STATUS: "status",
}
"""What a choice asks for, in a word or two."""


async def fields_of(
    books: Books, review: Review, needs: Sequence[Need], reasons: list[str]
) -> list[Field]:
    """One field for each thing that is needed, with what may complete it."""
    return [await _field(books, review, need, reasons) for need in needs]


async def _field(books: Books, review: Review, need: Need, reasons: list[str]) -> Field:
    label = LABELS[need].capitalize()
    if need is Need.SKU:
        items = await _items(books, review)
        return Field(need, label, "an item or package of the price book", items, closed=True)
    if need is Need.INVOICE:
        owed = await _invoices(books, review)
        return Field(need, label, "the printed number", owed, closed=True)
    if need is Need.ITEM_CLASS:
        kinds = tuple(Option(kind) for kind in ItemClass)
        return Field(need, label, "what it is booked and taxed as", kinds, closed=True)
    if need is Need.AMOUNT:
        return Field(need, label, "dollars like 12.50")
    if need is Need.UNTIL:
        return Field(need, label, "a day like 2026-12-04", await _days(books, review))
    if need is Need.STATUS:
        known = tuple(Option(status) for status in PlanStatus if status != PlanStatus.UNKNOWN)
        return Field(need, label, "what the lender's word means", known, closed=True)
    if need is Need.CLIENT:
        return Field(need, label, "a client id, or the number of one of their invoices")
    return reason_field(reasons)


def reason_field(reasons: list[str], *, optional: bool = False) -> Field:
    """Why; the reasons of this sitting complete it."""
    told = tuple(Option(each) for each in reasons)
    return Field(Need.REASON, "Reason", "why; name no patient", told, optional=optional)


async def decision_of(
    books: Books, review: Review, choice: Choice, by: str, typed: Mapping[str, str]
) -> Decision:
    """The decision that the fields make; refuses in one sentence what could not be carried out."""
    until, client = typed.get(Need.UNTIL), typed.get(Need.CLIENT)
    decision = Decision(
        review_id=review.review_id,
        choice=choice.name,
        by=by,
        reason=typed.get(Need.REASON, ""),
        sku=typed.get(Need.SKU),
        amount_cents=answers.cents_of(typed.get(Need.AMOUNT)),
        invoice_id=typed.get(Need.INVOICE),
        item_class=typed.get(Need.ITEM_CLASS),
        until=day_of(until) if until else None,
        client_id=await books.client_named(client) if client else None,
        status=typed.get(Need.STATUS),
    )
    answers.must_fit(decision, review, choice)
    return await answers.must_exist(books, decision, review)


async def _items(books: Books, review: Review) -> tuple[Option, ...]:
    catalog = await catalogs.current_catalog(books.conn, review.location_id)
    items = [Option(item.sku, item.name) for item in catalog.items]
    return (*items, *(Option(bundle.sku, f"{bundle.name}, package") for bundle in catalog.packages))


async def _invoices(books: Books, review: Review) -> tuple[Option, ...]:
    """Open invoices: the client's own first, then those that owe just this amount."""
    owed = await invoices.open_items(books.conn, review.location_id)
    owed.sort(
        key=lambda item: (
            item.client_id != review.client_id,
            item.balance_cents != review.money_cents,
        )
    )
    return tuple(
        [
            Option(
                item.number,
                f"{dollars(item.balance_cents)} owed by {await books.name(item.client_id)}",
            )
            for item in owed
        ]
    )


async def _days(books: Books, review: Review) -> tuple[Option, ...]:
    where = await books.location(review.location_id)
    now = datetime.now(UTC) + timedelta(seconds=where.clock_shift_seconds)
    today = calendar.local_date(now, where.zone)
    days = [today + timedelta(days=ahead) for ahead in range(1, PROMISE_DAYS_MAX + 1)]
    return tuple(Option(day.isoformat(), f"{day:%A}") for day in days)
