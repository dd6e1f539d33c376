"""Guests, appointments and invoices in the shape that the API shows them.

Times are UTC without an offset, amounts are numbers in whole units of the currency.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sandbox.box import Box
from sandbox.state import Doc

NEW, CLOSED, CANCELLED = 0, 1, -1
"""`status` of an appointment."""
INVOICE_OPEN, INVOICE_CLOSED, INVOICE_VOIDED = 0, 4, 99
MINUTES = 30


def find(box: Box, kind: str, id: str) -> Doc | None:
    """One document."""
    return box.state.get(f"zenoti_{kind}", id)


def keep(box: Box, kind: str, doc: Doc) -> Doc:
    """Store one document."""
    return box.state.put(f"zenoti_{kind}", doc["id"], doc)


def every(box: Box, kind: str) -> list[Doc]:
    """All documents of a kind, oldest first."""
    return box.state.list(f"zenoti_{kind}")


def stamp(at: datetime) -> str:
    """An instant as Zenoti writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def new_guest(box: Box, body: Doc) -> Doc:
    """A guest as the desk enters them."""
    personal = {
        "first_name": body["first_name"],
        "last_name": body["last_name"],
        "email": body.get("email"),
        "mobile_phone": {"phone_code": body.get("phone_code", 1), "number": body.get("number")},
        "date_of_birth": body.get("date_of_birth"),
    }
    guest = {
        "id": str(uuid4()),
        "code": "",
        "center_id": body["center_id"],
        "personal_info": personal,
        "address_info": {"postal_code": body.get("postal_code")},
    }
    return keep(box, "guest", guest)


def new_appointment(box: Box, body: Doc) -> Doc:
    """One appointment of one service, with the open invoice that Zenoti makes beside it."""
    guest = find(box, "guest", body["guest_id"])
    if guest is None:
        raise ValueError("no such guest")
    starts = datetime.fromisoformat(body["starts_at"])
    invoice_id, item_id = str(uuid4()), str(uuid4())
    service = {"id": body["service_id"], "name": body.get("service_name", "Laser")}
    appointment = keep(
        box,
        "appointment",
        {
            "id": str(uuid4()),
            "invoice_id": invoice_id,
            "invoice_status": INVOICE_OPEN,
            "center_id": body["center_id"],
            "guest_id": guest["id"],
            "service": service,
            "start_time_utc": stamp(starts),
            "end_time_utc": stamp(starts + timedelta(minutes=MINUTES)),
            "status": NEW,
        },
    )
    quantity, price = body.get("quantity", 1), body["price"]
    item = {
        "invoice_item_id": item_id,
        "id": service["id"],
        "name": service["name"],
        "type": body.get("type", 0),
        "quantity": quantity,
        "price": {"currency_id": 0, "sales": price, "tax": 0, "final": price, "discount": 0},
        "sale_by_id": body.get("therapist_id"),
        "therapist_name": "",
    }
    keep(
        box,
        "invoice",
        {
            "id": invoice_id,
            "invoice_number": str(box.state.next_number("zenoti_invoice")),
            "center_id": body["center_id"],
            "guest": {"id": guest["id"]},
            "status": INVOICE_OPEN,
            "is_closed": False,
            "is_refund": False,
            "invoice_date": stamp(starts),
            "total_price": {"currency_id": 0, "net_price": price, "tax": 0, "sum_total": price},
            "invoice_items": [item],
            "transactions": [],
            "appointment_ids": [appointment["id"]],
        },
    )
    return appointment


def pay(box: Box, invoice: Doc, payment_type: str, amount: int, note: str | None = None) -> Doc:
    """Money, or a redeemed package, on an open invoice."""
    if invoice["is_closed"]:
        raise ValueError("the invoice is closed")
    one = {"id": str(uuid4()), "payment_type": payment_type, "amount": amount, "tip_amount": 0}
    invoice["transactions"].append(one | {"additional_data": note})
    return keep(box, "invoice", invoice)


def balance(invoice: Doc) -> Any:
    """What is still due."""
    paid = sum(one["amount"] for one in invoice["transactions"])
    return invoice["total_price"]["sum_total"] - paid


def close(box: Box, invoice: Doc) -> Doc:
    """Close an invoice; only with nothing due, as Zenoti has it."""
    if balance(invoice) != 0:
        raise ValueError("the invoice has a balance")
    for id in invoice["appointment_ids"]:
        appointment = find(box, "appointment", id)
        if appointment is not None:
            done = {"status": CLOSED, "invoice_status": INVOICE_CLOSED}
            keep(box, "appointment", appointment | done)
    return keep(box, "invoice", invoice | {"is_closed": True, "status": INVOICE_CLOSED})


def shown(box: Box, invoice: Doc, parts: list[str]) -> Doc:
    """An invoice with the parts that were asked for."""
    hidden = {"invoice_items", "transactions", "appointment_ids"}
    body = {name: value for name, value in invoice.items() if name not in hidden}
    due = balance(invoice)
    total = invoice["total_price"]["sum_total"]
    body["invoice_dues"] = {"total": total, "paid": total - due, "balance": due}
    if "InvoiceItems" in parts:
        body["invoice_items"] = invoice["invoice_items"]
    if "Transactions" in parts:
        body["transactions"] = invoice["transactions"]
    if "Appointments" in parts:
        known = [find(box, "appointment", id) for id in invoice["appointment_ids"]]
        body["appointments"] = [one for one in known if one is not None]
    return body
