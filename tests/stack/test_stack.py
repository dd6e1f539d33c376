"""The whole stack as processes: it comes up, survives kills and restarts, and explains itself."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from starter.dev import Stack
from starter.plans import TASK_QUEUE
from starter.probes import worker_polls
from store import locations
from tests.e2e.play import Play, tieout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def stack(play: Play) -> Stack:
    return play.stack


@pytest.fixture
async def no_rehearsal(play: Play) -> AsyncIterator[None]:
    """The practice's clock is not shifted, as it never is where patients are real."""
    place = play.practice.location
    now = place.model_copy(update={"clock_shift_seconds": 0})
    async with play.practice.pool.acquire() as conn:
        await locations.put_location(conn, now)
        yield
        await locations.put_location(conn, place)


async def catalogs(folder: Path) -> object:
    """How many versions of the price book the books of a running stack hold."""
    url = json.loads((folder / "env.json").read_text())["TIEOUT_DATABASE_URL"]
    conn = await asyncpg.connect(url)
    try:
        return await conn.fetchval("SELECT count(*) FROM catalogs")
    finally:
        await conn.close()


@pytest.mark.usefixtures("no_rehearsal")
async def test_doctor_finds_nothing_to_fix(stack: Stack) -> None:
    done = tieout(stack.state, "doctor", "--json")
    findings = json.loads(done.stdout)
    assert [finding for finding in findings["checks"] if not finding["ok"]] == []
    assert done.returncode == 0
    assert len(findings["checks"]) > 10


async def test_sandbox_knows_where_webhooks_go(stack: Stack) -> None:
    async with httpx.AsyncClient() as http:
        urls = (await http.put(f"{stack.sandbox_url}/_control/webhooks", json={})).json()
    assert urls == {
        "boulevard": f"{stack.web_url}/webhooks/boulevard/lumin",
        "alphaeon": f"{stack.web_url}/webhooks/lenders/alphaeon/lumin",
        "carecredit": f"{stack.web_url}/webhooks/lenders/carecredit/lumin",
        "cherry": f"{stack.web_url}/webhooks/lenders/cherry/lumin",
        "patientfi": f"{stack.web_url}/webhooks/lenders/patientfi/lumin",
        "mail": f"{stack.web_url}/webhooks/mail",
        "podium": f"{stack.web_url}/webhooks/podium",
        "stripe": f"{stack.web_url}/webhooks/stripe",
        "twilio": f"{stack.web_url}/webhooks/twilio",
        "zenoti": f"{stack.web_url}/webhooks/zenoti",
    }


async def test_killed_worker_comes_back(stack: Stack) -> None:
    first = stack.pid("worker")
    await stack.kill("worker", signal.SIGKILL)
    assert not stack.running("worker")
    assert not await worker_polls(stack.metrics_url, TASK_QUEUE)
    await stack.start("worker")
    assert stack.pid("worker") != first
    assert await worker_polls(stack.metrics_url, TASK_QUEUE)


@pytest.mark.usefixtures("no_rehearsal")
async def test_doctor_names_what_is_away(stack: Stack) -> None:
    await stack.stop("web")
    await stack.stop("sandbox")
    try:
        done = tieout(stack.state, "doctor", "--json")
    finally:
        await stack.start("sandbox")
        await stack.start("web")
    broken = {each["name"] for each in json.loads(done.stdout)["checks"] if not each["ok"]}
    assert broken == {"boulevard", "stripe", "twilio", "podium", "mail", "webhooks"}
    assert done.returncode == 1


async def test_second_stack_on_the_folder_is_refused(stack: Stack) -> None:
    done = tieout(stack.state, "dev", "--free-ports")
    assert done.returncode == 1
    assert done.stderr.startswith(f"A stack already runs on {stack.state} (process {os.getpid()})")
    assert stack.running("worker")


def started_dev(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "starter", "dev", "--free-ports", "--state", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def pids_when_up(folder: Path, process: "subprocess.Popen[str]") -> dict[str, int]:
    assert process.stdout
    for line in process.stdout:
        if line.strip().startswith("Logs"):
            pids: dict[str, int] = json.loads((folder / "stack.json").read_text())["pids"]
            return pids
    raise AssertionError("the stack ended before it was up")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_state_survives_a_killed_supervisor_and_ctrl_c_ends_cleanly() -> None:
    folder = Path(tempfile.mkdtemp(prefix="tieout-stack-"))
    # What an interrupted first start leaves behind: it must not stand in the next one's way.
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "PG_VERSION").write_text("18")
    try:
        first = started_dev(folder)
        pids = pids_when_up(folder, first)
        secrets = (folder / "secrets.json").read_text()
        first.kill()
        first.wait()
        give_up_at = time.monotonic() + 20
        while any(alive(pid) for pid in pids.values()):
            assert time.monotonic() < give_up_at
            await asyncio.sleep(0.1)

        second = started_dev(folder)
        pids = pids_when_up(folder, second)
        assert (folder / "secrets.json").read_text() == secrets
        assert await catalogs(folder) == 1
        done = tieout(folder, "catalog", "import", "examples/lumin.json")
        assert (done.returncode, done.stdout) == (0, "Version 1 of lumin was there.\n")
        assert await catalogs(folder) == 1
        second.send_signal(signal.SIGINT)
        rest, _ = second.communicate(timeout=90)
        assert second.returncode == 0
        assert f"Stopped. State is kept in {folder}." in rest.replace("\n", " ")
        assert not any(alive(pid) for pid in pids.values())
        assert not (folder / "env.json").exists()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
