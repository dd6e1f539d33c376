"""Made-up patients of the simulation: where they live, what they are called, how they are reached.

Every name, mailbox, birth date and treatment carries a mark that occurs nowhere else, so that
the search for leaks (invariant 12) finds them in any file. Phones are of the 555 block.
"""

from dataclasses import dataclass
from random import Random

from starter.rehearsal import Patient

MARK = "vexholm"
TREATMENT = "Vexholm Botox forehead"
BIRTH_YEAR = 1931
FICTION_FIRST, FICTION_COUNT = 100, 100
"""555-0100 to 555-0199 are kept for fiction."""

EAST, CENTRAL, MOUNTAIN, WEST = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
)


@dataclass(frozen=True)
class Place:
    """Area code and ZIP, every zone in which such a patient may be, and stricter states."""

    area: str
    postal_code: str
    zones: tuple[str, ...]
    states: tuple[str, ...] = ()


PLACES = (
    Place("212", "10001", (EAST,)),
    Place("305", "33130", (EAST,)),
    Place("860", "06103", (EAST,)),
    Place("401", "02903", (EAST,), ("RI",)),
    Place("317", "46204", ("America/Indiana/Indianapolis",)),
    Place("313", "48226", ("America/Detroit",)),
    Place("312", "60601", (CENTRAL,)),
    Place("512", "78701", (CENTRAL,), ("TX",)),
    Place("504", "70112", (CENTRAL,)),
    Place("303", "80202", (MOUNTAIN,)),
    Place("505", "87102", (MOUNTAIN,)),
    Place("602", "85004", ("America/Phoenix",)),
    Place("213", "90012", (WEST,)),
    Place("206", "98101", (WEST,)),
    Place("702", "89101", (WEST,)),
    Place("907", "99501", ("America/Anchorage",)),
    Place("808", "96813", ("Pacific/Honolulu",)),
    # Moved, and kept the number: both may be true.
    Place("213", "10001", (WEST, EAST)),
    Place("212", "98101", (EAST, WEST)),
    Place("602", "60601", ("America/Phoenix", CENTRAL)),
    Place("808", "78701", ("Pacific/Honolulu", CENTRAL), ("TX",)),
)

MAGIC_ENDS = ("0003", "0004", "0005", "0010")
"""Numbers whose texts are taken and then do not arrive, by code, at the twin."""

_FIRST = ("Ana", "Bea", "Cleo", "Dana", "Elif", "Fern", "Gia", "Hana", "Ines", "Jo", "Kaia", "Lou")


@dataclass(frozen=True)
class Person:
    """A patient and what the checkers must know of them."""

    number: int
    patient: Patient
    zones: tuple[str, ...]
    states: tuple[str, ...]
    phone_arrives: bool
    mail_arrives: bool

    @property
    def digits(self) -> str:
        """The phone as it occurs in any encoding."""
        return self.patient.phone_e164.removeprefix("+")


def person(number: int, rng: Random) -> Person:
    """The patient of this number; nobody shares a phone or a mailbox."""
    place, lap = PLACES[number % len(PLACES)], number // len(PLACES)
    namesakes = sum(one.area == place.area for one in PLACES[: number % len(PLACES)])
    end = f"{FICTION_FIRST + 2 * lap % FICTION_COUNT + namesakes:04d}"
    # A magic number exists once per area code and end.
    phone_arrives = rng.random() >= 0.2 or lap >= len(MAGIC_ENDS) or namesakes > 0
    if not phone_arrives:
        end = MAGIC_ENDS[lap]
    mail_arrives = rng.random() >= 0.05
    mailbox = f"p{number}" if mail_arrives else "bounce"
    first, last = f"{_FIRST[number % len(_FIRST)]}{MARK}", f"L{number}{MARK}"
    return Person(
        number=number,
        patient=Patient(
            first_name=first,
            last_name=last,
            email=f"{mailbox}@c{number}.{MARK}.example",
            phone_e164=f"+1{place.area}555{end}",
            birth_date=f"{BIRTH_YEAR}-{1 + number % 12:02d}-{1 + number % 28:02d}",
            postal_code=place.postal_code,
        ),
        zones=place.zones,
        states=place.states,
        phone_arrives=phone_arrives,
        mail_arrives=mail_arrives,
    )
