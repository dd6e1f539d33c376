"""What each root field of the Admin API does; deeper fields read the stored documents."""

import base64
import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from graphql import GraphQLError, GraphQLResolveInfo, GraphQLSchema

from sandbox.boulevard.desk import find, keep, location, stamp, urn
from sandbox.boulevard.hooks import new_webhook, send, setting
from sandbox.boulevard.schema import bare_schema
from sandbox.box import Box
from sandbox.state import Doc

Info = GraphQLResolveInfo[Box]

EDGES_MAX = 1000
PERMISSIONS = [
    "READ_ORDERS",
    "READ_APPOINTMENTS",
    "READ_CLIENTS",
    "MANAGE_CLIENTS",
    "MANAGE_WEBHOOKS",
]
FILTER_FIELDS = ("closedAt", "createdAt", "updatedAt")
CLAUSE = re.compile(r"^\s*(\w+)\s*(>=|<=|>|<|=)\s*'([^']*)'\s*$")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "=": lambda a, b: a == b,
}


@lru_cache(maxsize=1)
def schema() -> GraphQLSchema:
    """The executable schema; every resolver finds its box in the execution context."""
    built = bare_schema()
    for type_name, resolvers in RESOLVERS.items():
        fields = built.type_map[type_name].fields  # type: ignore[attr-defined]
        for field_name, resolve in resolvers.items():
            fields[field_name].resolve = resolve
    return built


def page(docs: list[Doc], first: int | None, after: str | None) -> Doc:
    """A connection over `docs`; cursors name the last document, so they survive insertions."""
    size = 20 if first is None else first
    if not 0 <= size <= EDGES_MAX:
        raise GraphQLError(f"first must be between 0 and {EDGES_MAX}")
    ids = [doc["id"] for doc in docs]
    start = 0
    if after is not None:
        try:
            start = ids.index(base64.b64decode(after, validate=True).decode()) + 1
        except ValueError:
            raise GraphQLError("Invalid cursor") from None
    part = docs[start : start + size]
    edges = [{"cursor": base64.b64encode(doc["id"].encode()).decode(), "node": doc} for doc in part]
    more = start + size < len(docs)
    end = edges[-1]["cursor"] if edges else None
    return {"edges": edges, "pageInfo": {"hasNextPage": more, "endCursor": end}}


def order_filter(query: str | None) -> Callable[[Doc], bool]:
    """A QueryString of comparisons joined by AND, as in `closedAt >= '2026-01-05T00:00:00Z'`."""
    clauses: list[tuple[str, Callable[[Any, Any], bool], datetime]] = []
    for text in re.split(r"\s+AND\s+", query) if query else []:
        match = CLAUSE.match(text)
        if match is None or match[1] not in FILTER_FIELDS:
            raise GraphQLError("Invalid query string")
        try:
            clauses.append((match[1], COMPARE[match[2]], datetime.fromisoformat(match[3])))
        except ValueError:
            raise GraphQLError("Invalid query string") from None

    def passes(order: Doc) -> bool:
        return all(
            order[field] is not None and compare(datetime.fromisoformat(order[field]), bound)
            for field, compare, bound in clauses
        )

    return passes


def _by_id(kind: str) -> Callable[..., Doc | None]:
    def resolve(_: Any, info: Info, id: str) -> Doc | None:
        return find(info.context, kind, id)

    return resolve


def _of_parent(kind: str, field: str) -> Callable[..., Doc | None]:
    def resolve(parent: Doc, info: Info) -> Doc | None:
        return find(info.context, kind, parent.get(field))

    return resolve


def _orders(
    _: Any,
    info: Info,
    locationId: str,
    first: int | None = None,
    after: str | None = None,
    query: str | None = None,
) -> Doc:
    box, place = info.context, urn("Location", locationId)
    if query and not setting(box, "ordersFilter", True):
        raise GraphQLError("Invalid query string")
    passes = order_filter(query)
    found = box.state.list(
        "boulevard_Order", lambda doc: doc["locationId"] == place and passes(doc)
    )
    found.sort(key=lambda doc: doc["closedAt"] or doc["createdAt"], reverse=True)
    return page(found, first, after)


