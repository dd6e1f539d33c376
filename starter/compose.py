"""Reads `temporal-dev.yml`, the one place for the dev server's flags and ports."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: where worker.py and temporal-dev.yml lie and processes run."""
FILE = ROOT / "temporal-dev.yml"


class ComposeError(Exception):
    """temporal-dev.yml is missing or lacks what the dev stack needs; one sentence."""


def _service(name: str, path: Path) -> Mapping[str, Any]:
    try:
        service = yaml.safe_load(path.read_text())["services"][name]
    except OSError:
        raise ComposeError(f"{path} is not readable: restore it from the repository.") from None
    except (yaml.YAMLError, KeyError, TypeError):
        raise ComposeError(f"{path} has no service '{name}': restore it.") from None
    if not isinstance(service, dict):
        raise ComposeError(f"{path} has no service '{name}': restore it.")
    return service


def temporal_flags(path: Path = FILE) -> tuple[str, ...]:
    """The `temporal` command line of the file, as `--flag=value` words after the binary."""
    command = _service("temporal", path).get("command")
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        raise ComposeError(f"{path} must give the temporal service's `command` as a list of words.")
    return tuple(command)


def moved(flags: Sequence[str], places: Mapping[str, str]) -> list[str]:
    """The same flags with the named ones (`--port`, …) set to other values.

    Only addresses and files move between a container and this machine; a flag that the file
    does not have is added, so that nothing ever listens on more than was asked for.
    """
    kept = [flag for flag in flags if flag.partition("=")[0] not in places]
    return kept + [f"{name}={value}" for name, value in places.items()]


def flag_values(flags: Sequence[str], name: str) -> list[str]:
    """Every value of a flag, in order."""
    return [flag.partition("=")[2] for flag in flags if flag.partition("=")[0] == name]


def host_port(service: str, index: int = 0, path: Path = FILE) -> int:
    """The loopback port that a service publishes (`127.0.0.1:HOST:CONTAINER`)."""
    try:
        _, host, _ = str(_service(service, path)["ports"][index]).split(":")
        return int(host)
    except (KeyError, IndexError, ValueError):
        raise ComposeError(
            f"{path} must publish the {service} service as `127.0.0.1:HOST:CONTAINER`."
        ) from None
