"""What a client allows, read from the list of everything that was ever said about it.

Pure. The order is that of the telling, not of its arrival: a START that is redriven after a
later STOP restores nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Literal

from pydantic import AwareDatetime

from domain.case import Channel
from domain.model import Record

BILLING, CARE, MARKETING = CLASSES = ("billing", "care", "marketing")
EVERYTHING = "all"
SCOPES = (*CLASSES, EVERYTHING)
"""What one word about consent can be about; a message has one of the three classes."""

Detail = Literal["neutral", "detailed"]
NEUTRAL: Detail = "neutral"
DETAILED: Detail = "detailed"

WRITTEN = "written"
RESTORED = "sms-start"
"""`how` of a START: it gives back what the STOP before it took, and nothing else."""
BY_KEYWORD = frozenset({"sms-reply", "carrier"})
"""`how` of the opt-outs that a START undoes."""
STOPPED = "stop"
"""`reason` of an address that its holder stopped by text; the one reason that a START lifts."""
CORRECTED = "corrected"
"""`reason` of a lift after which nothing bars the address; any other lift undoes its own alone."""

NEEDS_OPT_IN = frozenset({CARE, MARKETING})
"""Classes that the contact in the PMS does not allow by itself."""
NEEDS_WRITING = frozenset({MARKETING})
"""Classes whose opt-in counts only when it was given in writing."""


class StopRule(Record):
    """What a bare STOP ends, from a civil day on: a scope, on these channels."""

    since: date
    scope: str
    channels: tuple[Channel, ...]


STOP_RULES: tuple[StopRule, ...] = (
    StopRule(since=date.min, scope=EVERYTHING, channels=(Channel.SMS,)),
    # 47 CFR 64.1200(a)(10): the waiver of revoke-all (DA 26-12) ends; it covers calls and texts.
    StopRule(since=date(2027, 1, 31), scope=EVERYTHING, channels=(Channel.SMS,)),
)
UNSUBSCRIBE_SCOPE = EVERYTHING
"""What a one-click unsubscribe from e-mail ends."""


def stop_rule(on: date, rules: tuple[StopRule, ...] = STOP_RULES) -> StopRule:
    """The rule in force on a civil day."""
    return max((rule for rule in rules if rule.since <= on), key=lambda rule: rule.since)


class ConsentWord(Record):
    """One thing said about consent. `number` orders what was said at the same instant."""

    channel: Channel
    scope: str
    allowed: bool
    how: str
    detail: Detail = NEUTRAL
    at: AwareDatetime
    number: int


class AddressWord(Record):
    """One address was suppressed or freed."""

    channel: Channel
    suppressed: bool
    reason: str
    at: AwareDatetime
    number: int


class Permission(Record):
    """Whether a message of a class may go by a channel, and how much it may say.

    `reason` of a no: `unknown_client`, `no_address`, `address_suppressed`, `opted_out`,
    `no_consent`.
    """

    ok: bool
    reason: str | None = None
    detail: Detail = NEUTRAL


class _Standing(Record):
    allowed: bool | None = None
    how: str = ""
    detail: Detail = NEUTRAL


def permission(
    words: Iterable[ConsentWord],
    addresses: Iterable[AddressWord],
    channel: Channel,
    message_class: str,
    has_address: bool,
) -> Permission:
    """What all that was said adds up to, for one channel and class.

    Without any word of the client, billing is allowed to the contact that the PMS gave; care
    needs an opt-in, marketing one in writing.
    """
    if not has_address:
        return Permission(ok=False, reason="no_address")
    if _suppressed(word for word in addresses if word.channel == channel):
        return Permission(ok=False, reason="address_suppressed")
    about = [w for w in words if w.channel == channel and w.scope in (message_class, EVERYTHING)]
    standing = _fold(about)
    if standing.allowed is False:
        return Permission(ok=False, reason="opted_out")
    if standing.allowed is None and message_class in NEEDS_OPT_IN:
        return Permission(ok=False, reason="no_consent")
    if standing.how != WRITTEN and message_class in NEEDS_WRITING:
        return Permission(ok=False, reason="no_consent")
    return Permission(ok=True, detail=standing.detail)


def _fold(words: Iterable[ConsentWord]) -> _Standing:
    now, before_stop = _Standing(), None
    for word in sorted(words, key=lambda one: (one.at, one.number)):
        if word.how == RESTORED and word.allowed:
            now, before_stop = before_stop or now, None
            continue
        if not word.allowed and word.how in BY_KEYWORD:
            # A second STOP must not make the first one the thing that a START gives back.
            before_stop = before_stop or now
            now = _Standing(allowed=False, how=word.how)
            continue
        now = _Standing(allowed=word.allowed, how=word.how, detail=word.detail)
        before_stop = None
    return now


def _suppressed(words: Iterable[AddressWord]) -> bool:
    reasons: set[str] = set()
    for word in sorted(words, key=lambda one: (one.at, one.number)):
        if word.suppressed:
            reasons.add(word.reason)
        elif word.reason == RESTORED:
            reasons.discard(STOPPED)
        elif word.reason == CORRECTED:
            reasons.clear()
        else:
            reasons.discard(word.reason)
    return bool(reasons)


NOBODY: Mapping[Channel, Permission] = MappingProxyType(
    {channel: Permission(ok=False, reason="unknown_client") for channel in Channel}
)
"""The answer about a client that the books do not know."""
