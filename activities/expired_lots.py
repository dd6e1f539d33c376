"""Lots past their last day: found once a day, asked about, and ended as a named person decides.

What is left in them stays owed until then (rules 2.2, 2.3).
"""

from datetime import date, datetime, timedelta

from temporalio import activity

from activities import answering
from activities.answering import CannotCarryOut, Waits
from activities.errors import vendor_errors
from activities.lot_contracts import ApplyLotIn, ApplyLotOut, AskLotIn, AskLotOut, LotRef
from activities.questions import question
from activities.sweeps import SweepIn, SweepOut
from connectors.ports import CaseEngine
from domain import calendar, entries_lots, ids
from domain.case import Decision
from domain.lot_case import LotInput, LotSeen
from domain.money import dollars
from domain.topics_lots import EXTEND, LEAVE
from store import clients, expired_lots, ledger, locations, lots, reviews
from store.db import Conn, Pool, transaction
from store.expired_lots import ExpiredLot
from store.reviews import Review

CODE = "BREAKAGE"


class ExpiredLotActivities:
    """The daily look, the question and its answer."""

    def __init__(self, pool: Pool, engine: CaseEngine) -> None:
        self._pool = pool
        self._engine = engine

    @activity.defn
    @vendor_errors
    async def find_expired_lots(self, ask: SweepIn) -> SweepOut:
        """Open the case of each expired lot of a location that nobody is asked about yet."""
        async with self._pool.acquire() as conn:
            place = await locations.get_location(conn, ask.location_id or "")
            shift = timedelta(seconds=place.clock_shift_seconds)
            today = calendar.local_date(ask.at + shift, place.zone)
            found = await expired_lots.find(conn, place.location_id, today)
        for lot in found:
            await self._engine.start_or_signal(
                "ExpiredLot",
                ids.lot_workflow_id(place.location_id, lot.lot_id),
                LotInput(
                    location_id=place.location_id,
                    lot_id=lot.lot_id,
                    zone=place.zone,
                    staff_reminder_business_days=place.chase.staff_reminder_business_days,
                    clock_shift_seconds=place.clock_shift_seconds,
                ),
                "lot_seen",
                LotSeen(lot_id=lot.lot_id),
                place.location_id,
            )
        return SweepOut(counts={"told": len(found)})

    @activity.defn
    @vendor_errors
    async def ask_about_lot(self, ask: AskLotIn) -> AskLotOut:
        """Put the question to the desk; the same question again is the same row."""
        async with transaction(self._pool) as conn:
            lot = await expired_lots.get(conn, ask.lot.lot_id, _today(ask.lot.zone, ask.at))
            if lot is None:
                return AskLotOut()
            asked = question(
                ask.lot.case_id,
                ask.lot.location_id,
                CODE,
                lot.remaining_cents,
                ask.review_no,
                ask.at,
                client_id=lot.client_id,
                facts=_facts(lot),
                ours={
                    "lot": lot.lot_id,
                    "left": dollars(lot.remaining_cents),
                    **({"units": str(lot.remaining_quantity)} if lot.kind == "unit" else {}),
                },
            )
            await reviews.open_review(conn, asked)
        return AskLotOut(review_id=asked.review_id)

    @activity.defn
    @vendor_errors
    async def apply_to_lot(self, ask: ApplyLotIn) -> ApplyLotOut:
        """Write who decided what, and do it, in one transaction; a repeat changes nothing."""
        async with transaction(self._pool) as conn:
            await clients.lock_client(conn, await lots.owner(conn, ask.lot.lot_id))

            async def effect(_: Review, counts: Decision, is_first: bool) -> ApplyLotOut:
                if is_first:
                    await carry_out(conn, ask.lot, counts, ask.at)
                return ApplyLotOut(effect="rest" if counts.choice == LEAVE else "done")

            done = await answering.carry_out(conn, ask.decision, ask.at, effect)
        if isinstance(done, Waits):
            return ApplyLotOut(effect=done.effect, note=done.why)
        return done


async def carry_out(conn: Conn, ref: LotRef, decision: Decision, at: datetime) -> None:
    """End the lot, give it a later day, or leave it; in the books alone."""
    if decision.choice == LEAVE:
        return
    today = _today(ref.zone, at)
    lot = await expired_lots.get(conn, ref.lot_id, today)
    if lot is None:
        raise CannotCarryOut("Nothing is left in the lot, or it is good again.")
    if decision.choice == EXTEND:
        if decision.until is None or decision.until <= today:
            raise CannotCarryOut("The new last day is over; give a later one.")
        await lots.set_expiry(
            conn, lot.lot_id, decision.until, decision.by, decision.reason, decision.review_id
        )
        return
    entry = entries_lots.lot_expired(
        act_id=decision.review_id,
        kind=lot.kind,
        cents=lot.remaining_cents,
        to_state=decision.choice == "to_state",
        client_id=lot.client_id,
        location_id=lot.location_id,
        effective_on=today,
    )
    if entry is not None:
        await ledger.post(conn, entry)
    left = (lot.remaining_quantity, lot.remaining_cents)
    await lots.end(conn, "expire", decision.review_id, lot.lot_id, *left, today)


def _facts(lot: ExpiredLot) -> tuple[str, ...]:
    grace = f" and {lot.grace_days} days of grace" if lot.grace_days else ""
    return (
        f"Its last day was {lot.expires_on}{grace}.",
        "Whether unused value may be kept is the state's law; nothing is booked before you say.",
    )


def _today(zone: str, at: datetime) -> date:
    return calendar.local_date(at, zone)
