"""A decision taken back: counter-entries to exactly what it wrote, and its question asked again.

Like a decision it writes to the books alone, so it can be shown before it is done. What has left
the house since is never called back; then nothing is undone, and the sentence says why.
"""

from collections.abc import Sequence
from datetime import date, datetime

from temporalio import activity

from activities import agreed_plan, undone_loans, undone_payouts, undone_replies, undone_reversals
from activities.agency import hold_id
from activities.answering import CannotCarryOut
from activities.contracts import UndoIn, UndoneOut
from activities.errors import vendor_errors
from activities.telling import tell
from connectors.ports import CaseEngine
from domain import calendar, ids, undoing
from domain.case import Undo
from domain.ledger import Entry, reverse
from domain.money import dollars
from domain.plan_case import PlanStanding, StatusChanged
from store import (
    agency,
    clients,
    entitlements,
    ledger,
    locations,
    lots,
    payments,
    refund_facts,
    refunds,
    reviews,
    undos,
)
from store.db import Conn, Pool, transaction
from store.reviews import Review

_BAD_DEBT = "6030"
_VISIT = "visit/"


class UndoActivities:
    """What a case does when a person takes a decision back."""

    def __init__(self, pool: Pool, engine: CaseEngine) -> None:
        self._pool = pool
        self._engine = engine

    @activity.defn
    @vendor_errors
    async def take_back(self, ask: UndoIn) -> UndoneOut:
        """Undo it, ask again, and tell the other visits that it concerned; a repeat is harmless."""
        review_id = ask.undo.review_id
        try:
            async with transaction(self._pool) as conn:
                undone, case_ids = await take_back(conn, ask.undo, ask.at)
        except CannotCarryOut as refusal:
            return UndoneOut(effect="refused", note=str(refusal))
        await tell(self._pool, self._engine, case_ids, review_id, f"{undoing.KEY}{review_id}")
        await self._tell_plan(review_id)
        await undone_replies.tell(self._pool, self._engine, undone.replies)
        return undone

    async def _tell_plan(self, review_id: str) -> None:
        """A plan that the decision had made hears that it is over."""
        async with self._pool.acquire() as conn:
            plan = await agreed_plan.of_decision(conn, await reviews.get(conn, review_id))
        if plan is not None:
            news = StatusChanged(revision=plan.revision, status=plan.status)
            await self._engine.signal(_plan_case(plan), "status_changed", news)


async def take_back(conn: Conn, undo: Undo, at: datetime) -> tuple[UndoneOut, tuple[str, ...]]:
    """Undo one decision once, and the other visits whose balance has changed by it.

    A repeat answers the same. `conn` is in a transaction. Raises CannotCarryOut with one sentence;
    then nothing of it may stay.
    """
    written = await ledger.entries_of_decision(conn, undo.review_id)
    await _lock_clients(conn, undo.review_id, written)
    await reviews.lock(conn, undo.review_id)
    review = await reviews.get(conn, undo.review_id)
    again = _again(review, at)
    case_ids = await _cases(conn, review, written)
    if review.undone_by is None:
        await must_be_possible(conn, review, undo.confirmed_by is not None)
        await _must_be_alone(conn, review, written, case_ids)
        await _do(conn, review, undo, written, at)
        again = await undone_replies.undo(conn, review, again, at)
        await reviews.open_review(conn, again)
    undone = UndoneOut(
        effect="undone",
        review_id=again.review_id,
        code=again.code,
        balance_cents=await ledger.balance_of_case(conn, review.case_id),
        replies=undone_replies.received(await reviews.get(conn, again.review_id)),
    )
    return undone, tuple(each for each in case_ids if each != review.case_id)


async def must_be_possible(conn: Conn, review: Review, by_two: bool = True) -> None:
    """Raise CannotCarryOut for a decision that is none, is closed, or is not of a kind to undo."""
    if review.state != "decided":
        raise CannotCarryOut("This question has no answer: there is nothing to take back.")
    why = undoing.why_not(review.code, str((review.decision or {})["choice"]), review.case_id)
    if why is not None:
        raise CannotCarryOut(why)
    if await undos.is_closed(conn, review.review_id):
        raise CannotCarryOut(
            "The month of this decision is closed: correct it by a new entry in an open one."
        )
    if review.confirmed_by is not None and not by_two:
        raise CannotCarryOut("Two people have decided it, so two take it back.")


