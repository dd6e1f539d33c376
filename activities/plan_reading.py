"""All that the books, and the PMS's calendar, know of one financing plan at this moment."""

from collections.abc import Sequence
from datetime import datetime

from activities.installments import overdue, rest_of, settled
from activities.plan_contracts import PlanRef, ReadPlanOut
from activities.tools import Tools
from connectors.ports import ConnectorError
from domain import calendar
from domain.plan_course import APPROVED, PlanFacts
from store import clients, holds, locations, plan_sessions, plans, touchpoints
from store.db import Conn
from store.touchpoints import Touchpoint

_OUT = frozenset({"accepted", "delivered", "unknown", "sending"})
_REACTION, _DISPUTE = frozenset({"adverse_event"}), frozenset({"dispute", "complaint"})
"""Of the client or of any visit of theirs: who disputes one bill is not offered another plan."""


class PlanReader:
    """Reads; a calendar that cannot be read is named, and nothing is guessed from it."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def read(self, plan: PlanRef, at: datetime) -> ReadPlanOut:
        """The plan's facts. Raises LookupError when nobody has told of the plan."""
        async with self._tools.pool.acquire() as conn:
            facts, said = await of_books(conn, plan, at)
            client_id = facts.plan.client_id
            location = await locations.get_location(conn, plan.location_id)
            ref = await clients.pms_ref_of(conn, client_id) if client_id else None
        if ref is None or facts.plan.status not in APPROVED:
            return ReadPlanOut(facts=facts, said=said)
        try:
            booked_at = await self._tools.pms[plan.location_id].next_booking(
                ref, location.pms_location_ref, at
            )
        except ConnectorError as silence:
            return ReadPlanOut(facts=facts, said=said, missing=type(silence).__name__)
        booked_on = calendar.local_date(booked_at, plan.zone) if booked_at else None
        return ReadPlanOut(facts=facts.model_copy(update={"booked_on": booked_on}), said=said)


async def of_books(conn: Conn, plan: PlanRef, at: datetime) -> tuple[PlanFacts, tuple[str, ...]]:
    """The plan's facts but for the calendar, and the touches that went out; LookupError."""
    key = (plan.location_id, plan.lender, plan.plan_id)
    standing = await plans.standing(conn, *key)
    if standing is None:
        raise LookupError("Nobody has told of this plan yet.")
    rows = await touchpoints.of_case(conn, plan.case_id)
    today = calendar.local_date(at, plan.zone)
    held = await holds.now(conn, standing.client_id, today) if standing.client_id else []
    kinds = {hold.kind for hold in held}
    silenced_by = {hold.kind for hold in held if hold.case_id in (None, plan.case_id)}
    rest_cents, rest_part = await rest_of(conn, standing)
    facts = PlanFacts(
        plan=standing,
        sessions=await plan_sessions.of_plan(conn, *key),
        overdue_installments=await overdue(conn, standing, today),
        settled_installments=await settled(conn, standing),
        rest_cents=rest_cents,
        rest_part=rest_part,
        is_disputed=bool(kinds & _DISPUTE),
        has_reaction=bool(kinds & _REACTION),
        last_touch_on=max((row.local_date for row in _out(rows)), default=None),
        silenced_by=tuple(sorted(silenced_by)),
    )
    return facts, tuple(sorted({row.step for row in _out(rows)}))


def _out(rows: Sequence[Touchpoint]) -> list[Touchpoint]:
    return [row for row in rows if row.state in _OUT]
