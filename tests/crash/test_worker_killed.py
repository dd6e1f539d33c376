"""The worker dies by SIGKILL while it waits for answers: each effect still happens once.

One fault per outside call holds the first visit that makes it; the worker is killed when every
call is held, and comes back. Attempts that died with it are repeated when their time-out
strikes, so all visits of a wreck wait for that side by side.
"""

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.service import RPCError, RPCStatusCode

from tests.crash.after import all_paid_once
from tests.e2e.play import TOXIN_40, Case, Play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

HOLD_SECONDS = 300
"""Longer than any client waits: the call ends by the kill."""

WAVES = (
    (
        ("stripe", "customers.create"),
        ("stripe", "invoices.create"),
        ("stripe", "invoiceitems.create"),
        ("stripe", "invoices.finalize"),
        ("stripe", "invoices.retrieve"),
    ),
    (
        ("boulevard", "order"),
        ("boulevard", "client"),
        ("boulevard", "order,client"),
        ("boulevard", "createClientNote"),
    ),
    (("twilio", "messages.create"), ("smtp", "smtp.data")),
)
"""Every kind of call that a visit makes; who waits longest for an answer is held first.

Two of the practice's calls follow a payment.
"""

CALLS = sum(len(wave) for wave in WAVES)

KILLS = 4
"""A busy machine may take longer to reach the last call than the first client waits."""

HOLDS = ("timeout_before", "timeout_after")
"""The vendor has not acted yet; the vendor has acted and its answer never comes."""


@dataclass
class Wreck:
    """The visits under way when the worker died, and how many attempts died with it at last."""

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
    """Kill until one kill found every call held: only then is it the wreck that is asked for."""
    found = Wreck()
    for _ in range(KILLS):
        await _kill(play, hold, found)
        if found.died >= CALLS:
            break
    return found


async def _kill(play: Play, hold: str, found: Wreck) -> None:
    began = datetime.now(UTC)
    paying = [await play.billed(TOXIN_40) for _ in range(4)]
    found.cases.extend(paying)
    for wave in WAVES:
        for vendor, operation in wave:
            await play.fault(vendor, operation, hold, seconds=HOLD_SECONDS)
        new = (play.case(TOXIN_40, events=("ORDER_COMPLETED",)) for _ in range(2 * len(wave)))
        found.cases.extend(await asyncio.gather(*new))
        if ("boulevard", "createClientNote") in wave:
            await asyncio.gather(*(play.pay_online(case) for case in paying))
        await play.until(lambda wave=wave: _held(play, wave), f"a held call of each of {wave}")
    await play.stack.kill("worker", signal.SIGKILL)
    await play.clear_faults()
    found.died = sum(await asyncio.gather(*(_died(play, case, began) for case in found.cases)))
    await play.stack.start("worker")


async def _held(play: Play, wave: Sequence[tuple[str, str]]) -> bool:
    hits = await play.hits()
    return all(hits[operation] == 1 for _, operation in wave)


async def _died(play: Play, case: Case, began: datetime) -> bool:
    """Whether an attempt of the case, begun since then, has nobody who works on it any more."""
    try:
        described = await play.practice.case(case.case_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:  # its webhook has not been handed on yet
            return False
        raise
    return any(
        one.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        and one.last_started_time.ToDatetime(UTC) >= began
        for one in described.raw_description.pending_activities
    )


@pytest.mark.parametrize("hold", HOLDS)
async def test_killed_worker_loses_and_doubles_nothing(
    play: Play, wrecks: dict[str, Wreck], hold: str
) -> None:
    assert wrecks[hold].died >= CALLS, "a call had ended before the worker was killed"
    await all_paid_once(play, wrecks[hold].cases)
    await play.check_books()
