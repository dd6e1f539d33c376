"""The one way in which every process of the product ends."""

import contextlib
import gc
import logging
import os
import sys
from typing import NoReturn


def end(code: int) -> NoReturn:
    """Flush and leave with `code`, past the interpreter's finalization.

    Temporal's native threads may call into an interpreter that is being torn down and abort
    the process (exit 134) after its work is done; leaving directly is the cure. Nothing may
    rely on `atexit`: call this last.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        # A closed pipe (`tieout … | head`) must not turn a done job into a failure.
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    gc.collect()
    os._exit(code)
