"""The form of a question for a person: a topic with its choices."""

from enum import StrEnum

from domain.model import Record


class Need(StrEnum):
    """What a choice must be given besides a name: fields of a Decision."""

    SKU = "sku"
    AMOUNT = "amount_cents"
    ITEM_CLASS = "item_class"
    INVOICE = "invoice_id"
    REASON = "reason"
    UNTIL = "until"
    CLIENT = "client_id"
    STATUS = "status"


class Choice(Record):
    """One answer. `effect` may name {amount}, the money at stake.

    `two_person` marks what a second person confirms above the practice's limit (F5).
    """

    name: str
    label: str
    effect: str
    needs: tuple[Need, ...] = ()
    two_person: bool = False


class Topic(Record):
    """One kind of question. `suggested` names a choice, or None when only the facts can tell."""

    code: str
    title: str
    meaning: str
    if_ignored: str
    suggested: str | None
    choices: tuple[Choice, ...]
    due_business_days: int = 1
    """By when somebody should answer; 0 is within the hour."""


def choice(name: str, label: str, effect: str, *needs: Need, two_person: bool = False) -> Choice:
    """A choice, written on few lines."""
    return Choice(name=name, label=label, effect=effect, needs=needs, two_person=two_person)


def topic(
    code: str,
    title: str,
    meaning: str,
    if_ignored: str,
    suggested: str | None,
    *choices: Choice,
    due_business_days: int = 1,
) -> Topic:
    """A topic, written on few lines."""
    return Topic(
        code=code,
        title=title,
        meaning=meaning,
        if_ignored=if_ignored,
        suggested=suggested,
        choices=choices,
        due_business_days=due_business_days,
    )
