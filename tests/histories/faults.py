"""Faults that are planted in the product on purpose, to see that the histories find them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock
from uuid import uuid4

from domain import entries_payout
from domain.ledger import Entry
from store import refunds

_of_movement = entries_payout.of_movement


def _doubled(source: str, part: Any, home: str) -> tuple[Entry, ...]:
    """What moved at the processor is booked once more at every look."""
    made = _of_movement(source, part, home)
    keys = [str(uuid4()) for _ in made]
    more = (
        one.model_copy(update={"entry_id": key, "business_key": key})
        for one, key in zip(made, keys, strict=True)
    )
    return (*made, *more)


def _lost(source: str, part: Any, home: str) -> tuple[Entry, ...]:
    """What comes back of a refund or a dispute is not booked."""
    back = part.kind in ("refund_returned", "dispute_won")
    return () if back else _of_movement(source, part, home)


async def _first_look_decides(*_: object) -> None:
    """A refund that is heard of before its payment never learns whose it is."""


FAULTS = {
    "doubled": (entries_payout, "of_movement", _doubled),
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
