"""The last step of a case: its end, kept in the books."""

from temporalio import activity

from activities.contracts import CloseIn, CloseOut
from activities.errors import vendor_errors
from activities.tools import Tools
from connectors.ports import CaseEngine
from domain import ids
from domain.plan_case import InstallmentPosted
from store import clients, closings
from store.db import transaction


class ClosingActivities:
    """Keeps how cases ended."""

    def __init__(self, tools: Tools, engine: CaseEngine) -> None:
        self._tools = tools
        self._engine = engine

    @activity.defn
    @vendor_errors
    async def close_case(self, ask: CloseIn) -> CloseOut:
        """Keep an end, unless the books say that money is off and nobody has decided it."""
        info = activity.info()
        key = f"{info.workflow_run_id}/{info.activity_id}"
        async with transaction(self._tools.pool) as conn:
            if ask.client_id is not None:
                await clients.lock_client(conn, ask.client_id)
            end = (ask.case.case_id, ask.status, ask.closed_by, ask.at)
            refusal = await closings.put(conn, key, *end)
        plan_case = ids.plan_of_installment(ask.case.case_id)
        if plan_case is not None and refusal is None:
            # What the plan asked about this instalment may be answered by its end.
            over = InstallmentPosted(payment_id=ask.case.case_id)
            await self._engine.signal(plan_case, "installment_posted", over)
        return CloseOut(refusal=refusal)
