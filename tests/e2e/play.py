"""What the end-to-end and crash tests say about a practice: one running stack, and its cases.

Everything goes in by HTTP (the vendors' twins, signed webhooks) or as a person's decision, and
comes out of the database and of what the twins kept. Nothing here reaches into the product.
"""

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from temporalio.client import WorkflowExecutionStatus

from domain import ids
from domain.case import Decision
from domain.chart import UnitLot
from starter.deciding import send_decision
from starter.demo.cast import FILLER, LASER, SERUM, TOXIN, line, member
from starter.dev import Stack
from starter.opening import Opening
from starter.ports import Ports
from starter.rehearsal import Patient, Rehearsal
from store import entitlements, invoices, ledger, locations, processor, reviews, touchpoints
from store.db import transaction
from store.invoices import Document
from store.reviews import Review
from store.touchpoints import Touchpoint

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 90
OUT = frozenset({"accepted", "delivered"})
BOTH = ("APPOINTMENT_COMPLETED", "ORDER_COMPLETED")
PAID_BY_HAND = "other"

TOXIN_40 = [line(TOXIN, "Wrinkle relaxer", 40, 1_300)]
"""52000 due, no tax."""
TOXIN_20 = [line(TOXIN, "Wrinkle relaxer", 20, 1_300)]
"""26000 due, no tax."""
LASER_AND_SERUM = [line(LASER, "Laser", 1, 32_000), line(SERUM, "Serum", 2, 6_800)]
"""46722 due, of which 1122 tax."""
WORKED_EXAMPLE = [
    line(TOXIN, "Wrinkle relaxer", 50, 1_300),
    line(FILLER, "Filler", 1, 75_000),
    line(SERUM, "Serum", 1, 6_800),
]
"""For a member with a package and 19000 of credit: 53361 due, of which 561 tax."""

_AREAS = (201, 202, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219)
_numbers = itertools.count()


