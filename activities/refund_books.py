"""What a refund reads in the books: a visit's money, and a client's own credit."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from domain import ids
from domain.catalog import Catalog, Package
from domain.invoice import InvoiceLine, LineKind, TenderKind
from domain.money import round_half_up
from domain.refund_case import RefundRequest
from domain.refund_types import (
    CreditUsed,
    Given,
    MoveBack,
    NoRefund,
    Refunded,
    RefundPlan,
    SoldLot,
    VisitMoney,
    Way,
)
from domain.refunds import along, plan_refund
from store import catalogs, invoices, ledger, refund_facts, refunds
from store.db import Conn
from store.invoices import Document
from store.refund_facts import CreditPart, LotLeft, PaidPart
from store.refunds import RefundRow

LENDER: Way = "lender"
BY_HAND = "other"
"""How money is given that does not go back along its payment."""


async def plan_of(conn: Conn, request: RefundRequest, zone: str) -> RefundPlan | NoRefund:
    """What a refund that is asked for would do now. The caller holds the client's lock."""
    if request.case_id is None:
        return await _plan_credit(conn, request)
    money = await visit_money(conn, request.case_id, zone)
    return money if isinstance(money, NoRefund) else plan_refund(money, request.ask)


async def _plan_credit(conn: Conn, request: RefundRequest) -> RefundPlan | NoRefund:
    """A client's credit goes back along the payments that it came from, else by hand."""
    left_cents, moves, used = request.credit_cents or 0, list[MoveBack](), list[CreditUsed]()
    sources = await _sources_of_credit(conn, request.client_id)
    for lot in await refund_facts.credit_lots(conn, request.client_id):
        part_cents = min(left_cents, lot.cents)
        if part_cents <= 0:
            continue
        left_cents -= part_cents
        used.append(CreditUsed(kind=TenderKind.ACCOUNT_CREDIT, cents=part_cents, lot_id=lot.lot_id))
        found = along(sources.get(lot.lot_id, ()), part_cents)
        if isinstance(found, NoRefund):
            return found
        moves += [*found[0], *by_hand(found[1])]
    if left_cents or not moves:
        return NoRefund(why="The client has less credit than that; see `tieout client log`.")
    return RefundPlan(lines=(), credits=tuple(used), moves=tuple(moves))


def by_hand(cents: int) -> tuple[MoveBack, ...]:
    """What no payment can carry back is given by the desk."""
    move = MoveBack(way="desk", source="desk", cents=cents, kind=BY_HAND) if cents else None
    return (move,) if move else ()


async def _sources_of_credit(conn: Conn, client_id: str) -> dict[str, tuple[Given, ...]]:
    """Credit lot -> the payment that it was too much of."""
    parts = await refund_facts.left_of_client(conn, client_id)
    return {
        lot_id: (given_of(part),)
        for part in parts
        for lot_id in ids.credit_lot_ids(part.payment_id)
    }


async def visit_money(conn: Conn, case_id: str, zone: str) -> VisitMoney | NoRefund:
    """A billed visit and all that settled it. The caller holds the client's lock."""
    document = await invoices.latest_document(conn, case_id)
    if document is None:
        return NoRefund(why="This visit has no invoice yet, so there is nothing to give back.")
    priced = document.priced
    catalog = await catalogs.get_catalog(conn, document.location_id, document.catalog_version)
    holders = await refund_facts.credit_holders(conn, case_id)
    earlier = await refunds.of_case(conn, case_id)
    draws = [line.draw.lot_id for line in priced.lines if line.draw]
    return VisitMoney(
        priced=priced,
        open_cents=await ledger.balance_of_case(conn, case_id),
        written_off_cents=await refund_facts.written_off(conn, case_id),
        given=tuple(map(given_of, await refund_facts.given(conn, case_id))),
        credits=(
            *map(_credit, await refund_facts.credits_used(conn, holders)),
            *await _lenders(conn, document, earlier),
        ),
        sold=_sold(
            document, catalog, await refund_facts.lots_of(conn, ids.document_id(case_id, 1))
        ),
        refunded=_refunded([row.plan for row in earlier]),
        expired_lots=await refund_facts.expired(conn, draws, zone),
    )


def given_of(part: PaidPart) -> Given:
    """A payment's part as a refund sees it; a lender's goes to the lender alone (2.6)."""
    way: Way = "desk" if part.outside else "processor"
    if part.kind == LENDER:
        way = LENDER
    return Given(
        payment_id=part.payment_id,
        way=way,
        source=part.source,
        kind=part.kind,
        cents=max(0, part.left_cents),
        at=part.at,
        is_disputed=part.is_disputed,
    )


def _credit(part: CreditPart) -> CreditUsed:
    return CreditUsed(
        kind=TenderKind(part.kind), cents=part.cents, lot_id=part.lot_id, holder=part.holder
    )


async def _lenders(
    conn: Conn, document: Document, earlier: Sequence[RefundRow]
) -> list[CreditUsed]:
    """The lender's part of the bill, less what went back to the lender."""
    moves = [m for row in earlier for m in await refunds.moves_of(conn, row.refund_id)]
    gone_cents = sum(m.amount_cents for m in moves if m.way == LENDER and m.state in refunds.LIVE)
    used = []
    for tender in document.priced.tenders:
        if tender.kind is TenderKind.LENDER:
            left_cents = max(0, tender.cents - gone_cents)
            gone_cents = max(0, gone_cents - tender.cents)
            used.append(CreditUsed(kind=tender.kind, cents=left_cents, reference=tender.reference))
    return used


def _sold(
    document: Document, catalog: Catalog, left: dict[str, LotLeft]
) -> dict[str, tuple[SoldLot, ...]]:
    """What each line sold for later, as far as the books have a lot of it."""
    packages = {package.sku: package for package in catalog.packages}
    found = {
        line.line_id: tuple(_lots(document, line, packages.get(line.sku), left))
        for line in document.priced.lines
        if line.kind is LineKind.SALE
    }
    return {line_id: lots for line_id, lots in found.items() if lots}


def _lots(
    document: Document, line: InvoiceLine, package: Package | None, left: dict[str, LotLeft]
) -> Iterator[SoldLot]:
    """The lots of a line: of the newest document that granted them."""
    for place in range(1, len(package.contents) + 1 if package else 2):
        names = (
            ids.lot_id(ids.document_id(document.case_id, number), line.line_id, place)
            for number in range(document.document_no, 0, -1)
        )
        lot = next((left[name] for name in names if name in left), None)
        if lot is not None:
            used, at_list = lot.opening_quantity - lot.quantity, Decimal(0)
            if package is not None:
                content = package.contents[place - 1]
                at_list = Decimal(content.standalone_cents) * used / content.quantity
            yield SoldLot(
                lot_id=lot.lot_id,
                remaining=lot.quantity,
                value_cents=lot.cents,
                used=used,
                used_at_list_cents=round_half_up(at_list),
            )


def _refunded(plans: Sequence[RefundPlan]) -> dict[str, Refunded]:
    found: dict[str, Refunded] = {}
    for line in (line for plan in plans for line in plan.lines):
        before = found.get(line.line_id, Refunded())
        found[line.line_id] = Refunded(
            net_cents=before.net_cents + line.net_cents,
            tax_cents=before.tax_cents + line.tax_cents,
            is_returned=before.is_returned or bool(line.draw or line.unused),
        )
    return found
