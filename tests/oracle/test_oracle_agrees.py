"""The product's pricing against a second, independent one, on generated visits."""

from collections import Counter
from fractions import Fraction

import pytest

from domain.catalog import Catalog
from domain.chart import Chart, Entitlements
from domain.invoice import Held, PricedInvoice
from domain.pricing import price
from tests.oracle.brute import brute
from tests.oracle.charts import visit_of
from tests.oracle.visit import Answer

CHUNK = 1_000
CHUNKS = range(10)


def answer_of(invoice: PricedInvoice, holds: frozenset[str]) -> Answer:
    return Answer(
        holds=holds,
        total=invoice.total_cents,
        tax=invoice.tax_cents,
        tip=invoice.tip_cents,
        discount=invoice.discount_cents,
        due=invoice.due_cents,
        tenders=tuple(
            sorted((t.kind.value, t.lot_id or t.reference or "", t.cents) for t in invoice.tenders)
        ),
        draws=tuple(
            sorted(
                (line.draw.lot_id, Fraction(line.draw.quantity), line.draw.value_cents)
                for line in invoice.lines
                if line.draw is not None
            )
        ),
    )


def disagreement(chart: Chart, mine: Entitlements, catalog: Catalog) -> str | None:
    """Where the two differ; a draft that cannot be priced at all is compared on its reasons."""
    ours = price(chart, catalog, mine)
    theirs = brute(chart, mine, catalog)
    holds: frozenset[str] = frozenset()
    if isinstance(ours, Held):
        holds = frozenset(reason.code for reason in ours.reasons)
        if ours.preview is None:
            return None if holds == theirs.holds else f"{sorted(holds)} != {sorted(theirs.holds)}"
        ours = ours.preview
    mine_answer = answer_of(ours, holds)
    return None if mine_answer == theirs else f"product {mine_answer} != oracle {theirs}"


@pytest.mark.slow
@pytest.mark.parametrize("chunk", CHUNKS)
def test_both_agree_on_every_figure(chunk: int) -> None:
    found = {}
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        difference = disagreement(*visit_of(seed))
        if difference is not None:
            found[seed] = difference
    assert not found, "\n".join(f"seed {seed}: {why}" for seed, why in found.items())


def test_the_visits_are_varied() -> None:
    """Without this an easy generator would make agreement mean nothing."""
    answers = [brute(*visit_of(seed)) for seed in range(1_500)]
    holds = Counter(code for answer in answers for code in answer.holds)
    tenders = Counter(kind for answer in answers for kind, _, _ in answer.tenders)
    assert sum(not answer.holds for answer in answers) > 750
    assert min(holds.values()) > 0
    assert {
        "CATALOG_UNMAPPED",
        "PRICE_MISSING",
        "TAX_UNCONFIRMED",
        "QUANTITY_OFF_STEP",
        "QUANTITY_BOUND",
        "QUANTITY_NOT_POSITIVE",
        "LOT_EXPIRED",
        "LOT_PARTLY_PAID",
        "MEMBERSHIP_SUSPENDED",
        "PROMOTION_INVALID",
        "SANITY_BOUND_LINE",
        "SANITY_BOUND_TOTAL",
        "SANITY_BOUND_HISTORY",
        "SANITY_BOUND_DUPLICATE",
        "SANITY_BOUND_INVOICES_PER_DAY",
    } <= set(holds)
    assert len(tenders) == 7
    assert all(count >= 20 for count in tenders.values())
    assert sum(len(answer.draws) > 1 for answer in answers) > 50
    assert sum(answer.discount > 0 for answer in answers) > 200
    assert sum(answer.due == 0 for answer in answers) > 50


def test_the_oracle_knows_the_golden_visit() -> None:
    """The Lumin visit, whose arithmetic was done by hand."""
    catalog = Catalog.model_validate(
        {
            "location_id": "loc",
            "version": 1,
            "zone": "America/Chicago",
            "items": [
                {
                    "sku": sku,
                    "name": sku,
                    "item_class": item_class,
                    "unit": "item",
                    "step": "1",
                    "quantity_max": "100",
                    "prices": [{"unit_cents": cents, "effective_from": "2026-01-01"}],
                }
                for sku, item_class, cents in (
                    ("TOX", "injectable", 1_300),
                    ("FILL", "injectable", 75_000),
                    ("SERUM", "retail", 6_800),
                )
            ],
            "tiers": [{"code": "gold", "name": "Gold", "dues_cents": 9_900, "credit_cents": 9_900}],
            "tax_rows": [
                {
                    "jurisdiction": "TX",
                    "item_class": item_class,
                    "rate": rate,
                    "effective_from": "2026-01-01",
                    "confirmed_by": "owner",
                }
                for item_class, rate in (("injectable", "0"), ("retail", "0.0825"))
            ],
            "codes": {"TOX": "TOX", "FILL": "FILL", "SERUM": "SERUM"},
        }
    )
    chart = Chart.model_validate(
        {
            "visit_id": "v",
            "location_id": "loc",
            "service_at": "2026-05-20T18:00:00Z",
            "lines": [
                {"line_id": "1", "code": "TOX", "quantity": "50"},
                {"line_id": "2", "code": "FILL", "quantity": "1"},
                {"line_id": "3", "code": "SERUM", "quantity": "1"},
            ],
        }
    )
    mine = Entitlements.model_validate(
        {
            "unit_lots": [
                {
                    "lot_id": "syringes",
                    "skus": ["FILL"],
                    "remaining": "6",
                    "value_cents": 360_000,
                    "purchased_at": "2026-03-01T18:00:00Z",
                }
            ],
            "money_lots": [
                {
                    "lot_id": "credit",
                    "kind": "membership_credit",
                    "remaining_cents": 19_000,
                    "purchased_at": "2026-04-01T18:00:00Z",
                    "tier": "gold",
                }
            ],
            "memberships": [{"tier": "gold", "status": "active"}],
        }
    )
    assert brute(chart, mine, catalog) == Answer(
        holds=frozenset(),
        total=72_361,
        tax=561,
        tip=0,
        discount=0,
        due=53_361,
        tenders=(("membership_credit", "credit", 19_000),),
        draws=(("syringes", Fraction(1), 60_000),),
    )
    assert disagreement(chart, mine, catalog) is None
