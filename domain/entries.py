"""What each event does to the books: one builder per event, each giving a balanced entry.

Amounts are cents and never negative. Postings are netted per account, client and case.
`effective_on` is the civil date at the location.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from domain.catalog import ItemClass
from domain.chart import LotKind
from domain.invoice import LineKind, PricedInvoice, TenderKind
from domain.ledger import Entry, Tally, entry

RECEIVABLE = "1100"
INSTALLMENT = "instalment"
"""Class of the one line of an instalment's invoice: what was owed later is owed now."""
TIPS, ALLOWANCES = "2080", "4920"

SOLD_AS: Mapping[str, str] = MappingProxyType(
    {
        ItemClass.INJECTABLE: "4010",
        ItemClass.DEVICE: "4020",
        ItemClass.RETAIL: "4030",
        ItemClass.DUES: "4040",
        ItemClass.FEE: "4060",
        ItemClass.PACKAGE: "2010",
        ItemClass.GIFT_CARD: "2040",
        ItemClass.DEPOSIT: "2050",
        INSTALLMENT: "1105",
    }
)
"""Class of item -> the account of its sale."""

SETTLED_FROM: Mapping[str, str] = MappingProxyType(
    {
        TenderKind.MEMBERSHIP_CREDIT: "2030",
        TenderKind.PROMOTIONAL_CREDIT: "4910",
        TenderKind.GIFT_CARD: "2040",
        TenderKind.DEPOSIT: "2050",
        TenderKind.ACCOUNT_CREDIT: "2060",
        TenderKind.POINTS: "1130",
        TenderKind.LENDER: "1030",
    }
)
"""Kind of tender -> the account that it settles from."""

_RECEIVED_IN: Mapping[str, str] = MappingProxyType(
    {
        "card": "1020",
        "ach": "1020",
        "cash": "1040",
        "cheque": "1040",
        "other": "1040",
        "lender": "1030",
    }
)

_LOT_HELD_IN: Mapping[str, str] = MappingProxyType(
    {
        "unit": "2010",
        LotKind.MEMBERSHIP_CREDIT: "2030",
        LotKind.GIFT_CARD: "2040",
        LotKind.DEPOSIT: "2050",
        LotKind.ACCOUNT_CREDIT: "2060",
    }
)


def _visit_tally(client_id: str, case_id: str, priced: PricedInvoice) -> Tally:
    tally = Tally(client_id, case_id)
    for line in priced.lines:
        if line.kind is LineKind.TIP:
            continue
        account = SOLD_AS[line.item_class]
        if line.draw is not None:
            tally.move("2010", account, line.draw.value_cents)
        elif line.item_class == ItemClass.PACKAGE:
            # What is owed to the client never exceeds what they agreed to pay (rules 2.2).
            tally.move(RECEIVABLE, account, line.net_cents)
        else:
            tally.move(RECEIVABLE, account, line.gross_cents - line.credit_cents)
            tally.move(RECEIVABLE, "2030", line.credit_cents)
            tally.move("4910", RECEIVABLE, line.gross_cents - line.net_cents)
    tally.move(RECEIVABLE, "2070", priced.tax_cents)
    tally.move(RECEIVABLE, TIPS, priced.tip_cents)
    for tender in priced.tenders:
        tally.move(SETTLED_FROM[tender.kind], RECEIVABLE, tender.cents)
    return tally


def visit_issued(
    *,
    document_id: str,
    case_id: str,
    client_id: str,
    location_id: str,
    effective_on: date,
    priced: PricedInvoice,
) -> Entry | None:
    """The books of an issued visit: receivable, revenue, tax, tips, draws and tenders.

    The line on 1100 nets to `due_cents`. None when the visit moves no money at all.
    Lots made from a sold package must be valued at the line's `net_cents`, those of gift cards,
    deposits and dues as `domain.lots.sold_credits` says.
    """
    tally = _visit_tally(client_id, case_id, priced)
    if not tally.postings():
        return None
    return entry("visit_issued", f"issued|{document_id}", location_id, effective_on, tally)


def plan_signed_key(plan_case_id: str) -> str:
    """Business key of a plan of the practice's own that was signed."""
    return f"plan-signed|{plan_case_id}"


def plan_signed(
    *,
    plan_case_id: str,
    amount_cents: int,
    client_id: str,
    visit_case_id: str | None,
    location_id: str,
    effective_on: date,
) -> Entry:
    """What a visit owes is owed by instalments; without a visit it is older than the books."""
    tally = Tally(client_id, visit_case_id)
    tally.move("1105", RECEIVABLE if visit_case_id else "3000", amount_cents)
    return entry("plan_signed", plan_signed_key(plan_case_id), location_id, effective_on, tally)


