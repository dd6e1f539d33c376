"""What we take each lender to do, as versioned data: ways in, words, limits, days.

No lender publishes a usable reference, so a contract is mostly our assumption behind a port. Each
claim says what it rests on; docs/connectors has the same claims with what to check first.
"""

from collections.abc import Mapping
from datetime import time
from enum import StrEnum
from types import MappingProxyType

from pydantic import Field

from domain.model import Record
from domain.plan_case import Lender, PlanStatus


class Mode(StrEnum):
    """A way in. A webhook alone is none: each lender has one of the others, too (F9)."""

    WEBHOOK = "webhook"
    POLL = "poll"
    FILE = "file"
    MANUAL = "manual"


class Basis(StrEnum):
    """What a claim rests on."""

    DOCUMENTED = "documented"
    THIRD_PARTY = "third party"
    SEED = "told by users"
    """Said where the product was asked for; found in no public source."""
    ASSUMED = "assumed"


class Claim(Record):
    """One thing that we take a lender to do."""

    basis: Basis
    text: str


class LenderContract(Record):
    """One lender. Days are civil unless they say business days; times are the location's."""

    lender: Lender
    version: str
    name: str
    """As the desk and the patient know it."""
    modes: tuple[Mode, ...]
    words: Mapping[str, PlanStatus] = Field(default_factory=dict)
    """The lender's status words, lower case. Any other word is `unknown` and for a person."""
    announced: frozenset[PlanStatus] = frozenset()
    """Statuses that a webhook should bring; one found by a poll instead was missed."""
    calls_per_hour: int = 0
    poll_minutes: int = 0
    poll_back_hours: int = 0
    """How far each poll looks back beyond the last one that was read to its end."""
    cuts: tuple[time, ...] = ()
    """When the lender makes its files."""
    lag_hours: int = 0
    file_due_at: time | None = None
    """A day's first file that is not there by then is asked about (G9)."""
    fund_business_days: int = 3
    """After so many days without money the desk calls the lender."""
    pending_days: int = 3
    """How long an unanswered contract keeps its part of a bill from being chased."""
    first_payment_days: int | None = None
    """First payment so many days after acceptance, where the lender says so and sends no date."""
    has_schedule: bool = True
    claims: tuple[Claim, ...] = ()

    def status_of(self, word: str) -> PlanStatus:
        """Our status for a lender's word; UNKNOWN for one that nobody has mapped."""
        return self.words.get(word.strip().lower(), PlanStatus.UNKNOWN)


def _claims(**by_basis: tuple[str, ...]) -> tuple[Claim, ...]:
    return tuple(
        Claim(basis=Basis[basis.upper()], text=text)
        for basis, texts in by_basis.items()
        for text in texts
    )


_PLATFORM_WORDS: Mapping[str, PlanStatus] = {
    "submitted": PlanStatus.SUBMITTED,
    "in_review": PlanStatus.IN_REVIEW,
    "approved": PlanStatus.APPROVED,
    "approved_partial": PlanStatus.APPROVED,
    "declined": PlanStatus.DECLINED,
    "expired": PlanStatus.EXPIRED,
    "withdrawn": PlanStatus.WITHDRAWN,
    "pending": PlanStatus.PENDING_PATIENT,
    "pending_patient": PlanStatus.PENDING_PATIENT,
    "accepted": PlanStatus.ACCEPTED,
    "rejected": PlanStatus.REJECTED,
    "cancelled": PlanStatus.CANCELLED,
    "canceled": PlanStatus.CANCELLED,
    "partially_refunded": PlanStatus.PARTLY_REFUNDED,
    "refunded": PlanStatus.REFUNDED,
    "paid_off": PlanStatus.PAID_OFF,
    "refinanced": PlanStatus.REFINANCED,
    "charged_off": PlanStatus.CHARGED_OFF,
    "transferred": PlanStatus.TRANSFERRED,
}

_CHERRY = LenderContract(
    lender=Lender.CHERRY,
    version="2026-11-a",
    name="Cherry",
    modes=(Mode.WEBHOOK, Mode.POLL, Mode.MANUAL),
    words={
        **_PLATFORM_WORDS,
        "completed": PlanStatus.ACCEPTED,
        "initiated": PlanStatus.FUNDING,
        "processing": PlanStatus.FUNDING,
        "funded": PlanStatus.FUNDED,
    },
    announced=frozenset(
        {
            PlanStatus.APPROVED,
            PlanStatus.DECLINED,
            PlanStatus.ACCEPTED,
            PlanStatus.CANCELLED,
            PlanStatus.FUNDED,
        }
    ),
    calls_per_hour=1_000,
    poll_minutes=15,
    poll_back_hours=2,
    claims=_claims(
        documented=(
            "a decision takes seconds, or up to 48 hours when a person verifies it",
            "an approval lives at least 30 days and may be renewed",
            "the practice is funded in 2 business days: initiated, processing, completed",
        ),
        third_party=(
            "an API key does nothing until it is activated in the portal",
            "an approval is one limit per patient for all practices, so it can shrink",
            "payments end completed, cancelled or refunded; one contract can be paid in parts",
        ),
        seed=("application.approved, first_payment_date, 1,000 calls an hour",),
        assumed=(
            "lists with updated_since and a cursor; money in cents",
            "webhooks signed with HMAC-SHA256 over <seconds>.<body>, one signature per secret",
            "a list that is empty although its total is not is a fault, not an answer",
        ),
    ),
)

