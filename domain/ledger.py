"""The shape of the books: the chart of accounts and balanced, append-only entries.

An entry never changes. A correction is a new entry that names the one it corrects.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Literal

from pydantic import Field, model_validator

from domain import ids
from domain.model import Record

ACCOUNTS: Mapping[str, str] = MappingProxyType(
    {
        "1010": "Bank",
        "1020": "Processor clearing",
        "1030": "Lender receivable",
        "1040": "Cash drawer",
        "1100": "AR patients",
        "1105": "Instalments not yet due",
        "1110": "Allowance",
        "1120": "Disputed funds",
        "1130": "Manufacturer receivable",
        "2010": "Deferred packages",
        "2030": "Membership credit",
        "2040": "Gift cards",
        "2050": "Deposits",
        "2060": "Client credit",
        "2070": "Sales tax",
        "2080": "Tips payable",
        "2090": "Unapplied cash",
        "2095": "Unidentified receipts",
        "2100": "Refunds payable",
        "2110": "Unclaimed property",
        "3000": "Opening balances",
        "4010": "Injectables",
        "4020": "Device services",
        "4030": "Retail",
        "4040": "Membership dues",
        "4050": "Breakage",
        "4060": "Fees",
        "4910": "Discounts",
        "4920": "Allowances",
        "6010": "Processing fees",
        "6020": "Lender fees",
        "6030": "Bad debt",
        "6040": "Dispute fees",
        "6060": "Rounding",
        "6070": "Goodwill",
    }
)


Event = Literal[
    "visit_issued",
    "visit_amended",
    "plan_signed",
    "plan_rest_written_off",
    "payment_received",
    "unidentified_received",
    "unidentified_applied",
    "unapplied_received",
    "unapplied_applied",
    "unapplied_let_go",
    "payment_taken_off",
    "duplicate_received",
    "unapplied_kept_as_credit",
    "held_money_refund_owed",
    "credit_balance_to_client",
    "credit_applied",
    "refund_owed",
    "written_off",
    "opening_lot",
    "drawer_deposited",
    "dispute_lost",
    "recovered",
    "agency_remitted",
    "lender_held",
    "lender_funded",
    "lender_taken_back",
    "lender_billed_instead",
    "lender_plan_cancelled",
    "lender_placed",
    "breakage",
    "escheated",
    "refund_paid",
    "refund_returned",
    "dispute_withdrawn",
    "dispute_reinstated",
    "dispute_fee",
    "processor_fee",
    "payout_paid",
    "payout_difference_accepted",
    "visit_refunded",
    "payment_reversed",
    "credit_refunded",
    "refund_expensed",
    "given_back",
    "refund_kept_as_credit",
]
"""What an entry is of. Its counter-entry is named after it: `written_off_reversed`."""


class Posting(Record):
    """One line of an entry, in cents: a debit or a credit, never both."""

    account: str
    debit_cents: int = Field(default=0, ge=0)
    credit_cents: int = Field(default=0, ge=0)
    client_id: str | None = None
    case_id: str | None = None

    @model_validator(mode="after")
    def _is_one_sided(self) -> "Posting":
        if self.account not in ACCOUNTS:
            raise ValueError(f"no account {self.account}")
        if (self.debit_cents > 0) == (self.credit_cents > 0):
            raise ValueError("a posting is either a debit or a credit")
        return self


class Entry(Record):
    """One balanced entry. `business_key` is what a retry repeats, `entry_id` comes from it.

    `effective_on` is the civil date at the location. `corrects` names an earlier entry.
    Raises ValueError when debits and credits differ, in the whole or for one of several clients.
    """

    entry_id: str
    business_key: str
    event: str
    location_id: str
    effective_on: date
    postings: tuple[Posting, ...]
    corrects: str | None = None

    @model_validator(mode="after")
    def _balances(self) -> "Entry":
        if len(self.postings) < 2:
            raise ValueError(f"entry {self.event} has fewer than two postings")
        nets: dict[str | None, int] = {}
        for line in self.postings:
            net_cents = line.debit_cents - line.credit_cents
            nets[line.client_id] = nets.get(line.client_id, 0) + net_cents
        clients = nets.keys() - {None}
        if sum(nets.values()) or (len(clients) > 1 and any(nets.values())):
            raise ValueError(f"entry {self.event} does not balance")
        return self


class Tally:
    """Signed cents per account, client and case; debits are positive."""

    def __init__(self, client_id: str | None = None, case_id: str | None = None) -> None:
        self._owner = (client_id, case_id)
        self._cents: dict[tuple[str, str | None, str | None], int] = {}

    def add(self, account: str, cents: int, *, ownerless: bool = False) -> "Tally":
        """Add a debit (positive) or credit (negative); `ownerless` lines carry no client."""
        key = (account, *((None, None) if ownerless else self._owner))
        self._cents[key] = self._cents.get(key, 0) + cents
        return self

    def move(self, debit: str, credit: str, cents: int) -> "Tally":
        """Debit one account and credit another with the same amount, never a negative one."""
        if cents < 0:
            raise ValueError(f"cannot move {cents} cents from {credit} to {debit}")
        return self.add(debit, cents).add(credit, -cents)

    def plus(self, other: "Tally") -> "Tally":
        """Add another tally, line by line; its lines keep their owners."""
        for key, cents in other._cents.items():
            self._cents[key] = self._cents.get(key, 0) + cents
        return self

    def minus(self, other: "Tally") -> "Tally":
        """Take another tally away, line by line."""
        for key, cents in other._cents.items():
            self._cents[key] = self._cents.get(key, 0) - cents
        return self

    def postings(self) -> tuple[Posting, ...]:
        """The lines that are not zero, by account."""
        lines = sorted(self._cents.items(), key=lambda item: tuple(part or "" for part in item[0]))
        return tuple(
            Posting(
                account=account,
                debit_cents=max(cents, 0),
                credit_cents=max(-cents, 0),
                client_id=client,
                case_id=case,
            )
            for (account, client, case), cents in lines
            if cents
        )


def entry(
    event: Event,
    business_key: str,
    location_id: str,
    effective_on: date,
    tally: Tally,
    corrects: str | None = None,
) -> Entry:
    """The entry of a tally, its id made from the business key so that a retry repeats it."""
    return Entry(
        entry_id=ids.entry_id(business_key),
        business_key=business_key,
        event=event,
        location_id=location_id,
        effective_on=effective_on,
        postings=tally.postings(),
        corrects=corrects,
    )


def reverse(original: Entry, new_business_key: str, effective_on: date) -> Entry:
    """The counter-entry that undoes exactly one entry."""
    return Entry(
        entry_id=ids.entry_id(new_business_key),
        business_key=new_business_key,
        event=f"{original.event}_reversed",
        location_id=original.location_id,
        effective_on=effective_on,
        postings=tuple(
            line.model_copy(
                update={"debit_cents": line.credit_cents, "credit_cents": line.debit_cents}
            )
            for line in original.postings
        ),
        corrects=original.entry_id,
    )
