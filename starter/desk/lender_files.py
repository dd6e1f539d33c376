"""A lender's file in a person's hands: what it would change, and the change itself."""

from datetime import datetime
from pathlib import Path

from domain.bank import BadRow
from domain.carecredit_file import Export, read_export
from domain.in_house import PlanFile, read_file
from domain.model import Record
from domain.plan_case import Lender
from domain.plan_facts import PlanFact
from starter.desk.books import Books
from starter.errors import Misspelt
from store import locations, plans
from store.db import Conn
from store.locations import Location

BYTES_MAX = 5_000_000


class PlanChange(Record):
    """What a file does to one plan: new, changed or same."""

    plan_id: str
    status: str
    change: str


class Outcome(Record):
    """What a file says. `fault` is why it is not whole; `told` counts cases that heard of it."""

    lender: Lender
    location_id: str
    applied: bool
    rows: int
    plans: tuple[PlanChange, ...]
    bad: tuple[BadRow, ...]
    fault: str | None = None
    told: int = 0

    @property
    def is_well(self) -> bool:
        """Every row was used and the file is whole."""
        return not self.bad and self.fault is None


def bytes_of(file: Path) -> bytes:
    """The file's bytes; `Misspelt` with a sentence when they cannot be had."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise Misspelt(f"{file} cannot be read: {reason}.") from None
    if len(raw) > BYTES_MAX:
        raise Misspelt(f"{file} is larger than 5 MB: import fewer days at a time.")
    return raw


async def where(books: Books, location_id: str | None) -> Location:
    """The location that is meant: the named one, or the only one there is."""
    known = await locations.list_locations(books.conn)
    if location_id is None and len(known) == 1:
        return known[0]
    if location_id is None:
        raise Misspelt("More than one location is known: name one with --location.")
    return await books.location(location_id)


def carecredit(name: str, raw: bytes, place: Location, at: datetime) -> Export:
    """The export read; `Misspelt` when it is none."""
    try:
        return read_export(
            name, raw, location_id=place.location_id, zone=place.zone, observed_at=at
        )
    except ValueError as fault:
        raise Misspelt(f"{name} is no CareCredit export: {fault}.") from None


def in_house(name: str, raw: bytes, place: Location, at: datetime) -> PlanFile:
    """The plans read; `Misspelt` when the file holds none."""
    try:
        return read_file(raw, location_id=place.location_id, zone=place.zone, observed_at=at)
    except ValueError as fault:
        raise Misspelt(f"{name} is no file of plans: {fault}.") from None


async def changes(conn: Conn, facts: tuple[PlanFact, ...]) -> tuple[PlanChange, ...]:
    """What facts would do to the books; nothing of it stays."""
    found: dict[str, PlanChange] = {}
    undo = conn.transaction()
    await undo.start()
    try:
        for fact in facts:
            kept = await plans.record(conn, fact)
            earlier = found.get(fact.plan_id)
            change = "new" if kept.before is None else "changed" if kept.is_changed else "same"
            if earlier is not None and (change == "same" or earlier.change == "new"):
                change = earlier.change
            status = str(kept.after.status)
            found[fact.plan_id] = PlanChange(plan_id=fact.plan_id, status=status, change=change)
    finally:
        await undo.rollback()
    return tuple(found.values())
