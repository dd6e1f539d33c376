"""Telling visits that their money has changed: those that run hear it, closed ones open again."""

from collections.abc import Sequence

from activities.translation import visit_input
from connectors.ports import CaseEngine
from domain.case import PaymentPosted
from store import ledger, locations
from store.db import Pool

VISIT = "visit/"


async def tell(
    pool: Pool, engine: CaseEngine, workflow_ids: Sequence[str], what: str, event_id: str
) -> None:
    """Signal each; a closed visit that is owed again is a case again, and a person says how it
    goes on. `what` names what happened, `event_id` the case that did it."""
    hint = PaymentPosted(payment_id=what)
    for workflow_id in workflow_ids:
        if await engine.signal(workflow_id, "payment_posted", hint):
            continue
        if workflow_id.startswith(VISIT):
            await _reopen(pool, engine, workflow_id, hint, event_id)


async def _reopen(
    pool: Pool, engine: CaseEngine, case_id: str, hint: PaymentPosted, event_id: str
) -> None:
    _, location_id, pms, visit_id = case_id.split("/", 3)
    async with pool.acquire() as conn:
        owed_cents = await ledger.balance_of_case(conn, case_id)
        location = await locations.get_location(conn, location_id)
    if owed_cents > 0:
        await engine.start_or_signal(
            "TreatmentVisit",
            case_id,
            visit_input(location, pms, visit_id, event_id),
            "payment_posted",
            hint,
            location_id,
        )
