"""A history played by a process that kills itself with SIGKILL at one of its postings.

A posting point is a transaction that writes journal entries. The process dies right before its
commit, or right after it, before the activity could answer. Whoever comes next begins each
activity anew, as the engine would, and gives the desk's answers that were on their way.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from store.db import Pool, open_pool
from tests.activities.practice import Practice
from tests.histories.play import Play
from tests.histories.story import History, News
from tests.month.conftest import practice_in
from tests.postings import Postings
from tests.web.conftest import assemble, made_up_settings

_AT_ONCE = asyncio.Semaphore(3)


def _told(answers: dict[str, str], *news: News) -> History:
    numbered = (News(**{**one.__dict__, "number": at}) for at, one in enumerate(news))
    return History(0, tuple(numbered), answers)


CHARTED = (("TOXIN-UNIT", "50"), ("FILLER-SYRINGE", "1"))
HISTORIES: dict[str, History] = {
    "paid twice, amended up, refunded": _told(
        {"DUPLICATE_SUSPECTED": "refund", "REFUND_OUTSIDE": "allow", "OVERPAID": "refund"},
        News("chart", "A", "A", lines=CHARTED),
        News("pay", "p1", "A", 65_000),
        News("pay", "p2", "A", 65_000),
        News("chart", "A", "A", lines=(("TOXIN-UNIT", "60"), ("FILLER-SYRINGE", "2"))),
        News("refund", "rp1", "p1", 10_000),
        News("refund", "rp3", "p1", 5_000),
        News("refund_failed", "rp3", "p1", 5_000),
        News("payout", "po"),
    ),
    "too much, amended down, disputed": _told(
        {"DUPLICATE_SUSPECTED": "keep_as_credit", "DISPUTE_LOST": "rebill"},
        News("loose", "l1", "A", 7_000),
        News("chart", "A", "A", lines=CHARTED),
        News("desk", "p1", "A", 50_000, kind="cash"),
        News("pay", "p2", "A", 30_000),
        News("pay", "p3", "A", 30_000),
        News("chart", "A", "A", lines=(("TOXIN-UNIT", "40"),)),
        News("desk_refund", "p1", "A", 20_000),
        News("dispute", "rp2", "p2", 30_000),
        News("lost", "rp2", "p2", 30_000),
        News("dispute", "rp3", "p3", 30_000),
        News("won", "rp3", "p3", 30_000),
        News("payout", "po"),
    ),
}
"""Between them they pass every kind of entry that the money of a visit makes."""


class Counted(Postings):
    """Counts the transactions that write journal entries, and may die at one of them."""

    def __init__(self, die_at: int = 0, side: str = "") -> None:
        super().__init__(self._pass)
        self.count, self._die_at, self._side = 0, die_at, side
        self.events: list[str] = []

    async def _pass(self, side: str, events: Sequence[str]) -> None:
        if side == "before":
            self.count += 1
            self.events += events
        if self.count == self._die_at and side == self._side:
            os.kill(os.getpid(), signal.SIGKILL)


BOOKED = frozenset(
    {
        "opening_lot", "visit_issued", "visit_amended", "payment_received", "duplicate_received",
        "unapplied_kept_as_credit", "held_money_refund_owed", "unidentified_received",
        "unidentified_applied", "credit_applied", "credit_balance_to_client", "visit_refunded",
        "refund_paid", "refund_returned", "given_back", "payment_reversed", "dispute_withdrawn",
        "dispute_fee", "dispute_reinstated", "dispute_lost", "processor_fee", "payout_paid",
    }
)  # fmt: skip
"""What they book between them."""


@dataclass(frozen=True)
class Doomed:
    """What a process needs to play a history at a practice that is there already."""

    url: str
    place: str
    token: str
    name: str
    journal: Path
    die_at: int
    side: str


async def play(pool: Pool, doomed: Doomed, postings: Counted) -> Play:
    """From the beginning, or from where the books are."""
    practice = Practice(assemble(pool, made_up_settings(), doomed.place))
    history = HISTORIES[doomed.name]
    one = Play(practice, history, doomed.token, doomed.journal)
    with postings:
        await one.through(history.news)
    return one


def die(doomed: Doomed) -> None:
    """The process that is killed."""

    async def run() -> None:
        async with await open_pool(doomed.url, min_size=1, max_size=2) as pool:
            await play(pool, doomed, Counted(doomed.die_at, doomed.side))

    asyncio.run(run())


async def exit_of(doomed: Doomed) -> int | None:
    """Exit code of a process of its own that plays until it dies."""
    # A server that has imported all of this forks each of them: a start costs nothing then.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    async with _AT_ONCE:
        process = context.Process(target=die, args=(doomed,))
        process.start()
        await asyncio.to_thread(process.join, 30)
    return process.exitcode


async def opened(pool: Pool) -> str:
    """A new practice; its location."""
    return (await practice_in(pool)).world.location_id
