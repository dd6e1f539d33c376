"""The command itself, small enough for every run of CI: some faults, no violation."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_a_small_run_breaks_no_promise(tmp_path: Path) -> None:
    size = ("--seed", "4", "--clients", "6", "--days", "9")
    command = [sys.executable, "-m", "starter", "simulate", "messages", *size, "--json"]
    run = subprocess.run(
        [*command, "--stories", "--keep", str(tmp_path / "state")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    figures = json.loads(run.stdout)
    assert set(figures) >= {
        "seed",
        "clients",
        "days",
        "messages",
        "faults",
        "violations",
        "upper_bound",
    }
    assert (figures["seed"], figures["clients"], figures["days"]) == (4, 6, 9)
    assert set(figures["violations"].values()) == {0}
    assert figures["messages"] > 5
    assert sum(figures["faults"].values()) > 5
