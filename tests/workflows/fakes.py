"""A small scripted world behind the real activity names: one visit, its money, its messages.

Nothing here is a mock: the classes do to memory what the real activities do to the books, and
remember what they were asked. A test scripts what the world does and reads what it was told.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.contracts import SendOut
from domain import ids
from domain.case import Decision
from domain.model import Record

ZONE = "America/Chicago"


@dataclass
class Question:
    """A question as the desk sees it; `state` is open, decided or withdrawn."""

    review_id: str
    code: str
    state: str = "open"
    decision: Decision | None = None


@dataclass(frozen=True)
class Message:
    """One message handed to a provider, with its local civil time."""

    step: str
    channel: str
    local: datetime
    document_id: str
    key: str = ""

    @property
    def words(self) -> str:
        return f"{self.step} {self.channel} {self.local:%m-%d %H:%M}"


@dataclass
class World:
    """What is true outside the case, and what the case did to it. Amounts in cents."""

    zone: str = ZONE
    # the chart
    chart_ready: bool = True
    billable: bool = True
    due_cents: int = 20_000
    hold_code: str | None = None
    # the systems outside
    silent: str | None = None
    in_flight: bool = False
    pms_shows_tender: bool = True
    pms_takes_notes: bool = True
    write_back_suspended: bool = False
    consents: tuple[str, ...] = ("sms", "email")
    switched_on: bool = True
    answers: list[SendOut] = field(default_factory=list)
    """Answers of the next sends, one each, instead of a hand-over."""
    providers: list[str] = field(default_factory=list)
    """Answers of the next hand-overs, one each; accepted when the list is empty."""
    lookups: list[str] = field(default_factory=list)
    """Answers of the next look-ups: unknown, absent or accepted."""
    failing: dict[str, str] = field(default_factory=dict)
    """Activities that fail for good until the entry is taken out: name -> error type."""
    announced: list[tuple[int, str]] = field(default_factory=list)
    """Payments to be found: cents and `card`, `desk`, `twice` or `changed`."""
    days_late: int = 0
    """Makes the first delivery look as many days old, as when no worker ran since."""
    during_send: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What happens while the next sends run."""
    during_look: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What happens while the next looks at money, or at a refund, dispute, payout or loan, run."""
    during_write_back: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What happens while the next write-backs run."""
    refuses_ends: list[str] = field(default_factory=list)
    """Why the books do not agree to the next ends of the case, one each."""
    refuses_undos: list[str] = field(default_factory=list)
    """Why the books do not agree to the next takings back, one each."""
    two_people: tuple[str, ...] = ()
    """Choices that a second person has to confirm."""
    plan_case_id: str | None = None
    """The financing plan that the visit is a session of."""
    unmatched: str = "held"
    unmatched_visit: str | None = None
    reply_visit: str | None = None
    """The visit of the client who wrote back."""
    # the books
    ends: list[tuple[str, str | None]] = field(default_factory=list)
    documents: list[tuple[str, int]] = field(default_factory=list)
    paid_cents: int = 0
    written_off_cents: int = 0
    asked_cents: int = 0
    # what happened
    asked: list[tuple[str, Record]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    handed_over: int = 0
    unclear: list[Message] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    reminders: list[tuple[str, int, datetime]] = field(default_factory=list)

    @property
    def balance_cents(self) -> int:
        due_cents = self.documents[-1][1] if self.documents else 0
        return due_cents - self.paid_cents - self.written_off_cents

    @property
    def open_codes(self) -> list[str]:
        return [question.code for question in self.questions if question.state == "open"]

    @property
    def codes(self) -> list[str]:
        """Every question ever asked, in order."""
        return [question.code for question in self.questions]

    @property
    def said(self) -> list[str]:
        """Steps that reached the patient, in order."""
        return [message.step for message in self.messages]

    def times(self, name: str) -> int:
        """How often an activity was asked for."""
        return sum(asked == name for asked, _ in self.asked)

    def of(self, name: str) -> list[Any]:
        """What an activity was asked, in order."""
        return [ask for asked, ask in self.asked if asked == name]

    def local(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.zone))

    def open(self, code: str, case_id: str, number: int | str) -> str:
        """As in the books: an id that is there already stands, or what was asked again for it."""
        review_id = ids.review_id(case_id, code, number)
        while any(question.review_id == f"{review_id}/again" for question in self.questions):
            review_id += "/again"
        if all(question.review_id != review_id for question in self.questions):
            self.questions.append(Question(review_id, code))
        return review_id

    def question(self, code: str) -> Question:
        """The newest question of a code."""
        return [question for question in self.questions if question.code == code][-1]

    def decide(self, decision: Decision) -> bool:
        """Close a question; True the first time. One that is withdrawn cannot be decided."""
        found = next(q for q in self.questions if q.review_id == decision.review_id)
        if found.state == "withdrawn":
            raise ApplicationError("withdrawn", type="BadRequest", non_retryable=True)
        is_first = found.state == "open"
        found.state, found.decision = "decided", decision
        return is_first

    def waits(self, decision: Decision) -> str | None:
        """The effect with which a question stays open for a second person, or after a no."""
        if decision.choice == "refuse":
            return "refused"
        is_alone = decision.choice in self.two_people and decision.confirmed_by is None
        return "proposed" if is_alone else None

    def refunds_of(self, decision: Decision) -> tuple[str, ...]:
        """What an answer owes back is carried out by a case of its own."""
        owes = decision.choice in ("refund", "pay_back")
        return (ids.refund_id(decision.review_id),) if owes else ()


class Fake:
    """Notes what it is asked and fails where the script says so."""

    def __init__(self, world: World) -> None:
        self.world = world

    def heard(self, ask: Record) -> World:
        name = activity.info().activity_type
        self.world.asked.append((name, ask))
        kind = self.world.failing.get(name)
        if kind is not None:
            raise ApplicationError("scripted", type=kind, non_retryable=True)
        return self.world

    async def meanwhile(self) -> None:
        """What the script lets happen while a look runs."""
        if self.world.during_look:
            await self.world.during_look.pop(0)()
