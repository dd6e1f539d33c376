"""What a case is told and what it answers: inputs, policy, messages, results.

One frozen model per message. Amounts, dates, ids and policy only; never a name, phone,
address or treatment.
"""

from datetime import date, time
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

from domain.model import Record


class Channel(StrEnum):
    """How a message travels."""

    SMS = "sms"
    EMAIL = "email"


class Tone(StrEnum):
    """How firmly a dunning step speaks."""

    NEUTRAL = "neutral"
    FRIENDLY = "friendly"
    FIRM = "firm"
    FINAL = "final"


class MessageClass(StrEnum):
    """What a message is for; each class has its own consent."""

    BILLING = "billing"
    CARE = "care"
    MARKETING = "marketing"


class ChaseStep(Record):
    """One dunning step: days after the first delivered invoice, tone and channels.

    `priority` decides who yields when the client's cap is full: 0 goes first, see
    `domain.cap.PRIORITIES`. `template` replaces the words that the tone stands for.
    """

    name: str
    day: int = Field(ge=0)
    tone: Tone
    channels: tuple[Channel, ...]
    message_class: MessageClass = MessageClass.BILLING
    priority: int = Field(default=1, ge=0)
    template: str | None = None


class ChasePolicy(Record):
    """The cadence as versioned data, copied into each case at its start."""

    version: int
    send_at: time = time(10, 0)
    """Local send time of reminders; the first message goes at once."""
    window_opens_at: time = time(9, 0)
    window_closes_at: time = time(20, 0)
    day0_on: date | None = None
    """Counts the days from here, not from the first message that arrived."""
    never_on: date | None = None
    """A civil day at the location on which no step may go: the due day of an instalment."""
    holidays: Literal["silent", "allowed"] | None = None
    """Federal holidays, where the practice decides other than `domain.quiet_hours.QUIET`."""
    sundays: Literal["silent", "allowed"] | None = None
    steps: tuple[ChaseStep, ...]
    """The first step is day 0 (the invoice itself)."""
    verify_retry_minutes: int = 15
    verify_give_up_hours: int = 24
    unknown_lookup_seconds: int = 60
    minimum_chase_cents: int = 500
    staff_reminder_business_days: tuple[int, ...] = (1, 3, 7)
    chart_recheck_minutes: int = 60
    keep_open_days: int = 30
    """How long a debt that the desk keeps open rests before it is asked about again."""
    due_days: int = 14


class VisitInput(Record):
    """All that a `TreatmentVisit` needs for its whole life."""

    location_id: str
    pms: str
    visit_id: str
    zone: str
    chase: ChasePolicy
    event_id: str
    """The inbox event that opened the case; the same event later is not an amendment."""
    clock_shift_seconds: int = 0
    """Rehearsals only: moves the case's clock so that a day can be played at any hour."""
    keeps_end: bool = False
    """The end is kept in the books; not so for cases that began before it was."""


class UnmatchedInput(Record):
    """Money that carried no reference of ours."""

    location_id: str
    source: str
    payment_id: str
    zone: str
    staff_reminder_business_days: tuple[int, ...] = (1, 3, 7)
    clock_shift_seconds: int = 0


class PaymentPosted(Record):
    """A hint that money moved; the case then reads the books and the processor."""

    payment_id: str


class ChartAmended(Record):
    """A hint that the chart changed; the case then reads the PMS."""

    event_id: str


class DeliveryFailed(Record):
    """A message did not arrive; `code` is the provider's class of reason."""

    message_key: str
    channel: Channel
    code: str


INBOUND_REPLY = "inbound-reply"
"""Who holds a case when a patient has written back."""


class Hold(Record):
    """A person stops the chase. `by` is a staff id, `reason` a short code."""

    by: str
    reason: str


class ClientHeld(Record):
    """Something silences the whole client from now on; the case then reads from the books what."""

    hold_id: str


class ClientReleased(Record):
    """A hold of the whole client was lifted; the case then asks the books whether it may go on."""

    hold_id: str


class Release(Record):
    """A person lets a held case go on."""

    by: str


class Close(Record):
    """A person ends a case; money still owed stays in the books as it is."""

    by: str
    reason: str


class Decision(Record):
    """A named person's answer to one review. Idempotent by `review_id`."""

    review_id: str
    choice: str
    by: str
    reason: str = ""
    sku: str | None = None
    """For `map`: the catalog item or package that the unknown code stands for."""
    amount_cents: int | None = None
    """For `one_off_price`: the unit price; for `plan`: what an instalment comes to at most."""
    item_class: str | None = None
    """For `one_off_price` of an unknown code: how it is booked and taxed."""
    invoice_id: str | None = None
    """For `apply`: the invoice that the money belongs to; for `promise`: the one promised."""
    until: date | None = None
    """For `promise`: the civil day by which the patient pays; for `enter_date`: that date; for
    `plan`: when the first instalment falls due."""
    client_id: str | None = None
    """For `link_client`: whose plan it is."""
    status: str | None = None
    """For `set_status`: what the lender's word means."""
    confirmed_by: str | None = None
    """The second person who said yes. Set by the case alone, from an answer of their own."""


class Undo(Record):
    """A named person takes a decision back. Idempotent by `review_id`."""

    review_id: str
    by: str
    reason: str
    confirmed_by: str | None = None
    """The second person, where two had decided."""


class Stage(StrEnum):
    """Where a case stands; a search attribute."""

    BUILDING = "building"
    HELD = "held"
    AWAITING_PAYMENT = "awaiting_payment"
    DESK = "desk"


class Attention(StrEnum):
    """Who is being waited for; a search attribute."""

    NONE = "none"
    PATIENT = "patient"
    STAFF = "staff"
    SYSTEM = "system"


class VisitStatus(StrEnum):
    """How a visit ended."""

    NOTHING_DUE = "nothing_due"
    PAID = "paid"
    WRITTEN_OFF = "written_off"
    CLOSED_BY_STAFF = "closed_by_staff"
    AGENCY = "agency"
    NOT_BILLABLE = "not_billable"


class VisitResult(Record):
    """The end of a visit: figures as the books have them at that moment."""

    status: VisitStatus
    invoice_id: str | None
    due_cents: int
    balance_cents: int


class UnmatchedResult(Record):
    """Where unreferenced money ended."""

    status: str
    invoice_id: str | None = None


class Snapshot(Record):
    """Debugging answer of a case; lists and reports never use it."""

    stage: Stage
    attention: Attention
    next_action_at: AwareDatetime | None
    open_review_id: str | None
    held_by: str | None
    balance_cents: int | None


class ChannelOutcome(Record):
    """What became of one channel of one step."""

    channel: Channel
    message_key: str
    state: str
    """accepted | refused | unknown | skipped"""
    reason: str | None = None
