"""What the workflows ask of the activities and what comes back: one frozen model each way."""

from datetime import date

from pydantic import AwareDatetime

from domain.case import ChannelOutcome, ChasePolicy, ChaseStep, Decision, Undo, VisitStatus
from domain.model import Record
from domain.reply_case import ReplyReceived


class CaseRef(Record):
    """Which case an activity works for. `case_id` is the workflow id."""

    case_id: str
    location_id: str
    pms: str
    visit_id: str
    zone: str


class Mismatch(Record):
    """A question that was opened because money does not fit."""

    review_id: str
    code: str


class BuildIn(Record):
    """Read the chart and bill it, or bill what changed since."""

    case: CaseRef
    at: AwareDatetime
    review_no: str
    """The number of the question that a held draft would be, unique over the case's runs."""


class BuildOut(Record):
    """`status`: issued | unchanged | held | not_ready | not_billable."""

    status: str
    client_id: str | None = None
    document_id: str | None = None
    due_cents: int = 0
    """What the document asks of the patient (the whole visit, not the change)."""
    balance_cents: int = 0
    """What is owed now, by the ledger."""
    review_id: str | None = None
    review_code: str | None = None
    plan_case_id: str | None = None
    """The financing plan that has a session more, or one less, by this chart."""
    mismatches: tuple[Mismatch, ...] = ()


class PaymentDoorIn(Record):
    """Make the processor ask for exactly what the ledger says is owed."""

    case: CaseRef
    client_id: str
    due_days: int
    at: AwareDatetime


class PaymentDoorOut(Record):
    """`processor_ids`: the processor's invoices of this case, oldest first."""

    processor_ids: tuple[str, ...]
    asked_cents: int


class StandingIn(Record):
    """Read the money's state from ledger, processor and PMS, and post what is new."""

    case: CaseRef
    client_id: str
    at: AwareDatetime


class StandingOut(Record):
    """`status`: verified | unverified (then `missing` names the system that did not answer)."""

    status: str
    balance_cents: int
    in_flight: bool = False
    missing: str | None = None
    door_in_step: bool = True
    """The processor asks for exactly what the ledger says is owed."""
    mismatches: tuple[Mismatch, ...] = ()
    """Opened by this reading; each waits for a person."""
    read_at: AwareDatetime | None = None
    """Wall time at which the other systems had answered."""


class SendIn(Record):
    """Send one dunning step on its channels, unless the facts say otherwise."""

    case: CaseRef
    client_id: str
    document_id: str
    step: ChaseStep
    skipped: tuple[str, ...] = ()
    """Earlier steps that an outage swallowed; recorded as SKIPPED_LATE."""
    chase: ChasePolicy
    day0: date | None
    at: AwareDatetime
    first: bool
    """The invoice itself, which goes at once inside the allowed hours."""
    settled_ok: bool = False
    """A receipt: goes out although nothing is due."""
    retry_of: str | None = None
    """A message that failed for the moment: the same channel may try once more."""
    asked_cents: int | None = None
    """What the step before asked for; less is owed after a part payment."""
    in_flight_cents: int | None = None
    """What was owed while a payment was under way; as much is owed again when it failed."""
    switch: str | None = None
    """The kill switch that stops it, where it is no step of a chase."""
    despite_credit: bool = False
    """A person wants the chase to go on although the client has credit."""


class StepOpens(Record):
    """A later step of the cadence that may not go when it is due, and when it may."""

    name: str
    at: AwareDatetime


class SendOut(Record):
    """The step is past, with nothing more to do: sent | covered | off.

    A person is asked: unreachable | no_consent | credit. It waits: snoozed (`until`) | held
    (for a release) | in_flight | unverified. Else: settled | small | unknown (is looked up).
    `covered` was said already today by the same client's other message, which led to all;
    `outcomes` are then that message's.
    """

    status: str
    reason: str | None = None
    """Why the step was not sent, e.g. the kind of hold."""
    later: tuple[StepOpens, ...] = ()
    """Saves the case an attempt in hours in which the client must be left alone."""
    balance_cents: int
    outcomes: tuple[ChannelOutcome, ...] = ()
    until: AwareDatetime | None = None
    local_date: date | None = None
    missing: str | None = None
    door_in_step: bool = True
    mismatches: tuple[Mismatch, ...] = ()


