"""Drafts, issued documents and pay links; an issued document never changes."""

import re
import secrets
from collections.abc import Sequence
from datetime import date
from typing import Literal

from pydantic import AwareDatetime

from domain.chart import Chart
from domain.invoice import Held, PricedInvoice
from domain.model import Record, input_hash
from domain.pms_side import PmsSide
from store.db import Conn, KeyReused

_WRONG_FACTORS_MAX = 5
_FACTOR_WINDOW_MINUTES = 15
_WRONG_FACTORS_A_DAY_MAX = 15
"""The ZIPs around a practice are few: a patient guesser would find one within days."""

DraftStatus = Literal["held", "issued", "not_billable"]
FactorLock = Literal["minutes", "day"]
DocumentKind = Literal["invoice", "supplementary", "credit_note"]


class Draft(Record):
    """One outcome of pricing a chart; codes and amounts only."""

    case_id: str
    chart_hash: str
    chart: Chart
    status: DraftStatus
    body: PricedInvoice | Held | None
    pms_side: PmsSide | None = None
    recorded_at: AwareDatetime


class Document(Record):
    """An invoice or an amendment. `number` is given by `issue` and empty before.

    `priced` is the whole visit as now billed; `change_due_cents` is what this document adds to
    the receivable, negative for a credit note.
    """

    document_id: str
    document_no: int
    number: str = ""
    case_id: str
    location_id: str
    client_id: str
    kind: DocumentKind
    chart_hash: str
    catalog_version: int
    currency: str
    priced: PricedInvoice
    change_due_cents: int
    issued_at: AwareDatetime


class PayLink(Record):
    """A pay page's address: an unguessable token that stands for one case."""

    token: str
    case_id: str
    client_id: str
    location_id: str


class OpenItem(Record):
    """An unpaid case: what is owed in cents, since when, and its age in whole days."""

    case_id: str
    client_id: str
    number: str
    balance_cents: int
    issued_on: date
    age: int


async def save_draft(
    conn: Conn,
    case_id: str,
    chart_hash: str,
    chart: Chart,
    status: DraftStatus,
    body: PricedInvoice | Held | None,
    theirs: PmsSide | None = None,
) -> None:
    """Keep an outcome of pricing; the same outcome as the latest is not kept twice."""
    content = body.model_dump(mode="json") if body is not None else None
    side = theirs.model_dump(mode="json") if theirs is not None else None
    await conn.execute(
        "INSERT INTO drafts (case_id, location_id, chart_hash, chart, status, body, content_hash,"
        "  pms_side) SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE $7 IS DISTINCT FROM"
        " (SELECT content_hash FROM drafts WHERE case_id = $1 ORDER BY draft_id DESC LIMIT 1)",
        case_id,
        chart.location_id,
        chart_hash,
        chart.model_dump(mode="json"),
        status,
        content,
        input_hash([chart_hash, status, content, *([side] if side else [])]),
        side,
    )


async def drafts_of(conn: Conn, case_id: str) -> list[Draft]:
    """Every kept outcome of a case, newest first."""
    rows = await conn.fetch(
        "SELECT case_id, chart_hash, chart, status, body, pms_side, recorded_at FROM drafts"
        " WHERE case_id = $1 ORDER BY draft_id DESC",
        case_id,
    )
    return [_draft(dict(row)) for row in rows]


async def latest_draft(conn: Conn, case_id: str) -> Draft | None:
    """The newest outcome of a case."""
    row = await conn.fetchrow(
        "SELECT case_id, chart_hash, chart, status, body, pms_side, recorded_at FROM drafts"
        " WHERE case_id = $1 ORDER BY draft_id DESC LIMIT 1",
        case_id,
    )
    return _draft(dict(row)) if row else None


def _draft(row: dict[str, object]) -> Draft:
    body = row["body"]
    if isinstance(body, dict):
        model = Held if "reasons" in body else PricedInvoice
        row["body"] = model.model_validate(body)
    return Draft.model_validate(row)


