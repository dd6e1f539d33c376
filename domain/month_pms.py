"""What the PMS shows of each visit's money, and what lenders owe, against the books."""

from collections.abc import Mapping, Sequence
from datetime import date

from domain.model import Record
from domain.month_keys import AGENCY_PAID, APPLIED, BILLED, base_event, thing_of
from domain.month_rows import Applied, BookLine, Deposit, Lent, Paid
from domain.tie import Side, Tie, tie

NOT_THERE_YET = "The PMS does not show the lender's part yet."
LENDER = "lender"
"""Kind of a payment that is a lender's part: its debt to the practice, not money yet."""


class Shown(Record):
    """What the PMS showed of a visit when it was read last."""

    case_id: str
    desk_cents: int
    ours_cents: int
    unpaid_cents: int


class Task(Record):
    """The desk was asked to record in the PMS what was paid online."""

    case_id: str
    review_id: str
    money_cents: int
    decided_by: str | None = None


def pms_paid(
    shown: Sequence[Shown],
    paid: Sequence[Paid],
    applied: Sequence[Applied],
    tasks: Sequence[Task],
    names: Mapping[str, str],
    until: date,
) -> Tie:
    """Paid per visit: what the PMS shows against our payments on it, both as they stand now."""
    ours, theirs = Side(until), Side(until)
    online = _online(paid, applied)
    known: dict[str, tuple[int, str]] = {}
    desk: dict[str, int] = {}
    for payment in paid:
        if (payment.outside or payment.kind == LENDER) and payment.case_id is not None:
            desk[payment.case_id] = desk.get(payment.case_id, 0) + payment.cents
    asked, part = _asked(tasks), _parts(paid)
    for each in shown:
        key, online_cents = each.case_id, online.get(each.case_id, 0)
        ours.add(key, desk.get(key, 0) + online_cents, until)
        theirs.add(key, each.desk_cents + each.ours_cents, until)
        if key in asked and desk.get(key, 0) == each.desk_cents:
            known[key] = (online_cents - each.ours_cents, asked[key])
        elif part.get(key) and desk.get(key, 0) - part[key] == each.desk_cents:
            known[key] = (part[key], NOT_THERE_YET)
    never = len((desk.keys() | online.keys()) - {each.case_id for each in shown})
    return tie(
        "PMS_PAID",
        "Paid per visit in the PMS",
        ("our payments", ours),
        ("the PMS", theirs),
        names=names,
        known=known,
        note="As the PMS was read last."
        + (f" {never} paid visits were not read since this is kept." if never else ""),
    )


def pms_owed(
    shown: Sequence[Shown],
    receivable: Sequence[BookLine],
    paid: Sequence[Paid],
    applied: Sequence[Applied],
    tasks: Sequence[Task],
    names: Mapping[str, str],
    until: date,
) -> Tie:
    """Unpaid per visit: what the PMS shows against our balance, both as they stand now."""
    ours, theirs = Side(until), Side(until)
    online, asked, part = _online(paid, applied), _asked(tasks), _parts(paid)
    owed: dict[str, int] = {}
    decided: dict[str, int] = {}
    for line in receivable:
        case_id = line.case_id or ""
        owed[case_id] = owed.get(case_id, 0) + line.cents
        is_decided = line.decided_by and base_event(line.event) not in BILLED | APPLIED
        if is_decided or line.event == AGENCY_PAID:
            decided[case_id] = decided.get(case_id, 0) + line.cents
    known: dict[str, tuple[int, str]] = {}
    for each in shown:
        key = each.case_id
        ours.add(key, owed.get(key, 0), until)
        theirs.add(key, each.unpaid_cents, until)
        missing_cents = online.get(key, 0) - each.ours_cents if key in asked else 0
        if missing_cents or decided.get(key):
            why = asked.get(key, "A person has decided on it; the PMS still shows it.")
            known[key] = (decided.get(key, 0) - missing_cents, why)
        elif part.get(key) and owed.get(key, 0) + part[key] == each.unpaid_cents:
            known[key] = (-part[key], NOT_THERE_YET)
    return tie(
        "PMS_OWED",
        "Unpaid per visit in the PMS",
        ("our balances", ours),
        ("the PMS", theirs),
        names=names,
        known=known,
        note="As the PMS was read last; it prices visits by itself.",
    )


def lenders(
    lines: Sequence[BookLine],
    lent: Sequence[Lent],
    paid: Sequence[Paid],
    deposits: Sequence[Deposit],
    held: Sequence[BookLine],
    until: date,
) -> Tie:
    """1030 against the lenders' parts of the visits and their deposits.

    `held` are lines of money without a place: a deposit among them waits for a person there.
    """
    books, facts = Side(until), Side(until)
    told = {f"deposit:{each.funding_id}": each for each in deposits}
    seen = {thing_of(line.key, line.entry_id) for line in held}
    for line in lines:
        key, thing = line.case_id or f"entry {line.entry_id}", thing_of(line.key, line.entry_id)
        books.add(key, line.cents, line.on)
        seen.add(thing)
        deposit = told.get(thing)
        if line.decided_by:
            facts.add(key, line.cents, line.on)
        elif deposit is not None:
            is_back = line.key.startswith("lender-taken-back|")
            cents = deposit.net_cents if is_back else -deposit.gross_cents
            facts.add(key, cents, deposit.on if not is_back else line.on)
    for each in lent:
        facts.add(each.case_id, each.cents, each.on)
    for payment in paid:
        if payment.kind == LENDER:
            facts.add(payment.case_id or payment.payment_id, payment.cents, payment.on)
    for thing, deposit in told.items():
        if thing not in seen and deposit.state == "completed":
            facts.add(f"{thing} of loan {deposit.loan_id}", -deposit.gross_cents, deposit.on)
    loans = {each.case_id: f"loan {each.reference} on {each.case_id}" for each in lent}
    return tie(
        "LENDERS",
        "Lenders (1030)",
        ("the ledger", books),
        ("the invoices and the lenders", facts),
        names=loans,
    )


def _online(paid: Sequence[Paid], applied: Sequence[Applied]) -> dict[str, int]:
    """Case -> what of our processor's payments is applied to it."""
    inside = {each.payment_id for each in paid if not each.outside and each.kind != LENDER}
    found: dict[str, int] = {}
    for part in applied:
        if part.payment_id in inside:
            found[part.case_id] = found.get(part.case_id, 0) + part.cents
    return found


def _parts(paid: Sequence[Paid]) -> dict[str, int]:
    """Case -> what lenders pay of it."""
    found: dict[str, int] = {}
    for each in paid:
        if each.kind == LENDER and each.case_id is not None:
            found[each.case_id] = found.get(each.case_id, 0) + each.cents
    return found


def _asked(tasks: Sequence[Task]) -> Mapping[str, str]:
    return {
        task.case_id: f"{task.decided_by} says it was recorded there by hand."
        if task.decided_by
        else f"Question {task.review_id[:8]} asks the desk to record it there."
        for task in tasks
    }
