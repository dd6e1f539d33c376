"""Questions for a person: what each code means and which answers are valid.

No case ever answers one of them by itself.
"""

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from domain import (
    topics_chase,
    topics_control,
    topics_draft,
    topics_lender,
    topics_lots,
    topics_money,
    topics_people,
    topics_plan,
    topics_reversals,
)
from domain.case import Decision
from domain.catalog import ItemClass
from domain.money import dollars
from domain.topics import Choice, Need, Topic

TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        topic.code: topic
        for topic in (
            *topics_draft.TOPICS,
            *topics_chase.TOPICS,
            *topics_money.TOPICS,
            *topics_reversals.TOPICS,
            *topics_people.TOPICS,
            *topics_lots.TOPICS,
            *topics_control.TOPICS,
            *topics_plan.TOPICS,
            *topics_lender.TOPICS,
        )
    }
)

IN_SUSPENSE = ("DUPLICATE_SUSPECTED", "OVERPAID", "WRONG_CLIENT", "WRONG_INVOICE", "CHART_CHANGED")
"""Codes about a client's money that has no place yet; such a question outlives the debt."""

CONFIRM, REFUSE = "confirm", "refuse"
"""Answers to a proposal, given by a second person (F5)."""

STAYS_OPEN = frozenset({"proposed", "refused", "failed"})
"""Effects after which a question waits on: for a second person, or for another answer."""

_WORDS: Mapping[Need, str] = MappingProxyType(
    {
        Need.SKU: "the catalog item that it stands for",
        Need.AMOUNT: "an amount",
        Need.ITEM_CLASS: "the class of item that it is booked and taxed as",
        Need.INVOICE: "the invoice that the money belongs to",
        Need.REASON: "a reason",
        Need.UNTIL: "a date",
        Need.CLIENT: "a client",
        Need.STATUS: "a status",
    }
)


def topic_of(code: str) -> Topic:
    """The topic of a code. Raises LookupError for a code that nobody has described."""
    if code not in TOPICS:
        raise LookupError(f"no review topic {code}")
    return TOPICS[code]


def in_words(sentence: str, money_cents: int) -> str:
    """A meaning or effect with its {amount} filled in."""
    return sentence.replace("{amount}", dollars(money_cents))


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's, however they are typed."""
    return _person(one) == _person(other)


def _person(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def problem_with(decision: Decision, code: str) -> str | None:
    """One sentence on why a decision cannot be taken for this code; None when it can."""
    topic = TOPICS.get(code)
    if topic is None:
        return f"Nobody has described how to decide {code}."
    choice = _choice_named(decision.choice, topic)
    if choice is None:
        names = ", ".join(choice.name for choice in topic.choices)
        return f"{code} can be decided by {names}; not by {decision.choice or 'nothing'}."
    if not decision.by.strip():
        return "A decision needs the name of the person who takes it."
    for need in choice.needs:
        if not _given(decision, need):
            return f"The choice {choice.name} needs {_WORDS[need]}."
    if decision.item_class and decision.item_class not in set(ItemClass):
        return f"{decision.item_class} is no item class; one of {', '.join(ItemClass)}."
    return None


def _choice_named(name: str, topic: Topic) -> Choice | None:
    return next((choice for choice in topic.choices if choice.name == name), None)


def _given(decision: Decision, need: Need) -> bool:
    if need is Need.AMOUNT:
        return decision.amount_cents is not None and decision.amount_cents >= 0
    return bool(str(getattr(decision, need) or "").strip())
