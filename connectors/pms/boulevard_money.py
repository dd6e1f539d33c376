"""Boulevard's orders by when they last changed: how money taken at the desk is found.

Sources disagree on what orders can be filtered by (as with `closedAt`), and none says that a
payment moves `updatedAt`. So a refused filter is an answer of its own, and the send step reads
each order again in any case.
"""

import functools
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.pms.boulevard_answers import readable
from connectors.pms.boulevard_orders import bare_id, tenders_of, urn
from connectors.ports import BadRequest, PmsTenders

PAGE_SIZE = 50
PAGES_MAX = 20
"""A window that holds more than a thousand changed orders is cut; the wider sweep reads on."""

Call = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""(operation, document, variables) -> data."""


def touched_query(payment_groups: str) -> str:
    """One page of orders with their money."""
    return (
        "query Touched($locationId: ID!, $first: Int!, $after: String, $query: QueryString) {\n"
        "  orders(locationId: $locationId, first: $first, after: $after, query: $query) {\n"
        f"    edges {{ node {{ id {payment_groups} }} }}\n"
        "    pageInfo { hasNextPage endCursor }\n  }\n}\n"
    )


async def tenders_touched(
    call: Call, document: str, location_ref: str, since: datetime
) -> Mapping[str, PmsTenders] | None:
    """Visit id -> money of each order changed since; None where orders cannot be filtered so."""
    stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    found: dict[str, PmsTenders] = {}
    after: str | None = None
    for _ in range(PAGES_MAX):
        variables = {
            "locationId": urn("Location", location_ref),
            "first": PAGE_SIZE,
            "after": after,
            "query": f"updatedAt >= '{stamp}'",
        }
        try:
            data = await call("orders", document, variables)
        except BadRequest:
            return None
        nodes, following = readable("orders", functools.partial(_page, data))
        found |= nodes
        if following in (None, after):
            break
        after = following
    return found


def _page(data: Mapping[str, Any]) -> tuple[dict[str, PmsTenders], str | None]:
    orders = data["orders"]
    info = orders["pageInfo"]
    nodes = [edge["node"] for edge in orders["edges"]]
    return (
        {bare_id(node["id"]): tenders_of(node) for node in nodes},
        info["endCursor"] if info["hasNextPage"] else None,
    )
