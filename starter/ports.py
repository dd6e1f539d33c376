"""The ports of a stack: the fixed ones of temporal-dev.yml, or free ones for tests."""

import contextlib
import errno
import socket
import time
from dataclasses import asdict, dataclass

from starter.compose import host_port

LOOPBACK = "127.0.0.1"
RELEASE_SECONDS = 3.0
"""A stack that was killed a moment ago may still hold its ports."""


class PortBusy(Exception):
    """Something else listens on a port that the stack needs; one sentence."""


@dataclass(frozen=True)
class Ports:
    """One port per listener, all on loopback."""

    web: int
    sandbox: int
    smtp: int
    temporal: int
    temporal_ui: int
    postgres: int
    metrics: int

    @classmethod
    def fixed(cls) -> "Ports":
        """The ports that people know; those of services come from temporal-dev.yml."""
        return cls(
            web=host_port("web"),
            sandbox=8400,
            smtp=8425,
            temporal=host_port("temporal", 0),
            temporal_ui=host_port("temporal", 1),
            postgres=host_port("postgres"),
            metrics=8464,
        )

    @classmethod
    def free(cls) -> "Ports":
        """Ports that nobody listens on at this moment, so that many stacks run side by side."""
        with contextlib.ExitStack() as held:
            sockets = [held.enter_context(socket.socket()) for _ in range(7)]
            for each in sockets:
                each.bind((LOOPBACK, 0))
            return cls(*(each.getsockname()[1] for each in sockets))

    def require_free(self) -> None:
        """Raise `PortBusy` for the first port that stays taken."""
        give_up_at = time.monotonic() + RELEASE_SECONDS
        for name, port in asdict(self).items():
            while _busy(port):
                if time.monotonic() > give_up_at:
                    raise PortBusy(
                        f"Port {port} ({name.replace('_', ' ')}) is taken: stop what listens "
                        "there, or run with --free-ports."
                    )
                time.sleep(0.1)


def _busy(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
