"""What is wrong with a lender's feed, compared in the books and told to the feed's own case."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from connectors.ports import CaseEngine, LenderPort
from domain import ids
from domain.lender_case import FeedHealed, FeedInput, FeedTroubled
from domain.lender_contracts import CONTRACTS
from domain.lender_feed import UNREAD, Feed, Trouble, is_healed, troubles
from domain.model import Record, input_hash
from domain.plan_case import Lender
from store import lenders, locations, reviews
from store.db import Conn, Pool
from store.locations import Location

WORKFLOW = "LenderFeed"
_LOOK_BACK = timedelta(days=60)


class Checked(Record):
    """How many troubles were new to the feed's case, and how many have answered themselves."""

    told: int
    healed: int


def unread(sentences: Iterable[str]) -> list[Trouble]:
    """What an answer held that nobody could understand; a person closes it."""
    return [
        Trouble(code=UNREAD, key=input_hash(says)[:16], says=(says,))
        for says in dict.fromkeys(sentences)
    ]


class FeedDesk:
    """Opens and tells the case of a feed."""

    def __init__(self, pool: Pool, engine: CaseEngine) -> None:
        self._pool = pool
        self._engine = engine

    async def tell(self, location: Location, lender: Lender, found: Iterable[Trouble]) -> list[str]:
        """Tell the case of troubles; its workflow id, or nothing when there are none."""
        case_id = ids.feed_workflow_id(location.location_id, lender)
        told = []
        for trouble in found:
            start = FeedInput(
                location_id=location.location_id,
                lender=lender,
                zone=location.zone,
                troubles=(trouble,),
                staff_reminder_business_days=location.chase.staff_reminder_business_days,
                clock_shift_seconds=location.clock_shift_seconds,
            )
            await self._engine.start_or_signal(
                WORKFLOW,
                case_id,
                start,
                "troubled",
                FeedTroubled(trouble=trouble),
                location.location_id,
            )
            told = [case_id]
        return told

    async def check(
        self,
        location_id: str,
        port: LenderPort,
        more: Iterable[Trouble],
        at: datetime,
    ) -> Checked:
        """Compare what should be there with what is; tell the case what it does not know."""
        lender = port.contract.lender
        case_id = ids.feed_workflow_id(location_id, lender)
        async with self._pool.acquire() as conn:
            location = await locations.get_location(conn, location_id)
            feed = await _feed(conn, location_id, port, list(more), at)
            known = await reviews.of_case(conn, case_id)
        now = troubles(CONTRACTS[lender], location.zone, feed, at)
        asked = {(each.code, each.shown.get("subject")) for each in known}
        fresh = [each for each in now if (each.code, each.key) not in asked]
        await self.tell(location, lender, fresh)
        healed = 0
        for each in known:
            subject = str(each.shown.get("subject"))
            if each.state == "open" and is_healed(each.code, subject, feed, now):
                news = FeedHealed(code=each.code, key=subject)
                healed += await self._engine.signal(case_id, "healed", news)
        return Checked(told=len(fresh), healed=healed)


async def _feed(
    conn: Conn, location_id: str, port: LenderPort, more: list[Trouble], at: datetime
) -> Feed:
    lender = port.contract.lender
    known = await lenders.times(conn, location_id, lender)
    since = at - _LOOK_BACK
    return Feed(
        since=known.first_seen or at,
        files=tuple(await lenders.files_since(conn, location_id, lender, since)),
        found=tuple(await lenders.found_since(conn, location_id, lender, since)),
        hints=tuple(await lenders.hints(conn, location_id, lender)),
        over_refunds=tuple(await lenders.over_refunds(conn, location_id, lender)),
        unread=tuple(more),
    )


def port_of(lenders_known: Mapping[str, LenderPort], lender: Lender) -> LenderPort:
    """A lender's port; LookupError with a sentence when it is not set up."""
    port = lenders_known.get(lender)
    if port is None:
        raise LookupError(f"{CONTRACTS[lender].name} is not set up: see TIEOUT_LENDERS.")
    return port
