"""A lender's limit on calls, by fixed or by sliding windows, and what it says when it is reached.

Setting `<lender>_limits`: {calls, window_seconds, kind: fixed or sliding, retry_after: seconds,
date or none}.
"""

import bisect
import email.utils
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.box import Box

PER_HOUR = {"cherry": 1_000, "carecredit": 200, "alphaeon": 500, "patientfi": 800}


class Limits:
    """The calls of each lender's key since the start, and whether one more is let through."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._taken: defaultdict[str, list[float]] = defaultdict(list)
        self._all: defaultdict[str, list[float]] = defaultdict(list)
        self._refused: defaultdict[str, int] = defaultdict(int)

    def setting(self, lender: str) -> dict[str, Any]:
        """The limit in force."""
        usual: dict[str, Any] = {"calls": PER_HOUR[lender], "window_seconds": 3600}
        usual |= {"kind": "sliding", "retry_after": "seconds"}
        return usual | (self._box.state.get("setting", f"{lender}_limits") or {})

    def refusal(self, lender: str) -> Response | None:
        """Count one call; an answer when it is one too many."""
        now, rule = time.monotonic(), self.setting(lender)
        self._all[lender].append(now)
        window = rule["window_seconds"]
        began = now - now % window if rule["kind"] == "fixed" else now - window
        inside = self._taken[lender][bisect.bisect_left(self._taken[lender], began) :]
        if len(inside) < rule["calls"]:
            self._taken[lender].append(now)
            return None
        self._refused[lender] += 1
        again = began + window if rule["kind"] == "fixed" else inside[0] + window
        return _too_many(again - now, rule["retry_after"])

    def forget(self) -> None:
        """Begin anew."""
        self._taken.clear()
        self._all.clear()
        self._refused.clear()

    def count(self, lender: str) -> dict[str, int]:
        """`most` calls that any sliding window saw, refused ones among them; `refused`, `calls`."""
        calls, window = self._all[lender], self.setting(lender)["window_seconds"]
        ends = (bisect.bisect_left(calls, at + window) for at in calls)
        most = max((end - place for place, end in enumerate(ends)), default=0)
        return {"most": most, "refused": self._refused[lender], "calls": len(calls)}


def limits_of(box: Box) -> Limits:
    """The box's own count, the same for the twins and for those who ask about it."""
    found: Limits = box.meters.setdefault("lenders", Limits(box))
    return found


def _too_many(seconds: float, form: str) -> Response:
    whole = max(1, int(seconds) + 1)
    headers = {"Retry-After": str(whole)} if form == "seconds" else {}
    if form == "date":
        at = datetime.now(UTC) + timedelta(seconds=whole)
        headers = {"Retry-After": email.utils.format_datetime(at, usegmt=True)}
    return JSONResponse({"code": "rate_limited", "message": "Too many requests."}, 429, headers)
