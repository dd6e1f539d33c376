"""How each process of the dev stack is run: its command, its environment, its health."""

import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starter import binaries, compose, probes
from starter.ports import LOOPBACK, Ports
from starter.processes import Plan
from starter.state import LENDERS

TASK_QUEUE = "tieout"


@dataclass(frozen=True)
class Layout:
    """One stack: its folder, ports, generated secrets, and the dev server's flags."""

    folder: Path
    ports: Ports
    secrets: Mapping[str, Any]
    flags: Sequence[str]
    database_url: str | None
    """Another PostgreSQL than the embedded one."""
    worker: Sequence[str] = ("worker.py",)
    """What Python runs as the worker; tests of the checkers run one with a planted bug."""
    web: Sequence[str] = ("-m", "starter", "serve")
    """What Python runs as the web process."""
    location_ids: Sequence[str] = ()
    """Whose texts may go by the sandboxed Podium, and who has accounts at the lenders."""
    zenoti_locations: Sequence[str] = ()
    """Those that are centres of the sandboxed Zenoti; the others are Boulevard's."""

    @property
    def namespace(self) -> str:
        """The Temporal namespace that temporal-dev.yml creates."""
        return (compose.flag_values(self.flags, "--namespace") or ["default"])[0]

    def environment(self) -> dict[str, str]:
        """`TIEOUT_*` for every process of the stack and for commands beside it."""
        ports, own = self.ports, dict(self.secrets)
        password, podium_uid = own.pop("database_password"), own.pop("podium_location_uid")
        sandbox = _loopback(ports.sandbox)
        lenders = {name: self._lender(own, name, sandbox) for name in LENDERS}
        zenoti = self._zenoti(own, sandbox)
        values = {
            **{name: _text(value) for name, value in own.items()},
            "environment": "dev",
            "state": str(self.folder),
            "metrics_port": str(ports.metrics),
            "web_port": str(ports.web),
            "public_base_url": _loopback(ports.web),
            "sandbox_url": sandbox,
            "database_url": self.database_url
            or f"postgres://{binaries.SUPERUSER}:{password}@{LOOPBACK}:{ports.postgres}"
            f"/{binaries.DATABASE}?sslmode=disable",
            "temporal_address": f"{LOOPBACK}:{ports.temporal}",
            "temporal_ui_url": _loopback(ports.temporal_ui),
            "temporal_namespace": self.namespace,
            "temporal_task_queue": TASK_QUEUE,
            "boulevard_base_url": f"{sandbox}/boulevard/api/2020-01/admin",
            "stripe_api_base": f"{sandbox}/stripe",
            "twilio_api_base": f"{sandbox}/twilio",
            "podium_api_base": f"{sandbox}/podium/v4",
            "podium_token_url": f"{sandbox}/podium/oauth/token",
            "podium_locations": json.dumps(dict.fromkeys(self.location_ids, podium_uid)),
            "lenders": json.dumps(lenders),
            "zenoti": json.dumps(zenoti),
            "smtp_host": LOOPBACK,
            "smtp_port": str(ports.smtp),
            "smtp_idempotency_header": "Resend-Idempotency-Key",
            "email_sender": "billing@practice.example",
        }
        return {f"TIEOUT_{name.upper()}": value for name, value in values.items()}

    def _lender(self, own: dict[str, Any], name: str, sandbox: str) -> dict[str, Any]:
        """One lender's twin as the settings name it; the first location has the house's account,
        and each further one its own, except at CareCredit, whose numbers the lender gives."""
        account = own.pop(f"{name}_account")
        first, *others = self.location_ids or ("",)
        accounts = {first: account} if first else {}
        if name != "carecredit":
            accounts |= {place: f"{account}-{place}" for place in others}
        return {
            "base_url": f"{sandbox}/{name}",
            "api_key": own.pop(f"{name}_api_key"),
            "webhook_secret": own.pop(f"{name}_webhook_secret"),
            "accounts": accounts,
        }

    def _zenoti(self, own: dict[str, Any], sandbox: str) -> dict[str, Any]:
        return {
            "base_url": f"{sandbox}/zenoti",
            "api_key": own.pop("zenoti_api_key"),
            "webhook_secret": own.pop("zenoti_webhook_secret"),
            "locations": list(self.zenoti_locations),
        }

    def _bytecode(self) -> dict[str, str]:
        """Compiled modules are kept, whatever the caller's shell says: a start is seconds faster.

        Beside the sources, or in the state folder when the checkout cannot be written.
        """
        kept = {"PYTHONDONTWRITEBYTECODE": ""}
        if not os.access(compose.ROOT, os.W_OK):
            kept["PYTHONPYCACHEPREFIX"] = str(self.folder / "pycache")
        return kept

    def plans(self) -> list[Plan]:
        """Every process, in an order in which each finds what it needs."""
        ours = [self._temporal(), self._sandbox(), self._worker(), self._web()]
        return ours if self.database_url else [self._postgres(), *ours]

    def _postgres(self) -> Plan:
        folder = self.folder / "postgres"
        password = self.secrets["database_password"]
        url = (
            f"postgres://{binaries.SUPERUSER}:{password}@{LOOPBACK}:{self.ports.postgres}/postgres"
        )
        return self._plan(
            "postgres",
            binaries.postgres_command(folder, self.ports.postgres),
            lambda: probes.database_answers(url),
            identity=binaries.as_user(binaries.postgres_user()),
            # Fast shutdown: PostgreSQL's own word for "end sessions, then stop cleanly".
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
        )

    def _temporal(self) -> Plan:
        places = {
            "--ip": LOOPBACK,
            "--port": str(self.ports.temporal),
            "--ui-port": str(self.ports.temporal_ui),
            "--ui-codec-endpoint": f"{_loopback(self.ports.web)}/codec",
            "--db-filename": str(self.folder / "temporal.db"),
        }
        address = f"{LOOPBACK}:{self.ports.temporal}"
        return self._plan(
            "temporal",
            [str(binaries.find("temporal")), *compose.moved(self.flags, places)],
            lambda: probes.temporal_answers(address, self.namespace),
        )

    def _sandbox(self) -> Plan:
        places = {
            "--port": str(self.ports.sandbox),
            "--smtp-port": str(self.ports.smtp),
            "--state": str(self.folder / "sandbox.jsonl"),
            "--credentials": str(self.folder / "credentials.json"),
        }
        words = [word for pair in places.items() for word in pair]
        url = f"{_loopback(self.ports.sandbox)}/_control/health"
        return self._plan(
            "sandbox",
            [sys.executable, "-m", "sandbox", *words],
            lambda: probes.http_answers(url),
            stop_seconds=5,
        )

    def _worker(self) -> Plan:
        url = f"{_loopback(self.ports.metrics)}/metrics"
        return self._plan(
            "worker",
            [sys.executable, *self.worker],
            lambda: probes.worker_polls(url, TASK_QUEUE),
            # Above the worker's own grace for running activities.
            stop_seconds=45,
        )

    def _web(self) -> Plan:
        url = f"{_loopback(self.ports.web)}/readyz"
        return self._plan(
            "web",
            [sys.executable, *self.web],
            lambda: probes.http_answers(url),
            stop_seconds=10,
        )

    def _plan(
        self, name: str, command: Sequence[str], healthy: Callable[[], Awaitable[bool]], **how: Any
    ) -> Plan:
        return Plan(
            name=name,
            command=command,
            env={**os.environ, **self.environment(), **self._bytecode()},
            cwd=compose.ROOT,
            log=self.folder / "logs" / f"{name}.log",
            healthy=healthy,
            **how,
        )


def _loopback(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
