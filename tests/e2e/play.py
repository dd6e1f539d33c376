"""What the end-to-end and crash tests say about a practice: one running stack, and its cases.

Everything goes in by HTTP (the vendors' twins, signed webhooks) or as a person's decision, and
comes out of the database and of what the twins kept. Nothing here reaches into the product.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio.client import WorkflowExecutionStatus

from domain import ids
from domain.case import Decision
from domain.reviews import CONFIRM
from starter.deciding import send_decision
from starter.demo.cast import member
from starter.dev import Stack
from starter.opening import Opening
from starter.ports import Ports
from starter.rehearsal import Patient, Rehearsal
from store import locations, reviews
from store.db import transaction
from store.reviews import Review
from store.touchpoints import Touchpoint
from tests.cli.desk import Said, run_here
from tests.e2e.cast import (
    BOTH,
    LASER_AND_SERUM,
    PAID_BY_HAND,
    TOXIN_20,
    TOXIN_40,
    WORKED_EXAMPLE,
    Case,
    filler_lot,
    new_patient,
)
from tests.e2e.seen import Seen

__all__ = [
    "BOTH",
    "LASER_AND_SERUM",
    "OUT",
    "ROOT",
    "TOXIN_20",
    "TOXIN_40",
    "WORKED_EXAMPLE",
    "Case",
    "Play",
    "filler_lot",
    "new_patient",
    "playing",
    "tieout",
]

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 90
OUT = frozenset({"accepted", "delivered"})


class Play(Seen):
    """A practice on a running stack: what happens to it, and waiting until something is so."""

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

    async def decide(self, review: Review, choice: str, by: str = "desk", **more: Any) -> None:
        """The desk answers a question."""
        decision = Decision(review_id=review.review_id, choice=choice, by=by, **more)
        await send_decision(self.practice.engine, review, decision)

    async def confirm(self, review: Review) -> None:
        """A second person says yes to what the desk has proposed."""

        async def proposed() -> bool:
            async with self.practice.pool.acquire() as conn:
                return (await reviews.get(conn, review.review_id)).proposal is not None

        await self.until(proposed, "a proposal")
        await self.decide(review, CONFIRM, by="manager")

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

    async def run(self, *words: str) -> Said:
        """A command of a person at the desk, run in this process: a start costs a second."""
        env = {"TIEOUT_STATE": str(self.stack.state)}
        return await asyncio.to_thread(run_here, env, words)

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
        status = str((await handle.result())["status"])
        kept = await self.fetch("SELECT status FROM case_closings WHERE case_id = $1", case.case_id)
        assert [row["status"] for row in kept][-1:] == [status]
        return status


@contextlib.asynccontextmanager
async def playing(lookup_seconds: int = 1, **stack_options: Any) -> AsyncIterator[Play]:
    """A fresh stack on free ports, its practice at Thursday 14:00; everything goes at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tieout-e2e-"))
    try:
        async with Stack(folder, ports=Ports.free(), **stack_options) as stack:
            location_id = stack.practice.location.location_id
            async with Rehearsal(stack.settings, location_id) as practice:
                await practice.at_two_on_thursday()
                await practice.generous_vendors()
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
    """A command in a process of its own, as a person types it: no variable but the folder."""
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
