"""The practice's own records: clients, appointments and orders in the shape the API shows them.

Amounts are cents. Totals come from unit prices alone, as a front desk closes out by hand:
no package is drawn and no credit applied.
"""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import uuid4

from sandbox.box import Box
from sandbox.state import Doc

PAYMENT_TYPES = {
    "card": "OrderCardPayment",
    "cash": "OrderCashPayment",
    "other": "OrderOtherPayment",
    "gift_card": "OrderGiftCardPayment",
    "account_credit": "OrderAccountCreditPayment",
    "voucher": "OrderVoucherPayment",
    "product_card": "OrderProductCardPayment",
}


def urn(kind: str, id: str | None = None) -> str:
    """`urn:blvd:<kind>:<uuid>`, with a new uuid when none is given; a URN stays as it is."""
    if id and id.startswith("urn:"):
        return id
    return f"urn:blvd:{kind}:{id or uuid4()}"


def stamp(at: datetime) -> str:
    """ISO 8601 in UTC with microseconds and a Z, as the API writes a DateTime."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def find(box: Box, kind: str, id: str | None) -> Doc | None:
    """One record by URN or bare uuid."""
    return box.state.get(f"boulevard_{kind}", urn(kind, id)) if id else None


def keep(box: Box, kind: str, doc: Doc) -> Doc:
    """Store a record under its URN."""
    return box.state.put(f"boulevard_{kind}", doc["id"], doc)


def location(box: Box, id: str) -> Doc:
    """The location of this id; unknown ones come into being, so that a seed needs no extra step."""
    found = find(box, "Location", id)
    return found or keep(
        box, "Location", {"id": urn("Location", id), "name": "Main", "tz": "America/Chicago"}
    )


def new_client(box: Box, body: Doc) -> Doc:
    """A client from firstName, lastName, email, mobilePhone (E.164), dob and zip."""
    at = stamp(box.now())
    first, last = body.get("firstName"), body.get("lastName")
    return keep(
        box,
        "Client",
        {
            "id": urn("Client", body.get("id")),
            "name": " ".join(part for part in (first, last) if part),
            "firstName": first,
            "lastName": last,
            "email": body.get("email"),
            "mobilePhone": body.get("mobilePhone"),
            "dob": body.get("dob"),
            "address": {"zip": body.get("zip")},
            "notes": [],
            "currentAccountBalance": 0,
            "appointmentCount": 0,
            "createdAt": at,
            "updatedAt": at,
        },
    )


def new_order(box: Box, body: Doc) -> tuple[Doc, Doc | None]:
    """An order and, when it has a service, its appointment. Open unless `closedAt` is given."""
    start = datetime.fromisoformat(body["startAt"]) if body.get("startAt") else box.now()
    at = stamp(box.now())
    order: Doc = {
        "id": urn("Order", body.get("id")),
        "number": str(1000 + box.state.next_number("boulevard_order")),
        "clientId": urn("Client", body["client"]),
        "locationId": location(box, body["locationId"])["id"],
        "note": body.get("note"),
        "createdAt": at,
        "updatedAt": at,
        "closedAt": body.get("closedAt"),
        "feeLines": [],
        "appliedVouchers": [],
        "refunds": [],
        "paymentGroups": [{"id": str(uuid4()), "totalFees": 0, "payments": []}],
    }
    appointment = None
    if any(line["kind"] == "service" for line in body["lines"]):
        appointment = keep(box, "Appointment", _appointment(order, body["lines"], start))
        order["_appointment"] = appointment["id"]
    set_lines(order, appointment, body)
    order["summary"] |= {
        key.replace("current", "initial"): value for key, value in order["summary"].items()
    } | {"refundAmount": 0}
    return keep(box, "Order", order), appointment


def _appointment(order: Doc, lines: list[Doc], start: datetime) -> Doc:
    return {
        "id": urn("Appointment"),
        "clientId": order["clientId"],
        "locationId": order["locationId"],
        "orderId": order["id"],
        "startAt": stamp(start),
        "endAt": stamp(start + timedelta(minutes=30)),
        "duration": 30,
        "state": "BOOKED",
        "cancelled": False,
        "cancellation": None,
        "notes": None,
        "createdAt": order["createdAt"],
        "appointmentServices": [
            {
                "id": urn("AppointmentService"),
                "serviceId": line["ref"],
                "service": {"id": line["ref"], "name": line["name"]},
                "staffId": line.get("staff"),
                "staff": _staff(line),
                "price": line["unitPriceCents"],
                "startAt": stamp(start),
            }
            for line in lines
            if line["kind"] == "service"
        ],
    }


def set_lines(order: Doc, appointment: Doc | None, body: Doc) -> None:
    """Replace an order's lines, fees, tip and tax with those of `body`, and total it again."""
    services = [_line(line) for line in body["lines"] if line["kind"] == "service"]
    retail = [_line(line) for line in body["lines"] if line["kind"] != "service"]
    gratuity_cents = body.get("gratuity") or 0
    if gratuity_cents:
        tip = _line({"kind": "gratuity", "quantity": 1, "unitPriceCents": gratuity_cents})
        (services or retail).append(tip)
    groups: list[Doc] = []
    if appointment and services:
        # The API names the appointment only here, and without the URN's prefix.
        bare = appointment["id"].rsplit(":", 1)[1]
        groups.append({"__typename": "OrderAppointmentLineGroup", "id": bare, "lines": services})
    if retail:
        groups.append({"__typename": "OrderRetailLineGroup", "id": str(uuid4()), "lines": retail})
    order["lineGroups"] = groups
    order["feeLines"] = [_fee(fee) for fee in body.get("fees") or []]
    _total(order, body.get("taxCents") or 0, gratuity_cents)


