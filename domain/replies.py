"""What a patient's reply asks for. Pure and conservative: what is not certain goes to a person.

A reply can do two things at once ("stop texting me, my face is swollen"): end a consent, and
need a person. Both are said. Nothing of the patient's own words is in the answer.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from domain import reply_words as words
from domain.model import Record

ALL_SCOPE = "all"


class ReplyKind(StrEnum):
    """What a reply is about, most urgent first where several could be meant."""

    ADVERSE_EVENT = "adverse_event"
    WRONG_PERSON = "wrong_person"
    DISPUTE = "dispute"
    PAID = "paid"
    CALL_ME = "call_me"
    UNCLEAR = "unclear"
    STOP = "stop"
    START = "start"
    HELP = "help"


_NEEDS_A_PERSON: Mapping[ReplyKind, tuple[str, ...]] = MappingProxyType(
    {
        ReplyKind.ADVERSE_EVENT: words.ADVERSE_EVENT,
        ReplyKind.WRONG_PERSON: words.WRONG_PERSON,
        ReplyKind.DISPUTE: words.DISPUTE,
        ReplyKind.PAID: words.PAID,
        ReplyKind.CALL_ME: words.CALL_ME,
    }
)
"""Kinds by what they are recognised by, in the order in which they win."""

QUESTIONS: Mapping[ReplyKind, str] = MappingProxyType(
    {
        ReplyKind.ADVERSE_EVENT: "ADVERSE_EVENT",
        ReplyKind.WRONG_PERSON: "REPLY_WRONG_PERSON",
        ReplyKind.DISPUTE: "REPLY_DISPUTE",
        ReplyKind.PAID: "REPLY_PAID",
        ReplyKind.CALL_ME: "REPLY_CALL",
        ReplyKind.UNCLEAR: "REPLY_UNCLEAR",
    }
)
"""Kinds that a person answers, with the question that they open."""

HOLDS: Mapping[ReplyKind, str] = MappingProxyType(
    {ReplyKind.ADVERSE_EVENT: "adverse_event", ReplyKind.DISPUTE: "dispute"}
)
"""Kinds whose hold is more than "somebody has to read this"; the others hold as `reply`."""

_HINTS: Mapping[str, ReplyKind] = MappingProxyType(
    {"stop": ReplyKind.STOP, "start": ReplyKind.START, "help": ReplyKind.HELP}
)


class Reply(Record):
    """The reading of one reply. `stop_scope` is the class that it ends, `all`, or None.

    `is_wrong_number` is said beside something more urgent that is the reply's kind.
    """

    kind: ReplyKind
    stop_scope: str | None = None
    is_wrong_number: bool = False

    @property
    def bars_number(self) -> bool:
        """Whether nobody may be texted on the sender's number any more."""
        return self.is_wrong_number or self.kind is ReplyKind.WRONG_PERSON

    @property
    def question(self) -> str | None:
        """The code of the question for a person, or None when nobody has to read it."""
        return QUESTIONS.get(self.kind)

    @property
    def hold(self) -> str:
        """The kind of hold that stands until a person has answered."""
        return HOLDS.get(self.kind, "reply")


def classify(text: str, opt_out_hint: str | None = None) -> Reply:
    """Read a reply. `opt_out_hint` is the provider's own verdict: stop | start | help | None."""
    folded = fold(text)
    verdict = _HINTS.get((opt_out_hint or "").lower())
    if verdict is None and _is_stop(folded):
        verdict = ReplyKind.STOP
    about = _about(folded)
    if about is None and verdict is None:
        verdict = _keyword(folded)
    if verdict is ReplyKind.STOP and re.search(words.OTHER_WAYS, folded):
        about = about or ReplyKind.UNCLEAR
    return Reply(
        kind=about or verdict or ReplyKind.UNCLEAR,
        stop_scope=_scope(folded, about) if verdict is ReplyKind.STOP else None,
        is_wrong_number=about is ReplyKind.ADVERSE_EVENT and _any(words.WRONG_PERSON, folded),
    )


def fold(text: str) -> str:
    """Lower case, no accents, apostrophes or punctuation, single spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = re.sub(r"['’`´]", "", plain)
    return " ".join(re.sub(r"[^\w\s]|_", " ", plain).split())


def _about(folded: str) -> ReplyKind | None:
    for kind, patterns in _NEEDS_A_PERSON.items():
        if kind is ReplyKind.PAID and _any(words.NOT_PAID, folded):
            continue
        if _any(patterns, folded):
            return kind
    return None


def _is_stop(folded: str) -> bool:
    joined = folded.replace(" ", "")
    if joined in words.STOP_WORDS or _any(words.STOP_PHRASES, folded):
        return True
    if joined in words.NOT_TYPOS or joined in words.START_WORDS:
        return False
    return any(_one_slip(joined, keyword) for keyword in words.TYPED_BADLY)


def _scope(folded: str, about: ReplyKind | None) -> str:
    # "STOP, this bill is wrong" names the bill as its reason, not as what is to stop.
    if about is not None or re.search(words.EVERYTHING_WORDS, folded):
        return ALL_SCOPE
    named = [scope for scope, said in words.SCOPE_WORDS.items() if re.search(said, folded)]
    return named[0] if len(named) == 1 else ALL_SCOPE


def _keyword(folded: str) -> ReplyKind | None:
    joined = folded.replace(" ", "")
    if joined in words.START_WORDS:
        return ReplyKind.START
    return ReplyKind.HELP if joined in words.HELP_WORDS else None


def _any(patterns: Iterable[str], folded: str) -> bool:
    return any(re.search(pattern, folded) for pattern in patterns)


def _one_slip(typed: str, meant: str) -> bool:
    """Whether one letter was added, left out, mistyped or swapped with its neighbour."""
    if abs(len(typed) - len(meant)) > 1 or typed == meant:
        return typed == meant
    start = next((i for i, (a, b) in enumerate(zip(typed, meant, strict=False)) if a != b), None)
    if start is None:
        return True
    typed, meant = typed[start:], meant[start:]
    return (
        typed[1:] == meant[1:]
        or typed[1:] == meant
        or typed == meant[1:]
        or (typed[:2] == meant[1::-1] and typed[2:] == meant[2:])
    )
