"""The rows that the month-end page is made from, as the books keep them. All cents are signed."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from domain.model import Record


class BookLine(Record):
    """One entry's net on one account, for one client and case; debits are positive.

    `key` is the entry's business key, of a counter-entry the key of what it undoes.
    """

    entry_id: str
    key: str
    event: str
    location_id: str
    on: date
    account: str
    cents: int
    client_id: str | None = None
    case_id: str | None = None
    decided_by: str | None = None


class Unsourced(Record):
    """An entry of the month with its key and what it moves; `is_decided` by a named person."""

    entry_id: str
    key: str
    event: str
    on: date
    cents: int
    is_decided: bool


class Billed(Record):
    """One document's change of what the patient owes."""

    document_id: str
    case_id: str
    number: str
    cents: int
    on: date


class Applied(Record):
    """Part of a payment on a case. `is_given_back`: taken off it because the payer got it back."""

    payment_id: str
    case_id: str
    cents: int
    on: date
    is_given_back: bool = False


class Remitted(Record):
    """What a collection agency paid of a case that was still owed."""

    remittance_id: str
    reference: str
    case_id: str
    cents: int
    on: date


class Signed(Record):
    """A plan of the practice's own: `plan` is its case, `cents` all instalments as signed.

    What a person gave up of one that had ended is a row of its own, below zero.
    """

    plan: str
    cents: int
    on: date
    is_over_asked: bool = False
    """A person was asked about more than its visit owed."""


class Paid(Record):
    """A payment that has arrived, on the local day when its system took it."""

    payment_id: str
    source: str
    object_id: str
    kind: str
    cents: int
    on: date
    location_id: str
    case_id: str | None = None
    client_id: str | None = None
    outside: bool = False
    """Not taken by our processor."""


class Lent(Record):
    """What one document changed of the part of a visit that a lender pays."""

    case_id: str
    client_id: str
    reference: str | None
    cents: int
    on: date


class Deposit(Record):
    """What a lender said last of one deposit: what it pays of the loan, and what arrived."""

    funding_id: str
    loan_id: str
    state: str
    gross_cents: int
    net_cents: int
    on: date


class Moved(Record):
    """One movement of the processor's balance; `names` are our payments that it is about."""

    source: str
    movement_id: str
    payout_id: str
    kind: str
    amount_cents: int
    fee_cents: int
    net_cents: int
    on: date
    object_id: str | None = None
    payment_ids: Sequence[str] = ()


class PaidOut(Record):
    """A payout; `parts_cents` is None while nothing is known of what is in it."""

    source: str
    payout_id: str
    location_id: str
    amount_cents: int
    automatic: bool
    state: str
    arrival_on: date
    failed_on: date | None = None
    accepted_cents: int | None = None
    accepted_by: str | None = None
    shares: Mapping[str, int] | None = None
    is_settled: bool = False


class StatementLine(Record):
    """A line of the bank's statement: a payout's leg, what a person claims, or neither yet."""

    line_id: str
    on: date
    cents: int
    payout_id: str | None = None
    leg: str | None = None
    claim: str | None = None
    location_id: str | None = None


class LotChange(Record):
    """What one kind of change did on one day to a client's lots of one kind; takings negative.

    `change`: opened (before go-live) | sold | draw | return | refund | expire.
    """

    kind: str
    client_id: str
    change: str
    on: date
    cents: int
    quantity: Decimal


class Leaking(Record):
    """A lot whose movements do not explain what is left in it."""

    lot_id: str
    off_quantity: Decimal
    off_cents: int


class OpenQuestion(Record):
    """A question that waits, and since which local day."""

    review_id: str
    code: str
    money_cents: int
    opened_on: date
    owner: str | None = None