def _fee(fee: Doc) -> Doc:
    amount = fee["amountCents"]
    return {
        "id": str(uuid4()),
        "label": fee["label"],
        "absoluteAmount": amount,
        "calculatedAmount": amount,
        "calculatedTaxAmount": 0,
    }


def _staff(line: Doc) -> Doc | None:
    return {"id": line["staff"], "displayName": "Staff"} if line.get("staff") else None


def _line(line: Doc) -> Doc:
    """One order line; `kind` is service, product, gratuity or an API type name as it is."""
    quantity, price = line.get("quantity", 1), line["unitPriceCents"]
    discount = line.get("discountCents", 0)
    gross = (Decimal(str(quantity)) * price).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    doc: dict[str, Any] = {"id": str(uuid4()), "quantity": quantity, "discounts": []}
    for when in ("current", "initial"):
        doc[f"{when}Price"] = price
        doc[f"{when}Subtotal"] = int(gross) - discount
        doc[f"{when}DiscountAmount"] = discount
    staff = _staff(line)
    if line["kind"] == "service":
        provider = {"id": str(uuid4()), "selected": True, "staff": staff}
        return doc | {
            "__typename": "OrderServiceLine",
            "name": line["name"],
            "serviceId": line["ref"],
            "service": {"id": line["ref"], "name": line["name"]},
            "providers": [provider] if staff else [],
        }
    if line["kind"] == "product":
        product = {"name": line["name"], "productId": line["ref"], "seller": staff}
        return doc | {"__typename": "OrderProductLine"} | product
    if line["kind"] == "gratuity":
        return doc | {"__typename": "OrderGratuityLine"}
    return doc | {"__typename": line["kind"]}


def _total(order: Doc, tax_cents: int, gratuity_cents: int) -> None:
    lines = [line for group in order["lineGroups"] for line in group["lines"]]
    charged = [line for line in lines if line["__typename"] != "OrderGratuityLine"]
    subtotal = sum(line["currentSubtotal"] for line in charged)
    fees = sum(fee["calculatedAmount"] for fee in order["feeLines"])
    order["summary"] = order.get("summary", {}) | {
        "currentSubtotal": subtotal,
        "currentDiscountAmount": sum(line["currentDiscountAmount"] for line in charged),
        "currentTaxAmount": tax_cents,
        "currentGratuityAmount": gratuity_cents,
        "currentFeeAmount": fees,
        "currentTotal": subtotal + tax_cents + gratuity_cents + fees,
    }
    _settle(order)


def _settle(order: Doc) -> None:
    """Bring the payment group's totals in line with the order's total and its payments."""
    group = order["paymentGroups"][0]
    group["total"] = order["summary"]["currentTotal"]
    group["totalPaid"] = sum(payment["paidAmount"] for payment in group["payments"])
    group["totalUnpaid"] = group["total"] - group["totalPaid"]


def add_payment(box: Box, order: Doc, body: Doc) -> Doc:
    """Money (or a credit) that the desk puts on an order: `kind`, `amountCents`, note, label."""
    payment = {
        "__typename": PAYMENT_TYPES.get(body["kind"], body["kind"]),
        "id": urn("OrderPayment"),
        "orderId": order["id"],
        "paidAmount": body["amountCents"],
        "refundAmount": 0,
        "paymentMeta": {"label": body.get("label") or body["kind"]},
        "note": body.get("note"),
    }
    order["paymentGroups"][0]["payments"].append(payment)
    _settle(order)
    _touch(box, order)
    return payment


def add_refund(box: Box, order: Doc, body: Doc) -> Doc:
    """Give back `amountCents` of the payment `paymentId`; raises KeyError when there is none."""
    payments = {payment["id"]: payment for payment in order["paymentGroups"][0]["payments"]}
    payment = payments[body["paymentId"]]
    payment["refundAmount"] += body["amountCents"]
    order["summary"]["refundAmount"] += body["amountCents"]
    at = stamp(box.now())
    part = {
        "id": str(uuid4()),
        "orderPaymentId": payment["id"],
        "refundAmount": body["amountCents"],
    }
    refund = {
        "id": urn("OrderRefund"),
        "orderId": order["id"],
        "createdAt": at,
        "closedAt": at,
        "payments": [part],
    }
    order["refunds"].append(refund)
    _touch(box, order)
    return refund


def amend(box: Box, order: Doc, body: Doc) -> Doc:
    """Change what an order says was done; the number, the payments and `closedAt` stay."""
    appointment = appointment_of(box, order)
    set_lines(order, appointment, body)
    return _touch(box, order)


def appointment_of(box: Box, order: Doc) -> Doc | None:
    """The appointment that this order closes, None for a retail sale."""
    return find(box, "Appointment", order.get("_appointment"))


def _touch(box: Box, order: Doc) -> Doc:
    order["updatedAt"] = stamp(box.now())
    return keep(box, "Order", order)
