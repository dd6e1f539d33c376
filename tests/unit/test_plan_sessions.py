"""Which plan a visit is a session of."""

from decimal import Decimal

import pytest

from domain.invoice import Draw, InvoiceLine, LineKind, PricedInvoice
from domain.plan_sessions import Candidate, plan_of


def line(item_class: str, lot_id: str | None = None) -> InvoiceLine:
    draw = Draw(lot_id=lot_id, quantity=Decimal(1), value_cents=1) if lot_id else None
    return InvoiceLine(
        line_id="1",
        chart_line_id="1",
        kind=LineKind.DRAW if draw else LineKind.SALE,
        sku="sku",
        item_class=item_class,
        quantity=Decimal(1),
        unit_cents=100,
        gross_cents=100,
        net_cents=0 if draw else 100,
        draw=draw,
    )


def visit(*lines: InvoiceLine) -> PricedInvoice:
    return PricedInvoice(
        engine_version="1",
        catalog_version=1,
        currency="USD",
        lines=lines,
        subtotal_cents=0,
        discount_cents=0,
        tax_cents=0,
        tip_cents=0,
        total_cents=0,
        tenders=(),
        due_cents=0,
    )


def plan(name: str, **more: object) -> Candidate:
    return Candidate(lender="cherry", plan_id=name, **{"visit_id": None, **more})


OLD, NEW = plan("old", sessions_left=2), plan("new", sessions_left=4)
PACKAGE = plan("package", lot_ids=("lot-1",), sessions_left=3)
SERVICE = visit(line("device"))


def named(priced: PricedInvoice, *plans: Candidate, visit_id: str = "v-1") -> str | None:
    found = plan_of(visit_id, priced, plans)
    return found.plan_id if found else None


def test_a_service_is_a_session_of_the_oldest_plan_with_some_left() -> None:
    assert named(SERVICE, OLD, NEW) == "old"
    assert named(SERVICE, plan("through", sessions_left=0), NEW) == "new"
    assert named(SERVICE, plan("unsaid"), NEW) == "unsaid"
    assert named(SERVICE) is None


def test_the_visit_that_was_financed_is_its_own_plan_s() -> None:
    assert named(SERVICE, OLD, plan("bought", visit_id="v-1", sessions_left=1)) == "bought"


def test_a_package_is_delivered_by_drawing_from_it_and_by_nothing_else() -> None:
    assert named(visit(line("device", "lot-1")), OLD, PACKAGE) == "package"
    assert named(SERVICE, PACKAGE) is None
    assert named(visit(line("device", "lot-9")), PACKAGE, NEW) == "new"


@pytest.mark.parametrize("item_class", ["retail", "package", "dues", "gift_card", "fee"])
def test_what_is_only_sold_is_no_session(item_class: str) -> None:
    assert named(visit(line(item_class)), OLD) is None
