"""Every process ends through one helper: flushed, with its code, past finalization."""

import subprocess
import sys

from starter.cli import run


def ended(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


def test_ends_with_the_code_and_everything_said() -> None:
    done = ended(
        "import sys; from starter.exit import end\n"
        "sys.stdout.write('out'); sys.stderr.write('err'); end(1)"
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "out", "err")


def test_finalization_is_skipped() -> None:
    """What would run at interpreter shutdown, where Temporal's threads abort, does not run."""
    done = ended(
        "import atexit; from starter.exit import end\natexit.register(print, 'finalized'); end(0)"
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_closed_pipe_does_not_turn_done_into_failed() -> None:
    done = ended(
        "import os, sys; from starter.exit import end\n"
        "sys.stdout.write('x' * 10); os.close(1); end(0)"
    )
    assert done.returncode == 0


def test_command_line_ends_through_the_helper() -> None:
    done = ended(
        "import atexit, sys; atexit.register(print, 'finalized')\n"
        "sys.argv = ['tieout', '--help']; from starter.cli import main; main()"
    )
    assert done.returncode == 0
    assert "doctor" in done.stdout
    assert "finalized" not in done.stdout


def test_usage_errors_are_two() -> None:
    assert run(["nonsense"]) == 2
    assert run(["catalog", "check"]) == 2
