"""Takes a decision back for the desk: shown first, by two people where two had decided (F6)."""

import asyncio

from activities import previews
from activities import undoing as books_of
from activities.answering import CannotCarryOut
from domain.case import Undo
from domain.preview import Preview
from domain.reviews import same_person
from starter.desk.books import Books
from starter.desk.outcomes import CARRIED_OUT_SECONDS, POLL_SECONDS
from starter.desk.records import Outcome
from starter.errors import Refusal
from store import locations, reviews, undos
from store.reviews import Review


async def is_possible(books: Books, review: Review) -> bool:
    """Whether a decision is of a kind, and of a month, that can be taken back."""
    try:
        await books_of.must_be_possible(books.conn, review)
    except CannotCarryOut:
        return False
    return True


async def shown(books: Books, review_id: str, by: str, reason: str) -> Preview:
    """Every counter-entry; `problem` says why it cannot be. Nothing of it stays."""
    review = await reviews.get(books.conn, review_id)
    undo = await _undo(books, review, by, reason)
    if review.confirmed_by is not None and undo.confirmed_by is None:
        undo = undo.model_copy(update={"confirmed_by": previews.A_SECOND_PERSON})
    return await previews.preview_undo(books.conn, undo, await books.now(review.location_id))


async def undo(books: Books, review_id: str, by: str, reason: str) -> Outcome:
    """Take it back, or propose that; `Refusal` in one sentence. A repeat changes nothing."""
    review = await reviews.get(books.conn, review_id)
    if review.undone_by is not None:
        return _outcome(review, "undone", f"Taken back by {review.undone_by} already.")
    wanted = await _undo(books, review, by, reason)
    try:
        await books_of.must_be_possible(books.conn, review)
    except CannotCarryOut as refusal:
        raise Refusal(str(refusal)) from None
    if not wanted.reason.strip():
        raise Refusal("Say why it is taken back: --reason WHY.")
    found = await shown(books, review_id, by, reason)
    if found.problem is not None:
        raise Refusal(found.problem)
    if review.confirmed_by is not None and wanted.confirmed_by is None:
        now = await books.now(review.location_id)
        await undos.propose(books.conn, review.review_id, wanted.by, wanted.reason, now)
        sentence = f"{wanted.by} wants it taken back; a second person does the same to confirm it."
        return _outcome(review, "proposed", sentence)
    return await _give(books, review, wanted)


async def _undo(books: Books, review: Review, by: str, reason: str) -> Undo:
    """What is to be done: alone, or as the second person of a proposal."""
    waits = await undos.proposal(books.conn, review.review_id)
    if review.confirmed_by is None or waits is None:
        return Undo(review_id=review.review_id, by=by, reason=reason)
    if same_person(by, waits.proposed_by):
        raise Refusal(f"{waits.proposed_by} proposed it; another person confirms.")
    return Undo(
        review_id=review.review_id, by=waits.proposed_by, reason=waits.reason, confirmed_by=by
    )


async def _give(books: Books, review: Review, wanted: Undo) -> Outcome:
    """Tell the case, also one that has closed, and wait until the books show it."""
    from starter.desk.engine import take_back

    place = await locations.get_location(books.conn, review.location_id)
    await take_back(books.settings, place, review, wanted)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + CARRIED_OUT_SECONDS
    while loop.time() < deadline:
        now = await reviews.get(books.conn, review.review_id)
        if now.undone_by is not None:
            by = now.undone_by
            return _outcome(now, "undone", f"Taken back by {by}; the question is open again.")
        await asyncio.sleep(POLL_SECONDS)
    sentence = "Taken, and carried out as soon as the worker can, unless the books refuse it."
    return _outcome(review, "sent", sentence)


def _outcome(review: Review, state: str, sentence: str) -> Outcome:
    return Outcome.model_validate(
        {"review_id": review.review_id, "state": state, "sentence": sentence}
    )
