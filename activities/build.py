"""Build: the chart becomes a priced, reserved and issued invoice in one transaction.

Nothing outside our books changes here, so a retry finds either nothing or all of it.
"""

from temporalio import activity

from activities.billing import bill_chart
from activities.charting import chart_of, overrides_of, side_of
from activities.contacts import refresh_contact
from activities.contracts import BuildIn, BuildOut
from activities.errors import vendor_errors
from activities.installments import IN_HOUSE, bill_installment
from activities.tools import Tools
from connectors.ports import Refused
from store import clients, reviews
from store.db import transaction


class BuildActivities:
    """The first stage of a visit."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    @vendor_errors
    async def build_invoice(self, ask: BuildIn) -> BuildOut:
        """Read the chart; issue its invoice, or what changed, or say why it waits."""
        if ask.case.pms == IN_HOUSE:
            async with transaction(self._tools.pool) as conn:
                return await bill_installment(conn, ask)
        visit = await self._tools.pms[ask.case.location_id].read_visit(ask.case.visit_id)
        if isinstance(visit, Refused) or (visit.closed_at is None and not visit.cancelled):
            return BuildOut(status="not_ready")
        client_id = await refresh_contact(self._tools, ask.case.location_id, visit.client_ref)
        async with transaction(self._tools.pool) as conn:
            await clients.lock_client(conn, client_id)
            overrides = overrides_of(await reviews.of_case(conn, ask.case.case_id))
            chart = chart_of(visit, ask.case.location_id, overrides)
            approved = frozenset(overrides.approved)
            return await bill_chart(conn, ask, chart, client_id, approved, side_of(visit))
