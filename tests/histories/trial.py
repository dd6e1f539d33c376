"""Plays a history in several orders and says what is wrong with any of them."""

from dataclasses import dataclass, field

from store.db import Pool
from tests.histories import books
from tests.histories.play import Play
from tests.histories.story import History
from tests.month.conftest import practice_in


@dataclass
class Verdict:
    """`plays` orders were tried; without `wrongs` all of them end in the same, right books."""

    seed: int
    plays: int = 0
    wrongs: list[str] = field(default_factory=list)
    hashes: set[str] = field(default_factory=set)


async def try_out(pool: Pool, history: History, orders: int) -> Verdict:
    """Every order at a practice of its own, each checked for itself and all against the first."""
    verdict, first = Verdict(history.seed), None
    for order in history.orders(orders):
        practice = await practice_in(pool)
        play = Play(practice, history)
        told = " ".join(f"{one.what}:{one.name}" for one in order)
        try:
            await play.through(order)
        except Exception as error:  # every kind of failure is a finding
            verdict.wrongs.append(f"{told}: {type(error).__name__}: {error}")
            continue
        async with pool.acquire() as conn:
            booked = await books.state(conn, play.place, play.names)
            verdict.wrongs += [
                f"{told}: {wrong}" for wrong in await books.wrongs(conn, play.place, play.client_id)
            ]
        verdict.plays += 1
        verdict.hashes.add(books.digest(booked))
        if first is None:
            first = booked
        elif booked != first:
            verdict.wrongs.append(f"{told}: {_apart(first, booked)}")
    return verdict


def _apart(first: dict[str, list[list[object]]], other: dict[str, list[list[object]]]) -> str:
    """What the books of one order have and those of the other have not."""
    said = []
    for name in first:
        lacks = [row for row in first[name] if row not in other[name]]
        more = [row for row in other[name] if row not in first[name]]
        if lacks or more:
            said.append(f"{name}: {lacks} became {more}")
    return "; ".join(said)
