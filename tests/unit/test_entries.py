from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import entries, entries_held
from domain.invoice import Discount, Draw, InvoiceLine, LineKind, PricedInvoice, Tender, TenderKind
from domain.ledger import Entry

TODAY = date(2026, 5, 4)
WHO: Mapping[str, Any] = {
    "client_id": "client-1",
    "case_id": "case-1",
    "location_id": "lumin",
    "effective_on": TODAY,
}
CLIENT_ONLY = {name: value for name, value in WHO.items() if name != "case_id"}


def sale(item_class: str, gross: int, discount: int = 0, tax: int = 0) -> InvoiceLine:
    return InvoiceLine(
        line_id=f"{item_class}-{gross}",
        chart_line_id="1",
        kind=LineKind.SALE,
        sku=item_class,
        item_class=item_class,
        quantity=Decimal(1),
        unit_cents=gross,
        gross_cents=gross,
        discounts=(Discount(code="SPRING", cents=discount),) if discount else (),
        net_cents=gross - discount,
        tax_cents=tax,
    )


def draw(item_class: str, value: int) -> InvoiceLine:
    return InvoiceLine(
        line_id="draw",
        chart_line_id="1",
        kind=LineKind.DRAW,
        sku="FILLER",
        item_class=item_class,
        quantity=Decimal(1),
        unit_cents=0,
        gross_cents=0,
        net_cents=0,
        draw=Draw(lot_id="lot-1", quantity=Decimal(1), value_cents=value),
    )


def priced(
    lines: list[InvoiceLine], tenders: list[Tender] | None = None, tip: int = 0
) -> PricedInvoice:
    net = sum(line.net_cents for line in lines)
    tax = sum(line.tax_cents for line in lines)
    gross = sum(line.gross_cents for line in lines)
    settled = sum(tender.cents for tender in tenders or ())
    return PricedInvoice(
        engine_version="1",
        catalog_version=1,
        currency="USD",
        lines=tuple(lines),
        subtotal_cents=gross,
        discount_cents=gross - net,
        tax_cents=tax,
        tip_cents=tip,
        total_cents=net + tax + tip,
        tenders=tuple(tenders or ()),
        due_cents=net + tax + tip - settled,
    )


def signed(entry: Entry | None) -> dict[str, int]:
    """Account -> debit (positive) or credit (negative) cents."""
    assert entry is not None
    accounts = [line.account for line in entry.postings]
    assert len(accounts) == len(set(accounts))
    return {line.account: line.debit_cents - line.credit_cents for line in entry.postings}


def issued(invoice: PricedInvoice) -> Entry | None:
    return entries.visit_issued(document_id="doc-1", priced=invoice, **WHO)


LUMIN = priced(
    [sale("injectable", 65_000), draw("injectable", 60_000), sale("retail", 6_800, tax=561)],
    [Tender(kind=TenderKind.MEMBERSHIP_CREDIT, cents=19_000, lot_id="m")],
)


def test_the_lumin_visit_posts_the_golden_figures() -> None:
    assert signed(issued(LUMIN)) == {
        "1100": 53_361,
        "2010": 60_000,
        "2030": 19_000,
        "2070": -561,
        "4010": -125_000,
        "4030": -6_800,
    }


def test_every_posting_of_a_visit_names_client_and_case() -> None:
    entry = issued(LUMIN)
    assert entry is not None
    assert {(line.client_id, line.case_id) for line in entry.postings} == {("client-1", "case-1")}


@pytest.mark.parametrize(
    ("item_class", "account"),
    [
        ("injectable", "4010"),
        ("device", "4020"),
        ("retail", "4030"),
        ("dues", "4040"),
        ("fee", "4060"),
        ("package", "2010"),
        ("gift_card", "2040"),
        ("deposit", "2050"),
    ],
)
def test_each_class_is_sold_to_its_account(item_class: str, account: str) -> None:
    assert signed(issued(priced([sale(item_class, 1000)]))) == {"1100": 1000, account: -1000}


def test_the_credit_in_dues_is_owed_and_the_rest_is_earned() -> None:
    line = sale("dues", 19_900).model_copy(update={"credit_cents": 19_000})
    assert signed(issued(priced([line]))) == {"1100": 19_900, "2030": -19_000, "4040": -900}


