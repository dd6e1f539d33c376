"""From Zenoti's invoice, appointment and guest JSON to the ports' records; pure.

Spellings differ between its events and its reads, so both are taken. What is new to us keeps its
own name as its code, so that the case holds until a person has looked.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.ports import PmsClient, PmsLine, PmsPayment, PmsTenders, PmsVisit
from domain.model import input_hash

Json = Mapping[str, Any]

ITEM_KINDS = {0: "service", 2: "product"}
PAYMENT_KINDS = {
    "CREDITCARD": "card",
    "CASH": "cash",
    "CUSTOM": "other",
    "PACKAGE": "voucher",
    "GIFTCARD": "gift_card",
    "MEMBERSHIP": "account_credit",
}
UNKNOWN_PAYMENT = "unknown"
CLOSED, VOIDED = 4, 99
"""`invoice_status`; the others are open in one way or another."""
AHEAD = frozenset({0, 4})
"""`status` of an appointment that lies ahead: new, confirmed."""
_E164 = re.compile(r"\+[1-9]\d{6,14}")


def visit_of(invoice: Json, currency: str) -> PmsVisit:
    """One invoice with its first appointment, which decides when the service took place.

    A retail sale counts from the invoice's day. Raises KeyError, TypeError or ValueError on JSON
    of another form.
    """
    appointments = invoice.get("appointments") or []
    first = appointments[0] if appointments else None
    service_at = started_at(first) if first else instant(invoice["invoice_date"])
    tenders = tenders_of(invoice)
    price = invoice["total_price"]
    return PmsVisit(
        visit_id=invoice["id"],
        client_ref=invoice["guest"]["id"],
        location_ref=center_of(invoice),
        appointment_ref=appointment_id(first) if first else None,
        currency=currency,
        service_at=service_at,
        # The closing time is not in the API: what counts is that it is closed.
        closed_at=service_at if is_closed(invoice) else None,
        cancelled=invoice.get("status") == VOIDED,
        lines=tuple(_lines(invoice)),
        payments=tenders.payments,
        total_cents=cents(price["sum_total"]),
        unpaid_cents=tenders.unpaid_cents,
        tax_cents=cents(price["tax"]),
        raw_sha256=input_hash({"invoice": _exact(invoice)}),
    )


def tenders_of(invoice: Json) -> PmsTenders:
    """The payments of one invoice and what it still shows as unpaid; cents."""
    return PmsTenders(
        payments=tuple(_payment(one) for one in invoice.get("transactions") or []),
        unpaid_cents=cents(invoice["invoice_dues"]["balance"]),
    )


def client_of(guest: Json) -> PmsClient:
    """One guest; a phone that is not E.164 is left out, because nothing can be sent to it."""
    personal = guest["personal_info"]
    address = guest.get("address_info") or {}
    return PmsClient(
        client_ref=guest["id"],
        first_name=personal.get("first_name") or "",
        last_name=personal.get("last_name") or "",
        email=personal.get("email") or personal.get("guest_email") or None,
        phone_e164=_phone(personal.get("mobile_phone")),
        birth_date=(personal.get("date_of_birth") or "")[:10] or None,
        postal_code=address.get("postal_code") or None,
    )


def booked_at(appointment: Json) -> datetime | None:
    """When an appointment starts that is new or confirmed; None for any other."""
    is_ahead = appointment.get("status") in AHEAD and appointment.get("invoice_status") != VOIDED
    # A block-out of the calendar has neither guest nor service.
    return started_at(appointment) if is_ahead and appointment.get("service") else None


def started_at(appointment: Json) -> datetime:
    """`start_time_utc`, else `start_time`, which its events give in UTC."""
    return instant(appointment.get("start_time_utc") or appointment["start_time"])


def appointment_id(appointment: Json) -> str:
    """Its id, by either spelling."""
    return str(appointment.get("appointment_id") or appointment["id"])


def center_of(thing: Json) -> str:
    """The centre's id, by either spelling."""
    center = thing.get("center")
    return str(center["id"] if isinstance(center, Mapping) else thing["center_id"])


def is_closed(invoice: Json) -> bool:
    """Whether it is settled; its "closed" event may come while it is not."""
    return invoice.get("is_closed") is True or invoice.get("status") == CLOSED


def instant(text: str) -> datetime:
    """An aware datetime; Zenoti writes UTC without an offset, and up to seven decimals."""
    head, dot, rest = text.removesuffix("Z").partition(".")
    at = datetime.fromisoformat(f"{head}.{rest[:6]}" if dot and rest.isdecimal() else text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def cents(value: Any) -> int:
    """An amount in whole units of the currency, to the cent; ValueError on anything else."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("an amount that is not a number")
    exact = Decimal(value) * 100
    if exact != int(exact):
        raise ValueError("an amount with a part of a cent")
    return int(exact)


def _lines(invoice: Json) -> Iterator[PmsLine]:
    for item in invoice["invoice_items"]:
        price, quantity = item["price"], Decimal(item["quantity"])
        kind = ITEM_KINDS.get(item["type"], "other")
        yield PmsLine(
            line_id=item["invoice_item_id"],
            kind=kind,
            code=item["id"] if kind != "other" else f"type-{item['type']}",
            quantity=Decimal(int(quantity)) if quantity == int(quantity) else quantity.normalize(),
            subtotal_cents=cents(price["final"]) - cents(price["tax"]),
            discount_cents=cents(price["discount"]),
            provider_ref=item.get("sale_by_id"),
        )
    for one in invoice.get("transactions") or []:
        tip = cents(one.get("tip_amount") or 0)
        if tip:
            yield PmsLine(
                line_id=f"tip-{one['id']}",
                kind="tip",
                code="tip",
                quantity=Decimal(1),
                subtotal_cents=tip,
                discount_cents=0,
            )


def _payment(one: Json) -> PmsPayment:
    kind = PAYMENT_KINDS.get(str(one["payment_type"]).upper(), UNKNOWN_PAYMENT)
    return PmsPayment(
        payment_id=one["id"],
        kind=kind,
        amount_cents=cents(one["amount"]),
        note=one.get("additional_data") if kind == "other" else None,
        label=one.get("payment_name") if kind == "other" else None,
    )


def _phone(given: Any) -> str | None:
    """`"+1 5555550100"` or `{phone_code, number}`, as E.164."""
    if isinstance(given, Mapping):
        code, number = given.get("phone_code"), given.get("number")
        given = f"+{code}{number}" if code and number else None
    bare = re.sub(r"[\s().-]", "", given) if isinstance(given, str) else ""
    return bare if _E164.fullmatch(bare) else None


def _exact(value: Any) -> Any:
    """The same with exact numbers as text, for a hash that no rounding can change."""
    if isinstance(value, Mapping):
        return {name: _exact(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_exact(each) for each in value]
    return str(value) if isinstance(value, Decimal) else value
