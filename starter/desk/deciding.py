"""What the desk does with questions, for the commands and the screen alike.

Every function takes open books; `Refusal` says in one sentence why something was not done.
"""

import asyncio
from collections.abc import Sequence
from typing import Literal

from pydantic import AwareDatetime

from domain.case import Decision
from domain.model import Record
from domain.preview import Preview
from domain.reviews import in_words, topic_of
from starter.desk import answers
from starter.desk.books import SHORT, Books
from starter.errors import Refusal
from store import reviews
from store.reviews import Review

CARRIED_OUT_SECONDS = 10.0
_POLL_SECONDS = 0.05


class Waiting(Record):
    """One line of the queue. Ids, codes and money; a name is asked of `Books.name`."""

    review_id: str
    short_id: str
    code: str
    title: str
    location_id: str
    case_id: str
    client_id: str | None
    money_cents: int
    opened_at: AwareDatetime
    age_business_days: int
    due_at: AwareDatetime | None = None
    is_overdue: bool = False
    owner: str | None = None
    """Who has taken it."""
    proposed_by: str | None = None
    """Who has proposed an answer that waits for a second person."""
    proposed: str | None = None
    """The choice that they proposed."""
    suggested: str | None = None


class Option(Record):
    """One choice with what it needs; `needs` are fields of a Decision."""

    name: str
    label: str
    effect: str
    needs: tuple[str, ...] = ()
    second_person: bool = False
    is_suggested: bool = False


class Detail(Record):
    """One question in full, with both sides."""

    waiting: Waiting
    state: Literal["open", "decided", "withdrawn"]
    meaning: str
    if_ignored: str
    ours: tuple[tuple[str, str], ...]
    theirs: tuple[tuple[str, str], ...]
    facts: tuple[str, ...]
    options: tuple[Option, ...]
    decision: Decision | None = None
    """What was decided, or what is proposed."""


class Outcome(Record):
    """What became of an answer. `sentence` is for people."""

    review_id: str
    state: Literal["decided", "proposed", "refused", "failed", "undone", "sent"]
    """sent: handed over, but no worker has carried it out yet."""
    sentence: str


class Batch(Record):
    """One answer to many questions of one code: what became of each, in order."""

    code: str
    choice: str
    previews: tuple[Preview, ...]
    skipped: tuple[Outcome, ...]
    """Not part of it, with the reason."""


async def queue(
    books: Books,
    location_id: str | None = None,
    code: str | None = None,
    owner: str | None = None,
) -> list[Waiting]:
    """Open questions, oldest first, narrowed by what is given."""
    waiting = await reviews.list_open(books.conn, await books.known_location(location_id))
    lines = [await _line(books, review) for review in waiting if code in (None, review.code)]
    return [line for line in lines if owner in (None, line.owner)]


async def detail(books: Books, review_id: str) -> Detail:
    """One question by id or the beginning of it; raises LookupError."""
    review = await reviews.get(books.conn, review_id)
    topic = topic_of(review.code)
    return Detail(
        waiting=await _line(books, review),
        state=review.state,
        meaning=in_words(topic.meaning, review.money_cents),
        if_ignored=in_words(topic.if_ignored, review.money_cents),
        ours=_side(review, "ours"),
        theirs=_side(review, "theirs"),
        facts=tuple(str(fact) for fact in review.shown.get("facts") or ()),
        options=tuple(
            Option(
                name=choice.name,
                label=choice.label,
                effect=choice.effect,
                needs=tuple(choice.needs),
                is_suggested=choice.name == review.suggested,
            )
            for choice in review.choices
        ),
        decision=Decision.model_validate(review.decision) if review.decision else None,
    )


async def preview(books: Books, decision: Decision) -> Preview:
    """What a choice would do; the books stay as they are."""
    review = await reviews.get(books.conn, decision.review_id)
    choice = answers.choice_named(review, decision.choice)
    return Preview(
        review_id=review.review_id,
        choice=choice.name,
        follows=(f"{choice.label}: {choice.effect}",),
    )


