"""The ledger against itself and against the documents and decisions that it comes from."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from domain import entries, ids
from domain.invoice import PricedInvoice
from domain.model import Record
from domain.money import dollars
from domain.month_keys import (
    AGENCY_PAID,
    APPLIED,
    BILLED,
    NO_PAYOUT_YET,
    TAKEN_BACK,
    base_event,
    is_under_way,
    thing_of,
)
from domain.month_rows import (
    Applied,
    Billed,
    BookLine,
    Leaking,
    LotChange,
    Remitted,
    Signed,
    Unsourced,
)
from domain.tie import Item, Side, Tie, tie


class Issued(Record):
    """A document with what it was priced to, and the one before it."""

    document_id: str
    number: str
    case_id: str
    client_id: str
    location_id: str
    on: date
    priced: PricedInvoice
    before: PricedInvoice | None = None


def balance(sides: Mapping[str, tuple[int, int]], until: date) -> Tie:
    """Debits and credits, entry by entry."""
    debits, credits = Side(until), Side(until)
    for entry_id, (debit_cents, credit_cents) in sides.items():
        key = f"entry {entry_id}" if entry_id else "balanced entries"
        debits.add(key, debit_cents, until)
        credits.add(key, credit_cents, until)
    return tie("BALANCE", "Trial balance", ("debits", debits), ("credits", credits))


def receivable(
    lines: Sequence[BookLine],
    documents: Sequence[Billed],
    applied: Sequence[Applied],
    names: Mapping[str, str],
    behind: Mapping[str, str],
    remitted: Sequence[Remitted],
    until: date,
) -> Tie:
    """1100 against the open invoices: what was billed, less what was applied or decided.

    What is neither a document nor a payment is accounted for by the person who decided it.
    `behind` names the payment of a refund or dispute: it counts for less since.
    """
    books, invoices = Side(until), Side(until)
    for line in lines:
        event, thing = base_event(line.event), thing_of(line.key, line.entry_id)
        if event in TAKEN_BACK and thing in behind:
            books.add(f"payment:{behind[thing]}|{line.case_id}", line.cents, line.on)
            continue
        if event in APPLIED or event == AGENCY_PAID:
            books.add(f"{thing}|{line.case_id}", line.cents, line.on)
            continue
        key = thing if event in BILLED else f"entry:{line.entry_id}"
        books.add(key, line.cents, line.on)
        # A plan of the practice's own that the patient signed is a source as well.
        if event not in BILLED and (line.decided_by or thing.startswith("plan:")):
            invoices.add(key, line.cents, line.on)
    for document in documents:
        invoices.add(f"document:{document.document_id}", document.cents, document.on)
    for each in applied:
        invoices.add(f"payment:{each.payment_id}|{each.case_id}", -each.cents, each.on)
    for paid in remitted:
        invoices.add(f"agency:{paid.remittance_id}|{paid.case_id}", -paid.cents, paid.on)
    shown = {f"document:{each.document_id}": f"invoice {each.number}" for each in documents}
    for each in applied:
        key = f"payment:{each.payment_id}"
        shown[f"{key}|{each.case_id}"] = f"{names.get(key, key)} on {each.case_id}"
    for paid in remitted:
        key = f"agency:{paid.remittance_id}|{paid.case_id}"
        shown[key] = f"the agency's {paid.reference} on {paid.case_id}"
    return tie(
        "RECEIVABLE",
        "Receivables (1100)",
        ("the ledger", books),
        ("the open invoices", invoices),
        names=shown,
    )


def invoices(issued: Sequence[Issued], posted: Mapping[str, Mapping[str, int]], until: date) -> Tie:
    """Every document of the month as it was priced, against its entry, account by account."""
    books, priced = Side(until), Side(until)
    names = {}
    billed_cents = ledger_cents = 0
    for each in issued:
        wanted = _entry_of(each)
        found = posted.get(each.document_id, {})
        for account in sorted(wanted.keys() | found.keys()):
            key = f"{each.number}|{account}"
            names[key] = f"invoice {each.number}, account {account}"
            books.add(key, found.get(account, 0), each.on)
            priced.add(key, wanted.get(account, 0), each.on)
        billed_cents += wanted.get("1100", 0)
        ledger_cents += found.get("1100", 0)
    found_tie = tie(
        "INVOICES",
        "Invoices of the month",
        ("the ledger", books),
        ("the invoices as issued", priced),
        names=names,
        note="Revenue, tax, tips, draws and tenders too: each account of each invoice.",
    )
    return found_tie.model_copy(update={"ours_cents": ledger_cents, "theirs_cents": billed_cents})


def _entry_of(document: Issued) -> dict[str, int]:
    ids = {
        "document_id": document.document_id,
        "case_id": document.case_id,
        "client_id": document.client_id,
        "location_id": document.location_id,
    }
    if document.before is None:
        made = entries.visit_issued(**ids, effective_on=document.on, priced=document.priced)
    else:
        made = entries.visit_amended(
            **ids,
            effective_on=document.on,
            before=document.before,
            after=document.priced,
            corrects=None,
        )
    cents: dict[str, int] = {}
    for line in made.postings if made else ():
        net_cents = line.debit_cents - line.credit_cents
        cents[line.account] = cents.get(line.account, 0) + net_cents
    return cents


def sources(of_month: Sequence[Unsourced], known: Collection[str], until: date) -> Tie:
    """Every entry of the month comes from a fact that is kept, or from a person's decision."""
    books, facts = Side(until), Side(until)
    names, known_yet = {}, {}
    for each in of_month:
        key = f"entry:{each.entry_id}"
        names[key] = f"entry {each.entry_id} ({each.event})"
        books.add(key, each.cents, each.on)
        if each.is_decided or thing_of(each.key, each.entry_id) in known:
            facts.add(key, each.cents, each.on)
        elif is_under_way(thing_of(each.key, each.entry_id), each.on, until):
            known_yet[key] = (each.cents, NO_PAYOUT_YET)
    return tie(
        "SOURCES",
        "Entries of the month",
        ("the ledger", books),
        ("the facts and decisions behind it", facts),
        names=names,
        known=known_yet,
    )