_PATIENTFI = LenderContract(
    lender=Lender.PATIENTFI,
    version="2026-11-a",
    name="PatientFi",
    modes=(Mode.WEBHOOK, Mode.POLL, Mode.MANUAL),
    words={
        **_PLATFORM_WORDS,
        "disbursing": PlanStatus.FUNDING,
        "disbursed": PlanStatus.FUNDED,
    },
    announced=frozenset(
        {
            PlanStatus.APPROVED,
            PlanStatus.DECLINED,
            PlanStatus.PENDING_PATIENT,
            PlanStatus.ACCEPTED,
            PlanStatus.REJECTED,
            PlanStatus.FUNDED,
        }
    ),
    calls_per_hour=800,
    poll_minutes=15,
    poll_back_hours=2,
    first_payment_days=30,
    claims=_claims(
        documented=(
            "an application gives a spending limit; only an accepted transaction is a loan",
            "a rejected transaction can still be accepted",
            "the first payment is due 30 days after acceptance",
            "a declined patient may apply again after 30 days",
            "after acceptance only a refund by the practice cancels",
        ),
        third_party=("funding takes 1 to 3 business days",),
        seed=("webhooks, first_payment_date, 800 calls an hour",),
        assumed=(
            "lists with updated_since and a cursor; money in cents",
            "webhooks signed with HMAC-SHA256 over <seconds>.<body>",
            "the transaction's id names the loan; the loan number comes days later",
        ),
    ),
)

_ALPHAEON = LenderContract(
    lender=Lender.ALPHAEON,
    version="2026-11-a",
    name="Alphaeon Credit",
    modes=(Mode.WEBHOOK, Mode.POLL, Mode.MANUAL),
    words={
        **_PLATFORM_WORDS,
        "prequalified": PlanStatus.APPROVED,
        "not_prequalified": PlanStatus.DECLINED,
        "pending_review": PlanStatus.IN_REVIEW,
        "receipt": PlanStatus.ACCEPTED,
        "voided": PlanStatus.CANCELLED,
        "settling": PlanStatus.FUNDING,
        "settled": PlanStatus.FUNDED,
    },
    announced=frozenset({PlanStatus.APPROVED, PlanStatus.DECLINED, PlanStatus.ACCEPTED}),
    calls_per_hour=500,
    poll_minutes=60,
    poll_back_hours=6,
    claims=_claims(
        third_party=(
            "the practice prequalifies, the patient chooses a plan and signs a receipt",
            "a receipt can be refunded or voided",
        ),
        seed=("basic webhooks, first_payment_date, partly real time, 500 calls an hour",),
        assumed=(
            "events bring prequalification and receipt; review and funding are found by polling",
            "webhooks carry a shared secret in a header and are not signed",
            "lists with updated_since and a cursor; money in cents",
        ),
    ),
)

_CARECREDIT = LenderContract(
    lender=Lender.CARECREDIT,
    version="2026-11-a",
    name="CareCredit",
    modes=(Mode.FILE, Mode.MANUAL),
    words={
        "requested": PlanStatus.PENDING_PATIENT,
        "completed": PlanStatus.ACCEPTED,
        "canceled": PlanStatus.CANCELLED,
        "cancelled": PlanStatus.CANCELLED,
        "declined": PlanStatus.DECLINED,
    },
    calls_per_hour=200,
    poll_minutes=15,
    cuts=(time(6, 0), time(18, 0)),
    lag_hours=12,
    file_due_at=time(10, 0),
    has_schedule=False,
    claims=_claims(
        third_party=(
            "a revolving card: no instalments and no end of a plan are told to the practice",
            "transactions are requested, completed or canceled, with gross, fee and net",
            "a refund is a negative transaction of its own and may post before its purchase",
            "a 16-digit merchant number names a practice, a clinic or a provider",
            "a purchase that is shown in a practice system is no proof of money",
        ),
        seed=("batch export, 12 hours behind, 200 calls an hour",),
        assumed=(
            "one CSV file per merchant number and cut, at 06:00 and 18:00, with a trailer row",
            "a file is fetched over HTTPS with a key, or imported by hand",
            "a corrected transaction comes again with the same ref_id in a later file",
            "a purchase with a funding date is funded",
        ),
    ),
)

_IN_HOUSE = LenderContract(
    lender=Lender.IN_HOUSE,
    version="2026-11-a",
    name="the practice",
    modes=(Mode.MANUAL, Mode.FILE),
    words={
        "signed": PlanStatus.ACCEPTED,
        "active": PlanStatus.ACCEPTED,
        "cancelled": PlanStatus.CANCELLED,
        "canceled": PlanStatus.CANCELLED,
        "paid_off": PlanStatus.PAID_OFF,
    },
    claims=_claims(
        assumed=("whoever signs a plan with a patient enters it, or gives it as a CSV file",),
    ),
)

CONTRACTS: Mapping[Lender, LenderContract] = MappingProxyType(
    {each.lender: each for each in (_CHERRY, _CARECREDIT, _ALPHAEON, _PATIENTFI, _IN_HOUSE)}
)
