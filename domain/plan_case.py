"""What a financing plan's case is told and answers: input, standing, messages, result.

Ids, amounts and dates only. The books hold every fact that a lender, a file or a person gave
(`store/plans.py`); a message says that there is news, with the `revision` of the books that it
speaks of. The case reads its `PlanStanding` at the start and again after each message.
"""

from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime, Field

from domain.case import Decision, Hold
from domain.model import Record
from domain.plan_policy import PlanPolicy


class Lender(StrEnum):
    """Who lends; for in-house plans, the practice itself."""

    CHERRY = "cherry"
    CARECREDIT = "carecredit"
    ALPHAEON = "alphaeon"
    PATIENTFI = "patientfi"
    IN_HOUSE = "in-house"


class PlanStatus(StrEnum):
    """Where a plan stands, in one vocabulary for every lender. Approved != accepted != funded."""

    UNKNOWN = "unknown"
    """The lender used a word that nobody has mapped: for a person (F7)."""
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    """The lender would lend; nobody owes anything yet."""
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    PENDING_PATIENT = "pending_patient"
    """A contract waits for the patient's yes; its part of the bill is not chased."""
    REJECTED = "rejected"
    """The patient said no; with some lenders a later yes still counts."""
    ACCEPTED = "accepted"
    """The patient owes the lender, and the lender owes us."""
    FUNDING = "funding"
    FUNDED = "funded"
    CANCELLED = "cancelled"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    REVERSED = "reversed"
    """The lender took its money back."""
    PAID_OFF = "paid_off"
    """The patient has made the last payment, early or in time."""
    REFINANCED = "refinanced"
    CHARGED_OFF = "charged_off"
    TRANSFERRED = "transferred"


class Installment(Record):
    """One instalment of an in-house plan; numbers start at 1."""

    number: int = Field(ge=1)
    due_on: date
    amount_cents: int = Field(gt=0)
    is_rest: bool = False
    """What a plan that has ended had left, billed as a person decided."""


class Ask(Record):
    """A question for the desk. `key` names it for ever, so that it is asked once."""

    code: str
    key: str
    says: tuple[str, ...] = ()
    installment: int | None = None
    """Of the practice's own plan: the one that it is about; once settled, nothing is asked."""
    money_cents: int = 0


class OpenQuestion(Record):
    """A question to the desk that a run hands on to the next one."""

    review_id: str
    code: str
    key: str
    number: int
    reminders: tuple[tuple[int, AwareDatetime], ...]
    """Business day and instant of each reminder still to come."""
    proposal: Decision | None = None
    """An answer that waits for a second person."""


class Carried(Record):
    """What one run of a plan hands on to the next; all else is read from the books again."""

    done: tuple[str, ...]
    """Keys of what was said, or is past."""
    asked: tuple[str, ...]
    """Keys of what the desk was asked."""
    not_before: dict[str, AwareDatetime]
    questions: tuple[OpenQuestion, ...]
    questions_asked: int
    decisions: tuple[Decision, ...]
    """Answers that are still to be carried out, or that a repetition must meet."""
    raised: tuple[Ask, ...] = ()
    """Questions that something that happened has raised, not a standing of the books."""
    held: Hold | None = None
    is_silenced: bool = False
    billed: tuple[int, ...] = ()
    """Numbers of the instalments that have a case of their own."""
    is_signed: bool = False
    notes: tuple[str, ...] = ()


class PlanInput(Record):
    """What a `FinancingPlan` starts with; all else it reads from the books."""

    location_id: str
    lender: Lender
    plan_id: str
    """The lender's own opaque id (its application, else its purchase); ours for in-house."""
    zone: str
    policy: PlanPolicy
    """The cadence as it was when the plan began; a new version never changes a running plan."""
    event_id: str
    """What opened the case: an inbox event, a row of a file, a person's entry."""
    staff_reminder_business_days: tuple[int, ...] = (1, 3, 7)
    clock_shift_seconds: int = 0
    """Rehearsals only: moves the case's clock so that a day can be played at any hour."""
    carried: Carried | None = None
    """From the run before, when a long plan continues as new."""


class PlanStanding(Record):
    """A plan as the books have it: every fact folded, in whatever order they came.

    None is not known. `revision` grows with each fact that changed something.
    """

    location_id: str
    lender: Lender
    plan_id: str
    client_id: str | None
    """None while nobody knows whose plan it is: a person says so."""
    status: PlanStatus
    status_as_of: AwareDatetime
    is_confirmed: bool
    """False while a webhook alone says so: messages may go, money does not move."""
    revision: int
    contract_id: str | None = None
    """The lender's id of what the patient accepted; funding names it."""
    visit_ref: str | None = None
    """The visit that the contract is for, where the lender carries our name of it along."""
    approved_at: AwareDatetime | None = None
    declined_at: AwareDatetime | None = None
    accepted_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    """When it was paid off, cancelled, refunded or otherwise ended."""
    has_schedule: bool = True
    """False for a card: its bank tells the patient what is due, and nobody tells us."""
    approved_cents: int | None = None
    available_cents: int | None = None
    """What can still be used of an approval; a limit shared with others may shrink."""
    financed_cents: int | None = None
    monthly_cents: int | None = None
    payments_planned: int | None = None
    approval_expires_on: date | None = None
    first_payment_on: date | None = None
    """As it was told, however odd: `is_date_confirmed` when a person says that it is right."""
    first_payment_known_at: AwareDatetime | None = None
    """When we learned that date."""
    final_payment_on: date | None = None
    is_date_confirmed: bool = False
    has_autopay: bool | None = None
    sessions_planned: int | None = None
    installments: tuple[Installment, ...] = ()
    """Of in-house plans alone: when each falls due."""


class StatusChanged(Record):
    """The books have another status, amount, term or owner of the plan."""

    revision: int
    status: PlanStatus


class DatesKnown(Record):
    """The books have other payment dates: now known, moved, or gone (None)."""

    revision: int
    first_payment_on: date | None
    final_payment_on: date | None


class SessionCompleted(Record):
    """A completed visit of the plan's patient, by chart; or one that was taken back."""

    visit_case_id: str
    at: AwareDatetime
    is_cancelled: bool = False


class Booked(Record):
    """The patient's next appointment; None when nothing is booked any more."""

    starts_at: AwareDatetime | None
    as_of: AwareDatetime


class InstallmentPosted(Record):
    """A hint that money for an in-house instalment moved; the case then reads the books."""

    payment_id: str


class CardDeclined(Record):
    """A charge of an instalment was declined. `code` is a class of reasons, never card data."""

    event_id: str
    """Of the attempt: one that is told many times is asked about once."""
    at: AwareDatetime
    code: str
    installment: int | None = None


class PlanOutcome(StrEnum):
    """How a plan ended."""

    COMPLETED = "completed"
    DECLINED = "declined"
    NOT_USED = "not_used"
    CANCELLED = "cancelled"
    CLOSED_BY_STAFF = "closed_by_staff"


class PlanResult(Record):
    """The end of a plan."""

    outcome: PlanOutcome
    sessions_completed: int
