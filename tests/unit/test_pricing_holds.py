"""What holds a draft, what a person may let pass, and what the preview shows (V2, B9)."""

import pytest

from domain.chart import AppliedPromotion, ChartLine
from tests.unit.shop import (
    LUMIN,
    billed,
    catalog,
    chart,
    codes,
    draws,
    held,
    lot,
    money,
    owns,
    tenders,
    with_item,
)


def only(answer):
    """The one reason of a hold."""
    (reason,) = answer.reasons
    return reason


def test_an_unmapped_code_holds_and_is_neither_priced_nor_skipped():
    answer = held(chart(("TOXIN-UNIT", "40"), ("urn:blvd:Service:new", "1")))
    reason = only(answer)
    assert (reason.code, reason.chart_line_id) == ("CATALOG_UNMAPPED", "L2")
    assert answer.preview is None
    assert not reason.approvable
    assert held(chart(("urn:blvd:Service:new", "1")), approved=["CATALOG_UNMAPPED:L1"])


def test_a_one_off_price_without_a_class_does_not_unlock_an_unmapped_code():
    line = ChartLine(line_id="L1", code="new", quantity="1", one_off_unit_cents=100)
    assert "item class" in only(held(chart(line))).detail


@pytest.mark.parametrize(
    ("sku", "quantity", "code"),
    [
        ("TOXIN-UNIT", "-1", "QUANTITY_NOT_POSITIVE"),
        ("TOXIN-UNIT", "0", "QUANTITY_NOT_POSITIVE"),
        ("TOXIN-UNIT", "12.5", "QUANTITY_OFF_STEP"),
        ("FILLER-SYRINGE", "0.3", "QUANTITY_OFF_STEP"),
        ("LASER-6", "0.5", "QUANTITY_OFF_STEP"),
        ("TOXIN-UNIT", "201", "QUANTITY_BOUND"),
        ("TOXIN-UNIT", "1e40", "QUANTITY_BOUND"),
        ("TOXIN-UNIT", "1e-40", "QUANTITY_OFF_STEP"),
    ],
)
def test_a_wrong_quantity_holds(sku, quantity, code):
    reason = only(held(chart((sku, quantity))))
    assert (reason.code, reason.chart_line_id) == (code, "L1")


def test_only_a_quantity_within_reason_can_be_approved():
    assert billed(chart(("TOXIN-UNIT", "201")), approved=["QUANTITY_BOUND:L1"]).due_cents == 261300
    assert held(chart(("TOXIN-UNIT", "1e40")), approved=["QUANTITY_BOUND:L1"])


def test_no_price_in_force_holds():
    book = with_item("SERUM", prices=[{"unit_cents": 1, "effective_from": "2027-01-01"}])
    assert codes(held(chart(("SERUM", "1")), book=book)) == ["PRICE_MISSING"]


def test_two_prices_in_force_hold():
    prices = [{"unit_cents": cents, "effective_from": "2020-01-01"} for cents in (1, 2)]
    answer = held(chart(("SERUM", "1")), book=with_item("SERUM", prices=prices))
    assert codes(answer) == ["PRICE_MISSING"]


def test_a_missing_tax_row_holds_without_an_amount():
    answer = held(chart(("SERUM", "1")), book=catalog(tax_rows=()))
    assert (only(answer).code, answer.preview) == ("TAX_UNCONFIRMED", None)


def test_an_unconfirmed_tax_row_holds_and_shows_what_it_would_be():
    rows = [
        {**row.model_dump(), "confirmed_by": None, "confirmed_on": None} for row in LUMIN.tax_rows
    ]
    answer = held(chart(("SERUM", "1")), book=catalog(tax_rows=rows))
    assert only(answer).code == "TAX_UNCONFIRMED"
    assert answer.preview.due_cents == 7361
    assert held(chart(("SERUM", "1")), book=catalog(tax_rows=rows), approved=["TAX_UNCONFIRMED"])


def test_an_expired_lot_offers_the_charge_and_an_approval_charges():
    holds = owns(lot(expires_on="2026-01-01"))
    visit = chart(("FILLER-SYRINGE", "1"))
    answer = held(visit, holds)
    assert only(answer).code == "LOT_EXPIRED"
    assert answer.preview.due_cents == 75000
    charged = billed(visit, holds, approved=["LOT_EXPIRED:L1"])
    assert (charged.due_cents, draws(charged)) == (75000, [])
    assert any("approved by a named person" in sentence for sentence in charged.trace)
    assert held(visit, holds, approved=["LOT_EXPIRED:L2"])


