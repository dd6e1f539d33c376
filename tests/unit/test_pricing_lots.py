"""Golden visits: what is drawn from packages, and the lots that a sold package becomes."""

from datetime import UTC, datetime

from domain.money import split
from domain.pricing import is_sold_now, name_sold_lots, sold_lots
from tests.unit.shop import (
    AT,
    LUMIN,
    MEMBER,
    billed,
    catalog,
    chart,
    draws,
    held,
    lender,
    lot,
    owns,
    sale_nets,
    with_item,
    with_package,
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
