"""Financing plans: every telling kept, and the standing that follows from all of them."""

from collections.abc import Sequence

from pydantic import AwareDatetime

from domain.model import Record, input_hash
from domain.plan_case import Lender, PlanStanding, PlanStatus
from domain.plan_facts import FactSource, Folded, PlanFact, fact_id, fold
from store.db import Conn, KeyReused


class Recorded(Record):
    """What a telling changed. `before` is None for the first one of its plan."""

    is_new: bool
    before: PlanStanding | None
    after: PlanStanding
    told_revision: int = 0
    """The revision that the plan's case was last told of."""

    @property
    def is_changed(self) -> bool:
        """Whether a case has anything to read."""
        return self.before is None or self.before.revision != self.after.revision


class PlanRow(Record):
    """One line of a list of plans."""

    standing: PlanStanding
    visit_ref: str | None
    patient_ref: str | None
    changed_at: AwareDatetime


# A client may become known after the plan: the link is looked up, not kept.
_SELECT = (
    "SELECT p.location_id, p.lender, p.plan_id, p.revision, p.told_revision, p.folded,"
    " p.visit_ref, p.patient_ref, p.changed_at,"
    " coalesce(p.client_id, (SELECT c.client_id FROM clients c"
    "  WHERE c.location_id = p.location_id"
    "  AND p.patient_ref IN (c.pms_client_ref, c.client_id) ORDER BY c.client_id LIMIT 1))"
    " AS client_id FROM plans p"
)


async def record(conn: Conn, fact: PlanFact) -> Recorded:
    """Keep one telling and fold its plan anew, under the plan's lock until the commit.

    The same telling again changes nothing. Raises KeyReused for its key with other content.
    """
    await conn.execute(
        "INSERT INTO plans (location_id, lender, plan_id) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING",
        fact.location_id,
        fact.lender,
        fact.plan_id,
    )
    where = " WHERE (p.location_id, p.lender, p.plan_id) = ($1, $2, $3)"
    names = (fact.location_id, fact.lender, fact.plan_id)
    row = await conn.fetchrow(f"{_SELECT}{where} FOR UPDATE OF p", *names)
    before = _standing(row) if row and row["folded"] is not None else None
    is_new = await _keep(conn, fact)
    told = row["told_revision"] if row else 0
    if not is_new and before is not None:
        return Recorded(is_new=False, before=before, after=before, told_revision=told)
    folded = fold(await facts_of(conn, *names))
    if before is None or row is None or Folded.model_validate(row["folded"]) != folded:
        await _put(conn, fact, folded)
    after = _standing(await conn.fetchrow(f"{_SELECT}{where}", *names))
    return Recorded(is_new=is_new, before=before, after=after, told_revision=told)


async def note_told(conn: Conn, standing: PlanStanding) -> None:
    """The plan's case was told of this standing; never goes back."""
    await conn.execute(
        "UPDATE plans SET told_revision = greatest(told_revision, $4)"
        " WHERE (location_id, lender, plan_id) = ($1, $2, $3)",
        standing.location_id,
        standing.lender,
        standing.plan_id,
        standing.revision,
    )


async def _keep(conn: Conn, fact: PlanFact) -> bool:
    said = fact.model_dump(mode="json", exclude={"observed_at"})
    done: bool | None = await conn.fetchval(
        "INSERT INTO plan_facts (fact_id, location_id, lender, plan_id, source, status,"
        " contract_id, as_of, observed_at, body, body_hash)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        " ON CONFLICT (fact_id) DO NOTHING RETURNING true",
        fact_id(fact),
        fact.location_id,
        fact.lender,
        fact.plan_id,
        fact.source,
        fact.status,
        fact.contract_id,
        fact.as_of,
        fact.observed_at,
        fact.model_dump(mode="json"),
        input_hash(said),
    )
    if done:
        return True
    known = await conn.fetchval(
        "SELECT body_hash FROM plan_facts WHERE fact_id = $1", fact_id(fact)
    )
    if known != input_hash(said):
        raise KeyReused(f"fact {fact_id(fact)} of a plan")
    return False


async def _put(conn: Conn, fact: PlanFact, folded: Folded) -> None:
    latest = folded.latest
    await conn.execute(
        "UPDATE plans SET revision = revision + 1, status = $4, folded = $5, client_id = $6,"
        " patient_ref = $7, visit_ref = $8, contract_id = $9, changed_at = clock_timestamp()"
        " WHERE (location_id, lender, plan_id) = ($1, $2, $3)",
        fact.location_id,
        fact.lender,
        fact.plan_id,
        folded.status,
        folded.model_dump(mode="json"),
        latest.get("client_id"),
        latest.get("patient_ref"),
        latest.get("visit_ref"),
        latest.get("contract_id"),
    )


