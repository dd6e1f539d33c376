"""How an answer of the desk gets into the books: once, whole, by the people whom it needs.

An effect only writes to the books, inside the transaction that it is given: so it can be shown
before it is taken, and be undone. Calls to other systems belong to later steps of the case.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from domain.case import Decision
from domain.model import Record
from domain.money import dollars
from domain.reviews import REFUSE, topic_of
from store import desk_policies, ledger, review_acts, reviews
from store.db import Conn
from store.entitlements import LotShort
from store.payments import OverAllocated
from store.reviews import Review, ReviewClosed

T = TypeVar("T")


class CannotCarryOut(Exception):
    """An answer that the books do not allow; the text says why in one sentence."""


def subject(review: Review, name: str) -> Any:
    """What a question is about; CannotCarryOut for one that does not say it."""
    found = review.shown.get(name)
    if found is None:
        raise CannotCarryOut(f"This question names no {name.replace('_', ' ')}.")
    return found


def payment_of(review: Review) -> str:
    """Our id of the payment that a question is about."""
    payment_id = (review.shown.get("ours") or {}).get("payment")
    if payment_id is None:
        raise CannotCarryOut("This question names no payment.")
    return str(payment_id)


class Waits(Record):
    """The question stays open. `effect` is one of `domain.reviews.STAYS_OPEN`."""

    effect: str
    why: str = ""


class _NeedsSecondPerson(Exception):
    """More money moves than one person may move, although less was asked about."""


async def carry_out(
    conn: Conn,
    decision: Decision,
    at: datetime,
    effect: Callable[[Review, Decision, bool], Awaitable[T]],
) -> T | Waits:
    """Write who decided what, and do it; a repeat changes nothing and answers the same.

    `effect` is called with the question, the decision that counts, and whether it is the first
    time. It may raise CannotCarryOut: then nothing of it stays and the question waits for
    another answer. Raises ReviewClosed when the question was taken back.
    """
    await reviews.lock(conn, decision.review_id)
    review = await reviews.get(conn, decision.review_id)
    if review.state == "withdrawn":
        raise ReviewClosed(f"Review {review.review_id} was withdrawn; nothing is left to decide.")
    if review.state == "decided":
        # What is in the books counts, whoever asks now.
        return await effect(review, Decision.model_validate(review.decision), False)
    if decision.choice == REFUSE:
        await review_acts.refuse(conn, review.review_id, decision.by, decision.reason, at)
        return Waits(effect="refused", why=f"{decision.by} has refused it")
    if decision.choice in review.second_person and decision.confirmed_by is None:
        return await _propose(conn, review, decision, at)
    try:
        async with conn.transaction():
            return await _first_time(conn, review, decision, at, effect)
    except CannotCarryOut as refusal:
        given = decision.model_dump(mode="json")
        await review_acts.fail(conn, review.review_id, given, decision.by, str(refusal), at)
        return Waits(effect="failed", why=str(refusal))
    except _NeedsSecondPerson:
        return await _propose(conn, review, decision, at)


async def _first_time(
    conn: Conn,
    review: Review,
    decision: Decision,
    at: datetime,
    effect: Callable[[Review, Decision, bool], Awaitable[T]],
) -> T:
    await reviews.decide(
        conn,
        review.review_id,
        decision.model_dump(mode="json"),
        decision.by,
        decision.reason,
        at,
    )
    try:
        done = await effect(review, decision, True)
    except (LotShort, OverAllocated) as short:
        raise CannotCarryOut("By now the books do not hold what this asks for.") from short
    if decision.confirmed_by is None:
        await _must_be_within_limit(conn, review, decision)
    return done


async def _propose(conn: Conn, review: Review, decision: Decision, at: datetime) -> Waits:
    given = decision.model_dump(mode="json")
    await review_acts.propose(conn, review.review_id, given, decision.by, decision.reason, at)
    return Waits(effect="proposed", why=f"{decision.choice} by {decision.by} is to be confirmed")


async def _must_be_within_limit(conn: Conn, review: Review, decision: Decision) -> None:
    """What is owed may have grown since the question was asked."""
    choices = {choice.name: choice for choice in topic_of(review.code).choices}
    choice = choices.get(decision.choice)
    if choice is None or not choice.two_person:
        return
    moved_cents = await ledger.moved_by(conn, review.review_id)
    policy = await desk_policies.current(conn, review.location_id)
    if moved_cents > max(policy.second_person_above_cents, abs(review.money_cents)):
        raise _NeedsSecondPerson(dollars(moved_cents))
