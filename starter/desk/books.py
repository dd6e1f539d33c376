"""The books as a person at the desk reads them: found by short names, dated by local clocks."""

import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from domain import calendar
from starter.errors import Refusal
from starter.settings import Settings, load_settings
from store import client_log, clients, locations, visits
from store.db import Conn, open_pool
from store.locations import Location
from store.vault import Vault

SHORT = 8
"""Characters of an id that a person reads and types."""
_NAMED_MAX = 3


@dataclass
class Books:
    """One connection to the books, and the vault that opens names."""

    settings: Settings
    conn: Conn
    vault: Vault
    at_terminal: bool = field(default_factory=lambda: sys.stdout.isatty())
    """Whether a person reads: names show to them alone."""
    _locations: dict[str, Location] = field(default_factory=dict)

    async def location(self, location_id: str) -> Location:
        """One location, read once."""
        if location_id not in self._locations:
            self._locations[location_id] = await locations.get_location(self.conn, location_id)
        return self._locations[location_id]

    async def known_location(self, location_id: str | None) -> str | None:
        """The same id once it is known to exist; raises LookupError."""
        return (await self.location(location_id)).location_id if location_id else None

    async def now(self, location_id: str) -> datetime:
        """The location's clock."""
        where = await self.location(location_id)
        return datetime.now(UTC) + timedelta(seconds=where.clock_shift_seconds)

    async def business_age(self, location_id: str, since: datetime) -> int:
        """Business days at the location since an instant of its clock."""
        where, now = await self.location(location_id), await self.now(location_id)
        return calendar.business_days_since(
            calendar.local_date(since, where.zone), calendar.local_date(now, where.zone)
        )

    async def local(self, location_id: str, at: datetime, seconds: bool = False) -> str:
        """`2026-03-05 14:02` on the location's wall clock."""
        local = at.astimezone(ZoneInfo((await self.location(location_id)).zone))
        return f"{local:%Y-%m-%d %H:%M:%S}" if seconds else f"{local:%Y-%m-%d %H:%M}"

    async def name(self, client_id: str | None) -> str:
        """What staff call a client: the name on a terminal, initials anywhere else."""
        if client_id is None:
            return "client not known"
        try:
            contact = await clients.contact_of(self.conn, self.vault, client_id)
        except LookupError:
            return "name erased"
        if self.at_terminal:
            return f"{contact.first_name} {contact.last_name}".strip()
        return f"{contact.first_name[:1]}{contact.last_name[:1]}".upper() or "no name"

    async def case_named(self, name: str) -> str:
        """The one visit that a person means; `Refusal` when there is none or more than one."""
        found = await visits.find_cases(self.conn, name)
        if not found:
            raise Refusal(f"There is no visit {name}: give a case id, invoice number or order id.")
        if len(found) > 1 and name not in found:
            orders = ", ".join(case_id.rpartition("/")[2] for case_id in found[:_NAMED_MAX])
            raise Refusal(f"{len(found)} visits answer to {name}; give an order id: {orders}.")
        return name if name in found else found[0]

    async def client_named(self, name: str) -> str:
        """The one client that a person means; `Refusal` when there is none or more than one."""
        found = await client_log.find_clients(self.conn, name)
        if not found:
            raise Refusal(f"There is no client {name}: give a client id or an invoice number.")
        if len(found) > 1 and name not in found:
            ids = ", ".join(found[:_NAMED_MAX])
            raise Refusal(f"{len(found)} clients answer to {name}; give a client id: {ids}.")
        return name if name in found else found[0]

    def history_url(self, case_id: str) -> str:
        """The case's history in the Temporal UI."""
        place = f"namespaces/{self.settings.temporal_namespace}/workflows"
        return f"{self.settings.temporal_ui_url}/{place}/{quote(case_id, safe='')}"


@contextlib.asynccontextmanager
async def open_books() -> AsyncIterator[Books]:
    """The books of the installation that the environment names."""
    settings = load_settings()
    pool = await open_pool(settings.database_url.get_secret_value(), max_size=1)
    try:
        async with pool.acquire() as conn:
            yield Books(settings, conn, Vault(settings.vault_key_bytes, settings.vault_key_id))
    finally:
        await pool.close()


async def only_location(books: Books) -> str:
    """The practice's one location; `Refusal` where there are several."""
    known = [each.location_id for each in await locations.list_locations(books.conn)]
    if len(known) != 1:
        raise Refusal(f"Say which location: --location ID, one of {', '.join(known) or 'none'}.")
    return known[0]
