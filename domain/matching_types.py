"""What payment matching reads and answers. Amounts are cents, dates civil dates at the location."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from domain.matching_policy import MatchPolicy, Tier, TierRecord
from domain.model import Authored, Record

Cents = Annotated[int, Field(ge=-(10**15), le=10**15)]
State = Literal["in_flight", "settled"]
Kind = Literal["card", "ach", "cash", "cheque", "lender", "other"]


class _Input(Authored):
    """A person may write it (`tieout match`). A refused value is not quoted: it may be a name."""

    model_config = ConfigDict(hide_input_in_errors=True)


class Hints(_Input):
    """What else is known of a person: hashes of phone and e-mail, and a name. Only ranks."""

    phone_hash: str | None = None
    email_hash: str | None = None
    name: str = Field(default="", max_length=100, repr=False)


class Funding(_Input):
    """What a lender says of money that it sent; None where its report lacks the figure."""

    lender: str
    loan_id: str
    gross_cents: Cents | None = None
    fee_cents: Cents | None = None


class PaymentToMatch(_Input):
    """A payment fact. `source` and `payment_id` identify it at its processor.

    `client_id` is the payer, `case_id` what the payment refers to, `visit_id` the PMS visit
    that it was taken on; each None when unknown. `paid_on` is the civil date at the location.
    Of a lender's money `amount_cents` is the net that arrived and `funding` says what for.
    """

    source: str
    payment_id: str
    location_id: str
    amount_cents: Cents
    currency: str
    paid_on: date
    client_id: str | None = None
    case_id: str | None = None
    visit_id: str | None = None
    is_from_pms: bool = False
    is_card_present: bool = False
    memo: str = Field(default="", repr=False)
    kind: Kind = "card"
    state: State = "settled"
    account_id: str | None = None
    """The processor account that took it."""
    payer: Hints | None = None
    funding: Funding | None = None


class Instalment(_Input):
    """One part of an in-house plan."""

    instalment_id: str
    due_on: date
    cents: Annotated[Cents, Field(gt=0)]
    is_paid: bool = False


class OpenItem(_Input):
    """A case's receivable. `payer_ids` are registered payers besides the client.

    Closed and void items are passed too, so that a reference to one is recognised.
    `balance_cents` is owed now; instalments that are not due yet stand beside it.
    """

    case_id: str
    client_id: str
    number: str
    visit_id: str | None
    balance_cents: Cents
    issued_on: date
    due_on: date
    is_open: bool = True
    payer_ids: tuple[str, ...] = ()
    client: Hints | None = None
    instalments: tuple[Instalment, ...] = ()

    @model_validator(mode="after")
    def _instalments_differ(self) -> "OpenItem":
        names = [each.instalment_id for each in self.instalments]
        if len(names) != len(set(names)):
            raise ValueError("two instalments have the same instalment_id")
        return self


class FinancedItem(_Input):
    """A lender's part of a case: a receivable against the lender, never against the patient."""

    lender: str
    loan_id: str
    programme: str = ""
    case_id: str
    client_id: str
    number: str
    financed_cents: Annotated[Cents, Field(gt=0)]
    signed_on: date
    is_open: bool = True


class EarlierPayment(_Input):
    """A payment that is known already, as far as it went to one case; None while it is held.

    `amount_cents` is the whole payment, which is what a second one repeats. `is_applied`: the
    case's balance is lower for it already.
    """

    source: str
    payment_id: str
    client_id: str | None
    case_id: str | None
    amount_cents: Cents
    paid_on: date
    kind: Kind = "card"
    state: State = "settled"
    is_applied: bool = True

    @property
    def is_in_balance(self) -> bool:
        """Whether what the case owes shows it; money on its way lowers nothing."""
        return self.is_applied and self.state == "settled"


class Allocation(Record):
    """Cents of a payment for one case; `instalment_id` when it is for that part of a plan alone."""

    case_id: str
    cents: int
    instalment_id: str | None = None


class Closing(Record):
    """Cents that no payment brings and that close a case all the same, with their account.

    6060: what a cheque is short within the practice's tolerance. 6020: the fee a lender keeps.
    """

    case_id: str
    cents: int
    account: Literal["6060", "6020"]


class Candidate(Record):
    """Cases that a person is shown, best first; `points` of 100 only rank."""

    case_ids: tuple[str, ...]
    points: int
    reasons: tuple[str, ...]


class Matched(Record):
    """Certain: allocations plus `excess_cents` (to the client's credit) sum to the payment.

    `trace` says why, `tried` which tiers were asked before and had no answer.
    """

    allocations: tuple[Allocation, ...]
    excess_cents: int
    tier: Tier
    notice: str | None
    trace: tuple[str, ...]
    closings: tuple[Closing, ...] = ()
    tried: tuple[str, ...] = ()


class Proposed(Record):
    """Exact, and still one click of a person. The same sum holds as for Matched.

    `rivals` are the next best, `margin_points` the lead over the best of them;
    `is_preticked` when that lead is wide enough.
    """

    allocations: tuple[Allocation, ...]
    tier: Tier
    trace: tuple[str, ...]
    excess_cents: int = 0
    notice: str | None = None
    closings: tuple[Closing, ...] = ()
    rivals: tuple[Candidate, ...] = ()
    margin_points: int = 0
    is_preticked: bool = False
    tried: tuple[str, ...] = ()


class FeeDifference(Record):
    """Both figures of a lender's fee; no `schedule_cents` when no schedule is known."""

    schedule_cents: int | None
    kept_cents: int


class HeldPayment(Record):
    """Not certain: `code` is the review's. Booked to 2090 for a known client, else 2095.

    `is_new_money` is False when there is nothing to book: it was booked before, or it is no
    receipt at all.
    """

    code: str
    account: str
    candidates: tuple[Candidate, ...]
    trace: tuple[str, ...]
    client_id: str | None = None
    is_new_money: bool = True
    fee: FeeDifference | None = None
    tried: tuple[str, ...] = ()


Match = Matched | Proposed | HeldPayment


@dataclass(frozen=True)
class Asked:
    """One question to all tiers. Items, loans and earlier payments stand in a fixed order."""

    payment: PaymentToMatch
    items: tuple[OpenItem, ...]
    loans: tuple[FinancedItem, ...]
    earlier: tuple[EarlierPayment, ...]
    policy: MatchPolicy
    record: tuple[TierRecord, ...]
    location_id: str
    currency: str
    account_id: str | None
    is_period_open: bool


def is_payer(payment: PaymentToMatch, item: OpenItem) -> bool:
    """Whether the payer is the item's client or registered for it."""
    return payment.client_id is not None and payment.client_id in (item.client_id, *item.payer_ids)
