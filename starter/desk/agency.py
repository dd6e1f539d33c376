"""What the desk does with debts at a collection agency: the list, what it pays, taking back."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from activities.agency import hold_id
from domain import ids
from domain.agency import Claim, DoesNotFit, Part, parts_of
from domain.entries_dispute import agency_remitted
from domain.ledger import Entry
from domain.model import Record
from starter.desk.books import Books
from starter.errors import Refusal
from store import agency, clients, ledger, refund_facts
from store.agency import Placement, Remittance
from store.vault import Vault

COLUMNS = (
    "invoice",
    "last_name",
    "first_name",
    "phone",
    "email",
    "postal_code",
    "billed_on",
    "due_on",
    "billed",
    "owed",
    "last_paid_on",
    "last_paid",
    "asked_on",
)
"""Debtor, amount, last payment and statements; nothing of the treatment (rules 2.11)."""


class Booked(Record):
    """What a remittance does: its entries, and what each debt owes then."""

    paid: Remittance
    parts: tuple[Part, ...]
    left_cents: Mapping[str, int]
    entries: tuple[Entry, ...]
    is_new: bool

    @property
    def settled(self) -> tuple[str, ...]:
        """Visits that owe nothing any more."""
        return tuple(case_id for case_id, cents in self.left_cents.items() if cents <= 0)


def to_list(known: Sequence[Placement], every: bool) -> list[Placement]:
    """Debts that no agency has yet; with `every`, those too that it has and that are owed."""
    states = ("to_export", "with_agency") if every else ("to_export",)
    return [each for each in known if each.state in states]


async def file_of(books: Books, listed: Sequence[Placement]) -> str:
    """The agency's list as CSV, one debt a line."""
    out = io.StringIO()
    sheet = csv.writer(out)
    sheet.writerow(COLUMNS)
    for each in listed:
        sheet.writerow([_cell(value) for value in await _row(books, books.vault, each)])
    return out.getvalue()


async def _row(books: Books, vault: Vault, each: Placement) -> tuple[object, ...]:
    who = await clients.contact_of(books.conn, vault, each.client_id)
    debt = await agency.debt(books.conn, each.case_id)
    place = await books.location(each.location_id)
    last_cents = debt.last_paid_cents
    return (
        each.number,
        who.last_name,
        who.first_name,
        who.phone_e164 or "",
        who.email or "",
        who.postal_code or "",
        debt.billed_on,
        debt.billed_on + timedelta(days=place.chase.due_days),
        _amount(debt.billed_cents),
        _amount(each.owed_cents),
        debt.last_paid_on or "",
        "" if last_cents is None else _amount(last_cents),
        " ".join(map(str, debt.asked_on)),
    )


def _amount(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _cell(value: object) -> str:
    """A spreadsheet takes a text that begins like a formula for one; a phone may keep its +."""
    text = str(value)
    is_formula = text[:1] in ("=", "-", "@", "\t", "\r") or (
        text[:1] == "+" and not text[1:].isdecimal()
    )
    return f"'{text}" if is_formula else text


def write(path: Path, text: str, is_again: bool) -> None:
    """A file of names: for its owner's eyes, and never over another one.

    `is_again` lets the same list lie there already: of a try that died before it was kept who has
    these debts.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if is_again and path.is_file() and path.read_bytes() == text.encode():
            return
        raise Refusal(f"{path} is there already: name another file.") from None
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}.") from None
    with os.fdopen(handle, "w", newline="") as file:
        file.write(text)


async def claims(books: Books, gross_cents: Mapping[str, int]) -> tuple[str, str, list[Claim]]:
    """The location and the agency that paid, and its debts; `Refusal` unless one has them all."""
    found, owners = [], set()
    for name, cents in gross_cents.items():
        case_id = await books.case_named(name)
        placed = await agency.of_case(books.conn, case_id)
        if placed is None or placed.agency is None:
            raise Refusal(f"{name} was on no agency's list: see `tieout agency list`.")
        owners.add((placed.location_id, placed.agency))
        found.append(
            Claim(
                case_id=case_id,
                placement_id=placed.placement_id,
                client_id=placed.client_id,
                number=placed.number,
                owed_cents=placed.owed_cents,
                given_up_cents=await refund_facts.written_off(books.conn, case_id),
                gross_cents=cents,
            )
        )
    if len(owners) != 1 or len({each.case_id for each in found}) != len(found):
        raise Refusal("One remittance is one agency's, for one location, each invoice once.")
    return *owners.pop(), found


async def book(
    books: Books, reference: str, on: date, gross: Mapping[str, int], fee: int, net: int, by: str
) -> Booked:
    """Keep and post what an agency paid, once; the caller's transaction decides whether it stays.

    Amounts in cents. Raises `Refusal` with one sentence.
    """
    await _lock(books, gross)
    location_id, name, debts = await claims(books, gross)
    paid = Remittance(
        remittance_id=ids.remittance_id(location_id, name, reference),
        location_id=location_id,
        agency=name,
        reference=reference,
        received_on=on,
        gross_cents=sum(gross.values()),
        fee_cents=fee,
        booked_by=by,
    )
    if await agency.is_booked(books.conn, paid, {each.case_id: each.gross_cents for each in debts}):
        left = {each.case_id: each.owed_cents for each in debts}
        return Booked(paid=paid, parts=(), left_cents=left, entries=(), is_new=False)
    try:
        parts = parts_of(debts, fee, net)
    except DoesNotFit as reason:
        raise Refusal(str(reason)) from None
    entries = tuple(_entry(paid, part) for part in parts)
    await agency.remit(books.conn, paid, parts)
    await ledger.post_all(books.conn, entries)
    left = {part.case_id: await ledger.balance_of_case(books.conn, part.case_id) for part in parts}
    return Booked(paid=paid, parts=parts, left_cents=left, entries=entries, is_new=True)


async def _lock(books: Books, gross: Mapping[str, int]) -> None:
    owners = set()
    for name in gross:
        placed = await agency.of_case(books.conn, await books.case_named(name))
        if placed is not None:
            owners.add(placed.client_id)
    for client_id in sorted(owners):
        await clients.lock_client(books.conn, client_id)


def _entry(paid: Remittance, part: Part) -> Entry:
    return agency_remitted(
        remittance_id=paid.remittance_id,
        gross_cents=part.gross_cents,
        commission_cents=part.fee_cents,
        written_off_cents=part.recovered_cents,
        client_id=part.client_id,
        case_id=part.case_id,
        location_id=paid.location_id,
        effective_on=paid.received_on,
    )


async def recall(books: Books, name: str, by: str, reason: str, at: datetime) -> Placement:
    """Take a debt back from the agency; a repeat changes nothing."""
    case_id = await books.case_named(name)
    placed = await agency.of_case(books.conn, case_id)
    if placed is None:
        raise Refusal(f"{name} was never handed to an agency.")
    if placed.agency is None and placed.recalled_at is None:
        raise Refusal(
            "No agency has it yet: take the decision back,"
            f" `tieout review undo {placed.placement_id[:8]}`."
        )
    async with books.conn.transaction():
        await clients.lock_client(books.conn, placed.client_id)
        hold = hold_id(placed.placement_id, placed.client_id)
        await agency.recall(books.conn, placed.placement_id, hold, by, reason, at)
    return placed
