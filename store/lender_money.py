"""What lenders say of their deposits: every telling kept, and folded by deposit."""

from domain.lender_news import FundingFact
from domain.model import input_hash
from store.db import Conn, KeyReused


async def record(conn: Conn, fact: FundingFact) -> bool:
    """Keep one telling; False when it was kept before. KeyReused for its key with other content."""
    fact_id = input_hash([fact.location_id, fact.lender, fact.source, fact.key])[:32]
    said = input_hash(fact.model_dump(mode="json", exclude={"observed_at"}))
    done: bool | None = await conn.fetchval(
        "INSERT INTO lender_fundings (fact_id, location_id, lender, funding_id, loan_id, source,"
        " state, as_of, observed_at, body, body_hash)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        " ON CONFLICT (fact_id) DO NOTHING RETURNING true",
        fact_id,
        fact.location_id,
        fact.lender,
        fact.funding_id,
        fact.loan_id,
        fact.source,
        fact.state,
        fact.as_of,
        fact.observed_at,
        fact.model_dump(mode="json"),
        said,
    )
    if done:
        return True
    known = await conn.fetchval("SELECT body_hash FROM lender_fundings WHERE fact_id = $1", fact_id)
    if known != said:
        raise KeyReused(f"fact {fact_id} of a deposit")
    return False


async def unbooked(conn: Conn, location_id: str) -> list[tuple[str, str]]:
    """(lender, loan id) of deposits that somebody but a webhook told of and no entry followed."""
    rows = await conn.fetch(
        "SELECT DISTINCT lender, loan_id FROM lender_fundings f WHERE location_id = $1"
        " AND source <> 'webhook' AND state IN ('completed', 'reversed') AND NOT EXISTS"
        " (SELECT FROM lender_bookings b WHERE (b.location_id, b.lender, b.funding_id)"
        "  = (f.location_id, f.lender, f.funding_id) AND (f.state = 'completed'"
        "  OR b.kind = 'taken_back')) ORDER BY lender, loan_id",
        location_id,
    )
    return [(row["lender"], row["loan_id"]) for row in rows]


async def tellings(conn: Conn, lender: str, loan_id: str) -> list[FundingFact]:
    """Everything that was told of a loan's deposits, in the order in which it came."""
    rows = await conn.fetch(
        "SELECT body FROM lender_fundings WHERE (lender, loan_id) = ($1, $2)"
        " ORDER BY recorded_at, fact_id",
        lender,
        loan_id,
    )
    return [FundingFact.model_validate(row["body"]) for row in rows]
