"""Lenders are asked in their turn, and what is wrong with their feeds waits for a person."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from domain.lender_case import FeedHealed, FeedTroubled, LookInput, LookNews
from domain.lender_feed import MISSING, ROWS, Trouble
from domain.lender_news import Thing
from domain.plan_case import Lender
from tests.workflows.clinic import Clinic
from tests.workflows.fakes import World
from worker import make_lender_worker
from workflows.lender_sweeps import LenderSweepStart, queue_of

FILE = Trouble(code=MISSING, key="2026-10-14/1", says=("A file is missing.",))
LINES = Trouble(code=ROWS, key="cc.csv/abc", says=("Line 3: odd.",))


@pytest.fixture
async def calling(clinic: Clinic) -> AsyncIterator[Clinic]:
    """A clinic whose worker also makes Cherry's calls."""
    queue = queue_of(clinic.queue, Lender.CHERRY)
    async with make_lender_worker(clinic.client, queue, clinic.lenders.calls(), Decimal(100)):
        yield clinic


async def run(clinic: Clinic, workflow: str, start: Any, case_id: str = "") -> Any:
    return await clinic.client.execute_workflow(
        workflow, start, id=case_id or uuid4().hex, task_queue=clinic.queue
    )


async def test_each_trouble_is_asked_once_and_a_rest_brings_it_back(
    clinic: Clinic, world: World
) -> None:
    feed = await clinic.feed(FILE)
    await feed.signal("troubled", FeedTroubled(trouble=FILE))
    await feed.signal("troubled", FeedTroubled(trouble=LINES))
    assert world.open_codes == [MISSING, ROWS]
    await feed.decide("ask_lender", code=MISSING)
    assert world.open_codes == [ROWS]
    await feed.signal("troubled", FeedTroubled(trouble=FILE))
    await feed.pass_(hours=23)
    assert world.open_codes == [ROWS]
    await feed.pass_(hours=2)
    assert world.open_codes == [ROWS, MISSING]
    await feed.decide("seen", code=ROWS, reason="entered by hand")
    await feed.decide("no_file", code=MISSING, reason="a holiday")
    result = await feed.ended()
    assert (result.decided, result.healed) == (3, 0)


async def test_what_the_facts_answer_is_taken_back_and_nobody_decides(
    clinic: Clinic, world: World
) -> None:
    feed = await clinic.feed(FILE, LINES)
    await feed.signal("healed", FeedHealed(code=FILE.code, key=FILE.key))
    assert world.open_codes == [ROWS]
    assert world.times("withdraw_review") == 1
    await feed.decide("seen", reason="entered by hand")
    assert (await feed.ended()).healed == 1


async def test_the_desk_is_written_to_at_once_and_on_later_days(
    clinic: Clinic, world: World
) -> None:
    feed = await clinic.feed(FILE)
    assert [ask.business_day for ask in world.of("remind_staff")] == [0]
    await feed.day(1)
    assert [ask.business_day for ask in world.of("remind_staff")] == [0, 1]


async def test_a_poll_reads_every_page_of_every_list_with_one_window(
    calling: Clinic, world: World
) -> None:
    calling.lenders.pages = 3
    await run(calling, "LenderPoll", LenderSweepStart(location_id="lumin", lender=Lender.CHERRY))
    asked = world.of("read_lender_page")
    assert [ask.following for ask in asked] == [None, "1", "2"] * 3
    assert len({ask.began_at for ask in asked}) == 1
    assert [ask.since is None for ask in asked] == [True, False, False] * 3
    (check,) = world.of("check_feed")
    assert check.unread == ("funding 1", "funding 2", "funding 3")


async def test_a_list_that_cannot_be_read_is_told_and_holds_back_no_other(
    calling: Clinic, world: World
) -> None:
    world.failing["read_lender_page"] = "Misconfigured"
    await run(calling, "LenderPoll", LenderSweepStart(location_id="lumin", lender=Lender.CHERRY))
    assert len(world.of("read_lender_page")) == 3
    (check,) = world.of("check_feed")
    assert check.failed == "it refuses our key or account"


async def test_each_new_file_is_imported_and_then_the_feed_is_looked_at(
    calling: Clinic, world: World
) -> None:
    calling.lenders.files = ("a.csv", "b.csv")
    start = LenderSweepStart(location_id="lumin", lender=Lender.CHERRY)
    await run(calling, "LenderImport", start)
    assert [ask.file.name for ask in world.of("import_lender_file")] == ["a.csv", "b.csv"]
    assert world.times("check_feed") == 1


async def test_a_look_waits_out_the_lenders_pause_and_reads_again_what_was_named_meanwhile(
    calling: Clinic, world: World
) -> None:
    start = LookInput(
        location_id="lumin", lender=Lender.CHERRY, thing=Thing.CONTRACT, thing_id="tx_1"
    )
    case_id, calling.lenders.refuses = uuid4().hex, 1
    handle = calling.client.get_workflow_handle(case_id)
    calling.lenders.while_reading = lambda: handle.signal("heard", LookNews())
    await run(calling, "LenderLook", start, case_id)
    assert world.times("read_lender_thing") == 3
    assert world.times("check_feed") == 0