def plan_rest_written_off(
    *,
    plan_case_id: str,
    review_id: str,
    amount_cents: int,
    client_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """A person gives up what a plan that has ended had left to bill."""
    tally = Tally(client_id, plan_case_id).move("6030", "1105", amount_cents)
    key = f"plan-rest|{plan_case_id}|{review_id}"
    return entry("plan_rest_written_off", key, location_id, effective_on, tally)


def visit_amended(
    *,
    document_id: str,
    case_id: str,
    client_id: str,
    location_id: str,
    effective_on: date,
    before: PricedInvoice,
    after: PricedInvoice,
    corrects: str | None,
) -> Entry | None:
    """What an amended chart changes in the books; None when it changes nothing.

    `document_id` is the supplement or credit note, `corrects` the entry of the visit,
    None when that visit changed nothing in the books.
    """
    tally = _visit_tally(client_id, case_id, after).minus(_visit_tally(client_id, case_id, before))
    if not tally.postings():
        return None
    key = f"amended|{document_id}"
    return entry("visit_amended", key, location_id, effective_on, tally, corrects)


def money_in(kind: str) -> str:
    """The account that money of a kind arrives in and leaves from; ValueError for no money."""
    if kind not in _RECEIVED_IN:
        raise ValueError(f"a {kind} tender is not new money")
    return _RECEIVED_IN[kind]


def payment_received(
    *,
    payment_id: str,
    source: str,
    kind: str,
    amount_to_case_cents: int,
    excess_cents: int,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """Money for a case; what is over the balance becomes the client's credit.

    `kind`: card | ach reach the processor, cash | cheque | other the drawer, lender is what a
    lender owes us from its tender on (row 17). One payment over
    several cases is one entry per case. Raises ValueError on a kind that is not new money.
    """
    tally = Tally(client_id, case_id)
    tally.move(money_in(kind), RECEIVABLE, amount_to_case_cents)
    tally.move(money_in(kind), "2060", excess_cents)
    key = f"received|{source}|{payment_id}|{case_id}"
    return entry("payment_received", key, location_id, effective_on, tally)


def credit_balance_to_client(
    *,
    document_id: str,
    amount_cents: int,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """A paid visit amended down leaves the patient in credit; it moves to their account."""
    tally = Tally(client_id, case_id).move(RECEIVABLE, "2060", amount_cents)
    key = f"credit-to-client|{document_id}"
    return entry("credit_balance_to_client", key, location_id, effective_on, tally)


def credit_applied(
    *,
    review_id: str,
    amount_cents: int,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """A person uses the client's credit for a visit; `review_id` is the question answered."""
    tally = Tally(client_id, case_id).move("2060", RECEIVABLE, amount_cents)
    key = f"credit-applied|{review_id}"
    return entry("credit_applied", key, location_id, effective_on, tally)


def refund_owed(
    *,
    document_id: str,
    amount_cents: int,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """A paid visit amended down, and a person refunds the difference."""
    tally = Tally(client_id, case_id).move(RECEIVABLE, "2100", amount_cents)
    key = f"refund-owed|{document_id}"
    return entry("refund_owed", key, location_id, effective_on, tally)


def written_off(
    *,
    review_id: str,
    amount_cents: int,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """A person gives up a balance; `review_id` is the question that they answered."""
    tally = Tally(client_id, case_id).move("6030", RECEIVABLE, amount_cents)
    key = f"written-off|{review_id}"
    return entry("written_off", key, location_id, effective_on, tally)


def lot_account(kind: str) -> str:
    """The account of what is owed for a lot: `unit` or a LotKind; ValueError for any other."""
    if kind not in _LOT_HELD_IN:
        raise ValueError(f"no account is known for a lot of kind {kind}")
    return _LOT_HELD_IN[kind]


_OWED_NOTHING = frozenset({"promotional_credit", "points"})


def opening_lot(
    *,
    lot_id: str,
    kind: str,
    value_cents: int,
    client_id: str,
    location_id: str,
    effective_on: date,
) -> Entry | None:
    """A lot sold before go-live. `kind` is `unit` or a LotKind.

    None for a lot that the practice owes nothing for: promotional credit, manufacturer
    points, or no value. Raises ValueError for a kind that nobody has described.
    """
    if kind in _OWED_NOTHING or not value_cents:
        return None
    tally = Tally(client_id).move("3000", lot_account(kind), value_cents)
    return entry("opening_lot", f"opening|{lot_id}", location_id, effective_on, tally)
