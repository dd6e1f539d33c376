"""What money that goes back does to the books (rules 2.8, 2.12 rows 26-29).

What a refund is for is booked first, against 2100 Refunds payable; 2100 is then paid by each
movement of money, and stays open as long as one has not arrived.

Money of an unknown payer came in without a client, also when a person has said since whose
invoice it pays. Gone back in the processor's pages, it leaves without a client: `is_payer_known`
False keeps the client off the line of 2100, so that 2100 nets to zero for each client.
"""

from collections.abc import Sequence
from datetime import date

from domain.catalog import ItemClass
from domain.entries import ALLOWANCES, SETTLED_FROM, SOLD_AS, TIPS, money_in
from domain.ledger import Entry, Tally, entry
from domain.refund_types import LineBack, RefundPlan

OWED_BACK = "2100"
_AR, _TAX, _BREAKAGE, _BAD_DEBT, _GOODWILL = "1100", "2070", "4050", "6030", "6070"
_PACKAGES = SOLD_AS[ItemClass.PACKAGE]
_CREDIT, _LENDER = "2060", "1030"


def visit_refunded_key(refund_id: str) -> str:
    """Business key of what a refund of a visit is for."""
    return f"visit-refunded|{refund_id}"


def visit_refunded(
    *,
    refund_id: str,
    plan: RefundPlan,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
    is_payer_known: bool = True,
) -> Entry | None:
    """A refund of a visit by its lines: allowance, tax, tips, packages, draws and tenders.

    None when it moves no value: units that were worth nothing return to their lot.
    """
    tally = Tally(client_id, case_id)
    for line in plan.lines:
        _line(tally, line)
    tally.add(_AR, -plan.forgiven_cents).add(_BAD_DEBT, -plan.unwritten_cents)
    for credit in plan.credits:
        tally.add(SETTLED_FROM[credit.kind], -credit.cents)
    tally.add(OWED_BACK, -plan.money_cents, ownerless=not is_payer_known)
    if not tally.postings():
        return None
    key = visit_refunded_key(refund_id)
    return entry("visit_refunded", key, location_id, effective_on, tally)


def _line(tally: Tally, line: LineBack) -> None:
    if line.draw is not None:
        tally.move(line.account, _PACKAGES, line.draw.value_cents)
    elif line.account in (ALLOWANCES, TIPS):
        tally.add(line.account, line.net_cents)
    else:
        liability_cents = sum(draw.value_cents for draw in line.unused)
        tally.add(line.account, liability_cents)
        more_cents = line.net_cents - liability_cents
        tally.add(ALLOWANCES if more_cents > 0 else _BREAKAGE, more_cents)
    tally.add(_TAX, line.tax_cents)


def payment_reversed(
    *,
    key: str,
    parts: Sequence[tuple[str, int]],
    client_id: str,
    location_id: str,
    effective_on: date,
    is_payer_known: bool = True,
) -> Entry:
    """A payment went back and the patient owes it again: 1100 of each case to 2100."""
    tally = Tally(client_id)
    for case_id, cents in parts:
        part = Tally(client_id, case_id).add(_AR, cents)
        tally = tally.plus(part.add(OWED_BACK, -cents, ownerless=not is_payer_known))
    return entry("payment_reversed", key, location_id, effective_on, tally)


def credit_refunded(
    *,
    refund_id: str,
    amount_cents: int,
    client_id: str,
    location_id: str,
    effective_on: date,
    is_payer_known: bool = True,
) -> Entry:
    """A client's own credit goes back to them: 2060 to 2100, no invoice needed."""
    tally = Tally(client_id).add(_CREDIT, amount_cents)
    tally.add(OWED_BACK, -amount_cents, ownerless=not is_payer_known)
    key = f"credit-refunded|{refund_id}"
    return entry("credit_refunded", key, location_id, effective_on, tally)


def refund_expensed(
    *,
    refund_id: str,
    amount_cents: int,
    client_id: str | None,
    location_id: str,
    effective_on: date,
) -> Entry:
    """A refund that nothing explains is borne by the practice as goodwill: 6070 to 2100."""
    tally = Tally(client_id).move(_GOODWILL, OWED_BACK, amount_cents)
    key = f"refund-expensed|{refund_id}"
    return entry("refund_expensed", key, location_id, effective_on, tally)


def given_back_key(move_id: str) -> str:
    """Business key of money that a person gave back outside the processor."""
    return f"given-back|{move_id}"


def given_back(
    *,
    move_id: str,
    kind: str,
    amount_cents: int,
    client_id: str | None,
    location_id: str,
    effective_on: date,
) -> Entry:
    """A person gave back what was owed: 2100 to where money of that kind leaves from.

    A lender's part is told to the lender, who then takes it from what it owes us (1030).
    """
    leaves_from = _LENDER if kind == "lender" else money_in(kind)
    tally = Tally(client_id).move(OWED_BACK, leaves_from, amount_cents)
    return entry("given_back", given_back_key(move_id), location_id, effective_on, tally)


def refund_kept_as_credit(
    *, move_id: str, amount_cents: int, client_id: str, location_id: str, effective_on: date
) -> Entry:
    """A refund that did not arrive becomes the client's credit instead: 2100 to 2060."""
    tally = Tally(client_id).move(OWED_BACK, _CREDIT, amount_cents)
    key = f"refund-kept|{move_id}"
    return entry("refund_kept_as_credit", key, location_id, effective_on, tally)
