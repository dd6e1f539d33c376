"""Every other process dies by SIGKILL in the middle of visits, and a worker between two commits."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import pytest

from store import clients, db
from tests.crash.after import all_paid_once, paid_once_to_the_end
from tests.e2e.play import TOXIN_40, Case, Play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

VISITS = 6


@contextlib.asynccontextmanager
async def locked(play: Play, case: Case) -> AsyncIterator[None]:
    """Hold the client's lock, so that whoever bills or posts for the client waits for us."""
    opened = await db.open_pool(play.stack.database_url, max_size=1)
    async with opened as pool, db.transaction(pool) as conn:
        await clients.lock_client(conn, case.client_id)
        yield


async def until_blocked(play: Play, count: int) -> None:
    """Wait until so many transactions wait for a lock."""

    async def so() -> bool:
        rows = await play.fetch(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'"
        )
        return len(rows) >= count

    await play.until(so, f"{count} blocked transactions")


async def second_visit(play: Play, first: Case) -> Case:
    return await play.case(TOXIN_40, patient=first.patient, urn=first.urn, events=None)


async def test_worker_killed_inside_its_transaction_and_after_its_commit(play: Play) -> None:
    """Billing and posting: killed before the commit, and after it, before anybody was told."""
    inside_posting, after_posting = await play.billed(TOXIN_40), await play.billed(TOXIN_40)
    known = [await play.billed(TOXIN_40) for _ in range(2)]
    inside_billing, after_billing = [await second_visit(play, one) for one in known]
    temporal = play.stack.pid("temporal") or 0

    async with contextlib.AsyncExitStack() as until_dead:
        for case in (inside_posting, inside_billing):
            await until_dead.enter_async_context(locked(play, case))
        async with locked(play, after_posting), locked(play, after_billing):
            for case in (inside_billing, after_billing):
                await play.practice.check_out(case.visit_id)
            for case in (inside_posting, after_posting):
                await play.pay_online(case)
            await until_blocked(play, 4)
            os.kill(temporal, signal.SIGSTOP)
        try:
            await play.until_balance(after_posting, 0)
            await play.until_balance(after_billing, 52_000)
            await play.stack.kill("worker", signal.SIGKILL)
        finally:
            os.kill(temporal, signal.SIGCONT)
        assert await play.balance(inside_posting) == 52_000
        assert await play.documents(inside_billing) == []
    await play.stack.start("worker")

    await all_paid_once(play, [inside_posting, after_posting])
    for case in (inside_billing, after_billing):
        await play.until_balance(case, 52_000)
        await play.practice.skip(case.case_id, days=1)  # the day's one message was the first's
        out = await play.until_out(case, "invoice", channels=2)
        await play.pay_online_when_asked(case)
        await play.until_balance(case, 0)
        assert await play.documents(case) == [("invoice", 52_000)]
        assert len(await play.stripe_invoices(case)) == 1
        assert await play.posted(case) == {"visit_issued": 1, "payment_received": 1}
        assert [one.step for one in out] == ["invoice", "invoice"]
        assert len(await play.messages(case)) == len(out)
    await play.check_books()


async def test_web_killed_between_its_answer_and_the_dispatch(play: Play) -> None:
    case = await play.case(TOXIN_40, events=None)
    await play.stack.kill("temporal", signal.SIGKILL)  # so that no dispatch can succeed
    await play.practice.check_out(case.visit_id)

    async def answered() -> bool:
        deliveries = await play.practice.docs("delivery")
        last = [one for one in deliveries if one["event_type"] == "order.completed"][-1]
        rows = await play.fetch("SELECT 1 FROM inbox WHERE state IN ('received', 'failed')")
        return last["status"] == 204 and len(rows) == 1

    await play.until(answered, "the answer to the webhook")
    await play.stack.kill("web", signal.SIGKILL)
    await play.stack.start("temporal")
    await play.stack.start("web")
    assert await play.documents(case) == []

    async def redriven() -> bool:
        counts = await play.sweep("InboxRedrive", back_seconds=0)
        return counts["dispatched"] == 1

    await play.until(redriven, "the redrive")
    await paid_once_to_the_end(play, case)
    await play.check_books()


@pytest.mark.parametrize("name", ["postgres", "temporal", "web", "sandbox"])
async def test_process_killed_in_the_middle_of_visits(play: Play, name: str) -> None:
    paying = [await play.billed(TOXIN_40) for _ in range(2)]
    new = [await play.case(TOXIN_40, events=None) for _ in range(VISITS)]
    for case in new:
        await play.practice.check_out(case.visit_id)
        await asyncio.sleep(0.1)  # so that the kill meets each visit at another place
    for case in paying:
        await play.pay_online(case)
    await play.stack.kill(name, signal.SIGKILL)
    await asyncio.sleep(1)
    await play.stack.start(name)
    # What was answered for and not handed on; its schedule would do so within half a minute.
    await play.sweep("InboxRedrive", back_seconds=0)
    if name == "sandbox":
        await found_by_the_sweeps(play, [*paying, *new])

    await all_paid_once(play, [*paying, *new])
    await play.check_books()


async def found_by_the_sweeps(play: Play, cases: list[Case]) -> None:
    """A twin that dies forgets the webhooks that it had still to deliver, and a balance that
    could not be read is read again after a quarter of an hour.

    A message of unknown outcome is looked up twice, a minute apart: fast-forwarded at one go, both
    looks could fall into the first breath of a twin that has only just come back.
    """
    await play.sweep("MissedVisits", location_id="lumin", back_seconds=26 * 3600)
    await play.sweep("ProcessorCatchUp", back_seconds=1200)
    for minutes in (1.5, 30):
        await asyncio.gather(*(play.practice.skip(one.case_id, minutes / 1_440) for one in cases))
        await asyncio.sleep(2)
