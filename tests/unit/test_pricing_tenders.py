"""Golden visits: which credits and lenders pay, how much, and in which order."""

from datetime import UTC, datetime

import pytest

from domain.invoice import LineKind
from tests.unit.shop import (
    LUMIN,
    MEMBER,
    billed,
    catalog,
    chart,
    lender,
    money,
    owns,
    tenders,
    with_item,
)


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