def test_an_expired_lot_is_no_question_when_a_good_one_covers_the_line():
    holds = owns(lot("old", expires_on="2026-01-01"), lot("good"))
    assert draws(billed(chart(("FILLER-SYRINGE", "1")), holds)) == [("good", "1", 60000)]


# --- membership -----------------------------------------------------------------------


@pytest.mark.parametrize("status", ["suspended", "past_due", "cancelled"])
def test_the_credit_of_a_stopped_membership_waits(status):
    holds = owns(
        money("membership_credit", 19000), memberships=[{"tier": "GLOW", "status": status}]
    )
    visit = chart(("TOXIN-UNIT", "50"))
    answer = held(visit, holds)
    assert codes(answer) == ["MEMBERSHIP_SUSPENDED"]
    assert answer.preview.due_cents == 65000
    assert billed(visit, holds, approved=["MEMBERSHIP_SUSPENDED"]).due_cents == 65000
    assert billed(visit, holds, approved=["MEMBERSHIP_SUSPENDED:allow"]).due_cents == 46000


def test_a_stopped_membership_is_no_question_when_its_credit_pays_nothing():
    holds = owns(
        money("membership_credit", 19000), memberships=[{"tier": "GLOW", "status": "suspended"}]
    )
    assert billed(chart(("SERUM", "1")), holds).due_cents == 7361


@pytest.mark.parametrize(("policy", "due_cents"), [("allow", 46000), ("ignore", 65000)])
def test_the_tiers_policy_decides_about_a_suspended_credit(policy, due_cents):
    book = catalog(tiers=[{**LUMIN.tiers[0].model_dump(), "suspended": policy}])
    holds = owns(
        money("membership_credit", 19000), memberships=[{"tier": "GLOW", "status": "suspended"}]
    )
    invoice = billed(chart(("TOXIN-UNIT", "50")), holds, book)
    assert invoice.due_cents == due_cents
    assert any("tier's policy" in sentence for sentence in invoice.trace)


def test_the_policy_never_frees_the_credit_of_a_cancelled_membership():
    book = catalog(tiers=[{**LUMIN.tiers[0].model_dump(), "suspended": "allow"}])
    holds = owns(
        money("membership_credit", 19000), memberships=[{"tier": "GLOW", "status": "cancelled"}]
    )
    assert held(chart(("TOXIN-UNIT", "50")), holds, book)


# --- promotions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("applied", "why"),
    [
        ([AppliedPromotion(code="NONE")], "not in the catalog"),
        ([AppliedPromotion(code="EMPLOYEE20", reason=" ")], "reason"),
        ([AppliedPromotion(code="LASER10", line_ids=("L9",))], "not on the chart"),
        ([AppliedPromotion(code="LASER10")] * 2, "more than once"),
    ],
)
def test_a_promotion_that_may_not_be_used_holds(applied, why):
    visit = chart(("LASER-SESSION", "1"), promotions=applied)
    answer = held(visit)
    assert codes(answer) == ["PROMOTION_INVALID"]
    assert why in only(answer).detail
    assert billed(visit, approved=["PROMOTION_INVALID"])


def test_a_promotion_out_of_its_period_holds():
    late = [{**each.model_dump(), "effective_to": "2026-03-05"} for each in LUMIN.promotions]
    visit = chart(("LASER-SESSION", "1"), promotions=["LASER10"])
    assert codes(held(visit, book=catalog(promotions=late))) == ["PROMOTION_INVALID"]


def test_too_many_ways_to_combine_promotions_wait_for_a_person():
    lines = [
        ChartLine(
            line_id=f"L{number}",
            code=f"new-{number}",
            quantity="1",
            one_off_unit_cents=1000,
            one_off_class="retail",
        )
        for number in range(13)
    ]
    staff = AppliedPromotion(code="EMPLOYEE20", reason="staff treatment")
    visit = chart(*lines, promotions=[staff, "WELCOME100"])
    answer = held(visit)
    assert codes(answer) == ["PROMOTION_INVALID"]
    assert "ways" in only(answer).detail
    assert answer.preview.discount_cents == 10000
    fewer = billed(chart(*lines[:12], promotions=[staff, "WELCOME100"]))
    assert fewer.discount_cents == 10000 + 2 * 200


# --- bounds ---------------------------------------------------------------------------


