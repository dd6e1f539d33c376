"""The second factor of the pay page, and the statements behind it."""

from starter.pay_details import Statement, factor_matches, statement
from starter.pay_standing import Standing
from starter.wiring import Wiring
from store import catalogs, clients, invoices, ledger
from store.db import transaction
from store.invoices import FactorLock, PayLink


async def try_factor(
    wiring: Wiring, link: PayLink, birth_date: str, postal_code: str
) -> bool | FactorLock:
    """Whether the factor is right, or the lock under which nobody looks at it."""
    async with transaction(wiring.pool) as conn:
        # The client's row makes guesses queue, so that a burst cannot outrun the count.
        await clients.lock_client(conn, link.client_id)
        if lock := await invoices.factor_locked(conn, link.token):
            return lock
        try:
            contact = await clients.contact_of(conn, wiring.vault, link.client_id)
            matches = factor_matches(contact, birth_date, postal_code)
        except LookupError:
            matches = False
        await invoices.note_factor_attempt(conn, link.token, matches)
        return matches


async def statements(wiring: Wiring, standing: Standing, language: str) -> list[Statement]:
    """The visit that the link came with, then the client's other open ones, oldest first."""
    link, found = standing.link, []
    others = [item.case_id for item in standing.items if item.case_id != link.case_id]
    async with wiring.pool.acquire() as conn:
        for case_id in (link.case_id, *others):
            document = await invoices.latest_document(conn, case_id)
            if document is None:
                continue
            version = document.catalog_version
            catalog = await catalogs.get_catalog(conn, link.location_id, version)
            balance_cents = await ledger.balance_of_case(conn, case_id)
            found.append(statement(document, catalog, balance_cents, language))
    return found
