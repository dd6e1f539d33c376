"""The answers that an open question takes, and the one that waits for its `y`."""

from dataclasses import dataclass, field
from enum import StrEnum

from rich.console import RenderableType

from domain.case import Decision
from domain.topics import Need
from starter.desk.answers import needs_of
from store.reviews import Choice, Review


class Act(StrEnum):
    """What `y` does."""

    DECIDE = "decide"
    DECIDE_ALL = "decide all"
    CONFIRM = "confirm"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Answer:
    """One numbered answer. `choice` is what is decided, confirmed or refused."""

    act: Act
    choice: Choice
    label: str
    effect: str
    needs: tuple[Need, ...] = ()
    is_suggested: bool = False
    second_person: bool = False


@dataclass(frozen=True)
class Pending:
    """An answer whose preview is on the screen. `ids`: the questions that it goes to."""

    answer: Answer
    decision: Decision
    typed: dict[str, str]
    preview: RenderableType
    is_possible: bool = True
    ids: tuple[str, ...] = field(default=())


def answers_of(review: Review) -> list[Answer]:
    """What can be answered now: a proposal is confirmed or refused before anything else."""
    if review.state != "open":
        return []
    if review.proposal is not None:
        return _of_proposal(review, Decision.model_validate(review.proposal))
    return [
        Answer(
            act=Act.DECIDE,
            choice=choice,
            label=choice.label,
            effect=choice.effect,
            needs=tuple(needs_of(choice)),
            is_suggested=choice.name == review.suggested,
            second_person=choice.name in review.second_person,
        )
        for choice in review.choices
    ]


def _of_proposal(review: Review, proposed: Decision) -> list[Answer]:
    choice = next(each for each in review.choices if each.name == proposed.choice)
    because = f", because: {proposed.reason}" if proposed.reason else ""
    return [
        Answer(
            act=Act.CONFIRM,
            choice=choice,
            label=f"Confirm: {choice.label}",
            effect=f"Proposed by {proposed.by}{because}. {choice.effect}",
        ),
        Answer(
            act=Act.REFUSE,
            choice=choice,
            label="Refuse it",
            effect="Nothing is booked; the question takes another answer.",
            needs=(Need.REASON,),
        ),
    ]
