"""Who comes on this Thursday, what they own and what is charted: data only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from domain.chart import LotKind, MoneyLot, UnitLot
from starter.opening import Opening, OpeningTier
from starter.rehearsal import Patient

PRACTICE = "a1f0c00"
TOXIN = f"urn:blvd:Service:{PRACTICE}1-7d1e-4b0a-9c00-000000000001"
FILLER = f"urn:blvd:Service:{PRACTICE}1-7d1e-4b0a-9c00-000000000002"
LASER = f"urn:blvd:Service:{PRACTICE}1-7d1e-4b0a-9c00-000000000003"
FACIAL = f"urn:blvd:Service:{PRACTICE}1-7d1e-4b0a-9c00-000000000004"
SERUM = f"urn:blvd:Product:{PRACTICE}2-7d1e-4b0a-9c00-000000000001"
STAFF = f"urn:blvd:Staff:{PRACTICE}3-7d1e-4b0a-9c00-000000000001"


def unmapped() -> str:
    """A service that the PMS has and the price book does not: new at every run."""
    return f"urn:blvd:Service:{uuid4()}"


@dataclass(frozen=True)
class Visit:
    """One visit of the day. `name` is what the table calls it.

    `redeemed` is what the front desk takes off the order at checkout, in cents by the PMS's own
    kind of payment, and `pms_tax_cents` the tax that the PMS adds: its side of the same visit.
    """

    name: str
    patient: Patient
    lines: Sequence[Mapping[str, Any]]
    opening: Opening | None = None
    redeemed: Mapping[str, int] = field(default_factory=dict[str, int])
    pms_tax_cents: int = 0


def line(ref: str, name: str, quantity: int, unit_cents: int) -> dict[str, Any]:
    """One order line as the front desk keys it in."""
    return {
        "kind": "product" if ":Product:" in ref else "service",
        "ref": ref,
        "name": name,
        "quantity": quantity,
        "unitPriceCents": unit_cents,
        "staff": STAFF,
    }


def member(at: datetime, syringes: int) -> Opening:
    """A Glow member with this month's credit and an opened 6-syringe package."""
    return Opening(
        unit_lots=(
            UnitLot(
                lot_id=str(uuid4()),
                skus=("FILLER-SYRINGE",),
                remaining=Decimal(syringes),
                value_cents=60_000 * syringes,
                purchased_at=at,
            ),
        ),
        money_lots=(
            MoneyLot(
                lot_id=str(uuid4()),
                kind=LotKind.MEMBERSHIP_CREDIT,
                remaining_cents=19_000,
                classes=("injectable", "device"),
                purchased_at=at,
                tier="GLOW",
            ),
        ),
        memberships=(OpeningTier(tier="GLOW", since=at),),
    )


def _patient(number: int, first_name: str, last_name: str, run: str) -> Patient:
    return Patient(
        first_name,
        last_name,
        f"{first_name.lower()}.{last_name.lower()}.{run}@patients.example",
        # 555-01xx numbers are reserved for fiction.
        f"+1512555{100 + number:04d}",
    )


def thursday(at: datetime, run: str) -> list[Visit]:
    """The six visits, in the order of the day. `run` keeps two runs' addresses apart."""
    return [
        Visit(
            "1 worked example",
            _patient(11, "Ana", "Reyes", run),
            [
                line(TOXIN, "Wrinkle relaxer", 50, 1_300),
                line(FILLER, "Filler", 1, 75_000),
                line(SERUM, "Serum", 1, 6_800),
            ],
            member(at, syringes=6),
            redeemed={"voucher": 75_000, "account_credit": 19_000},
            pms_tax_cents=561,
        ),
        Visit(
            "2 nothing due",
            _patient(12, "Bea", "Okafor", run),
            [line(FILLER, "Filler", 1, 75_000), line(TOXIN, "Wrinkle relaxer", 10, 1_300)],
            member(at, syringes=2),
            redeemed={"voucher": 75_000, "account_credit": 13_000},
        ),
        Visit(
            "3 paid on day 9",
            _patient(13, "Cleo", "Marsh", run),
            [line(TOXIN, "Wrinkle relaxer", 40, 1_300)],
        ),
        Visit(
            "4 paid in two parts",
            _patient(14, "Dana", "Whitfield", run),
            [line(LASER, "Laser", 1, 32_000), line(SERUM, "Serum", 2, 6_800)],
            pms_tax_cents=1_122,
        ),
        Visit(
            "5 loose payment",
            _patient(15, "Elif", "Sommer", run),
            [line(TOXIN, "Wrinkle relaxer", 24, 1_300)],
        ),
        Visit(
            "6 unmapped code",
            _patient(16, "Fern", "Abbott", run),
            [line(unmapped(), "New laser handpiece", 1, 32_000)],
        ),
    ]
