"""Five plans, one of each lender: who they are and what is signed. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import uuid4

from domain.chart import UnitLot
from domain.plan_case import Lender
from starter.opening import Opening
from starter.rehearsal import Patient

AMOUNT_CENTS = 280_000
SESSIONS = 4

_NAMES: Mapping[Lender, tuple[str, str]] = {
    Lender.CHERRY: ("Gia", "Lindqvist"),
    Lender.PATIENTFI: ("Hana", "Brook"),
    Lender.ALPHAEON: ("Iris", "Novak"),
    Lender.CARECREDIT: ("June", "Castell"),
    Lender.IN_HOUSE: ("Kaia", "Wren"),
}


@dataclass(frozen=True)
class Borrower:
    """A patient with a plan; `urn` is the PMS's name for them, `client_id` ours."""

    lender: Lender
    patient: Patient
    urn: str = ""
    client_id: str = ""


def borrowers(run: str) -> list[Borrower]:
    """In the order in which they are told of. `run` keeps two runs' addresses apart."""
    return [
        Borrower(lender, _patient(number, *_NAMES[lender], run))
        for number, lender in enumerate(_NAMES, 31)
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
