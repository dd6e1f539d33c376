"""A group of three locations on one Zenoti organisation: what they are, and their front desks."""

from collections.abc import Sequence
from datetime import datetime

from domain import ids
from starter.opening import Opening
from starter.practice import Practice
from starter.rehearsal import Patient, Rehearsal

LASER = "7e11a000-5c3d-4f00-8000-000000000001"
"""The organisation's id of its laser treatment."""
LASER_SKU = "LASER-SESSION"
PRICE = 320
_PLACES = (("downtown", "Downtown"), ("lakeside", "Lakeside"), ("north-hills", "North Hills"))
CALLS_PER_MINUTE = 6_000
"""A year in a minute makes a year's calls in a minute; the real limit is 60."""


def group_of(example: Practice) -> Sequence[Practice]:
    """The example practice three times, as centres of an organisation."""
    return [_centre(example, number, *place) for number, place in enumerate(_PLACES, 1)]


def _centre(example: Practice, number: int, place: str, name: str) -> Practice:
    location_id = f"lumin-{place}"
    location = example.location.model_copy(
        update={
            "location_id": location_id,
            "practice_name": f"{example.location.practice_name} {name}",
            "pms": "zenoti",
            "pms_location_ref": f"7e110000-5c3d-4f00-8000-00000000000{number}",
        }
    )
    codes = {LASER: LASER_SKU}
    catalog = example.catalog.model_copy(update={"location_id": location_id, "codes": codes})
    return example.model_copy(update={"location": location, "catalog": catalog})


class Centre(Rehearsal):
    """One of them, played at its own front desk."""

    async def admit(self, patient: Patient, opening: Opening | None = None) -> str:
        """Enter a guest into Zenoti, and what they own into the books; returns Zenoti's id."""
        guest = {
            "center_id": self.location.pms_location_ref,
            "first_name": patient.first_name,
            "last_name": patient.last_name,
            "email": patient.email,
            "phone_code": 1,
            "number": patient.phone_e164.removeprefix("+1"),
            "date_of_birth": patient.birth_date,
            "postal_code": patient.postal_code,
        }
        guest_id = str(await self.control("zenoti/guests", guest, "id"))
        if opening is not None:
            await self.open_books(guest_id, patient, opening)
        return guest_id

    async def appoint(self, guest_id: str, starts_at: datetime) -> str:
        """A laser session in the calendar; returns the invoice that Zenoti opens for it."""
        appointment = {
            "center_id": self.location.pms_location_ref,
            "guest_id": guest_id,
            "service_id": LASER,
            "starts_at": starts_at.isoformat(),
            "price": PRICE,
        }
        return str(await self.control("zenoti/appointments", appointment, "invoice_id"))

    async def complete(self, invoice_id: str) -> str:
        """The session is over and redeemed, which sends the webhooks; returns the case id."""
        await self.control(f"zenoti/invoices/{invoice_id}/complete", {"redeemed": True})
        return ids.visit_workflow_id(self.location_id, self.location.pms, invoice_id)
