"""What holds for every visit: sums, bytes, units, signs, and orders that must not matter."""

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalog import PASS_THROUGH
from domain.chart import AppliedPromotion, Chart, Entitlements
from domain.invoice import Held, LineKind, PricedInvoice
from domain.model import canonical_json
from domain.pricing import name_sold_lots, price, sold_lots
from tests.unit.shop import LUMIN, chart, lender, lot, money, owns

AT = datetime(2026, 3, 5, 22, 40, tzinfo=UTC)
STEP = {item.sku: item.step for item in LUMIN.items} | {
    package.sku: Decimal(1) for package in LUMIN.packages
}
LOT_SKUS = ["TOXIN-UNIT", "FILLER-SYRINGE", "LASER-SESSION"]
FREELY = frozenset(
    {
        "LOT_EXPIRED",
        "LOT_PARTLY_PAID",
        "MEMBERSHIP_SUSPENDED",
        "QUANTITY_BOUND",
        "SANITY_BOUND_LINE",
        "SANITY_BOUND_TOTAL",
        "SANITY_BOUND_HISTORY",
        "SANITY_BOUND_DUPLICATE",
        "SANITY_BOUND_INVOICES_PER_DAY",
    }
)

cents = st.integers(0, 300_000)
dates = st.sampled_from([None, "2026-01-15", "2026-02-20", "2026-03-05", "2026-12-31"])


@st.composite
def charted(draw, skus=tuple(STEP), unique=False):
    names = draw(st.lists(st.sampled_from(skus), min_size=0, max_size=6, unique=unique))
    return [(sku, STEP[sku] * draw(st.integers(1, 12))) for sku in names]


@st.composite
def unit_lots(draw):
    lots = []
    for number in range(draw(st.integers(0, 5))):
        value = draw(cents)
        lots.append(
            lot(
                f"unit-{number}",
                Decimal(draw(st.integers(0, 40))) / 4,
                value,
                draw(st.sampled_from(LOT_SKUS)),
                expires_on=draw(dates),
                grace_days=draw(st.integers(0, 60)),
                paid_value_cents=draw(st.none() | st.integers(0, value)),
                reinstated_by=draw(st.none() | st.just("staff-1")),
            )
        )
    return lots


@st.composite
def money_lots(draw):
    kinds = [
        "membership_credit",
        "promotional_credit",
        "gift_card",
        "deposit",
        "account_credit",
        "points",
    ]
    return [
        money(draw(st.sampled_from(kinds)), draw(cents), f"money-{number}", expires_on=draw(dates))
        for number in range(draw(st.integers(0, 5)))
    ]


financing = st.none() | st.builds(lender, cents, cents, covers_retail=st.booleans())
tips = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 20_000))
statuses = st.sampled_from(["active", "suspended", "past_due", "cancelled"])
offers = st.permutations(
    [
        AppliedPromotion(code="LASER10"),
        AppliedPromotion(code="WELCOME100"),
        AppliedPromotion(code="EMPLOYEE20", reason="staff treatment"),
    ]
).flatmap(lambda order: st.integers(0, 3).map(lambda count: order[:count]))


@st.composite
def visits(draw):
    """A chart and what its client owns."""
    visit = chart(
        *draw(charted()), promotions=draw(offers), tips=draw(tips), financing=draw(financing)
    )
    holds = owns(
        *draw(unit_lots()),
        *draw(money_lots()),
        memberships=[{"tier": "GLOW", "status": draw(statuses)}],
        usual_total_cents=draw(st.none() | cents),
        invoices_today=draw(st.integers(0, 4)),
    )
    return visit, holds


def shown(visit: Chart, holds: Entitlements) -> PricedInvoice:
    """The invoice, or what the held draft would be."""
    answer = price(visit, LUMIN, holds, FREELY)
    if isinstance(answer, Held):
        assert answer.preview is not None, answer.reasons
        return answer.preview
    return answer


@given(visits())
@settings(max_examples=150, deadline=None)
def test_the_sums_agree_to_the_cent(case):
    invoice = shown(*case)
    sales = [line for line in invoice.lines if line.kind is LineKind.SALE]
    settled = sum(tender.cents for tender in invoice.tenders)
    assert invoice.total_cents == settled + invoice.due_cents
    assert invoice.total_cents == (
        sum(line.net_cents + line.tax_cents for line in sales) + invoice.tip_cents
    )
    assert invoice.total_cents == (
        invoice.subtotal_cents - invoice.discount_cents + invoice.tax_cents + invoice.tip_cents
    )
    assert invoice.tip_cents == sum(case[0].tips_cents.values())
    assert invoice.due_cents >= invoice.tip_cents


@given(visits())
@settings(max_examples=100, deadline=None)
def test_nothing_is_negative_and_no_tender_is_larger_than_its_lot(case):
    visit, holds = case
    invoice = shown(visit, holds)
    for line in invoice.lines:
        assert line.net_cents >= 0
        assert line.tax_cents >= 0
        assert line.net_cents == line.gross_cents - sum(cut.cents for cut in line.discounts)
    left = {each.lot_id: each.remaining_cents for each in holds.money_lots}
    for tender in invoice.tenders:
        assert tender.cents > 0
        if tender.lot_id is None:
            plan = visit.financing
            assert tender.cents <= min(plan.approved_cents, plan.requested_cents)
        else:
            left[tender.lot_id] -= tender.cents
    assert min(left.values(), default=0) >= 0


