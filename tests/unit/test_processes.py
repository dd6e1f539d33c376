"""A supervised child: healthy or a sentence, stopped or killed, never left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from starter.processes import Child, Plan, ProcessError


async def at_once() -> bool:
    return True


async def never() -> bool:
    return False


def child(tmp_path: Path, program: str, healthy=at_once, **how: object) -> Child:  # type: ignore[no-untyped-def]
    return Child(
        Plan(
            name="thing",
            command=[sys.executable, "-c", program],
            env=dict(os.environ),
            cwd=tmp_path,
            log=tmp_path / "thing.log",
            healthy=healthy,
            **how,  # type: ignore[arg-type]
        )
    )


async def test_early_exit_is_told_with_the_last_words(tmp_path: Path) -> None:
    failing = child(tmp_path, "import sys; sys.exit('the reason')", never)
    with pytest.raises(ProcessError, match=r"thing stopped at its start: the reason .*thing\.log"):
        await failing.start()


async def test_silence_is_told(tmp_path: Path) -> None:
    silent = child(tmp_path, "import time; time.sleep(60)", never)
    with pytest.raises(ProcessError, match="did not answer within"):
        await silent.start(timeout_seconds=0.3)
    await silent.signal(signal.SIGKILL)
    assert not silent.running


async def test_missing_program_is_told(tmp_path: Path) -> None:
    plan = Plan("thing", ["/nowhere/thing"], {}, tmp_path, tmp_path / "thing.log", at_once)
    with pytest.raises(ProcessError, match="/nowhere/thing is missing"):
        await Child(plan).start()


async def test_stop_lets_it_finish(tmp_path: Path) -> None:
    (tmp_path / "polite.py").write_text(
        "import pathlib, signal, sys, time\n"
        "def leave(*_):\n"
        "    pathlib.Path('finished').touch()\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "pathlib.Path('armed').touch()\n"
        "time.sleep(60)\n"
    )

    async def armed() -> bool:
        return (tmp_path / "armed").exists()

    polite = child(tmp_path, "import runpy; runpy.run_path('polite.py')", armed)
    await polite.start()
    await polite.stop()
    assert (tmp_path / "finished").exists()
    assert await polite.wait() == 0


async def test_stop_kills_the_deaf(tmp_path: Path) -> None:
    (tmp_path / "deaf.py").write_text(
        "import pathlib, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path('armed').touch()\n"
        "time.sleep(60)\n"
    )

    async def armed() -> bool:
        return (tmp_path / "armed").exists()

    deaf = child(tmp_path, "import runpy; runpy.run_path('deaf.py')", armed, stop_seconds=0.3)
    await deaf.start()
    await deaf.stop()
    assert await deaf.wait() == -signal.SIGKILL


async def test_it_starts_again_after_a_kill(tmp_path: Path) -> None:
    thing = child(tmp_path, "import time; time.sleep(60)")
    await thing.start()
    first = thing.pid
    await thing.signal(signal.SIGKILL)
    assert not thing.running
    await thing.start()
    assert thing.running
    assert thing.pid != first
    await thing.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_it_dies_with_a_killed_supervisor(tmp_path: Path) -> None:
    supervisor = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import asyncio, sys; sys.path.insert(0, '.')\n"
            "from pathlib import Path\n"
            "from tests.unit.test_processes import child\n"
            "async def main():\n"
            f"    thing = child(Path({str(tmp_path)!r}), 'import time; time.sleep(60)')\n"
            "    await thing.start(); print(thing.pid, flush=True); await asyncio.sleep(60)\n"
            "asyncio.run(main())",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert supervisor.stdout
    pid = int(supervisor.stdout.readline())
    os.kill(pid, 0)
    supervisor.kill()
    supervisor.wait()
    give_up_at = time.monotonic() + 10
    while _alive(pid):
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
