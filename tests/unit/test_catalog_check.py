"""Faults that a catalog must not be saved with."""

import pytest
from pydantic import ValidationError

from domain.catalog_check import catalog_gaps, catalog_problems
from tests.unit.shop import LUMIN, catalog, with_item, with_package


def test_the_example_catalog_is_sound_and_complete():
    assert catalog_problems(LUMIN) == []
    assert catalog_gaps(LUMIN) == []


def dumped(rows, number=0, **changes):
    """The rows as dicts, one of them changed."""
    return [
        {**row.model_dump(), **(changes if place == number else {})}
        for place, row in enumerate(rows)
    ]


def prices(*rows):
    names = ("unit_cents", "effective_from", "effective_to")
    return [dict(zip(names, row, strict=True)) for row in rows]


def content(*skus, quantity="6", standalone_cents=450000):
    return {"skus": skus, "quantity": quantity, "standalone_cents": standalone_cents}


BROKEN = [
    (catalog(currency="EUR"), "Currency EUR is not one of"),
    (with_item("SERUM", prices=()), "SERUM has no price"),
    (
        with_item("SERUM", prices=prices((1, "2020-01-01", None), (2, "2021-01-01", None))),
        "The prices of SERUM from 2020-01-01 and from 2021-01-01 overlap",
    ),
    (
        with_item("SERUM", prices=prices((1, "2021-01-01", None), (2, "2020-01-01", "2021-01-02"))),
        "overlap",
    ),
    (with_item("SERUM", prices=prices((1, "2020-01-01", "2020-01-01"))), "ends before it begins"),
    (
        with_item(
            "SERUM",
            prices=[
                {"unit_cents": 1, "effective_from": "2020-01-01", "member_unit_cents": {"GOLD": 1}}
            ],
        ),
        "tier GOLD",
    ),
    (with_item("SERUM", sku="SUNSCREEN"), "The sku SUNSCREEN is defined 2 times"),
    (with_item("SERUM", item_class="package"), "packages have their own list"),
    (with_item("SERUM", quantity_max="0.5"), "largest quantity under its step"),
    (with_package("FILLER-6", contents=[content("NONE")]), "NONE, which is not an item"),
    (with_package("FILLER-6", contents=[content("SERUM", "TOXIN-UNIT")]), "mixes units"),
    (with_package("FILLER-6", contents=[content("SERUM", quantity="0.5")]), "off the step"),
    (with_package("FILLER-6", contents=[content("GIFT-CARD-100")]), "no treatment or good"),
    (
        with_package("FILLER-6", contents=[content("SERUM", standalone_cents=0)]),
        "no stand-alone price",
    ),
    (with_package("FILLER-6", expires_months=0), "under zero"),
    (catalog(tiers=dumped(LUMIN.tiers, credit_classes=("gift_card",))), "pay gift_card"),
    (catalog(tiers=dumped(LUMIN.tiers, dues_sku="SERUM")), "SERUM, which is no item of dues"),
    (catalog(tiers=dumped(LUMIN.tiers, credit_cents=19_901)), "more credit than its dues"),
    (
        catalog(tiers=[*dumped(LUMIN.tiers), *dumped(LUMIN.tiers, code="GOLD")]),
        "GLOW-DUES bills the dues of more than one tier",
    ),
    (catalog(promotions=dumped(LUMIN.promotions, amount_cents=1)), "either a percentage or"),
    (catalog(promotions=dumped(LUMIN.promotions, percent=None)), "either a percentage or"),
    (catalog(promotions=dumped(LUMIN.promotions, skus=("NONE",))), "names NONE"),
    (catalog(promotions=dumped(LUMIN.promotions, classes=("dues",))), "never discounted"),
    (catalog(promotions=dumped(LUMIN.promotions, effective_to="2019-01-01")), "ends before"),
    (
        catalog(tax_rows=[*dumped(LUMIN.tax_rows), LUMIN.tax_rows[0].model_dump()]),
        "The tax rows of retail",
    ),
    (catalog(tax_rows=dumped(LUMIN.tax_rows, confirmed_on=None)), "both who confirmed it"),
    (catalog(codes={**LUMIN.codes, "new": "NONE"}), "Code new stands for NONE"),
    (catalog(not_billable=tuple(LUMIN.codes)[:1]), "both mapped and declared"),
]


@pytest.mark.parametrize(("book", "words"), BROKEN, ids=[words for _, words in BROKEN])
def test_a_fault_is_named_in_a_sentence(book, words):
    problems = catalog_problems(book)
    assert any(words in problem for problem in problems), problems
    assert all(problem.endswith(".") for problem in problems)


def test_prices_that_follow_each_other_do_not_overlap():
    rows = prices((1, "2020-01-01", "2021-01-01"), (2, "2021-01-01", None))
    assert catalog_problems(with_item("SERUM", prices=rows)) == []


def test_gaps_name_missing_and_unconfirmed_tax_and_free_items():
    rows = dumped(LUMIN.tax_rows[:1], confirmed_by=None, confirmed_on=None)
    book = with_item("SERUM", catalog(tax_rows=rows), prices=prices((0, "2020-01-01", None)))
    gaps = catalog_gaps(book)
    assert catalog_problems(book) == []
    assert any("retail" in gap and "not confirmed" in gap for gap in gaps)
    assert "No tax row says how device is taxed." in gaps
    assert "SERUM has a price of $0.00." in gaps


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_a_catalog_needs_a_real_time_zone(zone):
    with pytest.raises(ValidationError, match="IANA"):
        catalog(zone=zone)