# The counter moves only when the document is new; its row lock keeps numbers without gaps.
_ISSUE = """
WITH old AS (
    SELECT number, input_hash FROM documents WHERE document_id = $1
), counter AS (
    INSERT INTO document_counters (location_id, last_no)
    SELECT $4, 1 WHERE NOT EXISTS (SELECT FROM old)
    ON CONFLICT (location_id) DO UPDATE SET last_no = document_counters.last_no + 1
    RETURNING last_no
), added AS (
    INSERT INTO documents (document_id, document_no, number, case_id, location_id, client_id,
        kind, chart_hash, catalog_version, currency, priced, total_cents, change_due_cents,
        issued_at, input_hash)
    SELECT $1, $2, $15 || '-' || lpad(last_no::text, greatest(6, length(last_no::text)), '0'),
        $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
    FROM counter RETURNING number, input_hash
)
SELECT number, input_hash FROM added UNION ALL SELECT number, input_hash FROM old
"""


async def issue(conn: Conn, document: Document) -> Document:
    """Issue a document and give it the location's next number, without gaps.

    Idempotent: the same document again returns the number it has. Raises KeyReused when the
    document id is there with other content. Holds the location's counter until the transaction
    ends, so issue late in it.
    """
    digest = input_hash(document.model_copy(update={"number": ""}))
    row = await conn.fetchrow(
        _ISSUE,
        document.document_id,
        document.document_no,
        document.case_id,
        document.location_id,
        document.client_id,
        document.kind,
        document.chart_hash,
        document.catalog_version,
        document.currency,
        document.priced.model_dump(mode="json"),
        document.priced.total_cents,
        document.change_due_cents,
        document.issued_at,
        digest,
        _prefix(document.location_id),
    )
    if row is None or row["input_hash"] != digest:
        raise KeyReused(document.document_id)
    return document.model_copy(update={"number": row["number"]})


def _prefix(location_id: str) -> str:
    return re.sub("[^A-Z]", "", location_id.upper())[:3] or "INV"


_DOCUMENT = (
    "SELECT document_id, document_no, number, case_id, location_id, client_id, kind, chart_hash,"
    " catalog_version, currency, priced, change_due_cents, issued_at FROM documents"
)


async def documents_of(conn: Conn, case_id: str) -> list[Document]:
    """Documents of a case in order."""
    rows = await conn.fetch(f"{_DOCUMENT} WHERE case_id = $1 ORDER BY document_no", case_id)
    return [Document.model_validate(dict(row)) for row in rows]


async def latest_document(conn: Conn, case_id: str) -> Document | None:
    """The document that says how the visit is billed now."""
    row = await conn.fetchrow(
        f"{_DOCUMENT} WHERE case_id = $1 ORDER BY document_no DESC LIMIT 1", case_id
    )
    return Document.model_validate(dict(row)) if row else None


async def document(conn: Conn, document_id: str) -> Document:
    """One document; raises LookupError when it is not there."""
    row = await conn.fetchrow(f"{_DOCUMENT} WHERE document_id = $1", document_id)
    if row is None:
        raise LookupError(f"There is no document {document_id}.")
    return Document.model_validate(dict(row))


async def document_by_number(conn: Conn, location_id: str, number: str) -> Document | None:
    """The document that carries a printed number at a location."""
    row = await conn.fetchrow(
        f"{_DOCUMENT} WHERE location_id = $1 AND number = $2", location_id, number.upper()
    )
    return Document.model_validate(dict(row)) if row else None


async def find(conn: Conn, location_id: str, name: str) -> Document | None:
    """The document that a person names, by printed number or by id."""
    found = await document_by_number(conn, location_id, name)
    if found is not None:
        return found
    row = await conn.fetchrow(
        f"{_DOCUMENT} WHERE location_id = $1 AND document_id = $2", location_id, name.lower()
    )
    return Document.model_validate(dict(row)) if row else None


