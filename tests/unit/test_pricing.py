"""Golden visits: what each of them costs, with its prices, discounts and tax."""

import json
from datetime import UTC, datetime

import pytest

from domain.chart import AppliedPromotion, ChartLine
from domain.pricing import ENGINE_VERSION
from tests.unit.shop import (
    LUMIN,
    MEMBER,
    ROOT,
    billed,
    catalog,
    chart,
    draws,
    lot,
    money,
    owns,
    sale_nets,
    tenders,
    with_item,
)

LUMIN_VISIT = chart(("TOXIN-UNIT", "50"), ("FILLER-SYRINGE", "1"), ("SERUM", "1"))
LUMIN_CLIENT = owns(lot(), money("membership_credit", 19000), memberships=MEMBER)


def test_the_lumin_visit_is_billed_to_the_cent():
    invoice = billed(LUMIN_VISIT, LUMIN_CLIENT)
    assert invoice.due_cents == 53361
    assert invoice.tax_cents == 561
    assert draws(invoice) == [("lot-1", "1", 60000)]
    assert tenders(invoice) == [("membership_credit", 19000)]
    assert sale_nets(invoice) == [65000, 6800]
    assert invoice.engine_version == ENGINE_VERSION
    assert invoice.catalog_version == 1


def test_the_manual_bill_of_the_lumin_visit_is_190_dollars_too_high():
    by_hand = billed(chart(("TOXIN-UNIT", "50"), ("SERUM", "1")))
    assert by_hand.due_cents == 72361
    assert by_hand.due_cents - billed(LUMIN_VISIT, LUMIN_CLIENT).due_cents == 19000


def test_every_line_says_where_it_comes_from():
    toxin, filler, serum = billed(LUMIN_VISIT, LUMIN_CLIENT).lines
    assert any("50 x $13.00 = $650.00" in sentence for sentence in toxin.trace)
    assert any("2025-01-01 (catalog 1, rule A1)" in sentence for sentence in toxin.trace)
    assert any("$600.00 of its $3,600.00; 5 of 6 left" in sentence for sentence in filler.trace)
    assert any("8.25 % of $68.00 = $5.61" in sentence for sentence in serum.trace)
    for line in (toxin, filler, serum):
        assert line.trace[0].startswith(f"Charted line {line.chart_line_id}:")


@pytest.mark.parametrize(
    ("name", "due_cents"),
    [
        ("lumin", 53361),
        ("nothing-due", 0),
        ("short-lot", 75000),
        ("financed", 7361),
        ("package-sale-with-tip", 144000),
    ],
)
def test_the_example_charts_cost_what_the_docs_say(name, due_cents):
    from starter.commands.price import read_price_file

    asked = read_price_file(ROOT / "examples" / "charts" / f"{name}.json")
    assert billed(asked.chart, asked.entitlements, asked.catalog).due_cents == due_cents


def test_the_example_charts_use_the_example_catalog():
    for file in (ROOT / "examples" / "charts").glob("*.json"):
        assert (
            json.loads(file.read_text())["catalog"]
            == json.loads((ROOT / "examples" / "lumin.json").read_text())["catalog"]
        )


# --- prices ---------------------------------------------------------------------------


def test_a_visit_before_a_price_change_keeps_the_old_price():
    old = chart(("TOXIN-UNIT", "10"), at=datetime(2025, 1, 1, 5, 59, tzinfo=UTC))
    new = chart(("TOXIN-UNIT", "10"), at=datetime(2025, 1, 1, 6, 0, tzinfo=UTC))
    assert billed(old).due_cents == 12000
    assert billed(new).due_cents == 13000
    assert any("2020-01-01" in sentence for sentence in billed(old).lines[0].trace)


def test_the_service_date_is_right_on_both_days_when_the_clocks_change():
    prices = [
        {"unit_cents": 100, "effective_from": "2020-01-01", "effective_to": "2026-03-08"},
        {"unit_cents": 200, "effective_from": "2026-03-08", "effective_to": "2026-11-01"},
        {"unit_cents": 300, "effective_from": "2026-11-01"},
    ]
    book = with_item("SERUM", catalog(tax_rows=_untaxed()), prices=prices)

    def cents(*at: int) -> int:
        visit = chart(("SERUM", "1"), at=datetime(*at, tzinfo=UTC))
        return billed(visit, book=book).due_cents

    assert cents(2026, 3, 8, 5, 59) == 100  # 23:59 CST on the 7th
    assert cents(2026, 3, 8, 6, 0) == 200  # midnight CST
    assert cents(2026, 3, 9, 4, 59) == 200  # 23:59 CDT on the 8th
    assert cents(2026, 11, 1, 4, 59) == 200  # 23:59 CDT on 31 October
    assert cents(2026, 11, 1, 5, 0) == 300  # midnight CDT


def _untaxed():
    return [{**row.model_dump(), "rate": 0} for row in LUMIN.tax_rows]