def new_patient(phone_end: str | None = None, mailbox: str | None = None) -> Patient:
    """A patient nobody else is. `phone_end` and `mailbox` choose a twin's magic behaviour."""
    number = next(_numbers)
    area, end = _AREAS[number // 90 % len(_AREAS)], f"{100 + 10 + number % 90:04d}"
    return Patient(
        first_name=f"First{number}",
        last_name=f"Last{number}",
        email=f"{mailbox or f'patient{number}'}@p{number}.example",
        phone_e164=f"+1{area}555{phone_end or end}",
    )


def filler_lot(at: datetime, syringes: int) -> UnitLot:
    """Prepaid syringes, worth 600.00 each."""
    return UnitLot(
        lot_id=str(uuid4()),
        skus=("FILLER-SYRINGE",),
        remaining=Decimal(syringes),
        value_cents=60_000 * syringes,
        purchased_at=at,
    )


@dataclass
class Case:
    """One visit of one patient."""

    patient: Patient
    urn: str
    visit_id: str
    case_id: str
    client_id: str
    lines: Sequence[Mapping[str, Any]] = field(default_factory=list)


class Play:
    """A practice on a running stack, and the questions that tests ask of it."""

    def __init__(self, stack: Stack, practice: Rehearsal) -> None:
        self.stack = stack
        self.practice = practice

    # -- what happens

    async def case(
        self,
        lines: Sequence[Mapping[str, Any]] = TOXIN_40,
        *,
        patient: Patient | None = None,
        opening: Opening | None = None,
        events: Sequence[str] | None = BOTH,
        urn: str | None = None,
        **order: Any,
    ) -> Case:
        """Treat a patient and, unless `events` is None, close the order and announce it."""
        patient = patient or new_patient()
        urn = urn or await self.practice.admit(patient, opening)
        visit_id = await self.practice.treat(urn, lines, **order)
        location_id = self.practice.location_id
        case = Case(
            patient=patient,
            urn=urn,
            visit_id=visit_id,
            case_id=ids.visit_workflow_id(location_id, "boulevard", visit_id),
            client_id=ids.client_id(location_id, "boulevard", urn),
            lines=lines,
        )
        if events is not None:
            await self.practice.check_out(visit_id, events)
        return case

    async def billed(self, lines: Sequence[Mapping[str, Any]] = TOXIN_40, **how: Any) -> Case:
        """A case whose invoice went out by SMS and e-mail."""
        case = await self.case(lines, **how)
        await self.until_out(case, "invoice", 2)
        return case

    async def member_case(self, lines: Sequence[Mapping[str, Any]], **how: Any) -> Case:
        """A case of a Glow member with six prepaid syringes and this month's credit."""
        return await self.case(lines, opening=member(self.practice.now(), 6), **how)

    async def pay_online(self, case: Case, cents: int | None = None) -> None:
        """The patient pays on the processor's page: the newest open invoice, in full or in part."""
        asked = [bill for bill in await self.stripe_invoices(case) if bill["status"] == "open"]
        body = {} if cents is None else {"amount_cents": cents}
        await self.practice.control(f"stripe/invoices/{asked[-1]['id']}/pay", body)

    async def pay_online_when_asked(self, case: Case) -> None:
        """Wait until the processor asks for money, and pay it."""

        async def asked() -> bool:
            return await self.stripe_asks(case) > 0

        await self.until(asked, "the processor's invoice", case)
        await self.pay_online(case)

    async def pay_at_desk(self, case: Case, cents: int, kind: str = "cash", note: str = "") -> None:
        """The front desk takes money and records it in the PMS."""
        body = {"kind": kind, "amountCents": cents, "note": note or None}
        await self.practice.control(f"boulevard/orders/{case.visit_id}/payments", body)

    async def amend(self, case: Case, lines: Sequence[Mapping[str, Any]]) -> None:
        """The provider corrects the chart; the PMS announces the order again."""
        await self.practice.control(f"boulevard/orders/{case.visit_id}/amend", {"lines": lines})

    async def decide(self, review: Review, choice: str, **more: Any) -> None:
        """The desk answers a question."""
        decision = Decision(review_id=review.review_id, choice=choice, by="desk", **more)
        await send_decision(self.practice.engine, review, decision)

    async def record_in_pms(self, case: Case) -> None:
        """The desk does what PMS_CONFIRM asks for, and says so."""
        asked = await self.question(case, "PMS_CONFIRM")
        await self.pay_at_desk(case, asked.money_cents, PAID_BY_HAND, ids.dedupe_ref(case.case_id))
        await self.decide(asked, "done")

    async def pay_to_the_end(self, case: Case) -> None:
        """Pay online what is owed, have the desk record it, and see the case close as paid."""
        await self.pay_online(case)
        await self.until_balance(case, 0)
        await self.record_in_pms(case)
        assert await self.result(case) == "paid"

    async def fault(self, vendor: str, operation: str, kind: str, **more: Any) -> None:
        """Ask a twin to misbehave."""
        rule = {"vendor": vendor, "operation": operation, "kind": kind, **more}
        await self.practice.control("faults", rule)

    async def clear_faults(self) -> None:
        """Every twin is well again."""
        (await self.practice.http.delete("/faults")).raise_for_status()

    async def hits(self) -> dict[str, int]:
        """operation -> how often a fault on it has struck."""
        rules = (await self.practice.http.get("/faults")).json()
        found: Counter[str] = Counter()
        for rule in rules:
            found[rule["operation"]] += rule["hits"]
        return dict(found)

    async def flush(self) -> None:
        """Every webhook of the twins has been delivered."""
        (await self.practice.http.post("/flush")).raise_for_status()

    async def sweep(self, workflow: str, **start: Any) -> dict[str, int]:
        """Run one sweep now, as its schedule would; its counts."""
        from workflows.sweeps import SweepStart

        ran = await self.practice.engine.execute_workflow(
            workflow,
            SweepStart(**{"back_seconds": 0, **start}),
            id=f"test-{workflow}-{uuid4()}",
            task_queue="tieout",
        )
        return dict(ran["counts"])

    # -- waiting

    async def until(
        self, ask: Any, what: str, case: Case | None = None, seconds: float = WAIT_SECONDS
    ) -> Any:
        """Poll until `ask` answers something true; a failure tells where `case` stands."""
        try:
            return await self.practice.until(ask, what, seconds)
        except TimeoutError as late:
            if case is not None:
                late.add_note(await self.story(case))
            raise

    async def story(self, case: Case) -> str:
        """What a case waits for, has sent and has asked, for a failing test."""
        handle = self.practice.case(case.case_id)
        described = (await handle.describe()).raw_description
        waits = [
            (one.activity_type.name, one.state, one.attempt, one.last_failure.cause.message)
            for one in described.pending_activities
        ]
        sent = [(one.step, str(one.channel), one.state) for one in await self.messages(case)]
        page = (await handle.query("__temporal_workflow_metadata")).current_details
        return f"waits for {waits}; sent {sent}; asked {await self.codes(case)}; page:\n{page}"

    async def until_out(self, case: Case, step: str, channels: int = 1) -> list[Touchpoint]:
        """Wait until a step has gone out on so many channels."""

        async def out() -> list[Touchpoint] | None:
            found = [one for one in await self.messages(case, step) if one.state in OUT]
            return found if len(found) >= channels else None

        found: list[Touchpoint] = await self.until(out, f"{step} on {channels} channel(s)", case)
        return found

    async def until_balance(self, case: Case, cents: int) -> None:
        """Wait until the ledger says so."""

        async def so() -> bool:
            return await self.balance(case) == cents

        await self.until(so, f"a balance of {cents}", case)

    async def question(self, case: Case, code: str) -> Review:
        """Wait for an open question of this code."""

        async def asked() -> Review | None:
            async with self.practice.pool.acquire() as conn:
                waiting = await reviews.open_of_case(conn, case.case_id)
            return next((one for one in waiting if one.code == code), None)

        found: Review = await self.until(asked, f"question {code}", case)
        return found

    async def result(self, case: Case) -> str:
        """Wait for the end of a case; how it ended."""
        handle = self.practice.case(case.case_id)

        async def closed() -> bool:
            status = (await handle.describe()).status
            return status is not WorkflowExecutionStatus.RUNNING

        await self.until(closed, "the end of the case", case)
        return str((await handle.result())["status"])

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
            for doc in await self.practice.docs("sms")
            if doc["to"] == case.patient.phone_e164 and doc["direction"] == "outbound-api"
        ]

    async def mails(self, case: Case) -> list[dict[str, Any]]:
        """E-mails in the patient's mailbox."""
        return [doc for doc in await self.practice.docs("email") if case.patient.email in doc["to"]]

    async def stripe_invoices(self, case: Case) -> list[dict[str, Any]]:
        """Every invoice at the processor that carries the case, known to the books or not."""
        return [
            doc
            for doc in await self.practice.docs("stripe.invoice")
            if doc["metadata"].get("case") == case.case_id
        ]

    async def stripe_asks(self, case: Case) -> int:
        """What the processor still asks of the patient for this case."""
        return sum(
            doc["amount_remaining"]
            for doc in await self.stripe_invoices(case)
            if doc["status"] == "open"
        )

    async def notes(self, case: Case) -> list[str]:
        """Our notes on the patient's page in the PMS."""
        client = next(
            doc for doc in await self.practice.docs("boulevard_Client") if doc["id"] == case.urn
        )
        return [note["text"] for note in client["notes"]]

    # -- what must always hold

    async def check_books(self) -> None:
        """Both sides balance, AR is what the documents less the payments say, no unit is lost."""
        async with self.practice.pool.acquire() as conn:
            books = await ledger.totals(conn)
            clients = [row[0] for row in await conn.fetch("SELECT client_id FROM clients")]
            statements = [
                statement
                for client in clients
                for statement in await entitlements.lot_statement(conn, client)
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
    WHERE account = '1100' AND event IN ('written_off', 'credit_balance_to_client', 'refund_owed')
    GROUP BY case_id) AS o USING (case_id)
