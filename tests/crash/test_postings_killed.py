"""`kill -9` at postings, on a real engine; `python -m tests.crash` does it at every one of them."""

import ast
import asyncio
import fcntl
import functools
import os
import random
from pathlib import Path
from typing import get_args

import pytest

from domain.ledger import Event
from tests.crash import doomed
from tests.crash.doomed import DESK, WEB
from tests.crash.matrix import in_town, run
from tests.crash.story import UNDONE
from tests.crash.told import STORIES
from tests.e2e.play import ROOT

SEED = 4
SLOW = frozenset(
    {
        "agency_pays_a_part",
        "loose_money_spent_and_refunded",
        "part_was_for_another_visit",
        "written_off_and_paid_after_all",
        "written_off_and_taken_back",
    }
)
"""Days pass in them: left to the full run."""


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_posting_killed_on_both_sides_of_its_commit() -> None:
    """The worker at one that is drawn, the web process and the desk in a story each; with all of
    them this takes minutes."""
    drawn = random.Random(SEED)
    quick = [one for name, one in sorted(STORIES.items()) if name not in SLOW]
    worker = drawn.choice([one for one in quick if not one.deaths])
    others = [drawn.choice([one for one in quick if one.dies(part)]) for part in (WEB, DESK)]
    async with in_town() as town:
        found = await run(town, [worker, *others], [drawn.choice(sorted(worker.books))])
    assert (found.unmet, found.untold) == ((), frozenset())
    assert found.calm.books == found.dying.books
    assert found.calm.ledger_hash == found.dying.ledger_hash
    assert found.kills >= 1


async def test_nobody_is_killed_between_a_commit_and_the_death_after_it(tmp_path: Path) -> None:
    doomed.ask(tmp_path, ["visit_issued"])
    (tmp_path / "before.visit_issued").unlink()
    dying = asyncio.create_task(_pass(tmp_path))
    ended, _ = await asyncio.wait({dying}, timeout=0.2)
    assert not ended
    with doomed.alone(tmp_path, fcntl.LOCK_EX | fcntl.LOCK_NB):
        assert doomed.hung(tmp_path, os.getpid()) == {"after.visit_issued"}
    dying.cancel()


async def _pass(folder: Path) -> None:
    async with doomed.Dying(folder).passing(["visit_issued"]):
        with pytest.raises(BlockingIOError), doomed.alone(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
            pass


@functools.cache
def _product() -> list[tuple[Path, ast.AST]]:
    folders = ("activities", "starter", "store", "domain")
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return [(file, ast.parse(file.read_text())) for file in files]


def _builders() -> dict[str, set[str]]:
    """Function of the entries' files -> what it can make an entry of."""
    events, found = set(get_args(Event)), {}
    for file, tree in _product():
        if file.parent.name == "domain" and file.name.startswith("entries"):
            for one in ast.walk(tree):
                if isinstance(one, ast.FunctionDef):
                    words = {n.value for n in ast.walk(one) if isinstance(n, ast.Constant)}
                    found[one.name] = {word for word in words if word in events}
    return found


def _called() -> set[str]:
    """Every name that the product uses."""
    used = set()
    for _, tree in _product():
        for one in ast.walk(tree):
            if isinstance(one, ast.Call):
                of = one.func
                used.add(of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", ""))
    return used


def test_every_kind_of_entry_that_is_posted_is_told() -> None:
    """A new posting needs its story; what nobody calls posts nothing."""
    builders, called = _builders(), _called()
    assert set().union(*builders.values()) == set(get_args(Event))
    posted = set().union(*(events for name, events in builders.items() if name in called))
    told = set().union(*(one.books for one in STORIES.values()))
    assert posted <= told
    assert {event.removesuffix(UNDONE) for event in told - posted} <= posted


def test_both_ways_to_take_an_entry_back_are_told() -> None:
    """By a person who undoes a decision, and by the bank that returns a payout."""
    reversed_by = {
        file.name
        for file, tree in _product()
        for one in ast.walk(tree)
        if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "reverse"
    }
    assert reversed_by == {"entries_payout.py", "undoing.py"}
    told = set().union(*(one.books for one in STORIES.values()))
    assert {"payout_paid_reversed", "written_off_reversed"} <= told