def _appointments(
    _: Any,
    info: Info,
    locationId: str,
    clientId: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Doc:
    place, client = urn("Location", locationId), clientId and urn("Client", clientId)
    found = info.context.state.list(
        "boulevard_Appointment",
        lambda doc: doc["locationId"] == place and client in (None, doc["clientId"]),
    )
    found.sort(key=lambda doc: doc["startAt"], reverse=True)
    return page(found, first, after)


def _clients(
    _: Any,
    info: Info,
    first: int | None = None,
    after: str | None = None,
    emails: list[str] | None = None,
) -> Doc:
    found = info.context.state.list(
        "boulevard_Client", lambda doc: emails is None or doc["email"] in emails
    )
    return page(found, first, after)


def _listing(kind: str) -> Callable[..., Doc]:
    def resolve(_: Any, info: Info, first: int | None = None, after: str | None = None) -> Doc:
        return page(info.context.state.list(f"boulevard_{kind}"), first, after)

    return resolve


def _existing(info: Info, kind: str, id: str) -> Doc:
    doc = find(info.context, kind, id)
    if doc is None:
        raise GraphQLError(f"{kind} not found")
    return doc


def _create_webhook(_: Any, info: Info, input: Doc) -> Doc:
    url = urlsplit(input["url"])
    if url.scheme != "https" and url.hostname not in ("127.0.0.1", "localhost"):
        raise GraphQLError("url must be https")
    webhook = new_webhook(info.context, input)
    send(info.context, webhook, "PING", "Ping", {"__typename": "Webhook", "id": webhook["id"]})
    return {"webhook": webhook}


def _delete_webhook(_: Any, info: Info, input: Doc) -> Doc:
    webhook = _existing(info, "Webhook", input["id"])
    info.context.state.delete("boulevard_Webhook", webhook["id"])
    return {"webhook": webhook}


def _ping_webhook(_: Any, info: Info, input: Doc) -> Doc:
    webhook = _existing(info, "Webhook", input["id"])
    send(info.context, webhook, "PING", "Ping", {"__typename": "Webhook", "id": webhook["id"]})
    return {"webhook": webhook}


def _create_note(_: Any, info: Info, input: Doc) -> Doc:
    box, client = info.context, _existing(info, "Client", input["clientId"])
    note = {
        "id": str(uuid4()),
        "text": input["text"],
        "type": input["type"],
        "createdAt": stamp(box.now()),
    }
    client["notes"].append(note)
    keep(box, "Client", client)
    return {"clientNote": note, "client": client}


def _update_appointment(_: Any, info: Info, input: Doc) -> Doc:
    appointment = _existing(info, "Appointment", input["id"])
    appointment |= {name: input[name] for name in ("notes", "state") if name in input}
    return {"appointment": keep(info.context, "Appointment", appointment)}


def _adjust_credit(_: Any, info: Info, input: Doc) -> Doc:
    client = _existing(info, "Client", input["clientId"])
    client["currentAccountBalance"] += input["balanceDelta"]
    return {"client": keep(info.context, "Client", client)}


def _primary_location(_: Doc, info: Info) -> Doc | None:
    return next(iter(info.context.state.list("boulevard_Location")), None)


def _appointment_location(parent: Doc, info: Info) -> Doc:
    return location(info.context, parent["locationId"])


RESOLVERS: dict[str, dict[str, Callable[..., Any]]] = {
    "Query": {
        "order": _by_id("Order"),
        "orders": _orders,
        "appointment": _by_id("Appointment"),
        "appointments": _appointments,
        "client": _by_id("Client"),
        "clients": _clients,
        "locations": _listing("Location"),
        "webhooks": _listing("Webhook"),
        "permissions": lambda *_: PERMISSIONS,
    },
    "Mutation": {
        "createWebhook": _create_webhook,
        "deleteWebhook": _delete_webhook,
        "pingWebhook": _ping_webhook,
        "createClientNote": _create_note,
        "updateAppointment": _update_appointment,
        "createAccountCreditAdjustment": _adjust_credit,
    },
    "Order": {"client": _of_parent("Client", "clientId")},
    "Client": {"primaryLocation": _primary_location},
    "Appointment": {
        "client": _of_parent("Client", "clientId"),
        "location": _appointment_location,
    },
}