@given(visits())
@settings(max_examples=100, deadline=None)
def test_units_are_neither_made_nor_lost(case):
    visit, holds = case
    invoice = shown(visit, holds)
    billed_units: dict[str, Decimal] = defaultdict(Decimal)
    for line in invoice.lines:
        if line.chart_line_id is not None:
            billed_units[line.chart_line_id] += line.quantity
    assert billed_units == {line.line_id: line.quantity for line in visit.lines}
    units = {each.lot_id: each.remaining for each in holds.unit_lots}
    values = {each.lot_id: each.value_cents for each in holds.unit_lots}
    for each in sold_lots(invoice, LUMIN, "doc", AT):
        units[each.lot_id], values[each.lot_id] = each.remaining, each.value_cents
    for line in name_sold_lots(invoice, "doc").lines:
        if line.draw is not None:
            units[line.draw.lot_id] -= line.draw.quantity
            values[line.draw.lot_id] -= line.draw.value_cents
            assert line.draw.quantity == line.quantity
            assert line.net_cents == line.tax_cents == 0
    for lot_id, remaining in units.items():
        assert remaining >= 0
        assert values[lot_id] >= 0
        if remaining == 0 and lot_id in {line.draw.lot_id for line in invoice.lines if line.draw}:
            assert values[lot_id] == 0


@given(visits())
@settings(max_examples=100, deadline=None)
def test_no_more_is_drawn_from_an_unpaid_lot_than_is_paid(case):
    visit, holds = case
    paid = {each.lot_id: each.paid_value_cents for each in holds.unit_lots}
    for line in shown(visit, holds).lines:
        if line.draw is not None and paid.get(line.draw.lot_id) is not None:
            paid[line.draw.lot_id] -= line.draw.value_cents
            assert paid[line.draw.lot_id] >= 0


@given(visits())
@settings(max_examples=60, deadline=None)
def test_pass_through_money_is_never_discounted_or_paid_by_granted_credit(case):
    invoice = shown(*case)
    for line in invoice.lines:
        if line.item_class in PASS_THROUGH:
            assert line.discounts == ()
    granted = {"membership_credit", "promotional_credit", "points"}
    payable = sum(
        line.net_cents
        for line in invoice.lines
        if line.kind is LineKind.SALE and line.item_class not in PASS_THROUGH
    )
    assert sum(t.cents for t in invoice.tenders if t.kind in granted) <= payable


@given(visits())
@settings(max_examples=60, deadline=None)
def test_the_same_input_gives_the_same_bytes(case):
    visit, holds = case
    again = Chart.model_validate_json(visit.model_dump_json())
    read = Entitlements.model_validate_json(holds.model_dump_json())
    first, second = price(visit, LUMIN, holds), price(again, LUMIN, read)
    assert canonical_json(first) == canonical_json(second)
    kind = type(first)
    assert canonical_json(kind.model_validate_json(first.model_dump_json())) == canonical_json(
        first
    )


@given(visits(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_in_which_lots_tips_and_codes_are_stored_does_not_matter(case, shuffler):
    visit, holds = case

    def mixed(values):
        values = list(values)
        shuffler.shuffle(values)
        return values

    other_holds = holds.model_copy(
        update={
            "unit_lots": tuple(mixed(holds.unit_lots)),
            "money_lots": tuple(mixed(holds.money_lots)),
        }
    )
    other_visit = visit.model_copy(update={"tips_cents": dict(mixed(visit.tips_cents.items()))})
    other_book = LUMIN.model_copy(update={"codes": dict(mixed(LUMIN.codes.items()))})
    assert canonical_json(price(visit, LUMIN, holds)) == canonical_json(
        price(other_visit, other_book, other_holds)
    )


@given(
    charted(unique=True),
    unit_lots(),
    money_lots(),
    financing,
    st.sampled_from([(), ("LASER10",)]),
    st.randoms(use_true_random=False),
)
@settings(max_examples=100, deadline=None)
def test_the_order_of_chart_lines_does_not_change_what_is_owed(
    lines, units, credits_, plan, promotions, shuffler
):
    """Claimed without invoice-wide or capped offers, whose odd cents follow the line order."""
    holds = owns(*units, *credits_, memberships=[{"tier": "GLOW", "status": "active"}])
    other = list(lines)
    shuffler.shuffle(other)
    first = shown(chart(*lines, promotions=promotions, financing=plan), holds)
    second = shown(chart(*other, promotions=promotions, financing=plan), holds)
    assert (first.total_cents, first.due_cents) == (second.total_cents, second.due_cents)
    assert first.tenders == second.tenders


@given(visits())
@settings(max_examples=60, deadline=None)
def test_a_hold_that_is_approved_bills_what_its_preview_showed(case):
    visit, holds = case
    waiting = price(visit, LUMIN, holds)
    if not isinstance(waiting, Held) or not all(each.approvable for each in waiting.reasons):
        return
    words = {
        f"{each.code}:{each.chart_line_id}" if each.chart_line_id else each.code
        for each in waiting.reasons
    }
    answer = price(visit, LUMIN, holds, frozenset(words))
    assert isinstance(answer, PricedInvoice)
    plain = {"trace": ()}
    assert answer.model_copy(update=plain) == waiting.preview.model_copy(update=plain)
