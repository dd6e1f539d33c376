"""News of payouts: told to the case of each, or opened as one. An event is only a hint."""

from datetime import datetime

from activities.translation import Ignored, json_object, optional_text_at, text_at
from connectors.ports import CaseEngine, PayoutPort
from domain import ids
from domain.payout_case import PayoutInput, PayoutMoved
from store import locations, payouts
from store.db import Pool
from store.inbox import InboxEvent
from store.locations import Location

EVENTS = "payout."
CREATED = ("payout.created", "payout.updated")
"""Worth no case: a payout is looked at when it has left, and no later than by the sweep."""


class PayoutIntake:
    """Routes what the processor says of its payouts."""

    def __init__(self, pool: Pool, port: PayoutPort, engine: CaseEngine) -> None:
        self._pool = pool
        self._port = port
        self._engine = engine

    async def translate(self, event: InboxEvent) -> str:
        """The workflow id that was told; `Ignored` when there is nothing to look at yet."""
        if event.event_type in CREATED:
            raise Ignored("the payout has only been made")
        thing = json_object(event.body).get("data", {}).get("object", {})
        state = optional_text_at(thing, "status") or "unknown"
        return await self._tell(text_at(thing, "id"), state)

    async def find(self, since: datetime) -> dict[str, int]:
        """Tell the cases of payouts whose state the books do not know; counts by outcome."""
        made = await self._port.payouts_since(since)
        async with self._pool.acquire() as conn:
            known = await payouts.states(conn, self._port.name, [each.payout_id for each in made])
        moved = [each for each in made if known.get(each.payout_id) != each.state]
        for each in moved:
            await self._tell(each.payout_id, each.state)
        return {"read": len(made), "told": len(moved)}

    async def _tell(self, payout_id: str, state: str) -> str:
        home = await self._home(payout_id)
        workflow_id = ids.payout_workflow_id(self._port.name, payout_id)
        start = PayoutInput(
            location_id=home.location_id,
            source=self._port.name,
            payout_id=payout_id,
            zone=home.zone,
            staff_reminder_business_days=home.chase.staff_reminder_business_days,
            clock_shift_seconds=home.clock_shift_seconds,
        )
        await self._engine.start_or_signal(
            "PayoutTieOut",
            workflow_id,
            start,
            "payout_moved",
            PayoutMoved(state=state),
            home.location_id,
        )
        return workflow_id

    async def _home(self, payout_id: str) -> Location:
        """Who looks after the payout: the location that did first, else the first by id."""
        async with self._pool.acquire() as conn:
            known = await payouts.get(conn, self._port.name, payout_id)
            if known is not None:
                return await locations.get_location(conn, known.location_id)
            places = await locations.list_locations(conn)
        if not places:
            raise LookupError("No location is known: run `tieout catalog import FILE` first.")
        return min(places, key=lambda location: location.location_id)
