"""Patients whom nobody else is, and what the tests' visits consist of."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from domain.chart import UnitLot
from starter.demo.cast import FILLER, LASER, SERUM, TOXIN, line
from starter.rehearsal import Patient

BOTH = ("APPOINTMENT_COMPLETED", "ORDER_COMPLETED")
PAID_BY_HAND = "other"

TOXIN_40 = [line(TOXIN, "Wrinkle relaxer", 40, 1_300)]
"""52000 due, no tax."""
TOXIN_20 = [line(TOXIN, "Wrinkle relaxer", 20, 1_300)]
"""26000 due, no tax."""
LASER_AND_SERUM = [line(LASER, "Laser", 1, 32_000), line(SERUM, "Serum", 2, 6_800)]
"""46722 due, of which 1122 tax."""
WORKED_EXAMPLE = [
    line(TOXIN, "Wrinkle relaxer", 50, 1_300),
    line(FILLER, "Filler", 1, 75_000),
    line(SERUM, "Serum", 1, 6_800),
]
"""For a member with a package and 19000 of credit: 53361 due, of which 561 tax."""

_AREAS = (201, 202, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219)
_numbers = itertools.count()
_magic_areas = itertools.cycle(reversed(_AREAS))


def new_patient(phone_end: str | None = None, mailbox: str | None = None) -> Patient:
    """A patient nobody else is. `phone_end` and `mailbox` choose a twin's magic behaviour.

    A number that is refused is barred for everybody who has it, so that none is used twice.
    """
    number = next(_numbers)
    area, end = _AREAS[number // 90 % len(_AREAS)], f"{100 + 10 + number % 90:04d}"
    if phone_end is not None:
        area, end = next(_magic_areas), phone_end
    return Patient(
        first_name=f"First{number}",
        last_name=f"Last{number}",
        email=f"{mailbox or f'patient{number}'}@p{number}.example",
        phone_e164=f"+1{area}555{end}",
    )


def filler_lot(at: datetime, syringes: int) -> UnitLot:
    """Prepaid syringes, worth 600.00 each."""
    return UnitLot(
        lot_id=str(uuid4()),
        skus=("FILLER-SYRINGE",),
        remaining=Decimal(syringes),
        value_cents=60_000 * syringes,
        purchased_at=at,
    )


@dataclass
class Case:
    """One visit of one patient."""

    patient: Patient
    urn: str
    visit_id: str
    case_id: str
    client_id: str
    lines: Sequence[Mapping[str, Any]] = field(default_factory=list)