class ResolveIn(Record):
    """Look up messages whose outcome is unknown; `last_look` decides what stays unknown."""

    case: CaseRef
    client_id: str
    step: ChaseStep
    message_keys: tuple[str, ...]
    last_look: bool
    at: AwareDatetime


class ResolveOut(Record):
    """Keys that stay unknown, and keys that are certainly not sent and may go again."""

    unknown: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    outcomes: tuple[ChannelOutcome, ...] = ()


class WriteBackIn(Record):
    """Tell the PMS what was collected."""

    case: CaseRef
    client_id: str
    at: AwareDatetime


class WriteBackOut(Record):
    """`status`: agreed (the PMS shows it) | task (a person records it) | nothing.

    `code` of the question, where it is another than PMS_CONFIRM.
    """

    status: str
    review_id: str | None = None
    code: str | None = None


class OpenReviewIn(Record):
    """Put one question to the desk."""

    case: CaseRef
    client_id: str | None
    document_id: str | None
    code: str
    facts: tuple[str, ...]
    money_cents: int
    review_no: str
    at: AwareDatetime


class OpenReviewOut(Record):
    """The open question."""

    review_id: str


class ApplyIn(Record):
    """Carry out a named person's decision."""

    case: CaseRef
    client_id: str | None
    decision: Decision
    at: AwareDatetime


class ApplyOut(Record):
    """`effect` is what the workflow does next, see `activities.decisions.EFFECTS`."""

    effect: str
    balance_cents: int
    refund_ids: tuple[str, ...] = ()
    """Refunds that it booked; each is carried out by a case of its own."""


class UndoIn(Record):
    """Take a decision back."""

    undo: Undo
    at: AwareDatetime


class UndoneOut(Record):
    """`effect`: undone | refused, with the sentence in `note`.

    `review_id` and `code` are the question that is asked again.
    """

    effect: str
    note: str = ""
    review_id: str = ""
    code: str = ""
    balance_cents: int = 0
    replies: tuple[ReplyReceived, ...] = ()
    """What a question about a patient's words is about, with the holds that stand."""


class RemindIn(Record):
    """Remind the desk of an open question."""

    location_id: str
    review_id: str
    business_day: int
    at: AwareDatetime


class WithdrawIn(Record):
    """Take back a question that the facts have answered."""

    review_id: str
    reason: str
    at: AwareDatetime


class UnmatchedRef(Record):
    """Which unreferenced payment an activity works for."""

    case_id: str
    location_id: str
    source: str
    payment_id: str
    zone: str


class CloseIn(Record):
    """Keep how a case ended. `closed_by` is the person who ended it, if one did."""

    case: CaseRef
    client_id: str | None
    status: VisitStatus
    closed_by: str | None
    at: AwareDatetime


class CloseOut(Record):
    """`refusal` says why the books do not agree that the case is over; None when they do."""

    refusal: str | None = None


class PlaceIn(Record):
    """Find out what an unreferenced payment is and park it in suspense."""

    payment: UnmatchedRef
    at: AwareDatetime
    review_no: str


class PlaceOut(Record):
    """`status`: held (a person decides) | placed (one did before) | gone (taken back) |
    settled (the payer is known: it is on `case_ids`)."""

    status: str
    case_ids: tuple[str, ...] = ()
    review_id: str | None = None
    code: str | None = None


class ApplyUnmatchedIn(Record):
    """Carry out the decision on an unreferenced payment."""

    payment: UnmatchedRef
    decision: Decision
    at: AwareDatetime


class ApplyUnmatchedOut(Record):
    """`case_id` is the visit to tell, when the money was applied to one; `case_ids` to several."""

    effect: str
    case_id: str | None = None
    case_ids: tuple[str, ...] = ()
    invoice_id: str | None = None
    refund_ids: tuple[str, ...] = ()
