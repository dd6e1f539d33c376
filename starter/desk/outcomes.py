"""Hands an answer to its case and reads in the books what became of it."""

import asyncio
from typing import Any

from domain.case import Decision
from domain.reviews import CONFIRM, REFUSE
from starter.desk import answers
from starter.desk.books import Books
from starter.desk.records import Outcome
from starter.errors import Refusal
from store import review_acts, reviews
from store.reviews import Review

CARRIED_OUT_SECONDS = 10.0
POLL_SECONDS = 0.05


async def give(books: Books, review: Review, decision: Decision) -> Outcome:
    """Send the answer; `Refusal` when it was not taken, or somebody else was first.

    `review` is the question as it stood before.
    """
    from starter.desk.engine import give_decision

    before = len(await review_acts.of_review(books.conn, review.review_id))
    try:
        await give_decision(books.settings, review, decision)
    except Refusal:
        # Somebody else may have answered meanwhile: then say who, not that the case is closed.
        await answers.must_be_open(books, await reviews.get(books.conn, review.review_id))
        raise
    loop = asyncio.get_running_loop()
    deadline = loop.time() + CARRIED_OUT_SECONDS
    while loop.time() < deadline:
        outcome = await _found(books, review, decision, before)
        if outcome is not None:
            return outcome
        await asyncio.sleep(POLL_SECONDS)
    sentence = f"Taken, and carried out as soon as the worker can: {decision.choice}."
    return Outcome(review_id=review.review_id, state="sent", sentence=sentence)


async def _found(books: Books, asked: Review, decision: Decision, before: int) -> Outcome | None:
    """What the books show by now; `Refusal` when it is another person's decision."""
    review = await reviews.get(books.conn, asked.review_id)
    if review.state == "decided" and review.decision == _wanted(asked, decision):
        return _outcome(review, "decided", f"Decided: {_named(review)}.")
    if review.state != "open":
        await answers.must_be_open(books, review)
    acts = (await review_acts.of_review(books.conn, asked.review_id))[before:]
    failed = next((act for act in acts if act.act == "failed"), None)
    if failed is not None:
        return _outcome(review, "failed", f"Not carried out: {failed.reason}")
    if decision.choice == REFUSE and any(act.act == "refused" for act in acts):
        return _outcome(review, "refused", f"Refused by {decision.by}; the question stays open.")
    if review.proposal == decision.model_dump(mode="json"):
        sentence = f"Proposed: {decision.choice}, by {decision.by}; a second person confirms it."
        return _outcome(review, "proposed", sentence)
    return None


def _wanted(asked: Review, decision: Decision) -> dict[str, Any]:
    """The decision that this answer leads to."""
    if decision.choice == CONFIRM and asked.proposal is not None:
        return asked.proposal
    return decision.model_dump(mode="json")


def _named(review: Review) -> str:
    choice = (review.decision or {}).get("choice")
    second = f", confirmed by {review.confirmed_by}" if review.confirmed_by else ""
    return f"{choice}, by {review.decided_by}{second}"


def _outcome(review: Review, state: str, sentence: str) -> Outcome:
    return Outcome.model_validate(
        {"review_id": review.review_id, "state": state, "sentence": sentence}
    )
