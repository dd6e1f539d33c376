"""Where one case stands in its dunning cadence: pure state, no clock, no effects."""

from datetime import date, datetime, timedelta

from domain import calendar
from domain.case import Channel, ChasePolicy, ChaseStep, DeliveryFailed, Tone
from domain.model import Record

RECEIPT_STEP = ChaseStep(
    name="receipt_nothing_due", day=0, tone=Tone.NEUTRAL, channels=(Channel.EMAIL,)
)
"""Nothing due: one receipt, never a money message."""

_OTHER_CHANNEL = {Channel.SMS: Channel.EMAIL, Channel.EMAIL: Channel.SMS}
_DOUBLINGS_MAX = 4


class DueStep(Record):
    """The step to take, when, and the overdue ones that it overtakes."""

    step: ChaseStep
    at: datetime
    skipped: tuple[str, ...] = ()


class Dunning:
    """The cadence of one case. All instants are the case's own clock, aware."""

    def __init__(self, policy: ChasePolicy, zone: str) -> None:
        self.policy = policy
        self.zone = zone
        self.day0: date | None = None
        self.done: set[str] = set()
        self.last: ChaseStep | None = None
        self.not_before: datetime | None = None
        self._unverified_since: datetime | None = None
        self._verify_tries = 0
        self._fallbacks: set[str] = set()
        self._repeated: set[str] = set()
        self._extra: ChaseStep | None = None

    def due(self, now: datetime) -> DueStep | None:
        """The next step, due or upcoming; None when the cadence is through."""
        regular = self._regular(now)
        if self._extra is not None and (regular is None or regular.at > now):
            return DueStep(step=self._extra, at=self._no_earlier(now))
        return regular

    def _regular(self, now: datetime) -> DueStep | None:
        if self.day0 is None:
            first = self.policy.steps[0]
            return (
                DueStep(step=first, at=self._no_earlier(now))
                if first.name not in self.done
                else None
            )
        step, skipped = calendar.next_step(self.policy, self.day0, now, self.done, self.zone)
        if step is None:
            return None
        at = calendar.chase_due(self.policy, step, self.day0, self.zone)
        return DueStep(step=step, at=self._no_earlier(at), skipped=skipped)

    def took(self, step: ChaseStep, skipped: tuple[str, ...], on: date | None) -> None:
        """A step was taken, or is past; the first one sets day 0."""
        self.done.update((step.name, *skipped))
        self.last = step
        self.day0 = self.day0 or on
        self._extra = None

    def take_again(self) -> None:
        """The last step is to be sent once more."""
        if self.last is None:
            return
        if self.last.name in self._fallbacks:
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
        self._extra = None

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

    def fall_back(self, failure: DeliveryFailed) -> bool:
        """Take the last step on the other channel, once; False when both have been tried."""
        other = _OTHER_CHANNEL[failure.channel]
        last = self.last
        if last is None or other in last.channels or last.name in self._fallbacks:
            return False
        self._fallbacks.add(last.name)
        self._extra = last.model_copy(update={"channels": (other,)})
        return True

    def _no_earlier(self, at: datetime) -> datetime:
        return max(at, self.not_before) if self.not_before else at
