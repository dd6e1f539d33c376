"""How the long-running processes run: their event loop and their memory."""

import asyncio
import gc
import importlib.util
import sys
from collections.abc import Coroutine
from typing import Any

_YOUNG_OBJECTS = 20_000
"""Allocations between two looks for garbage; the default of 700 looks after each request."""


def run(main: Coroutine[Any, Any, None]) -> None:
    """As `asyncio.run`, on uvloop where it is installed, for a process that stays."""
    _know_what_is_missing()
    # What is imported by now stays: no collection has to walk through it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main)


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:  # not made for Windows
        return None
    return uvloop.new_event_loop


def _know_what_is_missing() -> None:
    """Spare a search of the whole path per HTTP call: httpcore asks for sniffio each time."""
    if importlib.util.find_spec("sniffio") is None:
        sys.modules["sniffio"] = None  # type: ignore[assignment]  # the language's own marker
