"""How fast a lender may be called so that no hour of it, however it is laid, sees too many calls.

The engine lets through at most `rate` tasks a second and saves up at most a second's worth and one
task for each of its partitions (measured, docs/performance.md). A task that was let through may
wait in a worker before its call leaves. So the calls of any window number at most

    rate x (window + one second saved up + longest wait) + partitions x (1 + restarts)

`pace` solves this for the rate, with a twentieth of the limit left over for a person with the
same key. A fixed hour is one of the sliding ones, so both kinds of window are kept.
"""

from decimal import ROUND_DOWN, Decimal

from domain.lender_contracts import LenderContract

HOUR_SECONDS = 3600
HELD_SECONDS = 30
"""Longest time between a task's release and its call: an attempt ends after as much."""
PARTITIONS = 4
RESTARTS = 1
"""How often in one window a queue's count may begin anew, as after a restart of the engine."""
_SAVED_SECONDS = 1
_LEFT = Decimal("0.05")
_STEP = Decimal("0.0001")


def pace(
    limit: int, window_seconds: int = HOUR_SECONDS, held_seconds: int = HELD_SECONDS
) -> Decimal:
    """Calls a second that keep `limit` in every window. Raises ValueError for a limit too small."""
    spread = limit * (1 - _LEFT) - PARTITIONS * (1 + RESTARTS)
    rate = (spread / (window_seconds + _SAVED_SECONDS + held_seconds)).quantize(
        _STEP, rounding=ROUND_DOWN
    )
    if rate <= 0:
        raise ValueError(f"{limit} calls are too few to be shared out")
    return rate


def most(
    rate: Decimal, window_seconds: int = HOUR_SECONDS, held_seconds: int = HELD_SECONDS
) -> int:
    """The most calls that any window can see at this rate."""
    seconds = window_seconds + _SAVED_SECONDS + held_seconds
    return int(rate * seconds) + PARTITIONS * (1 + RESTARTS)


def pace_of(contract: LenderContract) -> Decimal | None:
    """A lender's calls a second; None for one that is never called."""
    return pace(contract.calls_per_hour) if contract.calls_per_hour else None