async def decide(books: Books, decision: Decision) -> Outcome:
    """Give an answer in a person's name and wait until the books show what became of it."""
    from starter.desk.engine import give_decision

    review = await reviews.get(books.conn, decision.review_id)
    try:
        await give_decision(books.settings, review, decision)
    except Refusal:
        # Somebody else may have answered meanwhile: then say who, not that the case is closed.
        await answers.must_be_open(books, await reviews.get(books.conn, review.review_id))
        raise
    return await _outcome(books, decision)


async def confirm(books: Books, review_id: str, by: str) -> Outcome:
    """A second person says yes to what was proposed."""
    review = await reviews.get(books.conn, review_id)
    raise Refusal(f"Nothing in {review.review_id[:SHORT]} waits for {by} to confirm it.")


async def refuse(books: Books, review_id: str, by: str, reason: str) -> Outcome:
    """A second person says no to what was proposed; the question stays open."""
    review = await reviews.get(books.conn, review_id)
    raise Refusal(f"Nothing in {review.review_id[:SHORT]} waits for {by} to refuse it: {reason}.")


async def undo(books: Books, review_id: str, by: str, reason: str) -> Outcome:
    """Take a decision back by counter-entries; `Refusal` when that is not possible any more."""
    review = await reviews.get(books.conn, review_id)
    raise Refusal(f"{review.review_id[:SHORT]} cannot be undone by {by} yet: {reason}.")


async def take(books: Books, review_id: str, by: str) -> Waiting:
    """Say that somebody looks after an open question."""
    review = await reviews.get(books.conn, review_id)
    return (await _line(books, review)).model_copy(update={"owner": by})


async def batch(
    books: Books,
    decision: Decision,
    code: str,
    location_id: str | None = None,
    up_to_cents: int | None = None,
) -> Batch:
    """What one answer would do to every open question of a code; `decision.review_id` is not read.

    Questions that differ are skipped and say why: another choice, too much money, somebody
    else's proposal.
    """
    found = await queue(books, location_id, code)
    chosen = [
        decision.model_copy(update={"review_id": line.review_id})
        for line in found
        if up_to_cents is None or line.money_cents <= up_to_cents
    ]
    previews = [await preview(books, one) for one in chosen]
    return Batch(code=code, choice=decision.choice, previews=tuple(previews), skipped=())


async def decide_all(books: Books, decision: Decision, review_ids: Sequence[str]) -> list[Outcome]:
    """Give the same answer to each question by itself; one that fails stops no other."""
    done = []
    for review_id in review_ids:
        one = decision.model_copy(update={"review_id": review_id})
        try:
            done.append(await decide(books, one))
        except Refusal as refusal:
            done.append(Outcome(review_id=review_id, state="failed", sentence=str(refusal)))
    return done


async def _outcome(books: Books, decision: Decision) -> Outcome:
    """What the books show soon; refuses when they show another decision."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + CARRIED_OUT_SECONDS
    while loop.time() < deadline:
        review = await reviews.get(books.conn, decision.review_id)
        if review.state == "decided" and review.decision == decision.model_dump(mode="json"):
            sentence = f"Decided: {decision.choice}, by {decision.by}."
            return Outcome(review_id=review.review_id, state="decided", sentence=sentence)
        await answers.must_be_open(books, review)
        await asyncio.sleep(_POLL_SECONDS)
    sentence = f"Taken, and carried out as soon as the worker can: {decision.choice}."
    return Outcome(review_id=decision.review_id, state="sent", sentence=sentence)


async def _line(books: Books, review: Review) -> Waiting:
    age = await books.business_age(review.location_id, review.opened_at)
    return Waiting(
        review_id=review.review_id,
        short_id=review.review_id[:SHORT],
        code=review.code,
        title=topic_of(review.code).title,
        location_id=review.location_id,
        case_id=review.case_id,
        client_id=review.client_id,
        money_cents=review.money_cents,
        opened_at=review.opened_at,
        age_business_days=age,
        suggested=review.suggested,
    )


def _side(review: Review, name: str) -> tuple[tuple[str, str], ...]:
    said = review.shown.get(name) or {}
    return tuple((str(key), str(value)) for key, value in said.items())
