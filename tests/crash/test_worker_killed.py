"""The worker dies by SIGKILL while it waits for an answer: each effect still happens once.

One wreck per stack: a visit hangs at every outside call that a visit makes, the worker is
killed under all of them, comes back, and each visit must reach its end as if nothing had been.
`timeout_before` holds a call that the vendor has not acted on, `timeout_after` one that it has.
Attempts that died are repeated when their time-out strikes, so all visits wait side by side.
"""

import asyncio
import signal
from dataclasses import dataclass, field

import pytest
from temporalio.api.enums.v1 import PendingActivityState

from tests.crash.after import paid_once_to_the_end
from tests.e2e.play import TOXIN_40, Case, Play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

HOLD_SECONDS = 300
"""Longer than any client waits: the call ends by the kill."""

STRIPE_CALLS = ("customers.create", "invoices.create", "invoiceitems.create", "invoices.finalize")
CALLS = (
    (*(("stripe", name) for name in STRIPE_CALLS), ("stripe", "invoices.retrieve")),
    (
        ("boulevard", "createClientNote"),
        ("boulevard", "order"),
        ("boulevard", "client"),
        ("twilio", "messages.create"),
        ("smtp", "smtp.data"),
    ),
)
"""Every outside call of a visit, in two groups of one kill each, so that the first call still
hangs when the last one is reached: clients of Stripe wait for 20 s, the others for 10."""

PAYING = frozenset({"invoices.retrieve", "createClientNote"})
"""What a payment makes the case ask; all other calls belong to a new visit."""

WHEN = ("before", "after")
Spot = tuple[str, str]


@dataclass
class Wreck:
    """What hung where when the worker died, and whether it really did."""

    cases: dict[Spot, Case] = field(default_factory=dict)
    hung: dict[Spot, bool] = field(default_factory=dict)


@pytest.fixture(scope="module")
async def wreck(play: Play) -> Wreck:
    found = Wreck()
    for when in WHEN:
        for calls in CALLS:
            paying = {name: await play.billed(TOXIN_40) for _, name in calls if name in PAYING}
            for vendor, operation in calls:
                await _hold(play, vendor, operation, when)
                case = paying.get(operation)
                if case is None:
                    case = await play.case(TOXIN_40, events=("ORDER_COMPLETED",))
                else:
                    await play.pay_online(case)
                found.cases[operation, when] = case
                await _until_held(play, operation)
            await _kill_under(play, found, [(name, when) for _, name in calls])
    return found


async def _hold(play: Play, vendor: str, operation: str, when: str) -> None:
    await play.clear_faults()
    await play.fault(vendor, operation, f"timeout_{when}", seconds=HOLD_SECONDS)


async def _until_held(play: Play, operation: str) -> None:
    async def held() -> bool:
        return (await play.hits())[operation] == 1

    await play.until(held, f"a call of {operation}")


async def _kill_under(play: Play, found: Wreck, spots: list[Spot]) -> None:
    """Kill the worker, and note which attempts it took with it."""
    await play.clear_faults()
    await play.stack.kill("worker", signal.SIGKILL)
    hung = await asyncio.gather(*(_died_in_first_attempt(play, found.cases[one]) for one in spots))
    found.hung.update(zip(spots, hung, strict=True))
    await play.stack.start("worker")


async def _died_in_first_attempt(play: Play, case: Case) -> bool:
    described = await play.practice.case(case.case_id).describe()
    return any(
        one.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED and one.attempt == 1
        for one in described.raw_description.pending_activities
    )


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("operation", [name for calls in CALLS for _, name in calls])
async def test_killed_worker_loses_and_doubles_nothing(
    play: Play, wreck: Wreck, operation: str, when: str
) -> None:
    case = wreck.cases[operation, when]
    assert wreck.hung[operation, when], "the call had ended before the worker was killed"
    await paid_once_to_the_end(play, case)


async def test_the_books_tie_out_after_the_wreck(play: Play, wreck: Wreck) -> None:
    await play.check_books()
