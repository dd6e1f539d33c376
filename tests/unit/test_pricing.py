"""Golden visits: what each of them costs, and what draws and credits it uses."""

import json
from datetime import UTC, datetime

import pytest

from domain.chart import AppliedPromotion, ChartLine
from domain.invoice import LineKind
from domain.money import split
from domain.pricing import ENGINE_VERSION, is_sold_now, name_sold_lots, sold_lots
from tests.unit.shop import (
    AT,
    LUMIN,
    MEMBER,
    ROOT,
    billed,
    catalog,
    chart,
    draws,
    held,
    lender,
    lot,
    money,
    owns,
    sale_nets,
    tenders,
    with_item,
    with_package,
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


# --- draws ----------------------------------------------------------------------------


def test_a_fully_drawn_visit_owes_nothing_and_needs_no_price_and_no_tax_row():
    book = with_item("FILLER-SYRINGE", catalog(tax_rows=()), prices=())
    invoice = billed(chart(("FILLER-SYRINGE", "2")), owns(lot()), book)
    assert (invoice.total_cents, invoice.due_cents) == (0, 0)
    assert draws(invoice) == [("lot-1", "2", 120000)]


def test_a_short_lot_covers_what_is_left_and_the_rest_is_priced():
    invoice = billed(chart(("FILLER-SYRINGE", "2.5")), owns(lot(remaining="1", value_cents=60000)))
    assert draws(invoice) == [("lot-1", "1", 60000)]
    assert sale_nets(invoice) == [112500]
    assert [line.line_id for line in invoice.lines] == ["L1.1", "L1.2"]


def test_the_rest_of_a_short_lot_has_the_member_price():
    holds = owns(lot(remaining="1", value_cents=25000, sku="LASER-SESSION"), memberships=MEMBER)
    assert sale_nets(billed(chart(("LASER-SESSION", "2")), holds)) == [28000]


def test_lots_are_drawn_first_expiring_then_oldest_and_never_mixed_on_a_line():
    later = datetime(2025, 12, 1, tzinfo=UTC)
    holds = owns(
        lot("no-expiry", "1", 1000, expires_on=None),
        lot("younger", "1", 2000, expires_on="2026-06-01", purchased_at=later),
        lot("older", "1", 3000, expires_on="2026-06-01"),
        lot("latest", "1", 4000, expires_on="2026-07-01"),
    )
    invoice = billed(chart(("FILLER-SYRINGE", "4")), holds)
    assert [each[0] for each in draws(invoice)] == ["older", "younger", "latest", "no-expiry"]
    assert len(invoice.lines) == 4


def test_the_draws_of_a_lot_never_make_or_lose_a_cent():
    drawn, remaining, value = [], 3, 100000
    while remaining:
        invoice = billed(
            chart(("FILLER-SYRINGE", "1")), owns(lot(remaining=remaining, value_cents=value))
        )
        cents = draws(invoice)[0][2]
        drawn.append(cents)
        remaining, value = remaining - 1, value - cents
    assert sum(drawn) == 100000
    assert sorted(drawn, reverse=True) == split(100000, [1, 1, 1]) == [33334, 33333, 33333]


def test_half_a_syringe_can_be_drawn_and_the_odd_rest_of_a_lot_stays():
    invoice = billed(chart(("FILLER-SYRINGE", "1")), owns(lot(remaining="0.75", value_cents=45000)))
    assert draws(invoice) == [("lot-1", "0.5", 30000)]
    assert sale_nets(invoice) == [37500]


def test_a_lot_is_good_on_its_last_day_of_grace_and_not_after():
    in_grace = owns(lot(expires_on="2026-02-03", grace_days=30))
    invoice = billed(chart(("FILLER-SYRINGE", "1")), in_grace)
    assert any("within its grace" in sentence for sentence in invoice.lines[0].trace)
    past = owns(lot(expires_on="2026-02-02", grace_days=30))
    assert held(chart(("FILLER-SYRINGE", "1")), past).reasons[0].code == "LOT_EXPIRED"


def test_expiry_is_judged_at_the_service_date_of_the_location():
    last_evening = datetime(2026, 3, 6, 5, 59, tzinfo=UTC)  # 23:59 on 5 March in Chicago
    next_morning = datetime(2026, 3, 6, 6, 0, tzinfo=UTC)
    holds = owns(lot(expires_on="2026-03-05"))
    assert draws(billed(chart(("FILLER-SYRINGE", "1"), at=last_evening), holds))
    assert held(chart(("FILLER-SYRINGE", "1"), at=next_morning), holds)


def test_a_lot_bought_after_the_service_does_not_cover_it():
    tomorrow = datetime(2026, 3, 6, 18, 0, tzinfo=UTC)
    invoice = billed(chart(("FILLER-SYRINGE", "1")), owns(lot(purchased_at=tomorrow)))
    assert draws(invoice) == []
    assert any("after the service" in sentence for sentence in invoice.trace)


def test_a_reinstated_lot_is_drawn():
    holds = owns(lot(expires_on="2026-01-01", reinstated_by="staff-7"))
    assert draws(billed(chart(("FILLER-SYRINGE", "1")), holds)) == [("lot-1", "1", 60000)]


def test_a_partly_paid_lot_is_drawn_up_to_its_paid_value():
    assert draws(billed(chart(("FILLER-SYRINGE", "1")), owns(lot(paid_value_cents=60000))))
    short = held(chart(("FILLER-SYRINGE", "2")), owns(lot(paid_value_cents=119999)))
    assert [reason.code for reason in short.reasons] == ["LOT_PARTLY_PAID"]
    assert draws(short.preview) == [("lot-1", "1.5", 90000)]
    assert sale_nets(short.preview) == [37500]


def test_another_lot_covers_what_a_partly_paid_one_may_not():
    holds = owns(lot("partly", paid_value_cents=60000), lot("paid", "1", 50000, expires_on=None))
    assert draws(billed(chart(("FILLER-SYRINGE", "2")), holds)) == [
        ("partly", "1", 60000),
        ("paid", "1", 50000),
    ]


# --- packages sold --------------------------------------------------------------------


def test_a_sold_package_becomes_lots_valued_by_stand_alone_price():
    invoice = billed(chart(("FILLER-6-FACIAL", "1")))
    lots = sold_lots(invoice, LUMIN, "doc-1", AT)
    assert [(each.skus, each.value_cents, str(each.remaining)) for each in lots] == [
        (("FILLER-SYRINGE",), 402213, "6"),
        (("FACIAL",), 17787, "1"),
    ]
    assert {each.expires_on for each in lots} == {"2027-03-05"}
    assert {each.paid_value_cents for each in lots} == {0}
    assert len({each.lot_id for each in lots}) == 2


def test_the_six_syringes_of_that_package_are_drawn_as_the_rules_check_them():
    drawn, remaining, value = [], 6, 402213
    while remaining:
        invoice = billed(
            chart(("FILLER-SYRINGE", "1")), owns(lot(remaining=remaining, value_cents=value))
        )
        drawn.append(draws(invoice)[0][2])
        remaining, value = remaining - 1, value - drawn[-1]
    assert sorted(drawn, reverse=True) == [67036, 67036, 67036, 67035, 67035, 67035]


def test_a_discounted_package_makes_lots_of_what_was_paid():
    invoice = billed(chart(("LASER-6", "2"), promotions=["WELCOME100"]))
    (laser,) = sold_lots(invoice, LUMIN, "doc-1", AT)
    assert (laser.value_cents, laser.remaining) == (310000, 12)
    assert laser.paid_value_cents is None


def test_a_package_paid_by_the_lender_makes_paid_lots():
    invoice = billed(chart(("FILLER-6", "1"), tips={"p": 500}, financing=lender(360000)))
    assert invoice.due_cents == 500
    assert sold_lots(invoice, LUMIN, "doc-1", AT)[0].paid_value_cents is None


def test_a_package_sold_on_29_february_of_a_leap_year_ends_on_the_28th():
    sold_at = datetime(2028, 2, 29, 18, 0, tzinfo=UTC)
    invoice = billed(chart(("FILLER-6", "1"), at=sold_at))
    assert sold_lots(invoice, LUMIN, "doc-1", sold_at)[0].expires_on == "2029-02-28"


def test_the_first_use_of_a_package_sold_on_the_same_visit_is_drawn_not_charged():
    visit = chart(("LASER-SESSION", "1"), ("LASER-6", "1"))
    invoice = billed(visit)
    assert invoice.due_cents == 160000
    ((lot_id, quantity, value_cents),) = draws(invoice)
    assert is_sold_now(lot_id)
    assert (quantity, value_cents) == ("1", 26667)
    named = name_sold_lots(invoice, "doc-1")
    (laser,) = sold_lots(invoice, LUMIN, "doc-1", AT)
    assert draws(named) == [(laser.lot_id, "1", 26667)]
    assert laser.remaining == 6


def test_an_older_lot_goes_before_the_package_sold_today():
    holds = owns(lot("old", "1", 20000, sku="LASER-SESSION", expires_on="2026-04-01"))
    invoice = billed(chart(("LASER-6", "1"), ("LASER-SESSION", "2")), holds)
    assert [each[0] for each in draws(invoice)] == ["old", "sold-now/L1.1/1"]


def test_the_first_use_of_an_unpaid_package_waits_unless_its_terms_allow_it():
    visit = chart(("FILLER-6", "1"), ("FILLER-SYRINGE", "1"))
    waiting = held(visit)
    assert [reason.code for reason in waiting.reasons] == ["LOT_PARTLY_PAID"]
    assert waiting.preview.due_cents == 360000
    assert billed(visit, approved=["LOT_PARTLY_PAID:L2"]) is not None
    assert billed(visit, book=with_package("FILLER-6", usable_while_partly_paid=True))
    financed = chart(("FILLER-6", "1"), ("FILLER-SYRINGE", "1"), financing=lender(360000))
    assert billed(financed).due_cents == 0


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


# --- tenders --------------------------------------------------------------------------


def test_a_credit_larger_than_the_bill_is_capped():
    holds = owns(money("membership_credit", 99999), memberships=MEMBER)
    invoice = billed(chart(("TOXIN-UNIT", "10")), holds)
    assert tenders(invoice) == [("membership_credit", 13000)]
    assert invoice.due_cents == 0


def test_membership_credit_pays_services_and_neither_retail_nor_tax():
    holds = owns(money("membership_credit", 99999), memberships=MEMBER)
    invoice = billed(chart(("TOXIN-UNIT", "1"), ("SERUM", "1")), holds)
    assert invoice.due_cents == 7361
    listed = owns(
        money("membership_credit", 99999, classes=("injectable", "retail")), memberships=MEMBER
    )
    assert billed(chart(("TOXIN-UNIT", "1"), ("SERUM", "1")), listed).due_cents == 561


def test_no_contract_lets_a_membership_credit_buy_a_gift_card_or_dues():
    listed = money("membership_credit", 99999, classes=("gift_card", "dues", "deposit"))
    invoice = billed(
        chart(("GIFT-CARD-100", "1"), ("GLOW-DUES", "1")), owns(listed, memberships=MEMBER)
    )
    assert (tenders(invoice), invoice.due_cents) == ([], 29900)


def test_the_credit_in_dues_is_stamped_on_their_line_and_never_more_than_the_dues():
    (line,) = billed(chart(("GLOW-DUES", "1"))).lines
    assert (line.net_cents, line.credit_cents) == (19_900, 19_000)
    assert any("$190.00 is credit" in sentence for sentence in line.trace)
    cheap = with_item("GLOW-DUES", prices=[{"unit_cents": 500, "effective_from": "2020-01-01"}])
    assert billed(chart(("GLOW-DUES", "1")), book=cheap).lines[0].credit_cents == 500
    unnamed = catalog(tiers=[{**LUMIN.tiers[0].model_dump(), "dues_sku": None}])
    assert billed(chart(("GLOW-DUES", "1")), book=unnamed).lines[0].credit_cents == 0


def test_credits_pay_in_the_fixed_order_and_the_soonest_expiring_first():
    holds = owns(
        money("points", 100),
        money("account_credit", 100),
        money("deposit", 100),
        money("gift_card", 100, "gift-late", expires_on="2027-01-01"),
        money("gift_card", 100, "gift-soon", expires_on="2026-04-01"),
        money("promotional_credit", 100),
        money("membership_credit", 100),
        memberships=MEMBER,
    )
    invoice = billed(chart(("TOXIN-UNIT", "50"), financing=lender(1000)), holds)
    assert [tender.lot_id or "loan" for tender in invoice.tenders] == [
        "membership_credit",
        "promotional_credit",
        "gift-soon",
        "gift-late",
        "deposit",
        "account_credit",
        "points",
        "loan",
    ]
    assert invoice.due_cents == 65000 - 700 - 1000


def test_own_money_pays_tax_but_never_a_tip():
    holds = owns(money("gift_card", 50000))
    invoice = billed(chart(("SERUM", "1"), tips={"a": 1500, "b": 500}), holds)
    assert tenders(invoice) == [("gift_card", 7361)]
    assert (invoice.tip_cents, invoice.due_cents) == (2000, 2000)
    assert [line.kind for line in invoice.lines] == [LineKind.SALE, LineKind.TIP, LineKind.TIP]


def test_an_expired_or_later_granted_credit_is_left_alone():
    holds = owns(
        money("membership_credit", 5000, "gone", expires_on="2026-03-04"),
        money("membership_credit", 5000, "today", expires_on="2026-03-05"),
        money("membership_credit", 5000, "later", purchased_at=datetime(2026, 4, 1, tzinfo=UTC)),
        memberships=MEMBER,
    )
    assert [t.lot_id for t in billed(chart(("TOXIN-UNIT", "50")), holds).tenders] == ["today"]


def test_a_lender_pays_financed_lines_and_the_rest_is_the_patients():
    visit = chart(
        ("FILLER-SYRINGE", "1"), ("SERUM", "1"), tips={"a": 1000}, financing=lender(200000)
    )
    invoice = billed(visit)
    assert tenders(invoice) == [("lender", 75000)]
    assert invoice.tenders[0].reference == "loan-1"
    assert invoice.due_cents == 7361 + 1000


@pytest.mark.parametrize(
    ("plan", "paid_cents"),
    [
        (lender(50000), 50000),
        (lender(90000, 40000), 40000),
        (lender(90000, covers_retail=True), 82361),
        (lender(0), 0),
    ],
)
def test_a_lender_never_pays_more_than_approved_requested_or_financed(plan, paid_cents):
    visit = chart(("FILLER-SYRINGE", "1"), ("SERUM", "1"), financing=plan)
    invoice = billed(visit)
    assert sum(tender.cents for tender in invoice.tenders) == paid_cents
    assert invoice.due_cents == 82361 - paid_cents


def test_a_lender_never_pays_a_no_show_fee():
    invoice = billed(chart(("NO-SHOW-FEE", "1"), financing=lender(90000, covers_retail=True)))
    assert (tenders(invoice), invoice.due_cents) == ([], 5000)


def test_a_free_credit_pays_first_what_the_lender_cannot():
    holds = owns(money("gift_card", 7361))
    for lines in (
        (("FILLER-SYRINGE", "1"), ("SERUM", "1")),
        (("SERUM", "1"), ("FILLER-SYRINGE", "1")),
    ):
        invoice = billed(chart(*lines, financing=lender(75000)), holds)
        assert invoice.due_cents == 0


def test_an_earlier_credit_moves_aside_for_a_later_one_that_is_bound_to_its_class():
    """Either card could pay the treatment; only if the first pays the serum are both used."""
    holds = owns(
        money("account_credit", 7361, "any", expires_on="2026-04-01"),
        money("account_credit", 100, "retail", classes=("retail",)),
        money("account_credit", 75000, "treatment", classes=("injectable",)),
    )
    invoice = billed(chart(("FILLER-SYRINGE", "1"), ("SERUM", "1")), holds)
    assert [(t.lot_id, t.cents) for t in invoice.tenders] == [
        ("any", 7361),
        ("retail", 100),
        ("treatment", 74900),
    ]
    assert invoice.due_cents == 0
