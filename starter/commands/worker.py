"""`tieout worker`: the process that does the work."""

import importlib


def worker() -> None:
    """Poll Temporal and do the work until told to stop."""
    # By name: worker.py is the wiring beside us, which no package may import.
    importlib.import_module("worker").main()
