"""What a message may say of the visit itself, to a patient who agreed to that (P2)."""

from collections.abc import Mapping

from domain.catalog import Catalog
from domain.invoice import LineKind, PricedInvoice
from domain.lender_contracts import CONTRACTS
from domain.money import dollars
from store import catalogs, invoices, plans
from store.db import Conn

Details = Mapping[str, str]
"""`treatment` and `amount` of a visit; `payee`, `limit`, `monthly`, `on_date` of a plan."""

PLAN = "plan/"
"""How the document that a plan is to its messages begins: with its case's id."""

_LONGEST = 30
"""Characters of a treatment that every template has room for."""


async def of_document(conn: Conn, document_id: str) -> Details:
    """Treatment and amount of a document; empty when it names no treatment that would fit.

    Both are the document's own, so that a look-up later compares the same words.
    """
    if document_id.startswith(PLAN):
        return await _of_plan(conn, document_id)
    document = await invoices.document(conn, document_id)
    catalog = await catalogs.get_catalog(conn, document.location_id, document.catalog_version)
    treatment = treatment_of(document.priced, catalog)
    if treatment is None:
        return {}
    return {"treatment": treatment, "amount": dollars(document.priced.due_cents)}


async def _of_plan(conn: Conn, case_id: str) -> Details:
    """With whom a plan is, its limit, a month's payment and its first date, as far as known."""
    location_id, lender, plan_id = case_id.removeprefix(PLAN).split("/", 2)
    plan = await plans.standing(conn, location_id, lender, plan_id)
    if plan is None:
        return {}
    limit_cents = plan.financed_cents or plan.available_cents or plan.approved_cents
    said = {
        "payee": CONTRACTS[plan.lender].name,
        "limit": dollars(limit_cents) if limit_cents else "",
        "monthly": dollars(plan.monthly_cents) if plan.monthly_cents else "",
        "on_date": f"{plan.first_payment_on:%m/%d/%Y}" if plan.first_payment_on else "",
    }
    return {name: value for name, value in said.items() if value}


def treatment_of(priced: PricedInvoice, catalog: Catalog) -> str | None:
    """`Morpheus8, Filler`, or `Morpheus8 +2`; None when even the first name is too long."""
    names = {item.sku: item.name for item in catalog.items}
    names |= {package.sku: package.name for package in catalog.packages}
    skus = [line.sku for line in priced.lines if line.kind is not LineKind.TIP and line.sku]
    done = list(dict.fromkeys(names.get(sku, sku) for sku in skus))
    if not done:
        return None
    whole = ", ".join(done)
    if len(whole) > _LONGEST:
        whole = f"{done[0]} +{len(done) - 1}" if len(done) > 1 else done[0]
    return whole if len(whole) <= _LONGEST else None