async def numbers_of_reviews(conn: Conn, review_ids: Sequence[str]) -> dict[str, str]:
    """Review id -> the printed number of what it is about, else of its case's first document."""
    rows = await conn.fetch(
        "SELECT DISTINCT ON (review_id) review_id, number FROM reviews r"
        " JOIN documents d ON d.document_id = r.document_id"
        "  OR (r.document_id IS NULL AND d.case_id = r.case_id)"
        " WHERE review_id = ANY($1::text[]) ORDER BY review_id, document_no",
        list(review_ids),
    )
    return {row["review_id"]: row["number"] for row in rows}


async def pay_link(conn: Conn, case_id: str, client_id: str, location_id: str) -> str:
    """The case's token: 128 random bits made at the first call, the same ever after."""
    token: str | None = await conn.fetchval(
        "WITH added AS (INSERT INTO pay_links (token, case_id, client_id, location_id)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (case_id) DO NOTHING RETURNING token)"
        " SELECT token FROM added UNION ALL SELECT token FROM pay_links WHERE case_id = $2",
        secrets.token_urlsafe(16),
        case_id,
        client_id,
        location_id,
    )
    if token is None:
        # Another transaction made it while this statement waited; now it can be seen.
        token = await conn.fetchval("SELECT token FROM pay_links WHERE case_id = $1", case_id)
    assert token is not None
    return token


async def link_by_token(conn: Conn, token: str) -> PayLink | None:
    """What a token stands for."""
    row = await conn.fetchrow(
        "SELECT token, case_id, client_id, location_id FROM pay_links WHERE token = $1", token
    )
    return PayLink.model_validate(dict(row)) if row else None


async def note_factor_attempt(conn: Conn, token: str, ok: bool) -> None:
    """Record a right or wrong answer to the pay page's question."""
    await conn.execute("INSERT INTO factor_attempts (token, ok) VALUES ($1, $2)", token, ok)


async def factor_locked(conn: Conn, token: str) -> FactorLock | None:
    """`day` at 15 wrong answers in a day of wall time, else `minutes` at five in 15 minutes."""
    row = await conn.fetchrow(
        "SELECT count(*) AS in_a_day, count(*) FILTER (WHERE recorded_at"
        "  > clock_timestamp() - make_interval(mins => $2)) AS just_now"
        " FROM factor_attempts WHERE token = $1 AND NOT ok"
        " AND recorded_at > clock_timestamp() - make_interval(days => 1)",
        token,
        _FACTOR_WINDOW_MINUTES,
    )
    assert row is not None
    if row["in_a_day"] >= _WRONG_FACTORS_A_DAY_MAX:
        return "day"
    return "minutes" if row["just_now"] >= _WRONG_FACTORS_MAX else None


async def open_items(
    conn: Conn, location_id: str, client_id: str | None = None, amount_cents: int | None = None
) -> list[OpenItem]:
    """Cases with a positive receivable in the ledger, oldest first, optionally narrowed.

    `amount_cents` keeps the cases that owe exactly this.
    """
    rows = await conn.fetch(
        "SELECT d.case_id, d.client_id, d.number, owed.balance_cents,"
        " (d.issued_at AT TIME ZONE l.zone)::date AS issued_on,"
        " (clock_timestamp() AT TIME ZONE l.zone)::date"
        "  - (d.issued_at AT TIME ZONE l.zone)::date AS age"
        " FROM documents d JOIN locations l USING (location_id) CROSS JOIN LATERAL ("
        "  SELECT sum(debit_cents - credit_cents)::bigint AS balance_cents FROM ledger_postings p"
        "  WHERE p.case_id = d.case_id AND p.account = '1100') AS owed"
        " WHERE d.location_id = $1 AND d.document_no = 1 AND owed.balance_cents > 0"
        " AND ($2::text IS NULL OR d.client_id = $2)"
        " AND ($3::bigint IS NULL OR owed.balance_cents = $3)"
        " ORDER BY d.issued_at, d.case_id",
        location_id,
        client_id,
        amount_cents,
    )
    return [OpenItem.model_validate(dict(row)) for row in rows]