@pytest.mark.parametrize(
    ("kind", "account"),
    [
        ("membership_credit", "2030"),
        ("promotional_credit", "4910"),
        ("gift_card", "2040"),
        ("deposit", "2050"),
        ("account_credit", "2060"),
        ("points", "1130"),
        ("lender", "1030"),
    ],
)
def test_each_tender_comes_from_its_account(kind: str, account: str) -> None:
    visit = priced([sale("device", 1000)], [Tender(kind=TenderKind(kind), cents=300)])
    assert signed(issued(visit)) == {"1100": 700, account: 300, "4020": -1000}


def test_a_fully_settled_visit_leaves_no_receivable() -> None:
    visit = priced([sale("device", 1000)], [Tender(kind=TenderKind.DEPOSIT, cents=1000)])
    assert signed(issued(visit)) == {"2050": 1000, "4020": -1000}


def test_discounts_are_shown_gross_but_lower_what_a_package_defers() -> None:
    visit = priced([sale("device", 1000, discount=100), sale("package", 5000, discount=400)])
    assert signed(issued(visit)) == {"1100": 5500, "4910": 100, "4020": -1000, "2010": -4600}


def test_tips_are_owed_to_providers() -> None:
    tip = InvoiceLine(
        line_id="tip",
        chart_line_id=None,
        kind=LineKind.TIP,
        sku="tip",
        item_class="tip",
        quantity=Decimal(1),
        unit_cents=500,
        gross_cents=500,
        net_cents=500,
    )
    visit = priced([sale("device", 1000)], tip=500)
    visit = visit.model_copy(update={"lines": (*visit.lines, tip)})
    assert signed(issued(visit)) == {"1100": 1500, "2080": -500, "4020": -1000}


def test_a_visit_that_moves_no_money_has_no_entry() -> None:
    assert issued(priced([draw("device", 0)])) is None


def test_an_amendment_posts_only_the_difference() -> None:
    after = priced(
        [sale("injectable", 52_000), draw("injectable", 60_000), sale("retail", 6_800, tax=561)],
        [Tender(kind=TenderKind.MEMBERSHIP_CREDIT, cents=19_000, lot_id="m")],
    )
    amended = entries.visit_amended(
        document_id="doc-2", before=LUMIN, after=after, corrects="entry-1", **WHO
    )
    assert signed(amended) == {"1100": -13_000, "4010": 13_000}
    assert amended is not None
    assert amended.corrects == "entry-1"


def test_an_amendment_that_changes_nothing_has_no_entry() -> None:
    assert (
        entries.visit_amended(document_id="doc-2", before=LUMIN, after=LUMIN, corrects="e", **WHO)
        is None
    )


LINES = st.lists(
    st.one_of(
        st.builds(
            lambda item_class, gross, share, tax: sale(
                item_class, gross, gross * share // 100, tax
            ),
            st.sampled_from(["injectable", "device", "retail", "package", "fee"]),
            st.integers(1, 500_000),
            st.integers(0, 100),
            st.integers(0, 40_000),
        ),
        st.builds(draw, st.sampled_from(["injectable", "device"]), st.integers(0, 100_000)),
    ),
    max_size=6,
)


@st.composite
def visits(draw_: st.DrawFn) -> PricedInvoice:
    lines = draw_(LINES)
    left = sum(line.net_cents + line.tax_cents for line in lines)
    tenders = []
    for kind in TenderKind:
        cents = draw_(st.integers(0, left))
        left -= cents
        if cents:
            tenders.append(Tender(kind=kind, cents=cents))
    return priced(lines, tenders, tip=draw_(st.integers(0, 10_000)))


@given(visits(), visits())
def test_issue_then_amend_ends_where_issuing_the_amended_visit_ends(
    before: PricedInvoice, after: PricedInvoice
) -> None:
    def sums(*posted: Entry | None) -> dict[str, int]:
        total: dict[str, int] = {}
        for entry in posted:
            for account, cents in signed(entry).items() if entry else ():
                total[account] = total.get(account, 0) + cents
        return {account: cents for account, cents in total.items() if cents}

    amended = entries.visit_amended(
        document_id="d2", before=before, after=after, corrects="e", **WHO
    )
    assert sums(issued(before), amended) == sums(issued(after))
    assert sums(issued(after)).get("1100", 0) == after.due_cents


