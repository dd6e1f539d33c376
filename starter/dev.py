"""The whole stack on one machine, without Docker: for `tieout dev`, the demo, bench and tests.

    async with Stack(Path(".tieout")) as stack:
        stack.web_url, stack.sandbox_url, stack.settings, stack.env
        await stack.kill("worker", signal.SIGKILL)
        await stack.start("worker")

Everything listens on loopback and dies with this process. State survives in the folder.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx

from starter import binaries, compose
from starter.plans import Layout
from starter.ports import LOOPBACK, Ports
from starter.practice import Practice, import_practice, read_practice, set_channels
from starter.processes import Child
from starter.settings import Settings, settings_from
from starter.state import StateFolder, write_private
from store import db
from store.locations import list_locations

EXAMPLE = compose.ROOT / "examples" / "lumin.json"
STOP_ORDER = (("web", "worker"), ("sandbox", "temporal"), ("postgres",))
Say = Callable[[str], None]


class Stack:
    """A running stack on one state folder.

    `ports` default to the well-known ones; `Ports.free()` lets many stacks run at once.
    `say` gets one line per step. `practice` is imported when the books hold no location, and
    gets the vendors' webhooks; `practices`, when given, stand for a group in its place.
    `database_url` replaces the embedded PostgreSQL, `worker` and `web` what Python runs for them.
    """

    def __init__(
        self,
        state: Path,
        *,
        fresh: bool = False,
        ports: Ports | None = None,
        say: Say | None = None,
        practice: Path = EXAMPLE,
        practices: Sequence[Practice] = (),
        database_url: str | None = None,
        worker: Sequence[str] = ("worker.py",),
        web: Sequence[str] = ("-m", "starter", "serve"),
    ) -> None:
        self.ports = ports or Ports.fixed()
        self.practices = tuple(practices) or (read_practice(practice),)
        self.practice = self.practices[0]
        self.env: dict[str, str] = {}
        self._folder = StateFolder(state)
        self._fresh = fresh
        self._say = say or (lambda _: None)
        self._database_url = database_url
        self._worker, self._web = worker, web
        self._children: dict[str, Child] = {}

    @property
    def state(self) -> Path:
        """The state folder, absolute."""
        return self._folder.path

    @property
    def settings(self) -> Settings:
        """What the stack's own processes read."""
        return settings_from(self.env)

    @property
    def web_url(self) -> str:
        """Pay page, webhooks and codec server."""
        return f"http://{LOOPBACK}:{self.ports.web}"

    @property
    def sandbox_url(self) -> str:
        """The vendors' twins; their control API is below /_control."""
        return f"http://{LOOPBACK}:{self.ports.sandbox}"

    @property
    def temporal_ui_url(self) -> str:
        """The Temporal UI."""
        return f"http://{LOOPBACK}:{self.ports.temporal_ui}"

    @property
    def metrics_url(self) -> str:
        """The worker's Prometheus page."""
        return f"http://{LOOPBACK}:{self.ports.metrics}/metrics"

    @property
    def database_url(self) -> str:
        """The books."""
        return self.env["TIEOUT_DATABASE_URL"]

    async def __aenter__(self) -> "Stack":
        self._folder.open(self._fresh)
        try:
            self.ports.require_free()
            await asyncio.to_thread(self._prepare)
            await self._start_all()
        except BaseException:
            await self._stop_all()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop_all()

    async def start(self, name: str) -> None:
        """Start one process (again) and wait until it serves."""
        began = time.monotonic()
        await self._children[name].start()
        self._write_stack_file()
        self._say(f"{name} ready ({time.monotonic() - began:.1f} s)")

    async def stop(self, name: str) -> None:
        """Stop one process gracefully."""
        await self._children[name].stop()

    async def restart(self, name: str) -> None:
        """Stop one process gracefully and start it again."""
        await self.stop(name)
        await self.start(name)

    async def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send one process a signal and wait for its end; `start` brings it back."""
        await self._children[name].signal(number)

    def running(self, name: str) -> bool:
        """True while the process lives."""
        return self._children[name].running

    def pid(self, name: str) -> int | None:
        """The process id of a process, None before its first start."""
        return self._children[name].pid

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self.state / "logs" / f"{name}.log"

    async def first_exit(self) -> str:
        """Wait until any process ends; returns its name."""
        waits = {asyncio.create_task(child.wait()): name for name, child in self._children.items()}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return waits[done.pop()]

    def _prepare(self) -> None:
        layout = Layout(
            folder=self.state,
            ports=self.ports,
            secrets=self._folder.secrets,
            flags=compose.temporal_flags(),
            database_url=self._database_url,
            location_ids=[one.location.location_id for one in self.practices],
            zenoti_locations=[
                one.location.location_id for one in self.practices if one.location.pms == "zenoti"
            ],
            worker=self._worker,
            web=self._web,
        )
        self.env = layout.environment()
        if self._database_url is None:
            binaries.ensure_cluster(
                self.state / "postgres", self._folder.secrets["database_password"]
            )
        self._children = {plan.name: Child(plan) for plan in layout.plans()}

    async def _start_all(self) -> None:
        await _together(self._books(), self.start("temporal"), self.start("sandbox"))
        write_private(self.state / "env.json", self.env)
        await _together(self.start("worker"), self.start("web"))
        await self._register_webhooks()

    async def _books(self) -> None:
        if "postgres" in self._children:
            await self.start("postgres")
        await asyncio.to_thread(db.migrate, self.database_url)
        if await self._import_practice():
            self._say(f"{self.practice.location.practice_name} imported")

    async def _import_practice(self) -> bool:
        pool = await db.open_pool(self.database_url, max_size=1)
        try:
            async with db.transaction(pool) as conn:
                known = {one.location_id for one in await list_locations(conn)}
                for one in self.practices:
                    if one.location.location_id in known:
                        # A stack of an earlier release knows no channels, and would stay silent.
                        await set_channels(conn, one, "dev", "first start")
                if known:
                    return False
                for one in self.practices:
                    await import_practice(conn, one, "dev", "first start")
                return True
        finally:
            await pool.close()

    async def _register_webhooks(self) -> None:
        urls = {
            "boulevard": f"{self.web_url}/webhooks/boulevard/{self.practice.location.location_id}",
            "stripe": f"{self.web_url}/webhooks/stripe",
            "twilio": f"{self.web_url}/webhooks/twilio",
            "podium": f"{self.web_url}/webhooks/podium",
            "mail": f"{self.web_url}/webhooks/mail",
            "zenoti": f"{self.web_url}/webhooks/zenoti",
        }
        for name, keys in self.settings.lenders.items():
            first = self.practice.location.location_id
            for where, account in keys.accounts.items():
                told = name if where == first else f"{name}:{account}"
                urls[told] = f"{self.web_url}/webhooks/lenders/{name}/{where}"
        async with httpx.AsyncClient() as http:
            answer = await http.put(f"{self.sandbox_url}/_control/webhooks", json=urls)
            answer.raise_for_status()

    def _write_stack_file(self) -> None:
        write_private(
            self.state / "stack.json",
            {
                "supervisor_pid": os.getpid(),
                "pids": {name: child.pid for name, child in self._children.items()},
                "ports": asdict(self.ports),
                "urls": {
                    "web": self.web_url,
                    "sandbox": self.sandbox_url,
                    "temporal_ui": self.temporal_ui_url,
                    "metrics": self.metrics_url,
                },
            },
        )

    async def _stop_all(self) -> None:
        for group in STOP_ORDER:
            await asyncio.gather(
                *(self._children[name].stop() for name in group if name in self._children)
            )
        for name in ("env.json", "stack.json"):
            (self.state / name).unlink(missing_ok=True)
        self._folder.close()


async def _together(*steps: Coroutine[Any, Any, None]) -> None:
    """Run steps side by side; the first failure cancels the rest and is raised alone."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
