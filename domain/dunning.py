"""Where one case stands in its dunning cadence: pure state, no clock, no effects."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from domain import calendar
from domain.bounces import Messages
from domain.case import (
    Channel,
    ChannelOutcome,
    ChasePolicy,
    ChaseStep,
    DeliveryFailed,
    Tone,
)
from domain.model import Record

RECEIPT_STEP = ChaseStep(
    name="receipt_nothing_due", day=0, tone=Tone.NEUTRAL, channels=(Channel.EMAIL,)
)
"""Nothing due: one receipt, never a money message."""

_OTHER_CHANNEL = {Channel.SMS: Channel.EMAIL, Channel.EMAIL: Channel.SMS}
_DOUBLINGS_MAX = 4

_ONCE_MORE_AFTER = {"retry_later": timedelta(hours=4), "retry_tomorrow": timedelta(days=1)}
"""Failures for the moment only: when the same channel may try again, once."""

_IN_FLIGHT_MAX = timedelta(days=7)
"""How long a payment may be under way before a person looks (D5)."""


class AfterBounce(StrEnum):
    """What to do about a message that did not arrive."""

    NOTHING = "nothing"
    AGAIN = "again"
    ASK = "ask"


class DueStep(Record):
    """The step to take, when, and the overdue ones that it overtakes.

    `retry_of` is the message that failed for the moment and is tried once more.
    """

    step: ChaseStep
    at: datetime
    skipped: tuple[str, ...] = ()
    retry_of: str | None = None


class Opens(Protocol):
    """When a step may go that is due in silent hours."""

    @property
    def name(self) -> str:
        """The step."""
        ...

    @property
    def at(self) -> datetime:
        """When it may go."""
        ...


class Taken(Protocol):
    """The answer of a send, as far as the cadence needs it."""

    @property
    def status(self) -> str:
        """What became of the step."""
        ...

    @property
    def balance_cents(self) -> int:
        """What was asked for."""
        ...

    @property
    def later(self) -> tuple["Opens", ...]:
        """Steps that may not go when they are due, and when they may."""
        ...

    @property
    def outcomes(self) -> tuple[ChannelOutcome, ...]:
        """One for each channel that was tried."""
        ...


class Spoken(Record):
    """The money that the words of a step go by, in cents."""

    step: str
    asked_cents: int | None = None
    """What was asked for before it; less is owed after a part payment."""
    in_flight_cents: int | None = None
    """What was owed while a payment was under way; as much is owed again when it failed."""


class Dunning:
    """The cadence of one case. All instants are the case's own clock, aware."""

    def __init__(self, policy: ChasePolicy, zone: str) -> None:
        self.policy = policy
        self.zone = zone
        self.day0 = policy.day0_on
        self.done: set[str] = set()
        self.last: ChaseStep | None = None
        self.not_before: datetime | None = None
        self._unverified_since: datetime | None = None
        self._verify_tries = 0
        self._fallbacks: set[str] = set()
        self._repeated: set[str] = set()
        self._extra: ChaseStep | None = None
        self._extra_at: datetime | None = None
        self._retry_of: str | None = None
        self.asked_cents: int | None = None
        self.in_flight_cents: int | None = None
        self._spoken = Spoken(step="")
        self.despite_credit = False
        self._messages = Messages()
        self._opens: dict[str, datetime] = {}
        self._counts_anew = False
        self._paused: ChaseStep | None = None
        self._in_flight_since: datetime | None = None
        self._shift = timedelta(0)

    def due(self, now: datetime) -> DueStep | None:
        """The next step, due or upcoming; None when the cadence is through."""
        if self._counts_anew and self.day0 is None and self._extra is None:
            self._count_anew_from(calendar.local_date(now, self.zone))
        regular = self._regular(now)
        if self._extra is None or (regular is not None and regular.at <= now):
            return regular
        at = self._no_earlier(max(now, self._extra_at or now))
        if self._extra_at is not None and regular is not None and regular.at <= at:
            return regular
        return DueStep(step=self._extra, at=at, retry_of=self._retry_of)

    def _count_anew_from(self, day: date) -> None:
        """No message of the first step arrived; what a person did instead is day 0."""
        if self.policy.steps[0].name in self.done:
            self.day0, self._counts_anew = day, False

    def _regular(self, now: datetime) -> DueStep | None:
        if self._paused is not None and self._paused.name not in self.done:
            return DueStep(step=self._paused, at=self._no_earlier(now))
        if self.day0 is None:
            first = self.policy.steps[0]
            return (
                DueStep(step=first, at=self._no_earlier(now))
                if first.name not in self.done
                else None
            )
        anchor = self.day0 + self._shift
        step, skipped = calendar.next_step(self.policy, anchor, now, self.done, self.zone)
        if step is None:
            return None
        at = calendar.chase_due(self.policy, step, anchor, self.zone)
        at = max(at, self._opens.get(step.name, at))
        return DueStep(step=step, at=self._no_earlier(at), skipped=skipped)

    def took(self, step: ChaseStep, skipped: tuple[str, ...], on: date | None) -> None:
        """A step was taken, or is past; the first one sets day 0."""
        if self._paused is not None and step.name == self._paused.name:
            self._resume(step, on)
        self.done.update((step.name, *skipped))
        self.last = step
        self.day0 = self.day0 or on
        self._drop_extra()

    def unheard(self, step: ChaseStep) -> None:
        """No channel took the step: when it was the first, the days are counted from what goes."""
        if step.name == self.policy.steps[0].name:
            self.day0 = self.policy.day0_on
            self._counts_anew = self.day0 is None

    def words_of(self, step: ChaseStep) -> Spoken:
        """What the words of a step go by; what is said once more goes by what it was said for.

        Else a failed payment would be a firm reminder, and a softened tone a hard one, only
        because the first try did not arrive (D4, D5).
        """
        if self._spoken.step != step.name:
            return Spoken(
                step=step.name, asked_cents=self.asked_cents, in_flight_cents=self.in_flight_cents
            )
        if self.in_flight_cents is None:
            return self._spoken
        return self._spoken.model_copy(update={"in_flight_cents": self.in_flight_cents})

    def sent(self, step: ChaseStep, taken: Taken) -> None:
        """Remember which message is which, and what was asked for."""
        said = self.words_of(step)
        most_cents = max(said.asked_cents or 0, taken.balance_cents)
        self._spoken = said.model_copy(update={"asked_cents": most_cents})
        self._messages.sent(step.name, taken.outcomes)
        self._opens.update((one.name, one.at) for one in taken.later)
        self.asked_cents = taken.balance_cents
        self.in_flight_cents = None

    def resolved(self, outcomes: tuple[ChannelOutcome, ...]) -> None:
        """What became of the messages of unknown outcome."""
        self._messages.resolved(outcomes)

    def take_again(self) -> None:
        """The last step is to be sent once more."""
        if self.last is None:
            return
        if self._messages.is_lost(self.last.name):
            # Both channels were tried and the contact data is right now: all of it again.
            self._messages.forget(self.last.name)
            self._extra, self._extra_at = self._step_named(self.last), None
        elif self.last.name in self._fallbacks:
            self._extra = self.last
        else:
            self.done.discard(self.last.name)

    def take_again_once(self) -> bool:
        """The last step was certainly not sent: once more; False when it was so before."""
        if self.last is None or self.last.name in self._repeated:
            return False
        self._repeated.add(self.last.name)
        self.take_again()
        return True

    def finish(self) -> None:
        """Nothing more is to be sent (a small remainder is carried, not chased)."""
        self.done.update(step.name for step in self.policy.steps)
        self._drop_extra()

    def wait_until(self, at: datetime | None) -> None:
        """No step before this instant; None lifts it."""
        self.not_before = at

    def verify_again_at(self, now: datetime) -> datetime | None:
        """When to try again to verify the balance; None when it is a person's turn."""
        self._unverified_since = self._unverified_since or now
        if now - self._unverified_since >= timedelta(hours=self.policy.verify_give_up_hours):
            self.verified()
            return None
        doublings = min(self._verify_tries, _DOUBLINGS_MAX)
        self._verify_tries += 1
        return now + timedelta(minutes=self.policy.verify_retry_minutes * 2**doublings)

    def verified(self) -> None:
        """The balance is known again."""
        self._unverified_since, self._verify_tries = None, 0

    # -- payments under way

    def note_in_flight(self, balance_cents: int) -> None:
        """A payment is under way: if as much is owed afterwards, it has failed."""
        self.in_flight_cents = balance_cents

    def note_settled(self, balance_cents: int) -> None:
        """No payment is under way; the one that was has come when less is owed by now."""
        if self.in_flight_cents is not None and balance_cents < self.in_flight_cents:
            self.in_flight_cents = None

    def pause_for_payment(self, step: ChaseStep, now: datetime) -> bool:
        """Keep a step for when the payment has failed; True when a person should look at it.

        It is that very step which goes then; the later ones keep their distance to it.
        """
        self._paused = self._paused or step
        self._in_flight_since = self._in_flight_since or now
        if now - self._in_flight_since <= _IN_FLIGHT_MAX:
            return False
        self._in_flight_since = now
        return True

    def _resume(self, step: ChaseStep, on: date | None) -> None:
        if self.day0 is not None and on is not None:
            late = (on - self.day0) - timedelta(days=step.day)
            self._shift = max(self._shift, late)
        self._paused = self._in_flight_since = None

    # -- messages that did not arrive

    def bounced(self, failure: DeliveryFailed, now: datetime) -> AfterBounce:
        """Once more on the same channel when that can help, then by the other one, once.

        Only the newest step is made good: an older message has been overtaken. When nothing of
        the first step arrived, the days are counted from what does.
        """
        step_name = self._messages.failed(failure.message_key)
        if step_name is None or self.last is None or step_name != self.last.name:
            return AfterBounce.NOTHING
        if self._messages.may_arrive(step_name):
            return AfterBounce.NOTHING
        self.unheard(self.last)
        pause = _ONCE_MORE_AFTER.get(failure.code)
        if pause is not None and self._messages.may_retry(step_name, failure.channel):
            self._take_extra(failure.channel, now + pause, failure.message_key)
            return AfterBounce.AGAIN
        other = _OTHER_CHANNEL[failure.channel]
        if self._messages.is_untried(step_name, other):
            self._fallbacks.add(step_name)
            self._take_extra(other, None, None)
            return AfterBounce.AGAIN
        return AfterBounce.ASK

    def _take_extra(self, channel: Channel, at: datetime | None, retry_of: str | None) -> None:
        assert self.last is not None
        self._extra = self.last.model_copy(update={"channels": (channel,)})
        self._extra_at, self._retry_of = at, retry_of

    def _drop_extra(self) -> None:
        self._extra = self._extra_at = self._retry_of = None

    def _step_named(self, last: ChaseStep) -> ChaseStep:
        return next((step for step in self.policy.steps if step.name == last.name), last)

    def fall_back(self, failure: DeliveryFailed) -> bool:
        """As cases from before `bounced` do it: the last step, whichever message failed."""
        other = _OTHER_CHANNEL[failure.channel]
        last = self.last
        if last is None or other in last.channels or last.name in self._fallbacks:
            return False
        self._fallbacks.add(last.name)
        self._extra = last.model_copy(update={"channels": (other,)})
        return True

    def _no_earlier(self, at: datetime) -> datetime:
        return max(at, self.not_before) if self.not_before else at
