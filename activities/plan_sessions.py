"""A billed visit may be a session of a financing plan: counted from its chart, once."""

from datetime import datetime

from activities.contracts import CaseRef
from domain import ids
from domain.invoice import PricedInvoice
from domain.plan_course import RUNNING
from domain.plan_sessions import Candidate, plan_of
from store import lots, plan_sessions, plans
from store.db import Conn


async def note_session(
    conn: Conn, case: CaseRef, client_id: str, priced: PricedInvoice, completed_at: datetime
) -> str | None:
    """Count the visit, or take it back when its chart delivers nothing any more.

    Returns the case id of the plan that has changed by it. A visit never changes its plan.
    """
    known = await plan_sessions.plan_of_visit(conn, case.case_id)
    plan = plan_of(case.visit_id, priced, await _candidates(conn, case, client_id))
    if plan is None:
        gone = await plan_sessions.take_back(conn, case.case_id, completed_at)
        return ids.plan_workflow_id(case.location_id, *known) if known and gone else None
    lender, plan_id = known or (plan.lender, plan.plan_id)
    added = await plan_sessions.add(
        conn, case.location_id, lender, plan_id, case.case_id, completed_at
    )
    return ids.plan_workflow_id(case.location_id, lender, plan_id) if added else None


async def _candidates(conn: Conn, case: CaseRef, client_id: str) -> list[Candidate]:
    found = await plans.list_plans(conn, case.location_id, None, list(RUNNING), client_id)
    found.sort(key=lambda row: row.standing.accepted_at or row.standing.status_as_of)
    return [await _candidate(conn, case, row) for row in found]


async def _candidate(conn: Conn, case: CaseRef, row: plans.PlanRow) -> Candidate:
    plan = row.standing
    lot_ids: tuple[str, ...] = ()
    if row.visit_ref is not None:
        financed = ids.visit_workflow_id(case.location_id, case.pms, row.visit_ref)
        lot_ids = tuple(await lots.sold_by(conn, ids.document_id(financed, 1)))
    left = None
    if plan.sessions_planned is not None:
        done = await plan_sessions.of_plan(conn, plan.location_id, plan.lender, plan.plan_id)
        left = plan.sessions_planned - sum(one.visit_id != case.case_id for one in done)
    return Candidate(
        lender=plan.lender,
        plan_id=plan.plan_id,
        visit_id=row.visit_ref,
        lot_ids=lot_ids,
        sessions_left=left,
    )
