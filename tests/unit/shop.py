"""The example practice's catalog and short ways to chart a visit, for pricing tests."""

import json
from datetime import UTC, datetime
from pathlib import Path

from domain.catalog import Catalog
from domain.chart import (
    AppliedPromotion,
    Chart,
    ChartLine,
    Entitlements,
    Financing,
    Membership,
    MoneyLot,
    UnitLot,
)
from domain.invoice import Held, LineKind, PricedInvoice
from domain.pricing import price

ROOT = Path(__file__).resolve().parents[2]
LUMIN = Catalog.model_validate(
    json.loads((ROOT / "examples" / "lumin.json").read_text())["catalog"]
)
CODE = {sku: code for code, sku in LUMIN.codes.items()}
AT = datetime(2026, 3, 5, 22, 40, tzinfo=UTC)
BEFORE = datetime(2025, 10, 3, 16, 0, tzinfo=UTC)
MEMBER = (Membership(tier="GLOW", status="active"),)


def catalog(**changes) -> Catalog:
    """The example catalog with fields replaced, validated again."""
    return Catalog.model_validate({**LUMIN.model_dump(), **changes})


def with_item(sku: str, base: Catalog = LUMIN, /, **changes) -> Catalog:
    """The catalog with one item changed."""
    items = [
        {**item.model_dump(), **changes} if item.sku == sku else item.model_dump()
        for item in base.items
    ]
    return Catalog.model_validate({**base.model_dump(), "items": items})


def with_package(sku: str, base: Catalog = LUMIN, /, **changes) -> Catalog:
    """The catalog with one package changed."""
    packages = [
        {**each.model_dump(), **changes} if each.sku == sku else each.model_dump()
        for each in base.packages
    ]
    return Catalog.model_validate({**base.model_dump(), "packages": packages})


def chart(*lines, promotions=(), tips=None, financing=None, at=AT, **fields) -> Chart:
    """A chart from (sku, quantity) pairs, lines named L1, L2, …; an unknown sku is the code."""
    charted = tuple(
        each
        if isinstance(each, ChartLine)
        else ChartLine(line_id=f"L{number}", code=CODE.get(each[0], each[0]), quantity=each[1])
        for number, each in enumerate(lines, start=1)
    )
    applied = tuple(
        each if isinstance(each, AppliedPromotion) else AppliedPromotion(code=each)
        for each in promotions
    )
    return Chart(
        visit_id="v1",
        location_id="lumin",
        service_at=at,
        lines=charted,
        promotions=applied,
        tips_cents=tips or {},
        financing=financing,
        **fields,
    )


def lender(approved_cents: int, requested_cents: int | None = None, **fields) -> Financing:
    requested = approved_cents if requested_cents is None else requested_cents
    return Financing(
        lender="cherry",
        loan_ref="loan-1",
        approved_cents=approved_cents,
        requested_cents=requested,
        **fields,
    )


def lot(lot_id="lot-1", remaining="6", value_cents=360000, sku="FILLER-SYRINGE", **fields):
    """A lot of units bought before the visit."""
    fields.setdefault("purchased_at", BEFORE)
    fields.setdefault("expires_on", "2026-10-03")
    return UnitLot(
        lot_id=lot_id, skus=(sku,), remaining=remaining, value_cents=value_cents, **fields
    )


def money(kind: str, cents: int, lot_id: str | None = None, **fields) -> MoneyLot:
    """Money that the client holds, from before the visit."""
    fields.setdefault("purchased_at", BEFORE)
    if kind == "membership_credit":
        fields.setdefault("tier", "GLOW")
    return MoneyLot(lot_id=lot_id or kind, kind=kind, remaining_cents=cents, **fields)


def owns(*lots, memberships=(), **fields) -> Entitlements:
    """Entitlements from unit and money lots in any order."""
    return Entitlements(
        unit_lots=tuple(each for each in lots if isinstance(each, UnitLot)),
        money_lots=tuple(each for each in lots if isinstance(each, MoneyLot)),
        memberships=memberships,
        **fields,
    )


def billed(visit: Chart, holds: Entitlements | None = None, book: Catalog = LUMIN, approved=()):
    """The invoice of a visit that must not be held."""
    answer = price(visit, book, holds or Entitlements(), frozenset(approved))
    assert isinstance(answer, PricedInvoice), answer
    return answer


def held(visit: Chart, holds: Entitlements | None = None, book: Catalog = LUMIN, approved=()):
    """The hold of a visit that must not be billed."""
    answer = price(visit, book, holds or Entitlements(), frozenset(approved))
    assert isinstance(answer, Held), answer
    return answer


def codes(answer: Held) -> list[str]:
    """The reasons' codes in order."""
    return [reason.code for reason in answer.reasons]


def tenders(invoice: PricedInvoice) -> list[tuple[str, int]]:
    """Kind and cents of each tender in order."""
    return [(tender.kind.value, tender.cents) for tender in invoice.tenders]


def draws(invoice: PricedInvoice) -> list[tuple[str, str, int]]:
    """Lot, quantity and value of each draw in order."""
    return [
        (line.draw.lot_id, str(line.draw.quantity), line.draw.value_cents)
        for line in invoice.lines
        if line.draw is not None
    ]


def sale_nets(invoice: PricedInvoice) -> list[int]:
    """Net cents of each sale line in order."""
    return [line.net_cents for line in invoice.lines if line.kind is LineKind.SALE]
