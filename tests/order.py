"""In which order the tests run, and which of them share a process of pytest-xdist.

What takes longest begins first, so that no core is idle at the end. Tests that need the same
expensive server stay together, so that it starts once; all others stay together by file.
"""

from collections.abc import Sequence

import pytest
from xdist.scheduler import LoadScopeScheduling

STACK = (
    "tests/e2e/test_channels.py",
    "tests/e2e/test_garbage.py",
    "tests/e2e/test_messages.py",
    "tests/e2e/test_money.py",
    "tests/e2e/test_statement.py",
    "tests/e2e/test_webhooks.py",
    "tests/cli/test_desk_stack.py",
    "tests/stack/test_stack.py",
)
"""They use the session's one `play`."""

GROUPS: Sequence[tuple[str, Sequence[str]]] = (
    ("crash", ("tests/crash/",)),
    ("stack", STACK),
    ("types", ("tests/test_types.py",)),
    ("simulate", ("tests/simulate/",)),
    ("privacy", ("tests/e2e/test_privacy.py",)),
    ("browser", ("tests/browser/",)),
)
"""(name, where its files begin), longest first; what is in none comes afterwards by file."""

AFTERWARDS = (
    "tests/workflows/",
    "tests/month/",
    "tests/histories/",
    "tests/cli/",
    "tests/oracle/",
    "tests/activities/",
)
"""Folders of longer files; the short ones at the end fill the gaps."""


def _place(path: str) -> tuple[int, str]:
    for number, (name, beginnings) in enumerate(GROUPS):
        if path.startswith(tuple(beginnings)):
            return number, name
    for number, folder in enumerate(AFTERWARDS, len(GROUPS)):
        if path.startswith(folder):
            return number, path
    return len(GROUPS) + len(AFTERWARDS), path


def sort(items: list[pytest.Item]) -> None:
    """Longest first; within a file, and among equals, as they were."""
    items.sort(key=lambda item: _place(item.nodeid.partition("::")[0])[0])


class Scheduler(LoadScopeScheduling):
    """Gives each process one group, or one file, at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return _place(nodeid.partition("::")[0])[1]
