"""Work after the answer: what pauses, what a shutdown waits for, what it leaves out."""

import asyncio

from starter.tasks import Tasks


async def note(done: list[str], name: str) -> None:
    done.append(name)


async def test_work_without_a_pause_is_waited_for() -> None:
    tasks, done = Tasks(), list[str]()
    tasks.spawn("now", note(done, "now"))
    await tasks.drain(5)
    assert done == ["now"]


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