def test_a_member_pays_the_member_price_only_while_active():
    visit = chart(("LASER-SESSION", "1"))
    assert billed(visit, owns(memberships=MEMBER)).due_cents == 28000
    lapsed = [{"tier": "GLOW", "status": "past_due"}]
    assert billed(visit, owns(memberships=lapsed)).due_cents == 32000
    assert billed(visit).due_cents == 32000


def test_a_one_off_price_bills_its_line_and_names_the_deed():
    line = ChartLine(
        line_id="L1",
        code="unknown",
        quantity="1",
        one_off_unit_cents=82000,
        one_off_class="injectable",
    )
    invoice = billed(chart(line))
    assert invoice.due_cents == 82000
    assert any("set by a named person" in sentence for sentence in invoice.lines[0].trace)


def test_a_line_declared_free_of_charge_leaves_a_note_and_no_line():
    invoice = billed(chart((LUMIN.not_billable[0], "1"), ("SERUM", "1")))
    assert [line.sku for line in invoice.lines] == ["SERUM"]
    assert any("declared free of charge" in sentence for sentence in invoice.trace)


# --- discounts and tax ----------------------------------------------------------------


def test_an_invoice_discount_is_spread_by_largest_remainder_before_tax():
    book = with_item("SUNSCREEN", prices=[{"unit_cents": 20001, "effective_from": "2020-01-01"}])
    visit = chart(
        ("TOXIN-UNIT", "50"), ("SERUM", "1"), ("SUNSCREEN", "1"), promotions=["WELCOME100"]
    )
    invoice = billed(visit, book=book)
    cuts = [line.discounts[0].cents for line in invoice.lines]
    assert cuts == [7080, 741, 2179]
    assert [line.tax_cents for line in invoice.lines] == [0, 500, 1470]


def test_line_offers_come_before_the_invoice_offer_and_each_sees_what_is_left():
    visit = chart(("LASER-SESSION", "1"), promotions=["WELCOME100", "LASER10"])
    (line,) = billed(visit).lines
    assert [(cut.code, cut.cents) for cut in line.discounts] == [
        ("LASER10", 3200),
        ("WELCOME100", 10000),
    ]
    assert line.net_cents == 18800


def test_an_offer_that_does_not_stack_wins_only_when_it_saves_more():
    reason = AppliedPromotion(code="EMPLOYEE20", reason="staff treatment")
    small = chart(("LASER-SESSION", "1"), promotions=["LASER10", reason])
    assert [cut.code for cut in billed(small).lines[0].discounts] == ["EMPLOYEE20"]
    both = chart(("LASER-SESSION", "1"), promotions=["LASER10", "WELCOME100", reason])
    invoice = billed(both)
    assert [cut.code for cut in invoice.lines[0].discounts] == ["LASER10", "WELCOME100"]
    assert any("EMPLOYEE20 takes nothing off" in sentence for sentence in invoice.trace)


def test_the_best_combination_may_differ_from_line_to_line():
    """10 % for devices stacks with $100 off the invoice; 20 % for staff stands alone."""
    reason = AppliedPromotion(code="EMPLOYEE20", reason="staff treatment")
    visit = chart(
        ("LASER-SESSION", "1"), ("TOXIN-UNIT", "50"), promotions=["LASER10", "WELCOME100", reason]
    )
    laser, toxin = billed(visit).lines
    assert [(cut.code, cut.cents) for cut in laser.discounts] == [
        ("LASER10", 3200),
        ("WELCOME100", 10000),
    ]
    assert [(cut.code, cut.cents) for cut in toxin.discounts] == [("EMPLOYEE20", 13000)]


def test_a_capped_offer_stops_at_its_cap_over_all_lines():
    reason = AppliedPromotion(code="EMPLOYEE20", reason="staff treatment")
    visit = chart(("FILLER-SYRINGE", "3"), ("TOXIN-UNIT", "50"), promotions=[reason])
    invoice = billed(visit)
    assert [line.gross_cents - line.net_cents for line in invoice.lines] == [45000, 5000]


def test_a_discount_larger_than_the_bill_leaves_nothing_negative():
    invoice = billed(chart(("SERUM", "1"), promotions=["WELCOME100"]))
    assert (invoice.due_cents, invoice.tax_cents, invoice.discount_cents) == (0, 0, 6800)


def test_no_discount_reaches_draws_dues_gift_cards_or_deposits():
    visit = chart(
        ("GLOW-DUES", "1"),
        ("GIFT-CARD-100", "1"),
        ("FILLER-SYRINGE", "1"),
        promotions=["WELCOME100"],
    )
    invoice = billed(visit, owns(lot()))
    assert invoice.discount_cents == 0
    assert invoice.due_cents == 29900


def test_a_gift_card_needs_no_tax_row():
    assert billed(chart(("GIFT-CARD-100", "1")), book=catalog(tax_rows=())).due_cents == 10000
