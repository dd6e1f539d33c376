"""What the house asks of a lender, by mode; the answers of calls are those of `connectors.ports`.

One call of a method is one call of the lender: nothing here pages, retries or signs in by itself,
so that the engine's limit on activities is the limit on calls.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from connectors.ports.outcomes import Refused, VendorEvent
from domain.carecredit_file import Export
from domain.lender_contracts import LenderContract
from domain.lender_news import Context, News, Thing
from domain.model import Record


class LenderPage(Record):
    """One page of a list. `following` asks for the next one; None at the end."""

    news: News
    following: str | None = None


class RemoteFile(Record):
    """A file that a lender offers."""

    name: str
    made_at: str


class LenderPort(Protocol):
    """A lender in any mode."""

    @property
    def contract(self) -> LenderContract:
        """What it is taken to do."""
        ...

    @property
    def locations(self) -> Sequence[str]:
        """The locations that have an account with it."""
        ...


@runtime_checkable
class LenderWebhooks(LenderPort, Protocol):
    """A lender that announces what happens. What it says is a hint until somebody else says it."""

    def verify(
        self, raw: bytes, headers: Mapping[str, str], location_id: str, now: datetime
    ) -> VendorEvent:
        """The event of a webhook that this location's account sent; else SignatureRefused."""
        ...

    def hear(self, body: bytes, context: Context) -> News:
        """What a verified webhook says; empty for an event that concerns no plan."""
        ...


@runtime_checkable
class LenderReads(LenderPort, Protocol):
    """A lender that can be asked."""

    async def read_page(
        self, thing: Thing, since: datetime, following: str | None, context: Context
    ) -> LenderPage:
        """What changed since, a page at a time."""
        ...

    async def read_one(self, thing: Thing, thing_id: str, context: Context) -> News | Refused:
        """One application, contract or funding as it is now."""
        ...


@runtime_checkable
class LenderFiles(LenderPort, Protocol):
    """A lender that makes files."""

    async def list_files(self, location_id: str) -> Sequence[RemoteFile]:
        """The files on offer, oldest first."""
        ...

    async def fetch_file(self, location_id: str, name: str) -> bytes:
        """A file's bytes; they may be fewer than there should be."""
        ...

    def read_file(self, name: str, raw: bytes, context: Context) -> Export:
        """A file's facts and bad rows. Raises ValueError when it is none of this lender's."""
        ...
