"""How a customer and an invoice come to be at Stripe: step by step, each step once.

Stripe signs no business associate agreement, so it learns amounts and opaque ids only.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import stripe

from connectors.payments.stripe_calls import KEY_LIFE_SECONDS, Posted, answer, once, post
from connectors.ports import BadRequest, ProviderUnavailable


@dataclass(frozen=True)
class Bill:
    """What an invoice asks for; ids are opaque, the currency is lower case."""

    customer_id: str
    amount_cents: int
    currency: str
    document_id: str
    case_id: str
    due_days: int


class Opening:
    """Opens invoices through one client."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client, self._v1 = client, client.v1
        self._customer_created: OrderedDict[str, int] = OrderedDict()

    async def ensure_customer(self, key: str, client_id: str) -> str:
        """A customer that carries our opaque id and nothing about the person."""

        async def create(derived: str) -> Posted:
            metadata = {"client": client_id}
            return await post(self._client, "/v1/customers", derived, metadata=metadata)

        async def find() -> Posted | None:
            query = f"metadata['client']:'{client_id}'"
            found = await self._v1.customers.search_async({"query": query, "limit": 10})
            oldest = min(found.data, key=lambda customer: customer.created, default=None)
            return None if oldest is None else Posted(oldest.to_dict())

        customer = (await once(key, create, find)).doc
        self._customer_created[customer["id"]] = customer["created"]
        while len(self._customer_created) > 10_000:
            self._customer_created.popitem(last=False)
        return str(customer["id"])

    async def open_invoice(self, key: str, bill: Bill) -> tuple[Mapping[str, Any], bool]:
        """Create, fill, finalise. Every step may be repeated at any age of the key.

        The invoice is created under a key made from the document, so that one document has one
        invoice whatever `key` says. Stripe keeps that key for a day only, hence a look-up by
        our metadata comes first. It is left out for a customer younger than the key's life:
        no document of theirs can have an older invoice.

        Returns the invoice and whether this very call opened it, so that nobody can have paid.
        """

        async def find() -> Posted | None:
            return await self._find_invoice(bill.customer_id, bill.document_id)

        async def create(derived: str) -> Posted:
            return await post(
                self._client,
                "/v1/invoices",
                derived,
                customer=bill.customer_id,
                currency=bill.currency,
                collection_method="send_invoice",
                days_until_due=bill.due_days,
                auto_advance=False,
                pending_invoice_items_behavior="exclude",
                metadata={"case": bill.case_id, "document": bill.document_id},
            )

        known = None if self._is_young(bill.customer_id) else await answer(find())
        if known is None:
            try:
                known = await once(f"document:{bill.document_id}:create", create, find)
                # A replayed answer shows the empty draft of the first call, not what it became.
                if known.replayed:
                    known = await answer(self._read(known.doc["id"]))
            except ProviderUnavailable:
                self._customer_created.pop(bill.customer_id, None)
                raise
        fresh = False
        if known.doc["status"] == "draft":
            if not known.doc["lines"]["data"]:
                await self._add_line(key, known.doc["id"], bill)
            known = await self._finalize(key, known.doc["id"])
            fresh = not known.replayed
        if (known.doc["total"], known.doc["currency"]) != (bill.amount_cents, bill.currency):
            raise BadRequest("stripe holds another amount for this document")
        return known.doc, fresh

    async def _read(self, invoice_id: str) -> Posted:
        return Posted((await self._v1.invoices.retrieve_async(invoice_id)).to_dict())

    def _is_young(self, customer_id: str) -> bool:
        created = self._customer_created.get(customer_id)
        return created is not None and time.time() - created < KEY_LIFE_SECONDS

    async def _find_invoice(self, customer_id: str, document_id: str) -> Posted | None:
        page = await self._v1.invoices.list_async({"customer": customer_id, "limit": 100})
        found = None
        async for invoice in page.auto_paging_iter():
            metadata = invoice.metadata.to_dict() if invoice.metadata else {}
            if metadata.get("document") != document_id:
                continue
            # Newest come first; the oldest that is not void is the one to keep.
            if found is None or invoice.status != "void":
                found = invoice
        return None if found is None else Posted(found.to_dict())

    async def _add_line(self, key: str, invoice_id: str, bill: Bill) -> None:
        label = hashlib.sha256(bill.document_id.encode()).hexdigest()[:4].upper()

        async def create(derived: str) -> Posted:
            return await post(
                self._client,
                "/v1/invoiceitems",
                derived,
                customer=bill.customer_id,
                invoice=invoice_id,
                amount=bill.amount_cents,
                currency=bill.currency,
                description=f"Services, visit {label}",
            )

        async def find() -> Posted | None:
            found = await self._v1.invoice_items.list_async({"invoice": invoice_id, "limit": 1})
            return Posted(found.data[0].to_dict()) if found.data else None

        await once(f"{key}:item", create, find)

    async def _finalize(self, key: str, invoice_id: str) -> Posted:
        path = f"/v1/invoices/{quote(invoice_id, safe='')}/finalize"

        async def finalize(derived: str) -> Posted:
            return await post(self._client, path, derived, auto_advance=False)

        async def find() -> Posted | None:
            invoice = await self._read(invoice_id)
            return None if invoice.doc["status"] == "draft" else invoice

        return await once(f"{key}:finalize", finalize, find)
