"""CPU time of the machine, of the stack's processes and of the driver (Linux alone)."""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starter.dev import Stack

PROCESSES = ("worker", "web", "sandbox", "postgres", "temporal")
DRIVER = "driver"
"""This process: who drives the visits, and the worker of the empty ones."""

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Reading:
    """Seconds worked so far, by all cores together and by each process with its children."""

    machine: float
    processes: Mapping[str, float]


class Meter:
    """Reads the kernel's counts, which other work on the machine hardly changes."""

    def __init__(self, stack: Stack) -> None:
        self._pids = {name: stack.pid(name) for name in PROCESSES}

    def read(self) -> Reading | None:
        """What was spent until now; None where the kernel does not tell."""
        if not Path("/proc/self/stat").exists():
            return None
        spent = {
            name: sum(_worked_by(one) for one in _family(pid))
            for name, pid in self._pids.items()
            if pid is not None
        }
        return Reading(_worked_by_all(), {**spent, DRIVER: time.process_time()})


def _family(pid: int) -> Iterator[int]:
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from _family(int(child))


def _worked_by(pid: int) -> float:
    """User and system time of a process, and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS_PER_SECOND


def _worked_by_all() -> float:
    first = Path("/proc/stat").read_text().partition("\n")[0]
    user, nice, system, _, _, *interrupts = map(int, first.split()[1:9])
    return (user + nice + system + sum(interrupts)) / _TICKS_PER_SECOND
