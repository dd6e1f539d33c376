"""What a running practice can be asked: by its books, and by what the vendors' twins kept."""

from collections import Counter
from decimal import Decimal
from typing import Any

import asyncpg

from starter.dev import Stack
from starter.rehearsal import Rehearsal
from store import entitlements, invoices, ledger, processor, reviews, touchpoints
from store.invoices import Document
from store.touchpoints import Touchpoint
from tests.e2e.cast import Case


class Seen:
    """A practice on a running stack, as its books and the vendors see it."""

    def __init__(self, stack: Stack, practice: Rehearsal) -> None:
        self.stack = stack
        self.practice = practice

    # -- what the books say

    async def balance(self, case: Case) -> int:
        """What is owed, by the ledger."""
        async with self.practice.pool.acquire() as conn:
            return await ledger.balance_of_case(conn, case.case_id)

    async def document(self, case: Case) -> Document:
        """The newest document of a case."""
        async with self.practice.pool.acquire() as conn:
            found = await invoices.latest_document(conn, case.case_id)
        assert found is not None
        return found

    async def documents(self, case: Case) -> list[tuple[str, int]]:
        """(kind, change in cents) of each document, oldest first."""
        rows = await self.fetch(
            "SELECT kind, change_due_cents FROM documents WHERE case_id = $1 ORDER BY document_no",
            case.case_id,
        )
        return [(row["kind"], row["change_due_cents"]) for row in rows]

    async def messages(self, case: Case, step: str | None = None) -> list[Touchpoint]:
        """The outbox rows of a case, of one step or of all."""
        async with self.practice.pool.acquire() as conn:
            known = await touchpoints.of_case(conn, case.case_id)
        return [one for one in known if step in (None, one.step)]

    async def codes(self, case: Case) -> list[str]:
        """Every question that was ever asked about a case, oldest first."""
        async with self.practice.pool.acquire() as conn:
            return [one.code for one in await reviews.of_case(conn, case.case_id)]

    async def lots(self, case: Case) -> list[entitlements.LotStatement]:
        """What the patient owns, lot by lot."""
        async with self.practice.pool.acquire() as conn:
            return await entitlements.lot_statement(conn, case.client_id)

    async def syringes(self, case: Case) -> Decimal:
        """Prepaid units that are left."""
        return sum((lot.remaining_quantity for lot in await self.lots(case)), Decimal(0))

    async def processor_ids(self, case: Case) -> list[str]:
        """The processor's invoices that the books know, oldest first."""
        async with self.practice.pool.acquire() as conn:
            return list(await processor.invoices_of_case(conn, case.case_id))

    async def fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        """Rows of the books."""
        async with self.practice.pool.acquire() as conn:
            return list(await conn.fetch(query, *values))

    async def posted(self, case: Case) -> Counter[str]:
        """Ledger events of a case, counted."""
        rows = await self.fetch(
            "SELECT DISTINCT e.entry_id, event FROM ledger_entries e JOIN ledger_postings p"
            " USING (entry_id) WHERE p.case_id = $1",
            case.case_id,
        )
        return Counter(row["event"] for row in rows)

    # -- what the vendors have

    async def texts(self, case: Case) -> list[dict[str, Any]]:
        """SMS that the practice sent to the patient; the carrier's own replies are left out."""
        return [
            doc
            for doc in await self.practice.docs("sms", has=case.patient.phone_e164)
            if doc["to"] == case.patient.phone_e164 and doc["direction"] == "outbound-api"
        ]

    async def mails(self, case: Case) -> list[dict[str, Any]]:
        """E-mails in the patient's mailbox."""
        email = case.patient.email
        docs = await self.practice.docs("email", has=email)
        return [doc for doc in docs if email in doc["to"]]

    async def stripe_invoices(self, case: Case) -> list[dict[str, Any]]:
        """Every invoice at the processor that carries the case, known to the books or not."""
        return [
            doc
            for doc in await self.practice.docs("stripe.invoice", has=case.case_id)
            if doc["metadata"].get("case") == case.case_id
        ]

    async def session_of(self, case: Case) -> str:
        """The processor's name of the newest payment page of a case's client."""
        rows = await self.fetch(
            "SELECT processor_session_id AS name FROM checkouts WHERE client_id = $1"
            " AND door = 'session' ORDER BY recorded_at DESC LIMIT 1",
            case.client_id,
        )
        return str(rows[0]["name"])

    async def stripe_asks(self, case: Case) -> int:
        """What the processor still asks of the patient for this case."""
        return sum(
            doc["amount_remaining"]
            for doc in await self.stripe_invoices(case)
            if doc["status"] == "open"
        )

    async def notes(self, case: Case) -> list[str]:
        """Our notes on the patient's page in the PMS."""
        docs = await self.practice.docs("boulevard_Client", has=case.urn)
        client = next(doc for doc in docs if doc["id"] == case.urn)
        return [note["text"] for note in client["notes"]]

    # -- what must always hold

    async def check_books(self) -> None:
        """Both sides balance, AR is what the documents less the payments say, no unit is lost."""
        async with self.practice.pool.acquire() as conn:
            books = await ledger.totals(conn)
            owners = [row[0] for row in await conn.fetch("SELECT DISTINCT client_id FROM lots")]
            statements = [
                statement
                for owner in owners
                for statement in await entitlements.lot_statement(conn, owner)
            ]
            rows = await conn.fetch(_AR_APART)
        assert books.debits_cents == books.credits_cents
        assert books.unbalanced_entries == 0
        assert [lot for lot in statements if not lot.is_conserved] == []
        assert [dict(row) for row in rows] == []


_AR_APART = """
SELECT d.case_id, d.due_cents, coalesce(a.applied_cents, 0) AS applied_cents,
    coalesce(o.other_cents, 0) AS other_cents, p.balance_cents
FROM (SELECT case_id, sum(change_due_cents) AS due_cents FROM documents GROUP BY case_id) AS d
LEFT JOIN (SELECT case_id, sum(amount_cents) AS applied_cents FROM payment_allocations
    GROUP BY case_id) AS a USING (case_id)
LEFT JOIN (SELECT case_id, sum(credit_cents - debit_cents) AS other_cents
    FROM ledger_postings JOIN ledger_entries USING (entry_id)
    WHERE account = '1100' AND replace(event, '_reversed', '') IN
        ('written_off', 'credit_balance_to_client', 'refund_owed')
    GROUP BY case_id) AS o USING (case_id)
JOIN (SELECT case_id, sum(debit_cents - credit_cents) AS balance_cents FROM ledger_postings
    WHERE account = '1100' GROUP BY case_id) AS p USING (case_id)
WHERE d.due_cents - coalesce(a.applied_cents, 0) - coalesce(o.other_cents, 0) <> p.balance_cents
"""
"""Cases whose receivable is not: documents, less payments applied, less decisions."""
