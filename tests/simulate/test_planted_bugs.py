"""The checkers see: each promise is broken on purpose once, and caught.

One worker has many bugs, since each has its patient, whose life shows that bug and no other:
`python -m tests.simulate.test_planted_bugs` plays them with each bug left out in turn. And with
the worker as it is, the same patients' lives break nothing.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from starter.simulate.evidence import INVARIANTS, LEAK
from starter.simulate.report import Outcome, simulate
from tests.simulate.buggy_worker import BUGS
from tests.simulate.cases import PLANTED, Planted, all_of_them

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


ALONE = "money_after_settlement"
"""Its worker writes to everybody whose lender has paid, too."""
TOGETHER = tuple(name for name in BUGS if name != ALONE)


def silent(_: str) -> None:
    return None


def test_there_is_a_bug_for_every_invariant() -> None:
    assert {one.invariant for one in PLANTED} == set(INVARIANTS)
    assert {one.bug for one in PLANTED} == set(BUGS)


async def with_bugs(bugs: Iterable[str], folder: Path) -> Outcome:
    """Everybody's lives with a worker of these bugs."""
    worker = ("-m", "tests.simulate.buggy_worker", *bugs)
    return await simulate(all_of_them(), folder, silent, worker=worker)


def is_caught(planted: Planted, outcome: Outcome) -> bool:
    """Whether the promise was seen to be broken to the bug's own patient.

    What is in a log belongs to nobody.
    """
    own = {one.person.number for one in planted.plan.clients}
    return any(
        one.invariant == planted.invariant and (one.client in own or one.invariant == LEAK)
        for one in outcome.found
    )


@pytest.fixture(scope="module")
async def outcome() -> AsyncIterator[Outcome]:
    with tempfile.TemporaryDirectory(prefix="tieout-bugs-") as folder:
        yield await with_bugs(TOGETHER, Path(folder) / "state")


@pytest.mark.parametrize("name", TOGETHER)
def test_a_planted_bug_is_caught(name: str, outcome: Outcome) -> None:
    [planted] = [one for one in PLANTED if one.bug == name]
    assert is_caught(planted, outcome), outcome.figures


async def test_a_planted_bug_is_caught_alone(tmp_path: Path) -> None:
    [planted] = [one for one in PLANTED if one.bug == ALONE]
    worker = ("-m", "tests.simulate.buggy_worker", ALONE)
    outcome = await simulate(planted.plan, tmp_path / "state", silent, worker=worker)
    assert is_caught(planted, outcome), outcome.figures


async def test_without_a_bug_the_same_lives_break_nothing(tmp_path: Path) -> None:
    outcome = await simulate(all_of_them(), tmp_path / "state", silent)
    assert outcome.found == []
    assert outcome.figures["messages"] > 0


async def one_left_out() -> None:
    """Print for each bug whether its patient shows it although it is not there."""
    for left_out in sys.argv[1:] or TOGETHER:
        bugs = [name for name in TOGETHER if name != left_out]
        with tempfile.TemporaryDirectory(prefix="tieout-bugs-") as folder:
            found = await with_bugs(bugs, Path(folder) / "state")
        caught = [one.bug for one in PLANTED if is_caught(one, found)]
        print(f"without {left_out}: {', '.join(caught)}", flush=True)


if __name__ == "__main__":
    asyncio.run(one_left_out())
