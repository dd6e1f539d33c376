"""The shape of the books: the chart of accounts and balanced, append-only entries.

An entry never changes. A correction is a new entry that names the one it corrects.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from pydantic import Field, model_validator

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
    Raises ValueError when debits and credits differ.
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
        if sum(line.debit_cents - line.credit_cents for line in self.postings):
            raise ValueError(f"entry {self.event} does not balance")
        return self
