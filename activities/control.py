"""The daily control: every line of the tie-out that differs is one question for a person.

Nothing here books anything. What a person has explained is asked about again only when another
thing, or another amount, is off.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta

from temporalio import activity

from activities import answering
from activities.answering import Waits
from activities.control_contracts import (
    ApplyControlIn,
    ApplyControlOut,
    AskControlIn,
    AskControlOut,
)
from activities.errors import vendor_errors
from activities.questions import question
from activities.sweeps import SweepIn, SweepOut
from activities.ties import read_facts, tie_out
from connectors.ports import CaseEngine
from domain import calendar, ids
from domain.case import Decision
from domain.control import (
    CODE,
    answer_to,
    differing,
    first_open_day,
    lines_of,
    off_of,
)
from domain.control_case import ControlInput, ControlSeen
from domain.money import dollars
from domain.tie import Tie
from domain.topics_control import LOOK_AGAIN
from store import control, locations, periods, reviews
from store.db import Conn, Pool, transaction
from store.locations import Location
from store.reviews import Review

ITEMS_SHOWN = 12


class ControlActivities:
    """The daily look, the question and its answer."""

    def __init__(self, pool: Pool, engine: CaseEngine) -> None:
        self._pool = pool
        self._engine = engine

    @activity.defn
    @vendor_errors
    async def find_control_totals(self, ask: SweepIn) -> SweepOut:
        """Open the case of each line that differs, and tell the cases of those asked about."""
        async with _snapshot(self._pool) as conn:
            place = await locations.get_location(conn, ask.location_id or "")
            at = ask.at + timedelta(seconds=place.clock_shift_seconds)
            until = last_day_of(at, place.zone)
            found = await find(conn, place, until)
        for line in found:
            start = ControlInput(
                location_id=place.location_id,
                line=line,
                since=until,
                zone=place.zone,
                staff_reminder_business_days=place.chase.staff_reminder_business_days,
                clock_shift_seconds=place.clock_shift_seconds,
            )
            await self._engine.start_or_signal(
                "ControlTotal",
                ids.control_workflow_id(place.location_id, line),
                start,
                "control_seen",
                ControlSeen(until=until),
                place.location_id,
            )
        return SweepOut(counts={"told": len(found)})

    @activity.defn
    @vendor_errors
    async def ask_about_control(self, ask: AskControlIn) -> AskControlOut:
        """Tie the line out and put what differs to the desk; the same again is the same row."""
        async with _snapshot(self._pool) as conn:
            return await look(conn, ask)

    @activity.defn
    @vendor_errors
    async def apply_to_control(self, ask: ApplyControlIn) -> ApplyControlOut:
        """Write who has said what; nothing else changes."""

        async def effect(_: Review, counts: Decision, __: bool) -> ApplyControlOut:
            return ApplyControlOut(effect="rest" if counts.choice == LOOK_AGAIN else "done")

        async with transaction(self._pool) as conn:
            done = await answering.carry_out(conn, ask.decision, ask.at, effect)
        if isinstance(done, Waits):
            return ApplyControlOut(effect=done.effect, note=done.why)
        return done


def last_day_of(at: datetime, zone: str) -> date:
    """The last civil day of a location that is over."""
    return calendar.local_date(at, zone) - timedelta(days=1)


async def ties_of(conn: Conn, place: Location, until: date) -> list[Tie]:
    """The lines that a location answers for, as they are at the end of a day."""
    every = [each.location_id for each in await locations.list_locations(conn)]
    here = [place.location_id]
    first = first_open_day(await periods.closed_until(conn, place.location_id), until)
    facts = await read_facts(conn, here)
    return lines_of(
        await tie_out(conn, every, here, facts, first, until), place.location_id == min(every)
    )


async def find(conn: Conn, place: Location, until: date) -> list[str]:
    """Codes of the lines to look at: those off that nobody has explained, and those asked about."""
    known = await control.asked(conn, place.location_id)
    lines = {line_of(each.case_id) for each in known if each.explained_by is None}
    for tie in differing(await ties_of(conn, place, until)):
        case_id = ids.control_workflow_id(place.location_id, tie.code)
        mine = [each for each in known if each.case_id == case_id]
        if answer_to(off_of(tie), mine) is None:
            lines.add(tie.code)
    return sorted(lines)


def line_of(case_id: str) -> str:
    """The line that a case is about."""
    return case_id.rpartition("/")[2]


async def look(conn: Conn, ask: AskControlIn) -> AskControlOut:
    """What is to say of a line now; asks only when no question is open."""
    place = await locations.get_location(conn, ask.control.location_id)
    ties = await ties_of(conn, place, last_day_of(ask.at, ask.control.zone))
    tie = next((each for each in differing(ties) if each.code == ask.control.line), None)
    if tie is None:
        return AskControlOut(status="ties")
    known = await control.asked(conn, place.location_id)
    mine = [each for each in known if each.case_id == ask.control.case_id]
    if answer_to(off_of(tie), mine) is not None:
        return AskControlOut(status="explained")
    if ask.review_id is not None:
        is_same = any(each.review_id == ask.review_id and each.off == off_of(tie) for each in mine)
        return AskControlOut(status="asked" if is_same else "changed", review_id=ask.review_id)
    asked = _question(ask, tie)
    await reviews.open_review(conn, asked)
    return AskControlOut(status="asked", review_id=asked.review_id)


def _question(ask: AskControlIn, tie: Tie) -> Review:
    ref = ask.control
    asked = question(
        ref.case_id,
        ref.location_id,
        CODE,
        tie.off_cents,
        ask.review_no,
        ask.at,
        facts=(f"Off since {ref.since}.", *_facts(tie)),
        ours={"line": tie.title, tie.ours: dollars(tie.ours_cents)},
        theirs={tie.theirs: dollars(tie.theirs_cents)},
    )
    more = {"off": off_of(tie), "since": ref.since.isoformat()}
    return asked.model_copy(update={"shown": {**asked.shown, **more}})


def _facts(tie: Tie) -> Iterator[str]:
    off = [item for item in tie.items if item.kind == "off"]
    for item in off[:ITEMS_SHOWN]:
        sign = "+" if item.off_cents > 0 else ""
        yield f"{sign}{dollars(item.off_cents)} {item.name}: {item.why}"
    if len(off) > ITEMS_SHOWN:
        yield f"{len(off) - ITEMS_SHOWN} more differ: `tieout report control --all` names them."
    if known_cents := sum(item.off_cents for item in tie.items if item.kind != "off"):
        yield f"{dollars(known_cents)} more between the sides is accounted for."


@asynccontextmanager
async def _snapshot(pool: Pool) -> AsyncIterator[Conn]:
    """One state of the books: what is booked between two reads is no difference."""
    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
        yield conn
