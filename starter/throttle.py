"""How often one link or one caller may ask: a sliding window in this process's memory.

It slows a guesser down; what must hold over restarts and processes is counted in the books.
"""

import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from starlette.requests import Request

KEYS_MAX = 20_000


class Throttle:
    """At most `limit` passes per key within `window_seconds`."""

    def __init__(
        self, limit: int, window_seconds: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit, self._window, self._clock = limit, window_seconds, clock
        self._passes: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_seconds(self, key: str | None) -> int:
        """0 and a pass counted, or how long to wait; a missing key is never limited."""
        if key is None:
            return 0
        now = self._clock()
        passes = self._passes.setdefault(key, deque())
        self._passes.move_to_end(key)
        while len(self._passes) > KEYS_MAX:
            self._passes.popitem(last=False)
        while passes and now - passes[0] >= self._window:
            passes.popleft()
        if len(passes) >= self._limit:
            return int(self._window - (now - passes[0])) + 1
        passes.append(now)
        return 0


def caller(request: Request, header: str | None) -> str | None:
    """The caller's address, None when it is not known.

    `header` is the one in which the proxy in front of us puts it; the last entry is the proxy's
    own word. Without it a private peer is taken for such a proxy: all patients would share it.
    """
    if header is not None:
        given = request.headers.get(header, "").rpartition(",")[2].strip()
        return given or None
    peer = request.client.host if request.client else ""
    try:
        return None if ipaddress.ip_address(peer).is_private else peer
    except ValueError:
        return None
