"""What a financing plan says to its patient, and when: the cadence as data (G1-G10).

A step hangs on an anchor, a fact of the plan with an instant or a civil date. It is due some
hours or days from it, may still go for some days after, and is otherwise recorded as missed.
"""

from datetime import time
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.case import Channel, ChasePolicy, MessageClass
from domain.model import Record
from domain.policies import INSTALLMENT_CHASE


class Anchor(StrEnum):
    """What a step counts from."""

    APPROVED = "approved"
    EXPIRY = "expiry"
    DECLINED = "declined"
    FIRST_PAYMENT = "first_payment"
    SESSION = "session"
    MID_PLAN = "mid_plan"
    DROPPED = "dropped"
    FINAL_PAYMENT = "final_payment"


class Unless(StrEnum):
    """A fact that makes a step pointless or wrong."""

    BOOKED = "booked"
    STARTED = "started"
    OVERDUE = "overdue"
    DISPUTED = "disputed"
    REACTION = "reaction"


class PlanStep(Record):
    """One step. `hours` are elapsed time from an instant, `days` civil days from a date."""

    name: str
    anchor: Anchor
    hours: int | None = None
    days: int | None = None
    grace_days: int = Field(ge=0)
    """Civil days after the due day on which it may still go."""
    unless: tuple[Unless, ...] = ()
    channels: tuple[Channel, ...]
    message_class: MessageClass
    priority: int = Field(ge=0)
    """Who yields when the client's cap is full, see `domain.cap.PRIORITIES`."""
    template_when_booked: str | None = None
    """Replaces the step's own words for a patient who has booked already."""
    template_when_automatic: str | None = None
    template_when_manual: str | None = None
    """Replace them where it is known how the plan is paid: by itself, or by the patient."""
    is_once: bool = False
    """Once in a plan's life, wherever its anchor moves."""

    @model_validator(mode="after")
    def _counts_one_way(self) -> Self:
        if (self.hours is None) == (self.days is None):
            raise ValueError(f"{self.name} counts either hours or days")
        if self.anchor is Anchor.FIRST_PAYMENT and (self.days or 0) + self.grace_days >= 0:
            raise ValueError(f"{self.name} could go on the due day itself")
        return self

    def template(self, *, is_booked: bool, has_autopay: bool | None) -> str | None:
        """What replaces the step's own words now; None where nothing does, or nothing is known."""
        if is_booked and self.template_when_booked is not None:
            return self.template_when_booked
        if has_autopay is None:
            return None
        return self.template_when_automatic if has_autopay else self.template_when_manual


class PlanPolicy(Record):
    """The cadence of plans as versioned data, copied into each plan at its start."""

    version: int
    steps: tuple[PlanStep, ...]
    send_at: time = time(10, 0)
    """Local send time of steps that count days."""
    first_payment_days_max: int = 90
    """A first payment further away is a mistake until a person says otherwise (F4)."""
    missed_max: int = 2
    """So many instalments past due at once are for a person (2.6)."""
    installment_chase: ChasePolicy = INSTALLMENT_CHASE
    """Of each instalment of the practice's own plan, from `due_days` before its due day on."""
    mid_plan_after: int = 2
    mid_plan_of: int = 4
    """The mid-plan message goes after so many sessions of a plan of at least so many (G5)."""
    session_interval_days: int = 28
    """Between two sessions, where the plan itself does not say."""
    dropped_percent: int = 150
    """Of the interval: without session or booking for so long a plan counts as dropped (G10)."""
    not_booked_days: int = 9
    """Approved and still not booked: a person, so many days after the approval (G2)."""
    dropped_ask_days: int = 14
    """How long the re-engagement message may work before a person is asked."""
    payoff_quiet_days: int = 7
    """A renewal at an early payoff keeps so many days from the last message (G6)."""
    is_offer_after_first_payment: bool = False
    """Whether the length of a plan counts from its first payment (G6); from its approval before."""
    declined_rest_days: int = 90
    """How long a declined plan is kept for an approval after all."""
    unused_rest_days: int = 180
    """How long a plan that nobody has used is kept."""
    close_after_days: int = 60
    """After the final payment a plan is kept so long for what is still to come."""
    verify_retry_minutes: int = 15
    """When to look again for a booking that the PMS could not tell."""


