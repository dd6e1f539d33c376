"""What a client has booked: the appointments connection, read and mapped."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.pms.boulevard_orders import instant

# Third parties name the argument `clientId`; whether appointments can be filtered by time is
# disputed, so every page is read and the future picked here.
BOOKINGS = """
query Bookings($locationId: ID!, $clientId: ID!, $first: Int!, $after: String) {
  appointments(locationId: $locationId, clientId: $clientId, first: $first, after: $after) {
    edges { node { id startAt cancelled state } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
_AHEAD = frozenset({"BOOKED", "CONFIRMED"})


def bookings_of(data: Mapping[str, Any], after: datetime) -> tuple[list[datetime], str | None]:
    """Starts of a page's appointments that lie ahead, and the next page's cursor."""
    connection = data["appointments"]
    nodes = [edge["node"] for edge in connection["edges"]]
    ahead = [
        start
        for node in nodes
        if not node["cancelled"]
        and node["state"] in _AHEAD
        and (start := instant(node["startAt"])) > after
    ]
    page = connection["pageInfo"]
    return ahead, page["endCursor"] if page["hasNextPage"] else None