def owed(
    account: str,
    name: str,
    kind: str,
    lines: Sequence[BookLine],
    changes: Sequence[LotChange],
    until: date,
) -> Tie:
    """A liability's account against what is left in the lots, client by client, as it is owed."""
    books, lots = Side(until), Side(until)
    for line in lines:
        books.add(f"client {line.client_id or 'nobody'}", -line.cents, line.on)
    for change in changes:
        if change.kind == kind:
            lots.add(f"client {change.client_id}", change.cents, change.on)
    return tie(f"OWED_{account}", f"{name} ({account})", ("the ledger", books), ("the lots", lots))


OVER = "Signed over more than the visit owed; a person was asked."


def installments(
    lines: Sequence[BookLine], signed: Sequence[Signed], documents: Sequence[Billed], until: date
) -> Tie:
    """1105 against the practice's own plans: what was signed, less what was billed or given up."""
    books, plans = Side(until), Side(until)
    booked_cents: dict[str, int] = {}
    for line in lines:
        plan = thing_of(line.key, line.entry_id).removeprefix("plan:")
        if plan.startswith("plan/"):
            booked_cents[plan] = booked_cents.get(plan, 0) + line.cents
        else:
            plan = ids.plan_of_installment(line.case_id or "") or plan
        books.add(plan, line.cents, line.on)
    known = {}
    signed_cents: dict[str, int] = {}
    for each in signed:
        plans.add(each.plan, each.cents, each.on)
        signed_cents[each.plan] = signed_cents.get(each.plan, 0) + each.cents
    for each in signed:
        over_cents = signed_cents[each.plan] - booked_cents.get(each.plan, 0)
        if each.is_over_asked and over_cents > 0:
            known[each.plan] = (-over_cents, OVER)
    for document in documents:
        if plan_id := ids.plan_of_installment(document.case_id):
            plans.add(plan_id, -document.cents, document.on)
    return tie(
        "INSTALMENTS",
        "Instalments not yet due (1105)",
        ("the ledger", books),
        ("the plans as signed", plans),
        known=known,
    )


def as_it_stands(
    code: str,
    title: str,
    lines: Sequence[BookLine],
    facts: tuple[str, Mapping[str, int]],
    sign: int,
    until: date,
) -> Tie:
    """An account against facts that are kept as they stand now, client by client."""
    books, now = Side(until), Side(until)
    for line in lines:
        books.add(f"client {line.client_id or 'nobody'}", sign * line.cents, until)
    for client_id, cents in facts[1].items():
        now.add(f"client {client_id}", cents, until)
    return tie(code, title, ("the ledger", books), (facts[0], now), note="As they stand now.")


def units(leaking: Sequence[Leaking], lot_count: int) -> Tie:
    """No unit made or lost: what is left in a lot is what its movements leave (invariant 7)."""
    items = tuple(
        Item(
            name=f"lot {lot.lot_id}",
            kind="off",
            ours_cents=0,
            theirs_cents=0,
            off_cents=lot.off_cents or 1,
            why=f"It holds {lot.off_quantity:+} units and {dollars(lot.off_cents)} more than its"
            " movements leave.",
        )
        for lot in leaking
    )
    return Tie(
        code="UNITS",
        title="Units in lots",
        ours="what is left",
        theirs="opening and movements",
        ours_cents=0,
        theirs_cents=0,
        items=items,
        note=f"{lot_count} lots conserved, in units and cents." if not items else None,
    )