def _standing(row: object) -> PlanStanding:
    found = dict(row)  # type: ignore[call-overload]
    return Folded.model_validate(found["folded"]).standing(
        found["location_id"],
        Lender(found["lender"]),
        found["plan_id"],
        found["client_id"],
        found["revision"],
    )


async def facts_of(conn: Conn, location_id: str, lender: str, plan_id: str) -> list[PlanFact]:
    """Every telling about a plan, in the order in which they came."""
    rows = await conn.fetch(
        "SELECT body FROM plan_facts WHERE (location_id, lender, plan_id) = ($1, $2, $3)"
        " ORDER BY recorded_at, fact_id",
        location_id,
        lender,
        plan_id,
    )
    return [PlanFact.model_validate(row["body"]) for row in rows]


async def standing(conn: Conn, location_id: str, lender: str, plan_id: str) -> PlanStanding | None:
    """Where a plan stands; None when nobody has told of it."""
    row = await conn.fetchrow(
        f"{_SELECT} WHERE (p.location_id, p.lender, p.plan_id) = ($1, $2, $3)"
        " AND p.folded IS NOT NULL",
        location_id,
        lender,
        plan_id,
    )
    return _standing(row) if row else None


async def visit_of(conn: Conn, location_id: str, lender: str, plan_id: str) -> str | None:
    """The PMS's id of the visit that a plan pays for, where somebody has said it."""
    visit_ref: str | None = await conn.fetchval(
        "SELECT visit_ref FROM plans WHERE (location_id, lender, plan_id) = ($1, $2, $3)",
        location_id,
        lender,
        plan_id,
    )
    return visit_ref


class ForVisit(Record):
    """A contract with a lender that names a visit; in-house plans are no lender's.

    `owes` is that the lender owes the financed amount, and somebody but a webhook says so.
    """

    lender: Lender
    contract_id: str
    financed_cents: int
    programme: str | None
    since: AwareDatetime
    """Accepted then; while it waits for its patient, asked for then."""
    owes: bool


async def for_visit(conn: Conn, location_id: str, visit_ref: str) -> list[ForVisit]:
    """Contracts for a visit that lenders owe, or that still wait for the patient's answer."""
    rows = await conn.fetch(
        "SELECT lender, contract_id, folded -> 'latest' ->> 'programme' AS programme,"
        " (folded -> 'latest' ->> 'financed_cents')::bigint AS financed_cents,"
        " coalesce(folded ->> 'accepted_at', folded ->> 'status_as_of')::timestamptz AS since,"
        " status <> 'pending_patient' AND (folded ->> 'is_confirmed')::boolean AS owes FROM plans"
        " WHERE location_id = $1 AND visit_ref = $2 AND lender <> 'in-house'"
        " AND status IN ('pending_patient', 'accepted', 'funding', 'funded', 'partly_refunded',"
        "  'paid_off') AND contract_id IS NOT NULL"
        " AND folded -> 'latest' ->> 'financed_cents' IS NOT NULL ORDER BY lender, plan_id",
        location_id,
        visit_ref,
    )
    return [ForVisit.model_validate(dict(row)) for row in rows]


async def plan_of_contract(
    conn: Conn, location_id: str, lender: str, contract_id: str
) -> str | None:
    """The plan that a contract belongs to, as it was first told."""
    plan_id: str | None = await conn.fetchval(
        "SELECT plan_id FROM plan_facts WHERE (location_id, lender, contract_id) = ($1, $2, $3)"
        " ORDER BY recorded_at, fact_id LIMIT 1",
        location_id,
        lender,
        contract_id,
    )
    return plan_id


async def list_plans(
    conn: Conn,
    location_id: str | None = None,
    lender: str | None = None,
    statuses: Sequence[PlanStatus] | None = None,
    client_id: str | None = None,
) -> list[PlanRow]:
    """Plans by location, lender, status or client; the one that changed last comes first."""
    rows = await conn.fetch(
        f"SELECT * FROM ({_SELECT} WHERE p.folded IS NOT NULL"  # noqa: S608
        " AND ($1::text IS NULL OR p.location_id = $1) AND ($2::text IS NULL OR p.lender = $2)"
        " AND ($3::text[] IS NULL OR p.status = ANY($3))) found"
        " WHERE $4::text IS NULL OR client_id = $4 ORDER BY changed_at DESC, plan_id",
        location_id,
        lender,
        None if statuses is None else list(statuses),
        client_id,
    )
    return [
        PlanRow(
            standing=_standing(row),
            visit_ref=row["visit_ref"],
            patient_ref=row["patient_ref"],
            changed_at=row["changed_at"],
        )
        for row in rows
    ]


async def last_told(conn: Conn, lender: str, source: FactSource) -> AwareDatetime | None:
    """When a lender's facts last came this way."""
    at: AwareDatetime | None = await conn.fetchval(
        "SELECT max(observed_at) FROM plan_facts WHERE lender = $1 AND source = $2", lender, source
    )
    return at
