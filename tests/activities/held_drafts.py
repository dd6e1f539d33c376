"""The event behind each question about a draft: a chart, a price book or a package that is off."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from activities.contacts import refresh_contact
from domain.catalog import Catalog
from domain.chart import LotKind, MoneyLot, UnitLot
from store import catalogs, entitlements
from store.db import transaction
from tests.activities.desk import Open, Scene, held, of
from tests.activities.practice import AT, Practice

LONG_AGO = AT - timedelta(days=400)
Before = Callable[[Practice, str], Awaitable[None]]


def of_client(code: str, before: Before, *lines: tuple[str, str]) -> Open:
    """A visit of a client to whom something happened before."""

    async def scene(practice: Practice) -> Scene:
        who = practice.client()
        await refresh_contact(practice.tools, practice.world.location_id, who)
        await before(practice, who)
        case = practice.chart(who, *lines)
        await practice.bill(case)
        return await of(practice, who, case, code)

    return scene


def owns_units(**changes: Any) -> Before:
    async def before(practice: Practice, who: str) -> None:
        lot = UnitLot(
            lot_id=str(uuid4()),
            skus=("TOXIN-UNIT",),
            remaining=Decimal(50),
            value_cents=65_000,
            purchased_at=LONG_AGO,
        )
        place = practice.world.location_id
        async with transaction(practice.world.pool) as conn:
            await entitlements.grant_unit_lot(
                conn,
                practice.client_id(who),
                place,
                lot.model_copy(update=changes),
                "opening",
            )

    return before


async def is_suspended(practice: Practice, who: str) -> None:
    lot = MoneyLot(
        lot_id=str(uuid4()),
        kind=LotKind.MEMBERSHIP_CREDIT,
        remaining_cents=19_000,
        tier="GLOW",
        purchased_at=LONG_AGO,
    )
    client_id, place = practice.client_id(who), practice.world.location_id
    async with transaction(practice.world.pool) as conn:
        await entitlements.grant_money_lot(conn, client_id, place, lot, "opening")
        await entitlements.put_membership(conn, client_id, "GLOW", "suspended", LONG_AGO)


def came_before(times: int, units: str, days: int) -> Before:
    async def before(practice: Practice, who: str) -> None:
        at = AT - timedelta(days=days)
        for _ in range(times):
            await practice.bill(practice.chart(who, ("TOXIN-UNIT", units), at=at), at)

    return before


def with_book(code: str, change: Callable[[Catalog], Catalog], *lines: tuple[str, str]) -> Open:
    """A visit of a practice whose price book was changed."""

    async def scene(practice: Practice) -> Scene:
        place = practice.world.location_id
        async with transaction(practice.world.pool) as conn:
            book = await catalogs.current_catalog(conn, place)
            changed = change(book).model_copy(update={"version": book.version + 1})
            await catalogs.put_catalog(conn, changed, "test", "changed")
        return await held(code, *lines)(practice)

    return scene


def unconfirmed(book: Catalog) -> Catalog:
    nobody = {"confirmed_by": None, "confirmed_on": None}
    return book.model_copy(
        update={"tax_rows": tuple(row.model_copy(update=nobody) for row in book.tax_rows)}
    )


def free_facials(book: Catalog) -> Catalog:
    def priced(item: Any) -> Any:
        if item.sku != "FACIAL":
            return item
        prices = tuple(price.model_copy(update={"unit_cents": 0}) for price in item.prices)
        return item.model_copy(update={"prices": prices})

    return book.model_copy(update={"items": tuple(map(priced, book.items))})


def low_bounds(book: Catalog) -> Catalog:
    low = {"line_cents_max": 50_000}
    return book.model_copy(update={"bounds": book.bounds.model_copy(update=low)})


def low_total(book: Catalog) -> Catalog:
    low = {"line_cents_max": 1_000_000, "total_cents_max": 60_000}
    return book.model_copy(update={"bounds": book.bounds.model_copy(update=low)})


VISIT = ("TOXIN-UNIT", "50")
DRAFTS: Mapping[str, Open] = {
    "CURRENCY_MISMATCH": held("CURRENCY_MISMATCH", VISIT, currency="CAD"),
    "LOT_EXPIRED": of_client("LOT_EXPIRED", owns_units(expires_on="2026-09-30"), VISIT),
    "LOT_PARTLY_PAID": of_client("LOT_PARTLY_PAID", owns_units(paid_value_cents=10_000), VISIT),
    "MEMBERSHIP_SUSPENDED": of_client("MEMBERSHIP_SUSPENDED", is_suspended, VISIT),
    "PRICE_MISSING": held("PRICE_MISSING", VISIT, service_at=datetime(2019, 5, 6, 15, tzinfo=UTC)),
    "SANITY_BOUND_DUPLICATE": held("SANITY_BOUND_DUPLICATE", VISIT, VISIT),
    "SANITY_BOUND_HISTORY": of_client("SANITY_BOUND_HISTORY", came_before(1, "10", 30), VISIT),
    "SANITY_BOUND_INVOICES_PER_DAY": of_client(
        "SANITY_BOUND_INVOICES_PER_DAY", came_before(3, "50", 0), VISIT
    ),
    "SANITY_BOUND_LINE": with_book("SANITY_BOUND_LINE", low_bounds, VISIT),
    "SANITY_BOUND_TOTAL": with_book("SANITY_BOUND_TOTAL", low_total, VISIT),
    "SANITY_BOUND_ZERO_PRICE": with_book("SANITY_BOUND_ZERO_PRICE", free_facials, ("FACIAL", "1")),
    "TAX_UNCONFIRMED": with_book("TAX_UNCONFIRMED", unconfirmed, ("SERUM", "1")),
}
