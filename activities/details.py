"""What a message may say of the visit itself, to a patient who agreed to that (P2)."""

from collections.abc import Mapping

from domain.invoice import LineKind
from domain.money import dollars
from store import catalogs, invoices
from store.db import Conn

Details = Mapping[str, str]
"""`treatment` and `amount`, or nothing."""


async def of_document(conn: Conn, document_id: str) -> Details:
    """Treatment and amount of a document; empty when it names no treatment.

    Both are the document's own, so that a look-up later compares the same words.
    """
    document = await invoices.document(conn, document_id)
    catalog = await catalogs.get_catalog(conn, document.location_id, document.catalog_version)
    names = {item.sku: item.name for item in catalog.items}
    names |= {package.sku: package.name for package in catalog.packages}
    sold = [line.sku for line in document.priced.lines if line.kind is LineKind.SALE and line.sku]
    treatments = dict.fromkeys(names.get(sku, sku) for sku in sold)
    if not treatments:
        return {}
    return {
        "treatment": ", ".join(treatments),
        "amount": dollars(document.priced.due_cents),
    }
