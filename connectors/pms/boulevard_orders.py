"""From Boulevard's order, client and paging JSON to the ports' records; pure.

Nothing on an order is dropped: a line or payment type that is new to us keeps its type name
as its code, so that the case holds until a person has looked.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.ports import PmsClient, PmsLine, PmsPayment, PmsTenders, PmsVisit
from domain.model import Record, input_hash

Json = Mapping[str, Any]

PAYMENT_KINDS = {
    "OrderCardPayment": "card",
    "OrderCashPayment": "cash",
    "OrderOtherPayment": "other",
    "OrderVoucherPayment": "voucher",
    "OrderProductCardPayment": "product_card",
    "OrderAccountCreditPayment": "account_credit",
    "OrderGiftCardPayment": "gift_card",
}
UNKNOWN_PAYMENT = "unknown"
_E164 = re.compile(r"\+[1-9]\d{6,14}")


class Closings(Record):
    """One page of orders: visit id and closing time of the closed ones, and what follows."""

    closed: tuple[tuple[str, datetime], ...]
    next_cursor: str | None


def urn(kind: str, id: str) -> str:
    """`urn:blvd:<kind>:<uuid>`; an id that is a URN already stays as it is."""
    return id if id.startswith("urn:") else f"urn:blvd:{kind}:{id}"


def bare_id(id: str) -> str:
    """The UUID at the end of a URN; a bare id stays as it is."""
    return id.rsplit(":", 1)[-1]


def visit_of(order: Json, appointment: Json | None, currency: str) -> PmsVisit:
    """Map one order and, for other than a retail sale, its appointment.

    The appointment decides when the service took place and whether it was cancelled; without
    one the sale's closing (or creation) time counts. Amounts are cents. Raises KeyError,
    TypeError or ValueError on JSON of another form.
    """
    closed_at = instant(order["closedAt"]) if order["closedAt"] else None
    started_at = instant(appointment["startAt"]) if appointment else None
    tenders = tenders_of(order)
    return PmsVisit(
        visit_id=bare_id(order["id"]),
        client_ref=order["clientId"],
        location_ref=order["locationId"],
        appointment_ref=appointment["id"] if appointment else None,
        currency=currency,
        service_at=started_at or closed_at or instant(order["createdAt"]),
        closed_at=closed_at,
        cancelled=bool(appointment and appointment["cancelled"]),
        lines=tuple(_lines(order)),
        payments=tenders.payments,
        total_cents=cents(order["summary"]["currentTotal"]),
        unpaid_cents=tenders.unpaid_cents,
        tax_cents=cents(order["summary"]["currentTaxAmount"]),
        raw_sha256=input_hash({"order": order, "appointment": appointment}),
    )


def tenders_of(order: Json) -> PmsTenders:
    """The payments of one order's groups; amounts are cents."""
    groups = order["paymentGroups"]
    return PmsTenders(
        payments=tuple(_payment(payment) for group in groups for payment in group["payments"]),
        unpaid_cents=sum(cents(group["totalUnpaid"]) for group in groups),
    )


def client_of(client: Json) -> PmsClient:
    """Map one client; a phone that is not E.164 is left out, because nothing can be sent to it."""
    phone = client["mobilePhone"]
    return PmsClient(
        client_ref=client["id"],
        first_name=client["firstName"] or "",
        last_name=client["lastName"] or "",
        email=client["email"] or None,
        phone_e164=phone if phone and _E164.fullmatch(phone) else None,
        birth_date=client["dob"] or None,
        postal_code=(client.get("address") or {}).get("zip"),
    )


def closings_of(data: Json) -> Closings:
    """Map one page of the orders connection."""
    orders = data["orders"]
    nodes = [edge["node"] for edge in orders["edges"]]
    page = orders["pageInfo"]
    return Closings(
        closed=tuple(
            (bare_id(node["id"]), instant(node["closedAt"])) for node in nodes if node["closedAt"]
        ),
        next_cursor=page["endCursor"] if page["hasNextPage"] else None,
    )


def instant(text: str) -> datetime:
    """An aware datetime from the API's ISO 8601; ValueError without an offset."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a DateTime without an offset")
    return at


def cents(value: Any) -> int:
    """A Money, which is an integer in the smallest unit; ValueError on anything else."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("a Money that is not an integer")
    return value


def quantity(value: Any) -> Decimal:
    """An exact quantity, written one way only: 50, not 50.0."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("a quantity that is not a number")
    exact = Decimal(value)
    return Decimal(int(exact)) if exact == int(exact) else exact.normalize()


def _lines(order: Json) -> Iterator[PmsLine]:
    for group in order["lineGroups"]:
        for line in group["lines"]:
            yield _line(line)
    for fee in order["feeLines"]:
        yield PmsLine(
            line_id=fee["id"],
            kind="fee",
            code=fee["label"],
            quantity=Decimal(1),
            subtotal_cents=cents(fee["calculatedAmount"]),
            discount_cents=0,
        )


def _line(line: Json) -> PmsLine:
    type_name = line["__typename"]
    kind, code, provider_ref = "other", type_name, None
    if type_name == "OrderServiceLine":
        kind, code, provider_ref = "service", line["serviceId"], _provider(line["providers"])
    elif type_name == "OrderProductLine":
        seller = line["seller"]
        kind, code, provider_ref = "product", line["productId"], seller and seller["id"]
    elif type_name == "OrderGratuityLine":
        kind = "tip"
    return PmsLine(
        line_id=line["id"],
        kind=kind,
        code=code,
        quantity=quantity(line["quantity"]),
        subtotal_cents=cents(line["currentSubtotal"]),
        discount_cents=cents(line["currentDiscountAmount"]),
        provider_ref=provider_ref,
    )


def _provider(providers: list[Json]) -> str | None:
    """The selected provider's staff id, else the first named one."""
    named = [provider for provider in providers if provider["staff"]]
    named.sort(key=lambda provider: not provider["selected"])
    return named[0]["staff"]["id"] if named else None


def _payment(payment: Json) -> PmsPayment:
    """Map one payment. The API states no time for it."""
    kind = PAYMENT_KINDS.get(payment["__typename"], UNKNOWN_PAYMENT)
    label = (payment.get("paymentMeta") or {}).get("label")
    return PmsPayment(
        payment_id=payment["id"],
        kind=kind,
        amount_cents=cents(payment["paidAmount"]),
        refunded_cents=cents(payment.get("refundAmount") or 0),
        note=(payment.get("note") or label) if kind == "other" else None,
        label=label if kind == "other" else None,
    )
