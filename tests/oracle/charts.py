"""Seeded visits of every kind that the rules name: catalogs, charts and entitlements."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from domain.catalog import Catalog
from domain.chart import Chart, Entitlements

SERVICE_AT = datetime(2026, 5, 20, 16, 0, tzinfo=UTC)
TODAY = date(2026, 5, 20)
RATES = ("0", "0.0825", "0.0625", "0.07375", "0.1", "0.029")


def visit_of(seed: int) -> tuple[Chart, Entitlements, Catalog]:
    """The visit of a seed; the same seed is the same visit."""
    rng = Random(seed)
    catalog = _catalog(rng)
    chart = _chart(rng, catalog)
    return chart, _entitlements(rng, chart), catalog


def _price(rng: Random, low: int, high: int) -> dict[str, Any]:
    unit = rng.randrange(low, high)
    price: dict[str, Any] = {"unit_cents": unit, "effective_from": "2026-01-01"}
    if rng.random() < 0.4:
        price["member_unit_cents"] = {"gold": unit * rng.choice([7, 8, 9, 10]) // 10}
    return price


def _prices(rng: Random, low: int, high: int) -> list[dict[str, Any]]:
    price = _price(rng, low, high)
    lot = rng.random()
    if lot < 0.02:
        return [{**price, "effective_from": "2026-06-01"}]
    if lot < 0.2:
        old = {**_price(rng, low, high), "effective_from": "2025-01-01"}
        turn = rng.choice(["2026-05-20", "2026-05-21", "2026-02-01"])
        return [{**old, "effective_to": turn}, {**price, "effective_from": turn}]
    return [price]


def _item(
    rng: Random, sku: str, item_class: str, unit: str, step: str, most: str
) -> dict[str, Any]:
    low, high = (50, 2_000) if unit == "toxin_unit" else (500, 90_000)
    return {
        "sku": sku,
        "name": sku,
        "item_class": item_class,
        "unit": unit,
        "step": step,
        "quantity_max": most,
        "prices": _prices(rng, low, high),
    }


def _catalog(rng: Random) -> Catalog:
    return Catalog.model_validate(
        {
            "location_id": "loc",
            "version": 1,
            "zone": rng.choice(["America/New_York", "America/Chicago", "Pacific/Honolulu"]),
            "items": [
                _item(rng, "TOX", "injectable", "toxin_unit", rng.choice(["1", "0.5"]), "200"),
                _item(rng, "TOX2", "injectable", "toxin_unit", "0.1", "200"),
                _item(rng, "FILL", "injectable", "syringe", rng.choice(["1", "0.5"]), "8"),
                _item(rng, "LASER", "device", "session", "1", "4"),
                _item(rng, "SERUM", "retail", "item", "1", "10"),
                _item(rng, "NOSHOW", "fee", "item", "1", "1"),
                _item(rng, "GC", "gift_card", "item", "1", "5"),
                _item(rng, "DEP", "deposit", "item", "1", "1"),
            ],
            "packages": [_package(rng, "PK6", ["FILL"]), _package(rng, "MIX", ["LASER", "TOX"])],
            "tiers": [_tier(rng, "gold"), _tier(rng, "plain")],
            "promotions": [_promotion(rng, number) for number in range(5)],
            "tax_rows": _tax_rows(rng),
            "bounds": {
                "line_cents_max": rng.choice([1_000_000, 150_000]),
                "total_cents_max": rng.choice([1_500_000, 300_000]),
                "history_multiple_max": 3,
                "history_floor_cents": 50_000,
                "invoices_per_day_max": 3,
            },
            "codes": {
                f"svc-{sku}": sku
                for sku in (
                    "TOX",
                    "TOX2",
                    "FILL",
                    "LASER",
                    "SERUM",
                    "NOSHOW",
                    "GC",
                    "DEP",
                    "PK6",
                    "MIX",
                )
            }
            | {"svc-ghost": "GHOST"},
            "not_billable": ["svc-free"],
        }
    )


def _package(rng: Random, sku: str, skus: list[str]) -> dict[str, Any]:
    return {
        "sku": sku,
        "name": sku,
        "contents": [
            {
                "skus": [content],
                "quantity": str(rng.choice([1, 3, 6])),
                "standalone_cents": rng.randrange(1_000, 300_000),
            }
            for content in skus
        ],
        "prices": [_price(rng, 20_000, 200_000)],
        "expires_months": rng.choice([None, 6, 12]),
        "grace_days": rng.choice([0, 30]),
        "usable_while_partly_paid": rng.random() < 0.5,
    }


def _tier(rng: Random, code: str) -> dict[str, Any]:
    return {
        "code": code,
        "name": code,
        "dues_cents": 9_900,
        "credit_cents": 9_900,
        "credit_classes": rng.choice([["injectable", "device"], ["device"], ["injectable"]]),
        "suspended": rng.choice(["hold", "allow", "ignore"]),
    }


def _promotion(rng: Random, number: int) -> dict[str, Any]:
    promotion: dict[str, Any] = {
        "code": f"PROMO{number}",
        "scope": rng.choice(["line", "line", "invoice"]),
        "stackable": rng.random() < 0.6,
        "needs_reason": rng.random() < 0.2,
        "effective_from": "2026-05-21" if rng.random() < 0.03 else "2026-01-01",
        "effective_to": rng.choice([None, None, "2026-12-31", "2026-05-21"]),
    }
    if rng.random() < 0.6:
        promotion["percent"] = rng.choice(["0.1", "0.15", "0.333", "0.5", "1"])
    else:
        promotion["amount_cents"] = rng.choice([500, 2_501, 10_000, 100_000])
    if rng.random() < 0.35:
        promotion["cap_cents"] = rng.choice([777, 5_000, 20_000])
    if rng.random() < 0.3:
        promotion["classes"] = rng.sample(["injectable", "device", "retail", "package"], 2)
    if rng.random() < 0.3:
        promotion["skus"] = rng.sample(["TOX", "FILL", "LASER", "SERUM"], 2)
    return promotion


def _tax_rows(rng: Random) -> list[dict[str, Any]]:
    rows = []
    for item_class in ("injectable", "device", "retail", "package", "fee", "dues"):
        if rng.random() < 0.01:
            continue
        taxed = item_class == "retail" or rng.random() < 0.3
        row: dict[str, Any] = {
            "jurisdiction": "TX",
            "item_class": item_class,
            "rate": rng.choice(RATES) if taxed else "0",
            "effective_from": "2026-01-01",
        }
        if rng.random() < 0.99:
            row |= {"confirmed_by": "owner", "confirmed_on": "2026-01-02"}
        rows.append(row)
    return rows


def _quantity(rng: Random, sku: str) -> str:
    if rng.random() < 0.02:
        return rng.choice(["0", "-1", "999", "0.3", "1.25"])
    if sku in ("TOX", "TOX2"):
        return str(rng.randrange(1, 80))
    if sku == "FILL":
        return str(rng.randrange(1, 5))
    return "1" if rng.random() < 0.7 else "2"


def _lines(rng: Random) -> list[dict[str, Any]]:
    skus = ["TOX", "TOX2", "FILL", "LASER", "SERUM", "NOSHOW", "GC", "DEP", "PK6", "MIX"]
    weights = [6, 2, 5, 5, 5, 1, 1, 1, 1, 1]
    picked: list[str] = []
    for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 3, 4])):
        sku = rng.choices(skus, weights)[0]
        if sku not in picked or rng.random() < 0.03:
            picked.append(sku)
    lines = []
    for number, sku in enumerate(picked):
        code = f"svc-{sku}"
        if rng.random() < 0.015:
            code = rng.choice(["svc-unknown", "svc-ghost", "svc-free"])
        single = sku in ("NOSHOW", "DEP", "PK6", "MIX")
        line: dict[str, Any] = {
            "line_id": f"l{number}",
            "code": code,
            "quantity": "1" if single and rng.random() < 0.9 else _quantity(rng, sku),
        }
        if rng.random() < 0.05 and code.removeprefix("svc-") == sku:
            line["one_off_unit_cents"] = rng.randrange(1, 50_000)
        lines.append(line)
    return lines


def _applied(rng: Random, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if rng.random() < 0.45:
        return []
    applied = []
    for number in rng.sample(range(5), rng.choice([1, 1, 2, 3])):
        one: dict[str, Any] = {"code": f"PROMO{number}"}
        if rng.random() < 0.85:
            one["reason"] = "loyal"
        if lines and rng.random() < 0.25:
            one["line_ids"] = [rng.choice(lines)["line_id"]]
        applied.append(one)
    if rng.random() < 0.02:
        applied.append({"code": "NOPE"})
    return applied


def _chart(rng: Random, catalog: Catalog) -> Chart:
    lines = _lines(rng)
    chart: dict[str, Any] = {
        "visit_id": "v",
        "location_id": "loc",
        "currency": "EUR" if rng.random() < 0.005 else catalog.currency,
        "service_at": (SERVICE_AT + timedelta(hours=rng.randrange(0, 8))).isoformat(),
        "lines": lines,
        "promotions": _applied(rng, lines),
        "tips_cents": {"p1": rng.randrange(0, 9_000)} if rng.random() < 0.25 else {},
    }
    if rng.random() < 0.25:
        chart["financing"] = {
            "lender": "cherry",
            "loan_ref": "loan-1",
            "approved_cents": rng.randrange(0, 400_000),
            "requested_cents": rng.randrange(0, 200_000),
            "covers_retail": rng.random() < 0.3,
        }
    return Chart.model_validate(chart)


def _unit_lot(rng: Random, number: int) -> dict[str, Any]:
    sku = rng.choice(["TOX", "TOX2", "FILL", "LASER", "LASER", "FILL"])
    is_units = sku.startswith("TOX")
    remaining = rng.randrange(0, 120) if is_units else rng.randrange(0, 7)
    value = remaining * rng.randrange(300, 60_000) // (50 if is_units else 1) + rng.randrange(0, 7)
    lot: dict[str, Any] = {
        "lot_id": f"u{number}",
        "skus": [sku] if rng.random() < 0.8 else [sku, "LASER" if sku != "LASER" else "FILL"],
        "remaining": str(Decimal(remaining) / (2 if rng.random() < 0.15 else 1)),
        "value_cents": value if remaining else 0,
        "purchased_at": (SERVICE_AT - timedelta(days=rng.randrange(1, 400))).isoformat(),
        "grace_days": rng.choice([0, 0, 30]),
    }
    if rng.random() < 0.7:
        days = rng.choice([-60, -20, -1, 0, 1, 30, 200]) if rng.random() < 0.4 else 90
        lot["expires_on"] = (TODAY + timedelta(days=days)).isoformat()
    if rng.random() < 0.12:
        lot["paid_value_cents"] = rng.randrange(0, value + 1)
    if rng.random() < 0.05:
        lot["reinstated_by"] = "owner"
    return lot


def _money_lot(rng: Random, number: int) -> dict[str, Any]:
    kind = rng.choice(
        [
            "membership_credit",
            "membership_credit",
            "promotional_credit",
            "gift_card",
            "deposit",
            "account_credit",
            "points",
        ]
    )
    lot: dict[str, Any] = {
        "lot_id": f"m{number}",
        "kind": kind,
        "remaining_cents": rng.choice([0, 1, rng.randrange(1, 20_000), rng.randrange(1, 200_000)]),
        "purchased_at": (SERVICE_AT - timedelta(days=rng.randrange(1, 400))).isoformat(),
    }
    if kind == "membership_credit":
        lot["tier"] = rng.choice(["gold", "gold", "plain"])
    if rng.random() < 0.5:
        days = rng.choice([-30, -1, 0, 1, 60, 60])
        lot["expires_on"] = (TODAY + timedelta(days=days)).isoformat()
    if rng.random() < 0.2:
        lot["classes"] = rng.sample(["injectable", "device", "retail"], rng.choice([1, 2]))
    return lot


def _entitlements(rng: Random, chart: Chart) -> Entitlements:
    memberships = []
    if rng.random() < 0.6:
        status = rng.choices(["active", "suspended", "past_due", "cancelled"], [12, 2, 1, 1])[0]
        memberships.append({"tier": rng.choice(["gold", "gold", "plain"]), "status": status})
    return Entitlements.model_validate(
        {
            "unit_lots": [_unit_lot(rng, n) for n in range(rng.choice([0, 0, 1, 2, 3, 4]))],
            "money_lots": [_money_lot(rng, n) for n in range(rng.choice([0, 0, 1, 2, 3, 4]))],
            "memberships": memberships,
            "usual_total_cents": rng.randrange(10_000, 200_000) if rng.random() < 0.3 else None,
            "invoices_today": 3 if rng.random() < 0.01 else rng.choice([0, 0, 1]),
        }
    )
