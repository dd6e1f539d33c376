"""Work after the answer: what pauses, what a shutdown waits for, what it leaves out."""

import asyncio

import structlog

from starter.tasks import Tasks


async def note(done: list[str], name: str) -> None:
    done.append(name)


async def slow(done: list[str], name: str) -> None:
    await asyncio.sleep(0.1)
    done.append(name)


async def fail(words: str) -> None:
    raise ValueError(words)


async def test_work_without_a_pause_is_waited_for() -> None:
    tasks, done = Tasks(), list[str]()
    tasks.spawn("now", slow(done, "now"))
    await tasks.drain(5)
    assert done == ["now"]


async def test_work_that_takes_too_long_is_given_up() -> None:
    tasks, done = Tasks(), list[str]()
    tasks.spawn("endless", asyncio.sleep(60))
    tasks.spawn("now", slow(done, "now"))
    async with asyncio.timeout(5):
        await tasks.drain(1)
    assert done == ["now"]


async def test_a_failure_is_logged_by_its_type_alone() -> None:
    tasks = Tasks()
    with structlog.testing.capture_logs() as logs:
        tasks.spawn("broken", fail("Ada Quill"))
        await tasks.drain(5)
    [line] = logs
    assert (line["event"], line["task"], line["error"]) == (
        "background_failed",
        "broken",
        "ValueError",
    )
    assert "Ada" not in str(line)


async def test_a_pause_ends_by_itself() -> None:
    tasks, done = Tasks(), list[str]()
    tasks.spawn("later", note(done, "later"), wait_seconds=1)
    await asyncio.sleep(0)
    assert done == []
    await asyncio.sleep(1.5)
    assert done == ["later"]


async def test_a_shutdown_cuts_a_pause_and_leaves_the_work_out() -> None:
    tasks, done = Tasks(), list[str]()
    tasks.spawn("later", note(done, "later"), wait_seconds=60)
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await tasks.drain(50)
    assert done == []