def bounds(**changes):
    """The catalog with other limits."""
    return catalog(bounds={**LUMIN.bounds.model_dump(), **changes})


@pytest.mark.parametrize(
    ("visit", "holds", "book", "code", "word"),
    [
        (
            chart(("FILLER-SYRINGE", "1")),
            owns(),
            bounds(line_cents_max=74999),
            "SANITY_BOUND_LINE",
            "SANITY_BOUND_LINE:L1",
        ),
        (
            chart(("FILLER-SYRINGE", "1")),
            owns(),
            bounds(total_cents_max=74999),
            "SANITY_BOUND_TOTAL",
            "SANITY_BOUND_TOTAL",
        ),
        (
            chart(("FILLER-SYRINGE", "1")),
            owns(usual_total_cents=24999),
            LUMIN,
            "SANITY_BOUND_HISTORY",
            "SANITY_BOUND_HISTORY",
        ),
        (
            chart(("SERUM", "1"), ("SERUM", "2")),
            owns(),
            LUMIN,
            "SANITY_BOUND_DUPLICATE",
            "SANITY_BOUND_DUPLICATE:L2",
        ),
        (
            chart(("SERUM", "1")),
            owns(),
            with_item("SERUM", prices=[{"unit_cents": 0, "effective_from": "2020-01-01"}]),
            "SANITY_BOUND_ZERO_PRICE",
            "SANITY_BOUND_ZERO_PRICE:L1",
        ),
        (
            chart(("SERUM", "1")),
            owns(invoices_today=3),
            LUMIN,
            "SANITY_BOUND_INVOICES_PER_DAY",
            "SANITY_BOUND_INVOICES_PER_DAY",
        ),
    ],
)
def test_a_bound_parks_the_draft_until_a_person_approves(visit, holds, book, code, word):
    answer = held(visit, holds, book)
    assert codes(answer) == [code]
    assert only(answer).approvable
    approved = billed(visit, holds, book, approved=[word])
    assert approved.model_copy(update={"trace": ()}) == answer.preview.model_copy(
        update={"trace": ()}
    )
    assert any(code in sentence and "approved" in sentence for sentence in approved.trace)


def test_a_bound_that_is_met_exactly_passes():
    assert billed(chart(("FILLER-SYRINGE", "1")), book=bounds(line_cents_max=75000))
    assert billed(chart(("FILLER-SYRINGE", "1")), book=bounds(total_cents_max=75000))
    assert billed(chart(("FILLER-SYRINGE", "1")), owns(usual_total_cents=25000))
    assert billed(chart(("SERUM", "1")), owns(invoices_today=2))


def test_the_history_rule_is_silent_for_small_totals():
    assert billed(chart(("SERUM", "1")), owns(usual_total_cents=1))


def test_a_free_one_off_price_is_a_persons_word_already():
    line = ChartLine(line_id="L1", code=next(iter(LUMIN.codes)), quantity="1", one_off_unit_cents=0)
    assert billed(chart(line)).due_cents == 0


# --- the whole draft ------------------------------------------------------------------


def test_another_currency_or_location_holds():
    assert codes(held(chart(("SERUM", "1"), currency="CAD"))) == ["CURRENCY_MISMATCH"]
    other = chart(("SERUM", "1")).model_copy(update={"location_id": "elsewhere"})
    assert codes(held(other)) == ["LOCATION_MISMATCH"]


def test_all_reasons_are_collected_in_one_go():
    visit = chart(
        ("new", "1"),
        ("TOXIN-UNIT", "12.5"),
        ("FILLER-SYRINGE", "1"),
        ("SERUM", "1"),
        promotions=["NONE"],
        currency="CAD",
    )
    answer = held(visit, owns(lot(expires_on="2026-01-01"), invoices_today=9))
    assert set(codes(answer)) == {
        "CURRENCY_MISMATCH",
        "SANITY_BOUND_INVOICES_PER_DAY",
        "CATALOG_UNMAPPED",
        "QUANTITY_OFF_STEP",
        "LOT_EXPIRED",
        "PROMOTION_INVALID",
    }
    for reason in answer.reasons:
        assert reason.detail.endswith(".")
        assert reason.action.endswith(".")


def test_an_emptied_chart_costs_nothing_and_is_not_held():
    invoice = billed(chart(), owns(money("gift_card", 100)))
    assert (invoice.total_cents, tenders(invoice)) == (0, [])
