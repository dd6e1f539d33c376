"""What the plans came to: read from the books and from what the patients' phones got."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from domain import ids
from domain.lender_contracts import CONTRACTS
from domain.messages import spec_of
from domain.plan_case import Lender
from starter.demo.financing import Told
from starter.rehearsal import Rehearsal
from store import ledger, plans, touchpoints
from store.db import Conn
from store.touchpoints import Touchpoint

_OUT = frozenset({"accepted", "delivered"})


async def plan_figures(
    centres: Sequence[Rehearsal], told: Sequence[Told], ui_url: str
) -> dict[str, Any]:
    """The one object of `tieout demo --story financing --json`."""
    practice = centres[0]
    async with practice.pool.acquire() as conn:
        shown = [await _plan(conn, centres, one) for one in told]
        on_due_day = sum([await _on_due_day(conn, centres, one) for one in told])
        to_debtor = sum([await _to_lender_debtor(conn, one) for one in told])
        doubled = await _doubled(conn, practice, told)
        books = await ledger.totals(conn)
    balanced = books.debits_cents == books.credits_cents and books.unbalanced_entries == 0
    unsolved = [one for plan in shown for one in plan["exceptions"] if one["state"] == "open"]
    quiet = doubled == on_due_day == to_debtor == 0
    return {
        "ok": balanced and quiet and not unsolved and all(plan["messages"] for plan in shown),
        "locations": [one.location.practice_name for one in centres],
        "plans": shown,
        "doubled": doubled,
        "on_due_date": on_due_day,
        "to_lender_debtor": to_debtor,
        "ledger": books.model_dump(),
        "temporal_ui": ui_url,
    }


async def _plan(conn: Conn, centres: Sequence[Rehearsal], told: Told) -> dict[str, Any]:
    lender, where = told.borrower.lender, centres[told.borrower.place].location_id
    plan = await plans.standing(conn, where, lender, told.plan_id)
    asked = await conn.fetch(
        "SELECT code, state, (SELECT decided_by FROM review_decisions d"
        "  WHERE d.review_id = r.review_id LIMIT 1) AS by"
        " FROM reviews r WHERE case_id = $1 ORDER BY opened_at, review_id",
        told.case_id,
    )
    return {
        "lender": lender,
        "location": where,
        "mode": [str(mode) for mode in CONTRACTS[lender].modes],
        "workflow_id": told.case_id,
        "status": plan.status if plan else "unknown",
        "messages": [
            {
                "step": one.step.partition("/")[0],
                "channel": str(one.channel),
                "local_date": one.local_date.isoformat(),
            }
            for one in await _heard(conn, told)
        ],
        "exceptions": [dict(row) for row in asked],
    }


async def _heard(conn: Conn, told: Told) -> list[Touchpoint]:
    """Everything that reached the patient, of the plan, its instalments and its visits."""
    rows = await touchpoints.of_client(conn, told.borrower.client_id)
    return sorted((one for one in rows if one.state in _OUT), key=lambda one: one.at)


async def _on_due_day(conn: Conn, centres: Sequence[Rehearsal], told: Told) -> int:
    """Messages about a payment on the very day on which that payment falls due."""
    where, lender = centres[told.borrower.place].location_id, told.borrower.lender
    plan = await plans.standing(conn, where, lender, told.plan_id)
    if plan is None:
        return 0
    due = {told.case_id: plan.first_payment_on} | {
        ids.installment_workflow_id(where, told.plan_id, part.number): part.due_on
        for part in plan.installments
    }
    about_money = [one for one in await _heard(conn, told) if one.message_class == "billing"]
    return sum(due.get(one.case_id) == one.local_date for one in about_money)


async def _to_lender_debtor(conn: Conn, told: Told) -> int:
    """Messages that ask a lender's debtor for money."""
    if told.borrower.lender is Lender.IN_HOUSE:
        return 0
    words = [one.words.split(".")[0] for one in await _heard(conn, told) if one.words]
    return sum(spec_of(template).asks_for_money for template in words)


async def _doubled(conn: Conn, practice: Rehearsal, told: Sequence[Told]) -> int:
    """A step more than once on a channel, or more copies at the patients than the books know."""
    known = [one for each in told for one in await _heard(conn, each)]
    steps = Counter((one.document_id, one.step, one.channel) for one in known)
    phones = {one.borrower.patient.phone_e164 for one in told}
    boxes = {one.borrower.patient.email for one in told}
    got = sum(doc["to"] in phones for doc in await practice.docs("sms"))
    got += sum(bool(boxes & set(doc["to"])) for doc in await practice.docs("email"))
    return sum(count - 1 for count in steps.values()) + max(0, got - len(known))
