"""Faults that are planted in the product on purpose, to see that the histories find them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock
from uuid import uuid4

from domain import entries_payout
from domain.ledger import Entry
from store import ledger, refunds
from store.db import Conn

_post, _of_movement = ledger.post, entries_payout.of_movement


async def _doubled(conn: Conn, made: Entry) -> bool:
    """A payment is booked twice."""
    if made.event == "payment_received":
        key = str(uuid4())
        await _post(conn, made.model_copy(update={"entry_id": key, "business_key": key}))
    return await _post(conn, made)


def _lost(source: str, part: Any, home: str) -> tuple[Entry, ...]:
    """What comes back of a refund or a dispute is not booked."""
    back = part.kind in ("refund_returned", "dispute_won")
    return () if back else _of_movement(source, part, home)


async def _first_look_decides(*_: object) -> None:
    """A refund that is heard of before its payment never learns whose it is."""


FAULTS = {
    "doubled": (ledger, "post", _doubled),
    "lost": (entries_payout, "of_movement", _lost),
    "order": (refunds, "know_payment", _first_look_decides),
}
"""Name -> what is replaced, and by what."""
STRIKES: Mapping[str, str] = {"doubled": "pay", "lost": "refund_failed", "order": "refund"}
"""Name -> the news that it needs."""


@contextmanager
def planted(fault: str | None) -> Iterator[None]:
    """The product with one fault, or as it is."""
    if fault is None:
        yield
        return
    where, name, broken = FAULTS[fault]
    with mock.patch.object(where, name, broken):
        yield