async def _must_be_alone(
    conn: Conn, review: Review, written: Sequence[Entry], case_ids: Sequence[str]
) -> None:
    """Nothing that came of it, or after it, stands on it."""
    plan = await agreed_plan.of_decision(conn, review)
    if plan is not None:
        if await agreed_plan.is_billed(conn, plan):
            raise CannotCarryOut(
                "Since then an instalment was billed: `tieout plan cancel` ends it."
            )
        case_ids = [*case_ids, _plan_case(plan)]
    step = await undos.message_since(conn, review.review_id, case_ids)
    if step is not None:
        raise CannotCarryOut(
            f"Since then a message ({step}) went to the patient, which cannot be called back."
        )
    if await undos.asked_since(conn, review.review_id):
        raise CannotCarryOut("The same was asked again since: answer, or take back, that one.")
    for part in await undos.placed(conn, review.review_id):
        if part.cents < 0:
            continue
        left = await refund_facts.left_of(conn, part.payment_id)
        fact = await payments.get(conn, part.payment_id)
        if left is None or fact is None or left.is_disputed or left.left_cents < fact.amount_cents:
            raise CannotCarryOut(undone_reversals.GONE)
    for lot in await undos.granted(conn, review.review_id):
        if (lot.left_quantity, lot.left_cents) < (lot.quantity, lot.cents):
            used = dollars(lot.cents - lot.left_cents)
            raise CannotCarryOut(f"{used} of the credit that it gave are used already.")
    for line in (line for entry in written for line in entry.postings):
        if line.account != _BAD_DEBT or line.case_id is None:
            continue
        if await refund_facts.written_off(conn, line.case_id) < line.debit_cents:
            raise CannotCarryOut("Since then a part of what was given up came in.")
    placed = await agency.of_decision(conn, review.review_id)
    if placed is not None and placed.agency is not None:
        raise CannotCarryOut(
            f"{placed.agency} has it: `tieout agency recall {placed.number}` takes it back."
        )
    if await undos.is_lot_used_since(conn, review.review_id):
        raise CannotCarryOut("The lot was used since it has its new last day.")
    await undone_payouts.must_stand(conn, review, written)
    await undone_reversals.must_stand(conn, review, written)
    await undone_loans.must_stand(conn, review, written)
    await undone_replies.must_stand(conn, review)
    if await undos.moves_other_lots(conn, review.review_id):
        raise CannotCarryOut(undoing.NO_RULE)


def _plan_case(plan: PlanStanding) -> str:
    return ids.plan_workflow_id(plan.location_id, plan.lender, plan.plan_id)


async def _do(
    conn: Conn, review: Review, undo: Undo, written: Sequence[Entry], at: datetime
) -> None:
    place = await locations.get_location(conn, review.location_id)
    today = calendar.local_date(at, place.zone)
    await undos.begin(conn, review.review_id, undo.by, undo.confirmed_by, undo.reason, at)
    await ledger.post_all(
        conn, [reverse(entry, ledger.undo_key(entry.entry_id), today) for entry in written]
    )
    for part in await undos.placed(conn, review.review_id):
        await payments.allocate(conn, part.payment_id, part.case_id, -part.cents, undo.by, today)
    await _lots_back(conn, review.review_id, undo, today)
    await undone_payouts.undo(conn, review)
    await undone_reversals.undo(conn, review, undo, at)
    await agreed_plan.undo(conn, review, f"{undoing.KEY}{review.review_id}", at)
    placed = await agency.of_decision(conn, review.review_id)
    if placed is not None:
        hold = hold_id(placed.placement_id, placed.client_id)
        await agency.recall(conn, placed.placement_id, hold, undo.by, undo.reason, at)


async def _lots_back(conn: Conn, review_id: str, undo: Undo, today: date) -> None:
    """Credit that it gave ends; what it used or ended is there again, and the old last day."""
    holder = f"{undoing.KEY}{review_id}"
    for lot in await undos.granted(conn, review_id):
        await lots.end(conn, "refund", holder, lot.lot_id, lot.quantity, lot.cents, today)
    if await entitlements.drawn(conn, review_id):
        await entitlements.settle_delta(conn, review_id, holder, (), today)
    for act_id in (review_id, *await refunds.of_decision(conn, review_id)):
        await lots.unend(conn, act_id, holder, today)
    if (had := await lots.expiry_before(conn, review_id)) is not None:
        await lots.set_expiry(conn, *had, undo.by, undo.reason, holder)


async def _lock_clients(conn: Conn, review_id: str, written: Sequence[Entry]) -> None:
    """In one order, as everybody does; a decision without an entry moves nobody's money."""
    review = await reviews.get(conn, review_id)
    known = {line.client_id for entry in written for line in entry.postings} | {review.client_id}
    for client_id in sorted(each for each in known if each is not None):
        await clients.lock_client(conn, client_id)


async def _cases(conn: Conn, review: Review, written: Sequence[Entry]) -> list[str]:
    """Visits that hear of it: its own, and those whose balance it changed."""
    touched = {line.case_id for entry in written for line in entry.postings} | {review.case_id}
    touched |= {part.case_id for part in await undos.placed(conn, review.review_id)}
    return sorted(each for each in touched if each is not None and each.startswith(_VISIT))


def _again(review: Review, at: datetime) -> Review:
    """The same question, with both sides as they were shown."""
    choice = (review.decision or {}).get("choice", "")
    facts = [f"Asked again: the answer {choice} was taken back.", *review.shown.get("facts", [])]
    return Review(
        review_id=undoing.asked_again_id(review.case_id, review.code, review.review_id),
        case_id=review.case_id,
        workflow_id=review.workflow_id,
        location_id=review.location_id,
        client_id=review.client_id,
        document_id=review.document_id,
        code=review.code,
        opened_at=at,
        shown={**review.shown, "facts": facts},
        choices=review.choices,
        suggested=review.suggested,
        money_cents=review.money_cents,
    )
