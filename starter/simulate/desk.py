"""The desk of the simulation: answers every question after some hours, always in the same way."""

from datetime import UTC, datetime, timedelta
from random import Random

from domain import ids, reviews
from domain.case import Decision
from starter.deciding import send_decision
from starter.errors import Refusal
from starter.simulate.plan import Act, waking_hour
from starter.simulate.world import World
from store import reviews as books
from store.reviews import Review

CHOICES = {
    "PMS_CONFIRM": "done",
    "PMS_WRITE_FAILED": "retry",
    "PMS_DISAGREES": "take_ours",
    "STATE_UNKNOWN": "try_again",
    "UNREACHABLE": "called",
    "CONSENT_MISSING": "called",
    "MESSAGE_UNKNOWN": "treat_as_sent",
    "CHASE_EXHAUSTED": "stop",
    "SETTLEMENT_FAILED": "resume",
    "CARD_DECLINED": "called",
    "REPLY_PAID": "resume",
    "REPLY_DISPUTE": "resume",
    "REPLY_CALL": "resume",
    "REPLY_UNCLEAR": "resume",
    "REPLY_WRONG_PERSON": "corrected",
    "ADVERSE_EVENT": "clinician_spoke",
    "DUPLICATE_SUSPECTED": "keep_as_credit",
    "OVERPAID": "credit",
    "UNDERPAID": "stop",
    "LATE_EVENT": "read_again",
}
_SLOW = {"REPLY_DISPUTE": 100, "ADVERSE_EVENT": 100, "REPLY_UNCLEAR": 50}
"""Hours that such a question waits for a person, at most."""
_HOURS = 20


_FIRST_TEXT = "SELECT event_id FROM inbox WHERE inbox_id = ANY($1::text[]) ORDER BY received_at"


class Desk:
    """Sees each question once, and puts its answer on the agenda."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: set[str] = set()
        self.asked: dict[str, int] = {}

    async def look(self) -> None:
        """Read the queue; what is new is answered later."""
        async with self._world.practice.pool.acquire() as conn:
            waiting = await books.list_open(conn, self._world.practice.location_id)
        self._world.cases.asked({review.workflow_id for review in waiting})
        for review in waiting:
            if review.review_id not in self._seen:
                self._seen.add(review.review_id)
                self.asked[review.code] = self.asked.get(review.code, 0) + 1
                owner = self._owner(review)
                self._plan(review, await self._writer(review) if owner is None else owner)

    def _plan(self, review: Review, owner: int | None) -> None:
        rng = Random(f"{self._world.plan.seed}/{owner}/{review.code}")  # noqa: S311
        minutes = rng.randrange(20, 60 * _SLOW.get(review.code, _HOURS))
        at = waking_hour(self._world.instant + timedelta(minutes=minutes))
        self._world.push(Act(at, "answer", owner, data={"review_id": review.review_id}))

    def _owner(self, review: Review) -> int | None:
        known = self._world.case_owner.get(review.case_id)
        if known is not None:
            return known[0]
        return self._world.client_number.get(review.client_id or "")

    async def _writer(self, review: Review) -> int | None:
        """Who wrote from a number that no client had."""
        named = str((review.shown.get("theirs") or {}).get("replies") or "").split(", ")
        async with self._world.practice.pool.acquire() as conn:
            sid = await conn.fetchval(_FIRST_TEXT, named)
        return self._world.writers.get(sid)

    async def answer(self, world: World, act: Act) -> None:
        """Give the answer, unless the facts have answered meanwhile."""
        async with world.practice.pool.acquire() as conn:
            review = await books.get(conn, act.data["review_id"])
        if review.state != "open":
            return
        await world.settle([review.workflow_id])
        await world.cases.sync(review.workflow_id)
        decision = self._decision(review)
        if decision is None:
            return
        if review.code == "PMS_CONFIRM" and decision.choice == "done":
            await self._record(review)
        given = datetime.now(UTC)
        try:
            await send_decision(world.practice.engine, review, decision)
        except Refusal:
            return
        await world.settle([review.workflow_id])
        await self._confirm(review)
        if act.client is not None and decision.choice in ("resume", "clinician_spoke"):
            world.truth.note("released", act.client, wall=given, code=review.code)

    async def _confirm(self, review: Review) -> None:
        """What needs a second person gets one at once."""
        async with self._world.practice.pool.acquire() as conn:
            waits = (await books.get(conn, review.review_id)).proposal
        if waits is not None:
            yes = Decision(review_id=review.review_id, choice=reviews.CONFIRM, by="manager")
            await send_decision(self._world.practice.engine, review, yes)
            await self._world.settle([review.workflow_id])

    def _decision(self, review: Review) -> Decision | None:
        topic = reviews.topic_of(review.code)
        name = CHOICES.get(review.code) or topic.suggested
        if name is None:
            return None
        decision = Decision(
            review_id=review.review_id, choice=name, by="desk", reason="as simulated"
        )
        return None if reviews.problem_with(decision, review.code) else decision

    async def _record(self, review: Review) -> None:
        _, _, _, order_id = review.case_id.split("/", 3)
        note = ids.dedupe_ref(review.case_id)
        body = {"kind": "other", "amountCents": review.money_cents, "note": note}
        await self._world.try_control(f"boulevard/orders/{order_id}/payments", body)
