"""What one visit costs by its shape: billable Actions, events, bytes of history."""

from functools import partial
from typing import Any

from bench.actions import actions_in
from bench.load import orders
from domain.case import Decision
from domain.reviews import CONFIRM
from starter.deciding import send_decision
from starter.rehearsal import Rehearsal
from store import ledger, processor, reviews, touchpoints
from store.reviews import Review


async def costs(practice: Rehearsal) -> dict[str, Any]:
    """Three lives, days skipped: paid at once, paid on day 9, chased to day 14 and decided."""
    paid, late, chased = [await practice.check_out(order) for order in await orders(practice, 3)]
    for case_id in (paid, late, chased):
        await practice.until(partial(_sent, practice, case_id), "the invoice", 60)
    await practice.skip(late, 9)
    await practice.skip(chased, 14.5)
    for case_id in (paid, late):
        await _pay(practice, case_id)
        await _decide(practice, case_id, "done")
    await _write_off(practice, chased)
    shapes = {"paid_at_once": paid, "paid_day_9": late, "chased": chased}
    figures: dict[str, dict[str, int]] = {"actions": {}, "events": {}, "history_bytes": {}}
    for shape, case_id in shapes.items():
        case = practice.case(case_id)
        await case.result()
        history = await case.fetch_history()
        described = (await case.describe()).raw_description.workflow_execution_info
        figures["actions"][shape] = actions_in(history.events)
        figures["events"][shape] = len(history.events)
        figures["history_bytes"][shape] = described.history_size_bytes
    return figures


async def _sent(practice: Rehearsal, case_id: str) -> bool:
    async with practice.pool.acquire() as conn:
        rows = await touchpoints.of_case(conn, case_id)
    return sum(row.state in ("accepted", "delivered") for row in rows) == 2


async def _pay(practice: Rehearsal, case_id: str) -> None:
    async with practice.pool.acquire() as conn:
        invoice_id = (await processor.invoices_of_case(conn, case_id))[0]
    await practice.control(f"stripe/invoices/{invoice_id}/pay", {})

    async def settled() -> bool:
        async with practice.pool.acquire() as conn:
            return await ledger.balance_of_case(conn, case_id) == 0

    await practice.until(settled, "the payment", 60)


async def _write_off(practice: Rehearsal, case_id: str) -> None:
    """One person proposes it, another confirms: the dearest end that a chase can have."""
    await _decide(practice, case_id, "write_off")

    async def proposed() -> bool:
        async with practice.pool.acquire() as conn:
            [waiting] = await reviews.open_of_case(conn, case_id)
        return waiting.proposal is not None

    await practice.until(proposed, "the proposal", 60)
    await _decide(practice, case_id, CONFIRM, by="manager")


async def _decide(practice: Rehearsal, case_id: str, choice: str, by: str = "desk") -> None:
    async def asked() -> Review | None:
        async with practice.pool.acquire() as conn:
            waiting = await reviews.open_of_case(conn, case_id)
        return waiting[0] if waiting else None

    review = await practice.until(asked, f"the question before {choice}", 60)
    decision = Decision(review_id=review.review_id, choice=choice, by=by, reason="bench")
    await send_decision(practice.engine, review, decision)
