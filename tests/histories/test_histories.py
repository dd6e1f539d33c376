"""A sample of the histories; `python -m tests.histories` plays thousands."""

from decimal import Decimal

import pytest

from store.db import Pool
from tests.histories import books
from tests.histories.faults import FAULTS, STRIKES, planted
from tests.histories.play import Play
from tests.histories.story import history
from tests.histories.trial import try_out
from tests.month.conftest import practice_in

SAMPLE = range(16)


@pytest.mark.parametrize("seed", SAMPLE)
async def test_every_order_ends_in_the_same_books(pool: Pool, seed: int) -> None:
    found = await try_out(pool, history(seed), orders=3)
    assert found.wrongs == []
    assert (found.plays, len(found.hashes)) == (3, 1)


@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_a_planted_fault_is_found(pool: Pool, fault: str) -> None:
    """In one of the first histories that it can strike."""
    told = (history(seed) for seed in range(1_000))
    struck = [one for one in told if STRIKES[fault] in {news.what for news in one.news}]
    with planted(fault):
        found = [await try_out(pool, one, orders=3) for one in struck[:3]]
    assert any(one.wrongs for one in found)


def test_news_of_one_object_keep_their_order() -> None:
    """And nothing gets lost, however the rest is mixed and repeated."""
    for seed in range(200):
        told = history(seed)
        for order in told.orders(5):
            first = list(dict.fromkeys(order))
            assert sorted(map(repr, first)) == sorted(map(repr, told.news))
            for name in {one.name for one in told.news}:
                own = [one for one in told.news if one.name == name]
                assert [one for one in first if one.name == name] == own
    kinds = {one.what for seed in range(200) for one in history(seed).news}
    assert kinds == {
        "chart", "pay", "desk", "desk_refund", "loose", "refund", "refund_failed", "dispute",
        "won", "lost", "payout",
    }  # fmt: skip
    assert history(7) == history(7)


async def test_syringes_are_drawn_from_the_package(pool: Pool) -> None:
    """Else no unit could be lost in any history."""
    told = next(one for seed in range(99) if (one := history(seed)).news[0].lines[1:])
    [last] = [one for one in told.news if one.what == "chart"][-1:]
    play = Play(await practice_in(pool), told)
    await play.through(told.news)
    async with pool.acquire() as conn:
        booked = await books.state(conn, play.place, play.names)
    drawn = Decimal(dict(last.lines).get("FILLER-SYRINGE", "0"))
    [left] = [Decimal(row[1]) for row in booked["lots"] if row[0] == "unit"]
    assert left == 4 - drawn