JOIN (SELECT case_id, sum(debit_cents - credit_cents) AS balance_cents FROM ledger_postings
    WHERE account = '1100' GROUP BY case_id) AS p USING (case_id)
WHERE d.due_cents - coalesce(a.applied_cents, 0) - coalesce(o.other_cents, 0) <> p.balance_cents
"""
"""Cases whose receivable is not: documents, less payments applied, less decisions."""


@contextlib.asynccontextmanager
async def playing(lookup_seconds: int = 1, **stack_options: Any) -> AsyncIterator[Play]:
    """A fresh stack on free ports, its practice at Thursday 14:00; everything goes at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tieout-e2e-"))
    try:
        async with Stack(folder, ports=Ports.free(), **stack_options) as stack:
            location_id = stack.practice.location.location_id
            async with Rehearsal(stack.settings, location_id) as practice:
                await practice.at_two_on_thursday()
                play = Play(stack, practice)
                await quick_lookups(play, lookup_seconds)
                yield play
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def quick_lookups(play: Play, seconds: int) -> None:
    """Messages of unknown outcome are looked up after so many seconds."""
    place = play.practice.location
    chase = place.chase.model_copy(update={"unknown_lookup_seconds": seconds})
    play.practice.location = place.model_copy(update={"chase": chase})
    async with transaction(play.practice.pool) as conn:
        await locations.put_location(conn, play.practice.location)


def tieout(state: Path, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A command beside the stack, as a person types it: no variable but the folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TIEOUT_")}
    return subprocess.run(
        [sys.executable, "-m", "starter", *words],
        env={**clean, "TIEOUT_STATE": str(state), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
