"""The processor's balance in the books: what a refund or a dispute moved, booked as its payout
would book it, whichever is read first.
"""

from collections.abc import Sequence

from connectors.ports import Movement, ReversalPort
from domain import calendar, entries_payout
from domain.payouts import Booked, Part
from store import ledger, locations, payouts
from store.db import Conn, Pool
from store.locations import Location


async def home(conn: Conn) -> Location:
    """Who looks after the processor's account: the first location by id."""
    known = await locations.list_locations(conn)
    if not known:
        raise LookupError("No location is known: run `tieout catalog import FILE` first.")
    return min(known, key=lambda location: location.location_id)


async def find_payment(pool: Pool, port: ReversalPort, payment_id: str | None) -> Booked | None:
    """What the books have of a payment, under any name that the processor knows for it."""
    if payment_id is None:
        return None
    async with pool.acquire() as conn:
        known = await payouts.booked(conn, port.name, {payment_id: (payment_id,)})
    if payment_id not in known:
        names = (payment_id, *await port.other_names(payment_id))
        async with pool.acquire() as conn:
            known = await payouts.booked(conn, port.name, {payment_id: names})
    return known.get(payment_id)


async def book_movements(
    conn: Conn, source: str, moves: Sequence[Movement], booked: Booked | None
) -> None:
    """Book what moved, on its own day at the account's home; nothing of an unknown payment."""
    place = await home(conn)
    parts = [
        Part(
            **move.model_dump(exclude={"at"}),
            on=calendar.local_date(move.at, place.zone),
            booked=booked,
        )
        for move in moves
    ]
    made = [
        e for part in parts for e in entries_payout.of_movement(source, part, place.location_id)
    ]
    await ledger.post_all(conn, made)