_BOTH = [Channel.SMS, Channel.EMAIL]
_TEXT = [Channel.SMS]
_BILLING, _CARE, _MARKETING = MessageClass.BILLING, MessageClass.CARE, MessageClass.MARKETING

DEFAULT_PLAN = PlanPolicy.model_validate(
    {
        "version": 3,
        "is_offer_after_first_payment": True,
        "steps": [
            {
                "name": "approval",
                "anchor": Anchor.APPROVED,
                "hours": 0,
                "grace_days": 2,
                "channels": _BOTH,
                "message_class": _BILLING,
                "priority": 1,
                "template_when_booked": "plan_ready_booked",
            },
            {
                "name": "booking-48h",
                "anchor": Anchor.APPROVED,
                "hours": 48,
                "grace_days": 2,
                "unless": [Unless.BOOKED, Unless.STARTED],
                "channels": _TEXT,
                "message_class": _CARE,
                "priority": 2,
            },
            {
                "name": "booking-5d",
                "anchor": Anchor.APPROVED,
                "hours": 120,
                "grace_days": 3,
                "unless": [Unless.BOOKED, Unless.STARTED],
                "channels": _TEXT,
                "message_class": _CARE,
                "priority": 2,
            },
            {
                "name": "booking-expiry",
                "anchor": Anchor.EXPIRY,
                "days": -3,
                "grace_days": 2,
                "unless": [Unless.BOOKED, Unless.STARTED],
                "channels": _BOTH,
                "message_class": _CARE,
                "priority": 2,
            },
            {
                "name": "declined",
                "anchor": Anchor.DECLINED,
                "hours": 1,
                "grace_days": 3,
                "channels": [Channel.EMAIL],
                "message_class": _BILLING,
                "priority": 2,
            },
            {
                "name": "first-payment-3",
                "anchor": Anchor.FIRST_PAYMENT,
                "days": -3,
                "grace_days": 1,
                "channels": _BOTH,
                "message_class": _BILLING,
                "priority": 1,
                "template_when_automatic": "plan_first_payment_automatic",
                "template_when_manual": "plan_first_payment_manual",
            },
            {
                "name": "first-payment-1",
                "anchor": Anchor.FIRST_PAYMENT,
                "days": -1,
                "grace_days": 0,
                "channels": _TEXT,
                "message_class": _BILLING,
                "priority": 1,
                "template_when_automatic": "plan_first_payment_automatic",
                "template_when_manual": "plan_first_payment_manual",
            },
            {
                "name": "check-in",
                "anchor": Anchor.SESSION,
                "hours": 24,
                "grace_days": 2,
                "channels": _TEXT,
                "message_class": _CARE,
                "priority": 2,
            },
            {
                "name": "mid-plan",
                "anchor": Anchor.MID_PLAN,
                "hours": 72,
                "grace_days": 14,
                "unless": [Unless.BOOKED, Unless.REACTION],
                "channels": _BOTH,
                "message_class": _CARE,
                "priority": 2,
                "is_once": True,
            },
            {
                "name": "come-back",
                "anchor": Anchor.DROPPED,
                "days": 0,
                "grace_days": 14,
                "unless": [Unless.BOOKED, Unless.REACTION],
                "channels": _TEXT,
                "message_class": _CARE,
                "priority": 2,
            },
            {
                "name": "renewal",
                "anchor": Anchor.FINAL_PAYMENT,
                "days": -30,
                "grace_days": 20,
                "unless": [Unless.OVERDUE, Unless.DISPUTED, Unless.REACTION],
                "channels": _BOTH,
                "message_class": _MARKETING,
                "priority": 3,
                "is_once": True,
            },
        ],
    }
)
"""Approval at once; booking nudges at 48 h, 5 days and 3 days before the approval ends; first
payment three days and one day before; check-in a day after each session; mid-plan after the
second; renewal 30 days before the last payment. Never on a due day."""


def told_at_once(chase: ChasePolicy, due_in_days: int) -> ChasePolicy:
    """The same cadence for what falls due later than usual: told now, the rest by its due day."""
    later = max(0, due_in_days - chase.due_days)
    first, *others = chase.steps
    steps = (first, *(step.model_copy(update={"day": step.day + later}) for step in others))
    return chase.model_copy(update={"due_days": chase.due_days + later, "steps": steps})
