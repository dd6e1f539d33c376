"""Lines of the bank's statement and the payouts that they are. Nothing here ever changes."""

from collections.abc import Mapping, Sequence
from datetime import date

from domain.bank import BankLine, Expected
from store.db import Conn
from store.vault import Vault


async def known(conn: Conn, line_ids: Sequence[str]) -> set[str]:
    """Which of these lines were imported before."""
    rows = await conn.fetch(
        "SELECT line_id FROM bank_lines WHERE line_id = ANY($1::text[])", list(line_ids)
    )
    return {row["line_id"] for row in rows}


async def expected(conn: Conn) -> list[Expected]:
    """What the bank should show and no line is given to yet, oldest first."""
    rows = await conn.fetch(
        "SELECT source, payout_id, leg, amount_cents, on_date AS on FROM ("
        " SELECT source, payout_id, 'in' AS leg, amount_cents, arrival_on AS on_date FROM payouts"
        "  WHERE state IN ('paid', 'failed') UNION ALL"
        " SELECT source, payout_id, 'back', -amount_cents, coalesce(failed_on, arrival_on)"
        "  FROM payouts WHERE state = 'failed') AS legs"
        " WHERE NOT EXISTS (SELECT FROM bank_payouts b WHERE (b.source, b.payout_id, b.leg)"
        "  = (legs.source, legs.payout_id, legs.leg)) ORDER BY on_date, payout_id, leg DESC"
    )
    return [Expected.model_validate(dict(row)) for row in rows]


async def unmatched(conn: Conn, vault: Vault) -> list[BankLine]:
    """Imported lines that are no payout so far, oldest first; their row is 0."""
    rows = await conn.fetch(
        "SELECT line_id, on_date, amount_cents, sealed_words FROM bank_lines"
        " WHERE line_id NOT IN (SELECT line_id FROM bank_payouts) ORDER BY on_date, line_id"
    )
    return [
        BankLine(
            line_id=row["line_id"],
            row=0,
            on=row["on_date"],
            amount_cents=row["amount_cents"],
            words=vault.open(row["sealed_words"], f"bank|{row['line_id']}").decode(),
        )
        for row in rows
    ]


async def first_day(conn: Conn) -> date | None:
    """The earliest day of any imported line."""
    first: date | None = await conn.fetchval("SELECT min(on_date) FROM bank_lines")
    return first


async def add(conn: Conn, vault: Vault, lines: Sequence[BankLine], by: str) -> None:
    """Keep lines; those that are there already stay as they are."""
    await conn.executemany(
        "INSERT INTO bank_lines (line_id, on_date, amount_cents, sealed_words, imported_by)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        [
            (
                line.line_id,
                line.on,
                line.amount_cents,
                vault.seal(line.words.encode(), f"bank|{line.line_id}"),
                by,
            )
            for line in lines
        ],
    )


async def match(conn: Conn, found: Mapping[str, Expected]) -> None:
    """Give lines to payouts, once."""
    await conn.executemany(
        "INSERT INTO bank_payouts (line_id, source, payout_id, leg) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        [(line_id, each.source, each.payout_id, each.leg) for line_id, each in found.items()],
    )
