"""One supervised child process: started, awaited healthy, stopped, never left behind."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HEALTH_PAUSE_SECONDS = 0.1
START_SECONDS = 120
"""Far above a start on an idle machine (3 s): a loaded one must not fail."""
_PR_SET_PDEATHSIG = 1
# Loaded before any fork: nothing may be imported between fork and exec.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

Probe = Callable[[], Awaitable[bool]]


class ProcessError(Exception):
    """A process did not start or did not become healthy; one sentence that says where to look."""


@dataclass(frozen=True)
class Plan:
    """How to run one process. `healthy` answers True once it serves, False before."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    healthy: Probe
    identity: Mapping[str, Any] = field(default_factory=dict)
    """`user`, `group`, `extra_groups` of `subprocess`, where root must be given up."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 20
    orphan_signal: signal.Signals = signal.SIGKILL
    """What it gets when the supervisor itself dies."""


class Child:
    """A running plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None before the start."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """True between start and exit."""
        return self._process is not None and self._process.returncode is None

    async def start(self, timeout_seconds: float = START_SECONDS) -> None:
        """Start and wait until healthy; `ProcessError` when it stops or stays silent."""
        with self.plan.log.open("ab") as log:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self.plan.command,
                    cwd=self.plan.cwd,
                    env=dict(self.plan.env),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C reaches the supervisor alone, which stops its children in order.
                    start_new_session=True,
                    preexec_fn=_die_with_parent(self.plan.orphan_signal),
                    **self.plan.identity,
                )
            except FileNotFoundError:
                raise ProcessError(
                    f"{self.plan.command[0]} is missing: run `make clean` and try again."
                ) from None
        await self._await_healthy(timeout_seconds)

    async def _await_healthy(self, timeout_seconds: float) -> None:
        give_up_at = time.monotonic() + timeout_seconds
        while not await self._probe():
            if not self.running:
                raise ProcessError(
                    f"{self.plan.name} stopped at its start: {last_line(self.plan.log)} "
                    f"(all of it in {self.plan.log})"
                )
            if time.monotonic() > give_up_at:
                raise ProcessError(
                    f"{self.plan.name} did not answer within {timeout_seconds:.0f} seconds: "
                    f"see {self.plan.log}."
                )
            await asyncio.sleep(HEALTH_PAUSE_SECONDS)

    async def _probe(self) -> bool:
        return self.running and await self.plan.healthy() and self.running

    async def stop(self) -> None:
        """Ask it to end, wait, and kill it when it does not."""
        if not self.running:
            return
        await self.signal(self.plan.stop_signal, self.plan.stop_seconds)
        if self.running:
            await self.signal(signal.SIGKILL)

    async def signal(self, number: signal.Signals, wait_seconds: float = 10) -> None:
        """Send a signal and wait for the exit, at most `wait_seconds`."""
        if self._process is None or not self.running:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), wait_seconds)

    async def wait(self) -> int:
        """The exit code, once it ends."""
        if self._process is None:
            raise ProcessError(f"{self.plan.name} was never started.")
        return await self._process.wait()


def last_line(log: Path) -> str:
    """The last words of a log, cut to one line; "no word" when there are none."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "no word")[:300]


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """On Linux the kernel ends the child when the supervisor is gone, however it went."""
    if _libc is None:
        return None
    prctl, parent, code = _libc.prctl, os.getpid(), int(number)

    def arm() -> None:
        prctl(_PR_SET_PDEATHSIG, code)
        if os.getppid() != parent:
            os._exit(1)

    return arm
