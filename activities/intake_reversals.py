"""News of money that goes back: told to the case of its refund or dispute, or opened as one.

An event is only a hint; the case reads the object itself, so that order and repeats mean nothing.
"""

from activities.balance import find_payment, home
from activities.translation import (
    Ignored,
    dispute_input,
    json_object,
    optional_text_at,
    refund_input,
    text_at,
)
from connectors.ports import CaseEngine, ReversalPort
from domain import ids
from domain.dispute_case import DisputeMoved
from domain.refund_case import RefundMoved
from store import locations, refunds
from store.db import Pool
from store.inbox import InboxEvent
from store.locations import Location

REFUNDS = ("refund.", "charge.refund.")
DISPUTES = "charge.dispute."
EVENTS = ("charge.refunded", *REFUNDS, DISPUTES)


class ReversalIntake:
    """Routes what the processor says of refunds and disputes."""

    def __init__(self, pool: Pool, port: ReversalPort, engine: CaseEngine) -> None:
        self._pool = pool
        self._port = port
        self._engine = engine

    async def translate(self, event: InboxEvent) -> str:
        """The workflow id that was told; `Ignored` when another event says the same."""
        thing = json_object(event.body).get("data", {}).get("object", {})
        if event.event_type.startswith(DISPUTES):
            return await self._dispute(
                text_at(thing, "id"),
                optional_text_at(thing, "payment_intent"),
                optional_text_at(thing, "status") or "unknown",
            )
        if event.event_type.startswith(REFUNDS):
            return await self._refund(
                text_at(thing, "id"),
                optional_text_at(thing, "metadata", "refund"),
                optional_text_at(thing, "payment_intent"),
                optional_text_at(thing, "status") or "unknown",
            )
        raise Ignored("the refund's own event tells its case")

    async def _refund(
        self, object_id: str, reference: str | None, payment_id: str | None, state: str
    ) -> str:
        workflow_id = await self._case_of(object_id, reference)
        _, scope, _ = workflow_id.split("/", 2)
        is_theirs = scope == self._port.name
        place = await self._place(payment_id) if is_theirs else await self._location(scope)
        await self._engine.start_or_signal(
            "Refund",
            workflow_id,
            refund_input(place, workflow_id),
            "refund_moved",
            RefundMoved(state=state),
            place.location_id,
        )
        return workflow_id

    async def _case_of(self, object_id: str, reference: str | None) -> str:
        """The case that carries the refund out; one of its own when nobody here started it."""
        async with self._pool.acquire() as conn:
            move = await refunds.move(conn, reference) if reference else None
            move = move or await refunds.move_of_object(conn, self._port.name, object_id)
            row = await refunds.get(conn, move.refund_id or "") if move else None
        if row is not None:
            return row.workflow_id
        return ids.refund_workflow_id(self._port.name, object_id)

    async def _dispute(self, dispute_id: str, payment_id: str | None, state: str) -> str:
        place = await self._place(payment_id)
        workflow_id = ids.dispute_workflow_id(self._port.name, dispute_id)
        await self._engine.start_or_signal(
            "Dispute",
            workflow_id,
            dispute_input(place, workflow_id),
            "dispute_moved",
            DisputeMoved(state=state),
            place.location_id,
        )
        return workflow_id

    async def _place(self, payment_id: str | None) -> Location:
        """Where the payment is in the books, else who looks after the processor's account."""
        booked = await find_payment(self._pool, self._port, payment_id)
        if booked is not None:
            return await self._location(booked.location_id)
        async with self._pool.acquire() as conn:
            return await home(conn)

    async def _location(self, location_id: str) -> Location:
        async with self._pool.acquire() as conn:
            return await locations.get_location(conn, location_id)
