"""The checkers see: each promise is broken on purpose once, in a worker of its own, and caught.

And with the worker as it is, the same patients' lives break nothing.
"""

from pathlib import Path

import pytest

from starter.simulate.evidence import INVARIANTS
from starter.simulate.report import simulate
from tests.simulate.buggy_worker import BUGS
from tests.simulate.cases import PLANTED, Planted, all_of_them

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def silent(_: str) -> None:
    return None


def test_there_is_a_bug_for_every_invariant() -> None:
    assert {one.invariant for one in PLANTED} == set(INVARIANTS)
    assert {one.bug for one in PLANTED} == set(BUGS)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda one: one.bug)
async def test_a_planted_bug_is_caught(planted: Planted, tmp_path: Path) -> None:
    worker = ("-m", "tests.simulate.buggy_worker", planted.bug)
    outcome = await simulate(planted.plan, tmp_path / "state", silent, worker=worker)
    assert outcome.figures["violations"][planted.invariant] > 0, outcome.figures


async def test_without_a_bug_the_same_lives_break_nothing(tmp_path: Path) -> None:
    outcome = await simulate(all_of_them(), tmp_path / "state", silent)
    assert outcome.found == []
    assert outcome.figures["messages"] > 0
