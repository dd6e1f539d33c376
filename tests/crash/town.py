"""A practice whose processes die at postings: it waits for the books, and says again what was not
heard."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError

from domain.case import PaymentPosted
from starter.dev import Stack
from starter.errors import Refusal
from starter.rehearsal import Rehearsal
from starter.wiring import Wiring, wired
from store import reviews
from store.reviews import Review
from tests.cli.desk import Said
from tests.crash import doomed
from tests.e2e.play import ROOT, TOXIN_40, Case, Play

DUE = 52_000
"""40 units."""
SAID_SECONDS = 20
PATIENCE_SECONDS = 600
"""Whoever dies again and again comes to what it does late, and waits longer for each attempt."""
TERMS = ROOT / "examples" / "lender-terms.json"
DAY_SECONDS = 4
"""So long a case gets to come to what it does on a day."""


class Town(Play):
    """A practice on a running stack, and the folder in which deaths are asked for."""

    def __init__(self, stack: Stack, practice: Rehearsal, deaths: Path) -> None:
        super().__init__(stack, practice)
        self.deaths = deaths
        self._one_at_a_time = asyncio.Lock()

    def hung(self, *parts: str) -> set[str]:
        """Deaths at which these parts of the stack hang, or any of those that can."""
        names = parts or ("worker", "web")
        return set().union(*(doomed.hung(self.deaths, self.stack.pid(one)) for one in names))

    async def until(
        self, ask: Any, what: str, case: Case | None = None, seconds: float = PATIENCE_SECONDS
    ) -> Any:
        """The same, with more patience."""
        return await super().until(ask, what, case, seconds)

    # -- what the books have and ask

    async def booked(self, event: str, about: str) -> None:
        """Wait for an entry whose business key names `about`, or a line its client or case."""

        async def so() -> bool:
            found = await self.fetch(
                "SELECT 1 FROM ledger_entries JOIN ledger_postings USING (entry_id)"
                " WHERE event = $1"
                " AND ($2 IN (client_id, case_id) OR strpos(business_key, $2) > 0) LIMIT 1",
                event,
                about,
            )
            return bool(found)

        await self.until(so, f"{event} of {about}")

    async def kept(self, table: str, about: str) -> None:
        """Wait for a row that names `about`."""
        named = f"SELECT 1 FROM {table} t WHERE strpos(t::text, $1) > 0"

        async def so() -> bool:
            return bool(await self.fetch(named, about))

        await self.until(so, f"{about} in {table}")

    async def asked(self, code: str, about: str, seconds: float = PATIENCE_SECONDS) -> Review:
        """Wait for an open question about a client, a case or something that it shows."""

        async def so() -> Review | None:
            rows = await self.fetch(
                "SELECT review_id FROM reviews WHERE code = $1 AND state = 'open'"
                " AND ($2 IN (client_id, case_id) OR strpos(case_id || shown::text, $2) > 0)",
                code,
                about,
            )
            return await self.review(rows[0][0]) if rows else None

        found: Review = await self.until(so, f"question {code} about {about}", seconds=seconds)
        return found

    async def asked_some_day(self, code: str, case: Case, days_max: int = 5) -> Review:
        """The same of a case that comes to it in the next days."""
        for _ in range(days_max):
            await self.practice.skip(case.case_id, 1)
            with contextlib.suppress(TimeoutError):
                return await self.asked(code, case.case_id, seconds=DAY_SECONDS)
        raise TimeoutError(f"nobody has asked {code} in {days_max} days")

    async def review(self, review_id: str) -> Review:
        """A question as it stands."""
        async with self.practice.pool.acquire() as conn:
            return await reviews.get(conn, review_id)

    async def answer(self, review: Review, choice: str, **more: Any) -> None:
        """Decide, by two people where two are needed, until the books have it."""
        words = {"reason": "as agreed", **more}
        while (now := await self.review(review.review_id)).state != "decided":
            assert now.state == "open", (now.code, now.state)
            with contextlib.suppress(
                Refusal, TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError
            ):
                waits = now.proposal is not None
                say = self.confirm(now) if waits else self.decide(now, choice, **words)
                await asyncio.wait_for(say, SAID_SECONDS)
            await asyncio.sleep(0.3)

    async def reply(self, code: str, about: str, choice: str, **more: Any) -> None:
        """Wait for a question and answer it."""
        await self.answer(await self.asked(code, about), choice, **more)

    # -- visits

    async def owed(self, lines: Any = TOXIN_40, cents: int = DUE, **how: Any) -> Case:
        """A visit that is billed and not paid."""
        case = await self.case(lines, **how)
        await self.until_balance(case, cents)
        return case

    async def paid(self) -> Case:
        """40 units, paid on the processor's page."""
        case = await self.owed()
        await self.pay_online_when_asked(case)
        await self.until_balance(case, 0)
        return case

    async def chased_to_the_end(self) -> Case:
        """40 units that nobody has paid after the last reminder."""
        case = await self.owed()
        await self.until_out(case, "invoice", channels=2)
        await self.practice.skip(case.case_id, 16)
        return case

    async def hint(self, case: Case) -> None:
        """The desk's money makes no noise: have the case look."""
        handle = self.practice.case(case.case_id)
        await handle.signal("payment_posted", PaymentPosted(payment_id="hint"))

    async def intent_of(self, case: Case) -> str:
        """The processor's name of the payment of a case."""
        bills = [bill["id"] for bill in await self.stripe_invoices(case) if bill["amount_paid"]]
        rows = await self.practice.docs("stripe.invoice_payment")
        [intent] = [one["payment"]["payment_intent"] for one in rows if one["invoice"] in bills]
        return str(intent)

    async def refund_of(self, intent: str) -> str:
        """The processor's refund of a payment, once there is one."""

        async def so() -> list[str]:
            known = await self.practice.docs("stripe.refund", has=intent)
            return [one["id"] for one in known if one["payment_intent"] == intent]

        return str((await self.until(so, f"a refund of {intent}"))[0])

    # -- a payer's browser

    async def browse(self, address: str, form: Mapping[str, str] | None = None) -> httpx.Response:
        """Open a page, or press its button; again while the web process is dead."""
        async with httpx.AsyncClient(timeout=SAID_SECONDS) as http:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    said = await http.request("GET" if form is None else "POST", address, data=form)
                    if said.status_code < 500:
                        return said
                await asyncio.sleep(0.3)

    async def link_of(self, case: Case) -> str:
        """The token of a visit's pay page."""
        [row] = await self.fetch("SELECT token FROM pay_links WHERE case_id = $1", case.case_id)
        return str(row["token"])

    async def press(self, case: Case, **form: str) -> str:
        """Press the pay page's button; the address at the processor."""
        said = await self.browse(f"{self.stack.web_url}/p/{await self.link_of(case)}/pay", form)
        assert said.status_code == 303, said.text
        return said.headers["location"]

    async def pay_there(self, address: str) -> str:
        """Pay on the processor's page; the way back from there."""
        async with httpx.AsyncClient(timeout=SAID_SECONDS) as http:
            said = await http.post(address, headers={"accept": "text/html"}, data={})
        return said.headers["location"]

    # -- the desk's own processes

    async def run(self, *words: str) -> Said:
        """One command after the other: what they print is this process's output."""
        async with self._one_at_a_time:
            return await super().run(*words)

    async def command(self, *words: str) -> Any:
        """A command of the desk that must work; what it says as JSON."""
        said = await self.run(*words, "--json")
        assert said.code == 0, said
        return said.json

    async def command_dying(self, *words: str, ends: int = 0) -> None:
        """The same in a process that may die at its postings; then the person types it again.

        `ends` is the exit code when it is typed again and was done.
        """
        known = {0}
        while not await self._command_once(words, known):
            known.add(ends)

    async def _command_once(self, words: tuple[str, ...], known: set[int]) -> bool:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.crash.doomed", str(self.deaths), *words),
            env={"PATH": os.environ["PATH"], "TIEOUT_STATE": str(self.stack.state)},
            cwd=ROOT,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            while process.returncode is None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), 0.1)
                if doomed.hung(self.deaths, process.pid):
                    return False
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode in known, words
        return True

    def state_file(self, name: str, text: str) -> str:
        """A file for a command to read; its path."""
        path = self.stack.state / uuid4().hex / name
        path.parent.mkdir()
        path.write_text(text)
        return str(path)

    @contextlib.asynccontextmanager
    async def wiring(self) -> AsyncIterator[Wiring]:
        """What the web process has: ways in for news."""
        async with wired(self.stack.settings, self.practice.engine) as found:
            yield found
