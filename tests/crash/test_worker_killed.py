"""The worker dies by SIGKILL while it waits for answers: each effect still happens once.

One fault per outside call holds the first visit that makes it; the worker is killed when every
call is held, and comes back. Attempts that died with it are repeated when their time-out
strikes, so all visits of a wreck wait for that side by side.
"""

import asyncio
import signal
from dataclasses import dataclass, field

import pytest
from temporalio.api.enums.v1 import PendingActivityState

from tests.crash.after import all_paid_once
from tests.e2e.play import TOXIN_40, Case, Play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

HOLD_SECONDS = 300
"""Longer than any client waits: the call ends by the kill."""

CALLS = (
    ("boulevard", "order"),
    ("boulevard", "client"),
    ("stripe", "customers.create"),
    ("stripe", "invoices.create"),
    ("stripe", "invoiceitems.create"),
    ("stripe", "invoices.finalize"),
    ("stripe", "invoices.retrieve"),
    ("twilio", "messages.create"),
    ("smtp", "smtp.data"),
    ("boulevard", "order,client"),
    ("boulevard", "createClientNote"),
)
"""Every kind of call that a visit makes; the last two follow a payment."""

HOLDS = ("timeout_before", "timeout_after")
"""The vendor has not acted yet; the vendor has acted and its answer never comes."""


@dataclass
class Wreck:
    """The visits under way when the worker died, and how many attempts died with it."""

    cases: list[Case] = field(default_factory=list)
    died: int = 0


@pytest.fixture(scope="module")
async def wrecks(play: Play) -> dict[str, Wreck]:
    """One kill per hold, one right after the other: their visits then recover together.

    Texts are slow to leave, so that no early delivery report answers in the lost answer's place.
    """
    slow = {"sent_seconds": 300}
    (await play.practice.http.put("/twilio/pace", json=slow)).raise_for_status()
    return {hold: await _wreck(play, hold) for hold in HOLDS}


async def _wreck(play: Play, hold: str) -> Wreck:
    paying = [await play.billed(TOXIN_40) for _ in range(4)]
    for vendor, operation in CALLS:
        await play.fault(vendor, operation, hold, seconds=HOLD_SECONDS)
    new = await asyncio.gather(
        *(play.case(TOXIN_40, events=("ORDER_COMPLETED",)) for _ in range(2 * len(CALLS)))
    )
    await asyncio.gather(*(play.pay_online(case) for case in paying))

    async def all_held() -> bool:
        hits = await play.hits()
        return all(hits[operation] == 1 for _, operation in CALLS)

    await play.until(all_held, "a held call of every kind")
    await play.stack.kill("worker", signal.SIGKILL)
    await play.clear_faults()
    found = Wreck(cases=[*paying, *new])
    found.died = sum(await asyncio.gather(*(_died(play, case) for case in found.cases)))
    await play.stack.start("worker")
    return found


async def _died(play: Play, case: Case) -> bool:
    """Whether the case has an attempt that nobody works on any more, its first one."""
    described = await play.practice.case(case.case_id).describe()
    return any(
        one.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED and one.attempt == 1
        for one in described.raw_description.pending_activities
    )


@pytest.mark.parametrize("hold", HOLDS)
async def test_killed_worker_loses_and_doubles_nothing(
    play: Play, wrecks: dict[str, Wreck], hold: str
) -> None:
    assert wrecks[hold].died >= len(CALLS), "a call had ended before the worker was killed"
    await all_paid_once(play, wrecks[hold].cases)
    await play.check_books()
