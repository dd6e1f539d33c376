"""What a reply, or a hold of a whole client, concerns: their debts and the visits that wait."""

from collections.abc import Sequence

from domain import ids
from domain.model import Record
from store import plans
from store.db import Conn


class Debt(Record):
    """One visit that still owes; `document_id` is its first invoice."""

    case_id: str
    client_id: str
    document_id: str
    number: str
    balance_cents: int


async def debts_of(conn: Conn, client_ids: Sequence[str]) -> list[Debt]:
    """Every visit of these clients with a positive receivable, oldest first."""
    rows = await conn.fetch(
        "SELECT d.case_id, d.client_id, d.document_id, d.number, owed.balance_cents"
        " FROM documents d CROSS JOIN LATERAL ("
        "  SELECT sum(debit_cents - credit_cents)::bigint AS balance_cents FROM ledger_postings p"
        "  WHERE p.case_id = d.case_id AND p.account = '1100') AS owed"
        " WHERE d.client_id = ANY($1::text[]) AND d.document_no = 1 AND owed.balance_cents > 0"
        " ORDER BY d.issued_at, d.case_id",
        list(client_ids),
    )
    return [Debt.model_validate(dict(row)) for row in rows]


async def waiting_cases(conn: Conn, client_ids: Sequence[str]) -> list[str]:
    """Cases to tell when a hold is lifted: visits that owe, whatever was held once, and plans."""
    held = await conn.fetch(
        "SELECT DISTINCT case_id FROM send_answers"
        " WHERE client_id = ANY($1::text[]) AND answer = 'held'",
        list(client_ids),
    )
    owing = {debt.case_id for debt in await debts_of(conn, client_ids)}
    return sorted(
        {row["case_id"] for row in held} | owing | set(await plan_cases(conn, client_ids))
    )


async def plan_cases(conn: Conn, client_ids: Sequence[str]) -> list[str]:
    """The case of every plan of these clients, at any location; those that ended among them."""
    found = [await plans.list_plans(conn, client_id=client_id) for client_id in client_ids]
    known = [row.standing for rows in found for row in rows]
    return sorted(
        ids.plan_workflow_id(plan.location_id, plan.lender, plan.plan_id) for plan in known
    )
