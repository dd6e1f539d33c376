"""Refunds of a visit: what goes back, along which tender, and that every cent is explained."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.entries_refund import visit_refunded
from domain.invoice import Draw, InvoiceLine, LineKind, PricedInvoice, TenderKind
from domain.refund_types import (
    CreditUsed,
    Given,
    NoRefund,
    RefundAsk,
    Refunded,
    RefundPlan,
    SoldLot,
    VisitMoney,
)
from domain.refunds import package_worth, plan_refund

AT = datetime(2026, 5, 4, 15, tzinfo=UTC)
EVERYTHING = RefundAsk()


def line(name: str, cents: int, tax: int = 0, item_class: str = "injectable") -> InvoiceLine:
    kind = LineKind.TIP if item_class == "tip" else LineKind.SALE
    return InvoiceLine(
        line_id=name,
        chart_line_id=name,
        kind=kind,
        sku=name,
        item_class=item_class,
        quantity=Decimal(1),
        unit_cents=cents,
        gross_cents=cents,
        net_cents=cents,
        tax_cents=tax,
    )


def drawn(name: str, lot: str, value: int) -> InvoiceLine:
    draw = Draw(lot_id=lot, quantity=Decimal(1), value_cents=value)
    plain = line(name, 0)
    return plain.model_copy(update={"kind": LineKind.DRAW, "draw": draw})


def bill(*lines: InvoiceLine) -> PricedInvoice:
    tips = sum(one.net_cents for one in lines if one.kind is LineKind.TIP)
    net, tax = sum(one.net_cents for one in lines) - tips, sum(one.tax_cents for one in lines)
    return PricedInvoice(
        engine_version="1",
        catalog_version=1,
        currency="USD",
        lines=lines,
        subtotal_cents=net,
        discount_cents=0,
        tax_cents=tax,
        tip_cents=tips,
        total_cents=net + tax + tips,
        tenders=(),
        due_cents=0,
    )


def paid(name: str, cents: int, hours: int = 0, **more: object) -> Given:
    at = AT + timedelta(hours=hours)
    known = Given(payment_id=name, way="processor", kind="card", cents=cents, at=at)
    return known.model_copy(update=more)


def planned(money: VisitMoney, ask: RefundAsk = EVERYTHING) -> RefundPlan:
    plan = plan_refund(money, ask)
    assert isinstance(plan, RefundPlan), plan
    return plan


def why(money: VisitMoney, ask: RefundAsk = EVERYTHING) -> str:
    plan = plan_refund(money, ask)
    assert isinstance(plan, NoRefund)
    return plan.why


def posted(plan: RefundPlan) -> dict[str, int]:
    entry = visit_refunded(
        refund_id="r",
        plan=plan,
        client_id="c",
        case_id="case",
        location_id="l",
        effective_on=date(2026, 5, 4),
    )
    assert entry is not None
    return {one.account: one.debit_cents - one.credit_cents for one in entry.postings}


VISIT = bill(
    line("toxin", 65_000), line("serum", 6_800, 561, "retail"), line("tip", 5_000, 0, "tip")
)


def test_all_of_a_visit_goes_back_with_its_tax_and_without_its_tip() -> None:
    plan = planned(VisitMoney(priced=VISIT, given=(paid("p", 77_361),)))
    assert posted(plan) == {"4920": 71_800, "2070": 561, "2100": -72_361}
    assert [(move.payment_id, move.cents) for move in plan.moves] == [("p", 72_361)]


def test_the_tip_goes_back_when_it_is_chosen() -> None:
    money = VisitMoney(priced=VISIT, given=(paid("p", 77_361),))
    assert posted(planned(money, RefundAsk(with_tip=True)))["2080"] == 5_000
    assert posted(planned(money, RefundAsk(line_ids=("tip",)))) == {"2080": 5_000, "2100": -5_000}


def test_a_part_of_a_taxed_line_takes_tax_at_the_rate_that_was_billed() -> None:
    money = VisitMoney(priced=VISIT, given=(paid("p", 77_361),))
    plan = planned(money, RefundAsk(amount_cents=3_681, line_ids=("serum",)))
    assert posted(plan) == {"4920": 3_400, "2070": 281, "2100": -3_681}


def test_an_amount_is_spread_over_what_was_paid_for() -> None:
    plan = planned(
        VisitMoney(priced=VISIT, given=(paid("p", 77_361),)), RefundAsk(amount_cents=100)
    )
    assert sum(one.net_cents + one.tax_cents for one in plan.lines) == 100
    assert [one.line_id for one in plan.lines] == ["toxin", "serum"]


def test_the_last_payment_goes_back_first() -> None:
    money = VisitMoney(
        priced=bill(line("toxin", 30_000)),
        given=(paid("first", 20_000), paid("last", 10_000, 5, way="desk", kind="cash")),
    )
    plan = planned(money, RefundAsk(amount_cents=12_000))
    assert [(one.payment_id, one.way, one.cents) for one in plan.moves] == [
        ("last", "desk", 10_000),
        ("first", "processor", 2_000),
    ]


def test_credits_return_to_their_lots_in_reverse_order_of_use() -> None:
    money = VisitMoney(
        priced=bill(line("toxin", 100_000)),
        given=(paid("p", 30_000),),
        credits=(
            CreditUsed(kind=TenderKind.MEMBERSHIP_CREDIT, cents=19_000, lot_id="m", holder="v"),
            CreditUsed(kind=TenderKind.GIFT_CARD, cents=11_000, lot_id="g", holder="v"),
            CreditUsed(kind=TenderKind.LENDER, cents=40_000, reference="loan-1"),
        ),
    )
    plan = planned(money, RefundAsk(amount_cents=90_000))
    assert [(move.way, move.cents) for move in plan.moves] == [
        ("processor", 30_000),
        ("lender", 40_000),
    ]
    assert [(one.lot_id, one.cents) for one in plan.credits] == [("g", 11_000), ("m", 9_000)]
    assert posted(plan) == {"4920": 90_000, "2040": -11_000, "2030": -9_000, "2100": -70_000}


def test_what_is_still_owed_is_forgiven_before_money_leaves() -> None:
    money = VisitMoney(
        priced=bill(line("toxin", 65_000)), given=(paid("p", 40_000),), open_cents=25_000
    )
    plan = planned(money, RefundAsk(amount_cents=30_000))
    assert (plan.forgiven_cents, plan.money_cents) == (25_000, 5_000)
    assert posted(plan) == {"4920": 30_000, "1100": -25_000, "2100": -5_000}


def test_a_debt_that_was_given_up_is_none_when_the_sale_is_undone() -> None:
    money = VisitMoney(
        priced=bill(line("toxin", 65_000)), given=(paid("p", 40_000),), written_off_cents=25_000
    )
    assert posted(planned(money)) == {"4920": 65_000, "6030": -25_000, "2100": -40_000}


def test_units_return_to_their_lot_and_their_revenue_is_taken_back() -> None:
    money = VisitMoney(priced=bill(line("toxin", 65_000), drawn("syringe", "lot", 60_000)))
    alone = planned(money, RefundAsk(line_ids=("syringe",)))
    assert posted(alone) == {"4010": 60_000, "2010": -60_000}
    expired = money.model_copy(update={"expired_lots": frozenset({"lot"})})
    assert "expired since" in why(expired, RefundAsk(line_ids=("syringe",)))
    planned(expired, RefundAsk(line_ids=("syringe",), to_expired_lots=True))
    back = money.model_copy(update={"refunded": {"syringe": Refunded(is_returned=True)}})
    assert "Nothing" in why(back, RefundAsk(line_ids=("syringe",)))


PACKAGE = line("six", 360_000, 0, "package")
FOUR_LEFT = SoldLot(
    lot_id="lot",
    remaining=Decimal(4),
    value_cents=240_000,
    used=Decimal(2),
    used_at_list_cents=150_000,
)


def test_a_package_goes_back_by_the_formula_of_its_contract() -> None:
    assert package_worth(PACKAGE, [FOUR_LEFT]) == {"unused": 240_000, "list_price": 210_000}
    money = VisitMoney(
        priced=bill(PACKAGE), given=(paid("p", 360_000),), sold={"six": (FOUR_LEFT,)}
    )
    assert posted(planned(money)) == {"2010": 240_000, "2100": -240_000}
    dearer = planned(money, RefundAsk(formula="list_price"))
    assert posted(dearer) == {"2010": 240_000, "4050": -30_000, "2100": -210_000}
    cheap = FOUR_LEFT.model_copy(update={"used_at_list_cents": 100_000})
    kinder = planned(
        money.model_copy(update={"sold": {"six": (cheap,)}}), RefundAsk(formula="list_price")
    )
    assert posted(kinder) == {"2010": 240_000, "4920": 20_000, "2100": -260_000}
    [back] = planned(money).lines
    assert [(one.lot_id, one.quantity) for one in back.unused] == [("lot", Decimal(4))]


def test_what_is_kept_for_later_goes_back_as_far_as_it_is_unused() -> None:
    card = line("card", 10_000, 0, "gift_card")
    dues = line("dues", 19_900, 0, "dues").model_copy(update={"credit_cents": 19_000})
    left = {
        "card": (SoldLot(lot_id="g", remaining=Decimal(0), value_cents=4_000),),
        "dues": (SoldLot(lot_id="m", remaining=Decimal(0), value_cents=9_000),),
    }
    money = VisitMoney(priced=bill(card, dues), given=(paid("p", 29_900),), sold=left)
    plan = planned(money)
    assert posted(plan) == {"2040": 4_000, "2030": 9_000, "4920": 900, "2100": -13_900}
    assert [one.lot_id for back in plan.lines for one in back.unused] == ["g", "m"]
    assert "by its line" in why(money, RefundAsk(amount_cents=100))


def test_a_package_and_the_unit_that_the_same_visit_drew_from_it_go_back_together() -> None:
    five = SoldLot(
        lot_id="lot",
        remaining=Decimal(5),
        value_cents=300_000,
        used=Decimal(1),
        used_at_list_cents=75_000,
    )
    money = VisitMoney(
        priced=bill(PACKAGE, drawn("syringe", "lot", 60_000)),
        given=(paid("p", 360_000),),
        sold={"six": (five,)},
    )
    for formula in ("unused", "list_price"):
        plan = planned(money, RefundAsk(formula=formula))
        assert posted(plan) == {"2010": 300_000, "4010": 60_000, "2100": -360_000}
        assert plan.lines[-1].unused[0].quantity == 6


@pytest.mark.parametrize(
    ("changes", "ask", "says"),
    [
        ({}, RefundAsk(line_ids=("nose",)), "no line nose"),
        ({}, RefundAsk(amount_cents=71_801), "Only $718.00"),
        ({"given": ()}, EVERYTHING, "Only $0.00 came in"),
        ({"given": (paid("p", 71_800, is_disputed=True),)}, EVERYTHING, "disputed"),
        ({"given": (paid("p", 100),)}, RefundAsk(amount_cents=200), "Only $1.00 came in"),
        (
            {"refunded": {"toxin": Refunded(net_cents=65_000), "serum": Refunded(net_cents=6_800)}},
            EVERYTHING,
            "Nothing of this",
        ),
    ],
)
def test_what_cannot_go_back_is_refused_in_one_sentence(
    changes: dict[str, object], ask: RefundAsk, says: str
) -> None:
    priced = bill(line("toxin", 65_000), line("serum", 6_800))
    money = VisitMoney(priced=priced, given=(paid("p", 71_800),)).model_copy(update=changes)
    assert says in why(money, ask)


def test_a_disputed_payment_that_the_refund_does_not_reach_is_no_matter() -> None:
    money = VisitMoney(
        priced=bill(line("toxin", 30_000)),
        given=(paid("old", 20_000, is_disputed=True), paid("new", 10_000, 5)),
    )
    assert planned(money, RefundAsk(amount_cents=10_000)).moves[0].payment_id == "new"
    assert "disputed" in why(money, RefundAsk(amount_cents=10_001))


AMOUNTS = st.integers(min_value=0, max_value=90_000)


@given(
    st.lists(st.tuples(AMOUNTS, st.integers(0, 9_000)), min_size=1, max_size=5),
    st.lists(AMOUNTS, max_size=3),
    st.lists(st.tuples(st.sampled_from(TenderKind), AMOUNTS), max_size=3),
    AMOUNTS,
    st.one_of(st.none(), st.integers(1, 400_000)),
)
def test_a_plan_explains_every_cent_and_takes_no_more_than_there_is(
    lines: list[tuple[int, int]],
    payments: list[int],
    tenders: list[tuple[TenderKind, int]],
    open_cents: int,
    amount: int | None,
) -> None:
    priced = bill(*(line(f"L{n}", net, min(tax, net)) for n, (net, tax) in enumerate(lines)))
    money = VisitMoney(
        priced=priced,
        open_cents=open_cents,
        given=tuple(paid(f"p{n}", cents, n) for n, cents in enumerate(payments)),
        credits=tuple(CreditUsed(kind=kind, cents=cents, lot_id="l") for kind, cents in tenders),
    )
    plan = plan_refund(money, RefundAsk(amount_cents=amount))
    if isinstance(plan, NoRefund):
        return
    whole = sum(one.net_cents + one.tax_cents for one in plan.lines)
    credits = sum(one.cents for one in plan.credits)
    assert whole == plan.forgiven_cents + credits + plan.money_cents
    assert amount is None or whole == amount
    sold = {one.line_id: one for one in priced.lines}
    for back in plan.lines:
        assert 0 <= back.net_cents <= sold[back.line_id].net_cents
        assert 0 <= back.tax_cents <= sold[back.line_id].tax_cents
    assert plan.forgiven_cents <= open_cents
    left = {f"p{n}": cents for n, cents in enumerate(payments)}
    assert all(
        move.way == "lender" or 0 < move.cents <= left[move.payment_id or ""] for move in plan.moves
    )
    assert sum(posted(plan).values()) == 0
