"""Which message of a case was which, and which of them are known not to have arrived."""

from collections.abc import Iterable

from domain.case import Channel, ChannelOutcome


class Messages:
    """Which message was which: by step and channel, and what is known to have failed."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, Channel]] = {}
        self._failed: dict[str, set[Channel]] = {}
        self._retried: set[tuple[str, Channel]] = set()
        self._lost: set[str] = set()

    def sent(self, step_name: str, outcomes: Iterable[ChannelOutcome]) -> None:
        """Remember the messages of a step; what was refused at once has failed already."""
        for outcome in outcomes:
            if outcome.state in ("accepted", "unknown"):
                self._names[outcome.message_key] = (step_name, outcome.channel)
                self._failed.get(step_name, set()).discard(outcome.channel)
            else:
                self._failed.setdefault(step_name, set()).add(outcome.channel)

    def failed(self, message_key: str) -> str | None:
        """Note a failure once; the message's step, None for a message that is not known."""
        step_name, channel = self._names.pop(message_key, (None, None))
        if step_name is not None and channel is not None:
            self._failed.setdefault(step_name, set()).add(channel)
        return step_name

    def resolved(self, outcomes: Iterable[ChannelOutcome]) -> None:
        """What became of messages of unknown outcome; an absent one can no longer arrive."""
        for outcome in outcomes:
            if outcome.state == "absent":
                self._names.pop(outcome.message_key, None)
            elif outcome.state == "refused":
                self.failed(outcome.message_key)

    def may_arrive(self, step_name: str) -> bool:
        """Whether another message of the step has not failed."""
        return any(name == step_name for name, _ in self._names.values())

    def may_retry(self, step_name: str, channel: Channel) -> bool:
        """Whether the channel may try once more; True once."""
        if (step_name, channel) in self._retried:
            return False
        self._retried.add((step_name, channel))
        return True

    def is_untried(self, step_name: str, channel: Channel) -> bool:
        """Whether a channel is left; when none is, the step is lost."""
        if channel not in self._failed.get(step_name, set()):
            return True
        self._lost.add(step_name)
        return False

    def is_lost(self, step_name: str) -> bool:
        """Whether every channel has failed."""
        return step_name in self._lost

    def forget(self, step_name: str) -> None:
        """Begin anew with a step."""
        self._lost.discard(step_name)
        self._failed.pop(step_name, None)
        self._retried -= {(step_name, channel) for channel in Channel}
