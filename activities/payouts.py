"""A payout tied out: its parts read, booked and compared; what differs becomes a question.

What is certain of a part is booked at once. The payout itself reaches the bank account in the
books only when every cent of it is explained or a named person has accepted what is not.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from temporalio import activity

from activities import answering
from activities.answering import CannotCarryOut, Waits
from activities.errors import vendor_errors
from activities.payout_contracts import (
    ApplyPayoutIn,
    ApplyPayoutOut,
    PayoutRef,
    TieIn,
    TieOut,
)
from activities.questions import question
from connectors.ports import CaseEngine, Movement, Payout, PayoutPort, Refused
from domain import calendar, entries_payout, ids
from domain.case import Decision, PaymentPosted, UnmatchedInput
from domain.money import dollars
from domain.payouts import LISTED_MAX, OF_A_PAYMENT, Part, Split, split
from store import ledger, locations, payouts, refunds, reviews
from store.db import Conn, Pool, transaction
from store.payouts import MovementRow, PayoutRow
from store.reviews import Review

DIFFERS, BY_HAND = "PAYOUT_DIFF", "PAYOUT_MANUAL"


class PayoutActivities:
    """What the case of a payout does to the books."""

    def __init__(self, pool: Pool, port: PayoutPort, engine: CaseEngine) -> None:
        self._pool = pool
        self._port = port
        self._engine = engine

    @activity.defn
    @vendor_errors
    async def tie_payout(self, ask: TieIn) -> TieOut:
        """Read the payout and its parts, book what is certain, and settle it or ask."""
        read = await self._port.read_payout(ask.payout.payout_id)
        if isinstance(read, Refused):
            return TieOut(status="gone")
        moves = await self._moves(read)
        names = await self._names(moves)
        async with transaction(self._pool) as conn:
            row = await payouts.put(conn, _row(ask.payout, read))
            if row.is_settled:
                return TieOut(status=_END.get(row.state, "on_the_way"))
            if read.automatic and not read.listed:
                return TieOut(status="on_the_way")
            found = await _split(conn, ask.payout, row, moves, names)
            return await _settle(conn, ask, row, found)

    async def _moves(self, read: Payout) -> Sequence[Movement]:
        if not (read.automatic and read.listed):
            return ()
        return await self._port.movements_of(read.payout_id)

    async def _names(self, moves: Sequence[Movement]) -> dict[str, tuple[str, ...]]:
        """All names of each payment; the processor is asked only about those not booked."""
        named: dict[str, tuple[str, ...]] = {
            m.payment_id: (m.payment_id,) for m in moves if m.payment_id
        }
        async with self._pool.acquire() as conn:
            known = await payouts.booked(conn, self._port.name, named)
        for name in named.keys() - known.keys():
            named[name] = (name, *await self._port.other_names(name))
        return named

    @activity.defn
    @vendor_errors
    async def apply_payout(self, ask: ApplyPayoutIn) -> ApplyPayoutOut:
        """Carry out a decision; a repeat changes nothing."""
        missing = await self._missing(ask.payout) if ask.code == DIFFERS else ()
        async with transaction(self._pool) as conn:

            async def effect(_: Review, counts: Decision, is_first: bool) -> Decision:
                if is_first:
                    await accept(conn, ask.payout, counts, missing)
                return counts

            done = await answering.carry_out(conn, ask.decision, ask.at, effect)
        if isinstance(done, Waits):
            return ApplyPayoutOut(effect=done.effect, note=done.why)
        if done.choice != "add_missing":
            rests = done.choice == "call_processor"
            return ApplyPayoutOut(effect="rest" if rests else "again")
        for payment_id in missing:
            await self._open(ask.payout, payment_id)
        return ApplyPayoutOut(effect="again", added=len(missing))

    async def _open(self, payout: PayoutRef, payment_id: str) -> None:
        """A payment that the books lack becomes a case of its own, as if it was announced."""
        async with self._pool.acquire() as conn:
            place = await locations.get_location(conn, payout.location_id)
        start = UnmatchedInput(
            location_id=place.location_id,
            source=payout.source,
            payment_id=payment_id,
            zone=place.zone,
            staff_reminder_business_days=place.chase.staff_reminder_business_days,
            clock_shift_seconds=place.clock_shift_seconds,
        )
        await self._engine.start_or_signal(
            "UnmatchedPayment",
            ids.unmatched_workflow_id(payout.source, payment_id),
            start,
            "payment_posted",
            PaymentPosted(payment_id=payment_id),
            place.location_id,
        )

    async def _missing(self, payout: PayoutRef) -> tuple[str, ...]:
        """Payments of a payout that the books lack now, under any name."""
        moves = await self._port.movements_of(payout.payout_id)
        names = await self._names([m for m in moves if m.kind in OF_A_PAYMENT])
        async with self._pool.acquire() as conn:
            known = await payouts.booked(conn, payout.source, names)
        return tuple(sorted(names.keys() - known.keys()))


async def tried(conn: Conn, payout: PayoutRef, decision: Decision, at: datetime) -> str:
    """Carry a decision out on the parts that the books keep; says what becomes of the payout."""
    await accept(conn, payout, decision, ())
    if decision.choice == "call_processor":
        return "Nothing is booked; the question comes back in 7 days."
    if decision.choice == "add_missing":
        return "Each payment that the books lack is asked about by itself."
    row = await payouts.get(conn, payout.source, payout.payout_id)
    if row is None or decision.choice == "read_again":
        return "The payout is read again; the question comes back while it differs."
    moves = [
        Movement.model_validate(kept.model_dump())
        for kept in await payouts.movements_of(conn, payout.source, payout.payout_id)
    ]
    names = {move.payment_id: (move.payment_id,) for move in moves if move.payment_id}
    found = await _split(conn, payout, row, moves, names)
    ask = TieIn(payout=payout, at=at, review_no=f"preview/{decision.review_id}", patient=False)
    tied = await _settle(conn, ask, row, found)
    if tied.status == "asked":
        raise CannotCarryOut("By now the payout differs by another amount.")
    return f"The payout is {tied.status} in the books."


_END: Mapping[str, str] = {"paid": "tied", "failed": "returned", "canceled": "canceled"}


async def accept(conn: Conn, payout: PayoutRef, decision: Decision, missing: Sequence[str]) -> None:
    """Note that a person takes what is not explained; the next look books it."""
    if decision.choice == "accept" and missing:
        raise CannotCarryOut("A payment is missing; add it before a difference is accepted.")
    if decision.choice in ("accept", "book"):
        where = (payout.source, payout.payout_id)
        await payouts.accept(conn, *where, decision.by, decision.review_id)


def _row(payout: PayoutRef, read: Payout) -> PayoutRow:
    failed_on: date | None = None
    if read.state == "failed":
        failed_on = (
            calendar.local_date(read.failed_at, payout.zone) if read.failed_at else read.arrival_on
        )
    return PayoutRow(
        source=payout.source,
        payout_id=payout.payout_id,
        location_id=payout.location_id,
        amount_cents=read.amount_cents,
        currency=read.currency,
        automatic=read.automatic,
        state=read.state,
        arrival_on=read.arrival_on,
        failed_on=failed_on,
    )


async def _split(
    conn: Conn,
    payout: PayoutRef,
    row: PayoutRow,
    moves: Sequence[Movement],
    names: Mapping[str, Sequence[str]],
) -> Split | None:
    """The payout against its parts, those that are certain booked; None for one by hand."""
    if not row.automatic:
        return None
    kept = [_kept(row.payout_id, move) for move in moves]
    changed = await payouts.put_movements(conn, row.source, kept)
    known = await payouts.booked(conn, row.source, names)
    await payouts.note_names(conn, row.source, names)
    left_in = [m.object_id for m in moves if m.kind == "payout_returned" and m.object_id]
    returned = await payouts.shares_of(conn, row.source, left_in)
    # A refund is theirs whom it is owed, and where a person has said that it belongs.
    linked = await refunds.linked(conn, row.source, [m.object_id for m in moves if m.object_id])
    parts = [
        Part(
            **move.model_dump(exclude={"at"}),
            on=calendar.local_date(move.at, payout.zone),
            booked=linked.get(move.object_id or "") or known.get(move.payment_id or ""),
            returned=returned.get(move.object_id or "") if move.kind == "payout_returned" else None,
            is_changed=move.movement_id in changed,
        )
        for move in moves
    ]
    made = [e for part in parts for e in entries_payout.of_movement(row.source, part, _home(row))]
    await ledger.post_all(conn, made)
    return split(row.amount_cents, row.currency, parts, _home(row))


def _home(row: PayoutRow) -> str:
    return row.location_id


def _kept(payout_id: str, move: Movement) -> MovementRow:
    return MovementRow(payout_id=payout_id, **move.model_dump())


async def _settle(conn: Conn, ask: TieIn, row: PayoutRow, found: Split | None) -> TieOut:
    """Follow the payout to its state, wait, or ask."""
    if row.state in ("pending", "in_transit"):
        return TieOut(status="on_the_way")
    off_cents = found.difference_cents if found else 0
    is_accepted = row.accepted_by is not None and row.accepted_cents == off_cents
    if found is not None and found.missing:
        is_accepted = False
    if not (is_accepted or (found is not None and found.ties)):
        if found is not None and found.may_still_tie and ask.patient:
            return TieOut(status="missing")
        # One by hand that never left, or came back, moved nothing; nobody needs to say so.
        if found is not None or row.state == "paid":
            return await _ask(conn, ask, row, found)
    shares = found.shares if found else {_home(row): row.amount_cents}
    if row.state != "canceled":
        if is_accepted and row.accepted_review is not None:
            await reviews.bears(conn, row.accepted_review)
        await _book(conn, row, shares, off_cents if is_accepted else 0)
    await payouts.settle(conn, row.source, row.payout_id, row.state, shares)
    return TieOut(status=_END[row.state])


async def _book(conn: Conn, row: PayoutRow, shares: Mapping[str, int], accepted_cents: int) -> None:
    """A payout that failed was paid before, as the processor sees it; the books show both."""
    paid = entries_payout.payout_paid(
        row.source, row.payout_id, row.shares or shares, row.arrival_on, row.undone
    )
    made = list(paid)
    off = entries_payout.payout_difference(
        row.source, row.payout_id, accepted_cents, _home(row), row.arrival_on, row.undone
    )
    if off is not None:
        made.append(off)
    if row.state == "failed":
        made += entries_payout.payout_failed(paid, row.failed_on or row.arrival_on)
    await ledger.post_all(conn, made)


async def _ask(conn: Conn, ask: TieIn, row: PayoutRow, found: Split | None) -> TieOut:
    payout, code = ask.payout, DIFFERS if found else BY_HAND
    if ask.open_review_id is not None:
        return TieOut(status="asked", review_id=ask.open_review_id, code=code)
    facts, ours = ["The processor does not say what a payout by hand consists of."], {}
    off_cents = 0
    if found is not None:
        off_cents = found.difference_cents
        facts = [each.text for each in found.findings[:LISTED_MAX]]
        if len(found.findings) > LISTED_MAX:
            facts.append(f"{len(found.findings) - LISTED_MAX} more parts differ.")
        ours = {
            "explained by the books": dollars(row.amount_cents - off_cents),
            "difference": dollars(off_cents),
        }
    asked = question(
        payout.case_id,
        payout.location_id,
        code,
        abs(off_cents) if found else row.amount_cents,
        ask.review_no,
        ask.at,
        facts=tuple(facts),
        ours=ours,
        theirs={
            "system": row.source,
            "payout": row.payout_id,
            "paid out": dollars(row.amount_cents),
            "reaches the bank": row.arrival_on.isoformat(),
            **({kind: dollars(cents) for kind, cents in found.totals.items()} if found else {}),
        },
    )
    if await reviews.open_review(conn, asked):
        await payouts.note_asked(conn, row.source, row.payout_id, off_cents)
    return TieOut(status="asked", review_id=asked.review_id, code=code)
