"""What a financing plan asks of its activities and what comes back."""

from datetime import date

from pydantic import AwareDatetime

from domain.case import ChasePolicy, Decision
from domain.model import Record
from domain.plan_course import PlanFacts, Touch


class PlanRef(Record):
    """Which plan an activity works for. `case_id` is the workflow id."""

    case_id: str
    location_id: str
    lender: str
    plan_id: str
    zone: str


class ReadPlanIn(Record):
    """Read all that the books, and the PMS's calendar, know of the plan."""

    plan: PlanRef
    at: AwareDatetime


class ReadPlanOut(Record):
    """`missing` names a system that did not answer: nobody is asked to book meanwhile."""

    facts: PlanFacts
    said: tuple[str, ...] = ()
    """Keys of what an earlier case of the same plan has said."""
    missing: str | None = None


class TouchIn(Record):
    """Say one thing, unless the facts of that moment say otherwise.

    `missed` are touches whose time is over, recorded by the same call. `touch` may be None.
    """

    plan: PlanRef
    client_id: str | None
    touch: Touch | None
    missed: tuple[Touch, ...] = ()
    policy_version: int
    done: tuple[str, ...]
    at: AwareDatetime


class TouchOut(Record):
    """The touch is past: sent | off | no_consent | unreachable | pointless | unknown.

    It waits: snoozed (`until`) | held | unverified (`until`). `facts` are what it was decided by.
    """

    status: str
    reason: str | None = None
    until: AwareDatetime | None = None
    message_keys: tuple[str, ...] = ()
    """Of messages whose outcome is unknown and has to be looked up."""
    facts: PlanFacts | None = None


class LookUpIn(Record):
    """Find out what became of messages of unknown outcome; nothing is sent again."""

    plan: PlanRef
    touch: Touch
    message_keys: tuple[str, ...]
    last_look: bool
    at: AwareDatetime


class LookUpOut(Record):
    """Keys that are still unknown."""

    unknown: tuple[str, ...] = ()


class SignIn(Record):
    """Book that a plan of the practice's own was signed."""

    plan: PlanRef
    at: AwareDatetime


class SignedOut(Record):
    """`visit_case_id` owes less by it; `over_cents` of the plan stand on no visit."""

    visit_case_id: str | None = None
    over_cents: int = 0


class OpenInstallmentIn(Record):
    """Open the case of one instalment, under the cadence that the plan began with."""

    plan: PlanRef
    number: int
    due_on: date
    chase: ChasePolicy
    at: AwareDatetime


class AskPlanIn(Record):
    """Put one question about the plan to the desk."""

    plan: PlanRef
    client_id: str | None
    code: str
    subject: str
    """What of the plan the question is about, e.g. which of its dates."""
    says: tuple[str, ...]
    money_cents: int = 0
    review_no: str
    at: AwareDatetime


class AskPlanOut(Record):
    """The open question."""

    review_id: str


class ApplyPlanIn(Record):
    """Carry out a named person's decision."""

    plan: PlanRef
    client_id: str | None
    code: str
    decision: Decision
    at: AwareDatetime


class ApplyPlanOut(Record):
    """`effect`: read (the books have changed) | rest (until `until`) | stop (the plan ends) |
    silence (nothing more is said, the plan goes on), or one of `domain.reviews.STAYS_OPEN`."""

    effect: str
    until: AwareDatetime | None = None
