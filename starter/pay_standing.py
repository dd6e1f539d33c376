"""What a pay link stands for: the client's open invoices, and what a payer may choose of them."""

import re
from datetime import UTC, datetime, timedelta

from domain.model import Record
from store import checkouts, clients, invoices, locations
from store.db import Conn
from store.invoices import OpenItem, PayLink
from store.locations import Location
from store.vault import Vault

LEAST_CENTS = 100
"""What a payer may choose at least, unless less is owed."""

PAYABLE_CENTS = 50
"""What the card processor takes at least; nobody may be left with less to pay."""

_AMOUNT = re.compile(r"\$?\s*([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,7})(?:\.([0-9]{1,2}))?")


class Standing(Record):
    """What a link shows before anything is asked of the processor. Oldest invoice first."""

    link: PayLink
    location: Location
    items: tuple[OpenItem, ...]
    came_back: bool = False
    """Whether the last that was heard of the client's money is a bank debit that came back."""

    @property
    def total_cents(self) -> int:
        """What is owed over all of them."""
        return sum(item.balance_cents for item in self.items)

    @property
    def least_cents(self) -> int:
        """The smallest amount that may be chosen."""
        return min(LEAST_CENTS, self.total_cents)

    @property
    def at(self) -> datetime:
        """Now, on the location's clock."""
        return datetime.now(UTC) + timedelta(seconds=self.location.clock_shift_seconds)


class Choice(Record):
    """What a payer wants to pay: an amount, and for which case first, if they said so."""

    amount_cents: int
    case_id: str | None = None


class NoChoice(Exception):
    """The amount cannot be paid. `word` is the sentence's key among the page's words."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


async def standing_of(conn: Conn, token: str) -> Standing | None:
    """What a token stands for now, None when nobody was given it."""
    link = await invoices.link_by_token(conn, token)
    if link is None:
        return None
    items = await invoices.open_items(conn, link.location_id, link.client_id)
    return Standing(
        link=link,
        location=await locations.get_location(conn, link.location_id),
        items=tuple(items),
        came_back=await checkouts.came_back(conn, [item.case_id for item in items]),
    )


async def language_on_record(conn: Conn, vault: Vault, client_id: str) -> str | None:
    """The language that the client asked the practice for."""
    try:
        return (await clients.contact_of(conn, vault, client_id)).language
    except LookupError:
        return None


def choose(standing: Standing, number: str, amount: str | None) -> Choice:
    """The payer's choice: one invoice by its number, an amount (a field that may be empty), or
    everything. Raises NoChoice."""
    if number:
        for item in standing.items:
            if item.number == number:
                return Choice(amount_cents=item.balance_cents, case_id=item.case_id)
        raise NoChoice("changed")
    if amount is None:
        return Choice(amount_cents=standing.total_cents)
    cents = cents_of(amount)
    if cents is None or not standing.least_cents <= cents <= standing.total_cents:
        raise NoChoice("bad_amount")
    if 0 < standing.total_cents - cents < PAYABLE_CENTS:
        raise NoChoice("bad_rest")
    return Choice(amount_cents=cents)


def cents_of(text: str) -> int | None:
    """`25`, `25.5`, `$1,250.00` in cents; None for anything else."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        return None
    return int(found[1].replace(",", "")) * 100 + int((found[2] or "").ljust(2, "0"))