@pytest.mark.parametrize(
    ("kind", "account"),
    [("card", "1020"), ("ach", "1020"), ("cash", "1040"), ("cheque", "1040"), ("other", "1040")],
)
def test_money_arrives_where_it_is_kept(kind: str, account: str) -> None:
    entry = entries.payment_received(
        payment_id="p",
        source="stripe",
        kind=kind,
        amount_to_case_cents=500,
        excess_cents=70,
        **WHO,
    )
    assert signed(entry) == {account: 570, "1100": -500, "2060": -70}


@pytest.mark.parametrize("kind", ["voucher", "gift_card", "account_credit", "product_card"])
def test_a_tender_that_is_not_new_money_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="not new money"):
        entries.payment_received(
            payment_id="p",
            source="boulevard",
            kind=kind,
            amount_to_case_cents=500,
            excess_cents=0,
            **WHO,
        )


def test_the_same_payment_to_another_case_is_another_entry() -> None:
    amounts = {"amount_to_case_cents": 500, "excess_cents": 0}
    first = entries.payment_received(payment_id="p", source="stripe", kind="card", **amounts, **WHO)
    second = entries.payment_received(
        payment_id="p", source="stripe", kind="card", **amounts, **{**WHO, "case_id": "case-2"}
    )
    assert first.entry_id != second.entry_id


def test_money_of_an_unknown_payer_has_no_client_until_it_is_applied() -> None:
    received = entries_held.unidentified_received(
        payment_id="p",
        source="stripe",
        kind="card",
        amount_cents=570,
        location_id="lumin",
        effective_on=TODAY,
    )
    assert signed(received) == {"1020": 570, "2095": -570}
    assert {line.client_id for line in received.postings} == {None}
    applied = entries_held.unidentified_applied(
        payment_id="p", amount_to_case_cents=500, excess_cents=70, **WHO
    )
    assert signed(applied) == {"2095": 570, "1100": -500, "2060": -70}
    owners = {line.account: line.client_id for line in applied.postings}
    assert owners == {"2095": None, "1100": "client-1", "2060": "client-1"}


def test_the_held_money_of_a_known_client() -> None:
    money = {"payment_id": "p", "source": "stripe", "kind": "card", "amount_cents": 570}
    assert signed(entries_held.unapplied_received(**money, **CLIENT_ONLY)) == {
        "1020": 570,
        "2090": -570,
    }
    assert signed(entries_held.duplicate_received(**money, **CLIENT_ONLY)) == {
        "1020": 570,
        "2090": -570,
    }
    applied = entries_held.unapplied_applied(
        payment_id="p", amount_to_case_cents=500, excess_cents=70, **WHO
    )
    assert signed(applied) == {"2090": 570, "1100": -500, "2060": -70}
    kept = entries_held.unapplied_kept_as_credit(payment_id="p", amount_cents=570, **CLIENT_ONLY)
    assert signed(kept) == {"2090": 570, "2060": -570}
    back = entries_held.held_money_refund_owed(payment_id="p", amount_cents=570, **CLIENT_ONLY)
    assert signed(back) == {"2090": 570, "2100": -570}
    unknown = entries_held.held_money_refund_owed(
        payment_id="p", amount_cents=570, **{**CLIENT_ONLY, "client_id": None}
    )
    assert signed(unknown) == {"2095": 570, "2100": -570}


def test_what_a_person_decides_about_a_balance() -> None:
    amount = {"amount_cents": 130}
    credited = entries.credit_balance_to_client(document_id="d", **amount, **WHO)
    assert signed(credited) == {"1100": 130, "2060": -130}
    refunded = entries.refund_owed(document_id="d", **amount, **WHO)
    assert signed(refunded) == {"1100": 130, "2100": -130}
    assert credited.entry_id != refunded.entry_id
    lost = entries.written_off(review_id="r", **amount, **WHO)
    assert signed(lost) == {"6030": 130, "1100": -130}


@pytest.mark.parametrize(
    ("kind", "account"),
    [
        ("unit", "2010"),
        ("membership_credit", "2030"),
        ("gift_card", "2040"),
        ("deposit", "2050"),
        ("account_credit", "2060"),
        ("promotional_credit", None),
        ("points", None),
    ],
)
def test_opening_lots_are_what_the_practice_owes(kind: str, account: str | None) -> None:
    entry = entries.opening_lot(lot_id="l", kind=kind, value_cents=900, **CLIENT_ONLY)
    if account is None:
        assert entry is None
    else:
        assert signed(entry) == {"3000": 900, account: -900}
    assert entries.opening_lot(lot_id="l", kind=kind, value_cents=0, **CLIENT_ONLY) is None
