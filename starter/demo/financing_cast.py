"""Seven plans at three locations: who they are and what is signed. Data only."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import uuid4

from domain.chart import UnitLot
from domain.plan_case import Lender
from starter.opening import Opening
from starter.rehearsal import Patient

AMOUNT_CENTS = 280_000
SESSIONS = 4

CHERRY, CHERRY_2, CHERRY_3 = "cherry", "cherry lakeside", "cherry north hills"
PATIENTFI, ALPHAEON, CARECREDIT = "patientfi", "alphaeon", "carecredit"
OURS = "in-house"

_PLANS: Sequence[tuple[str, Lender, int, tuple[str, str]]] = (
    (CHERRY, Lender.CHERRY, 0, ("Gia", "Lindqvist")),
    (CHERRY_2, Lender.CHERRY, 1, ("Lena", "Marsh")),
    (CHERRY_3, Lender.CHERRY, 2, ("Mira", "Holt")),
    (PATIENTFI, Lender.PATIENTFI, 0, ("Hana", "Brook")),
    (ALPHAEON, Lender.ALPHAEON, 0, ("Iris", "Novak")),
    (CARECREDIT, Lender.CARECREDIT, 0, ("June", "Castell")),
    (OURS, Lender.IN_HOUSE, 0, ("Kaia", "Wren")),
)


@dataclass(frozen=True)
class Borrower:
    """A patient with a plan; `name` is the plan's in the story, `place` which location it is at.

    `guest_id` is the PMS's name for them, `client_id` ours.
    """

    name: str
    lender: Lender
    place: int
    patient: Patient
    guest_id: str = ""
    client_id: str = ""


def borrowers(run: str) -> list[Borrower]:
    """In the order in which they are told of. `run` keeps two runs' addresses apart."""
    return [
        Borrower(name, lender, place, _patient(number, *who, run))
        for number, (name, lender, place, who) in enumerate(_PLANS, 31)
    ]


def _patient(number: int, first_name: str, last_name: str, run: str) -> Patient:
    address = f"{first_name.lower()}.{last_name.lower()}.{run}@patients.example"
    # 555-01xx numbers are reserved for fiction.
    return Patient(first_name, last_name, address, f"+1512555{100 + number:04d}")


def series(at: object) -> Opening:
    """A paid series of sessions, so that a visit of the plan leaves nothing to pay."""
    return Opening.model_validate(
        {
            "unit_lots": [
                UnitLot.model_validate(
                    {
                        "lot_id": str(uuid4()),
                        "skus": ["LASER-SESSION"],
                        "remaining": Decimal(SESSIONS),
                        "value_cents": AMOUNT_CENTS,
                        "purchased_at": at,
                    }
                )
            ]
        }
    )
