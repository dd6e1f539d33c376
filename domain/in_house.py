"""Plans that the practice lends itself: their schedule, their limits, and their CSV file."""

import csv
import io
from collections.abc import Mapping, Set
from datetime import date, datetime, time, timedelta

from domain import calendar
from domain.bank import BadRow
from domain.lender_contracts import CONTRACTS
from domain.lender_news import is_opaque
from domain.model import Record, input_hash
from domain.money import cents_of, split
from domain.plan_case import Installment, Lender, PlanStatus
from domain.plan_facts import FactSource, PlanFact

FREE_INSTALLMENTS_MAX = 4
"""A written agreement with more instalments, or with any finance charge, makes the practice a
creditor who owes disclosures (12 CFR 1026.2(a)(17)): it starts with their document alone."""
INSTALLMENTS_MAX = 60
COLUMNS = (
    "plan_id", "patient_ref", "visit_ref", "signed_on", "total", "installments", "first_due_on",
    "every", "sessions", "finance_charge", "disclosure_id", "status", "as_of",
)  # fmt: skip
_DAYS = {"week": 7, "2 weeks": 14, "month": 0}


class Terms(Record):
    """What a patient signed: `every` is week, 2 weeks or month."""

    total_cents: int
    installments: int
    first_due_on: date
    every: str
    finance_charge_cents: int = 0
    disclosure_id: str | None = None


class PlanFile(Record):
    """A file read: good plans and bad rows by line. One bad row holds back no other."""

    rows: int
    facts: tuple[PlanFact, ...]
    bad: tuple[BadRow, ...]


def terms_problem(terms: Terms, signed_on: date) -> str | None:
    """Why a plan with these terms cannot start, in one sentence; None when it can."""
    if not 0 < terms.installments <= INSTALLMENTS_MAX:
        return f"A plan has 1 to {INSTALLMENTS_MAX} instalments."
    if terms.total_cents < terms.installments or terms.finance_charge_cents < 0:
        return "Each instalment is at least a cent."
    if terms.every not in _DAYS:
        return f"Instalments fall due every {', '.join(_DAYS)}."
    if terms.first_due_on < signed_on:
        return "The first instalment falls due before the plan is signed."
    is_credit = terms.installments > FREE_INSTALLMENTS_MAX or terms.finance_charge_cents > 0
    if is_credit and not terms.disclosure_id:
        return (
            f"More than {FREE_INSTALLMENTS_MAX} instalments or a finance charge need the id of the"
            " signed disclosure document."
        )
    return None


def agreed_terms(owed_cents: int, at_most_cents: int, first_due_on: date) -> Terms:
    """As few equal monthly instalments as keep each at or below `at_most_cents`, above zero."""
    return Terms(
        total_cents=owed_cents,
        installments=-(-owed_cents // at_most_cents),
        first_due_on=first_due_on,
        every="month",
    )


def schedule(terms: Terms) -> tuple[Installment, ...]:
    """Instalments that sum to total and charge; a month's last day stands for a missing one."""
    whole = terms.total_cents + terms.finance_charge_cents
    return tuple(
        Installment(number=n + 1, due_on=_due(terms, n), amount_cents=cents)
        for n, cents in enumerate(split(whole, [1] * terms.installments))
    )


def with_rest(
    parts: tuple[Installment, ...], billed: Set[int], rest_cents: int, due_on: date
) -> tuple[Installment, ...]:
    """What was billed of a plan that has ended, and all that is left as one last instalment."""
    number = max((part.number for part in parts), default=0) + 1
    last = Installment(number=number, due_on=due_on, amount_cents=rest_cents, is_rest=True)
    return (*(part for part in parts if part.number in billed), last)


def _due(terms: Terms, n: int) -> date:
    days = _DAYS[terms.every]
    if days:
        return terms.first_due_on + timedelta(days=days * n)
    return calendar.add_months(terms.first_due_on, n)


def signed(
    terms: Terms,
    *,
    location_id: str,
    plan_id: str,
    key: str,
    as_of: datetime,
    observed_at: datetime,
    source: FactSource,
    status: PlanStatus = PlanStatus.ACCEPTED,
    patient_ref: str | None = None,
    client_id: str | None = None,
    visit_ref: str | None = None,
    sessions: int | None = None,
) -> PlanFact:
    """The fact of a plan that a patient signed; its terms must have no problem."""
    parts = schedule(terms)
    return PlanFact(
        location_id=location_id,
        lender=Lender.IN_HOUSE,
        plan_id=plan_id,
        source=source,
        key=key,
        as_of=as_of,
        observed_at=observed_at,
        status=status,
        contract_id=plan_id,
        patient_ref=patient_ref,
        client_id=client_id,
        visit_ref=visit_ref,
        financed_cents=terms.total_cents + terms.finance_charge_cents,
        monthly_cents=parts[0].amount_cents,
        payments_planned=len(parts),
        first_payment_on=parts[0].due_on,
        final_payment_on=parts[-1].due_on,
        sessions_planned=sessions,
        installments=parts,
    )


def read_file(raw: bytes, *, location_id: str, zone: str, observed_at: datetime) -> PlanFile:
    """The plans of a CSV file. Raises ValueError when it is none."""
    try:
        reader = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    names = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    lacking = [name for name in COLUMNS[:7] if name not in names]
    if lacking:
        raise ValueError(f"the first row lacks {', '.join(lacking)}")
    facts, bad, rows = [], [], 0
    for row in reader:
        cells = {name: (row.get(names.get(name, "")) or "").strip() for name in COLUMNS}
        rows += 1
        try:
            facts.append(_fact(cells, location_id, zone, observed_at))
        except ValueError as problem:
            bad.append(BadRow(row=reader.line_num, why=str(problem)))
    return PlanFile(rows=rows, facts=tuple(facts), bad=tuple(bad))


def _fact(cells: Mapping[str, str], location_id: str, zone: str, observed_at: datetime) -> PlanFact:
    for name in ("plan_id", "patient_ref"):
        if not is_opaque(cells[name]):
            raise ValueError(f"{name} is missing or no id of letters, digits and -_.")
    signed_on = _date(cells, "signed_on")
    terms = Terms(
        total_cents=_cents(cells, "total"),
        installments=_count(cells, "installments"),
        first_due_on=_date(cells, "first_due_on"),
        every=cells["every"].lower() or "month",
        finance_charge_cents=_cents(cells, "finance_charge") if cells["finance_charge"] else 0,
        disclosure_id=cells["disclosure_id"] or None,
    )
    problem = terms_problem(terms, signed_on)
    if problem:
        raise ValueError(problem.rstrip(".").replace("A plan", "a plan", 1))
    status = CONTRACTS[Lender.IN_HOUSE].status_of(cells["status"] or "signed")
    if status is PlanStatus.UNKNOWN:
        raise ValueError("status is none of signed, active, cancelled, paid_off")
    if status is not PlanStatus.ACCEPTED and not cells["as_of"]:
        raise ValueError("as_of is missing: the day on which the plan was cancelled or paid off")
    # The day that a row speaks of, not the day of the import: files may come in any order.
    as_of = _date(cells, "as_of") if cells["as_of"] else signed_on
    return signed(
        terms,
        location_id=location_id,
        plan_id=cells["plan_id"],
        key=f"csv/{input_hash(dict(cells))[:24]}",
        as_of=calendar.instant(as_of, time(12, 0), zone),
        observed_at=observed_at,
        source=FactSource.FILE,
        status=status,
        patient_ref=cells["patient_ref"],
        visit_ref=cells["visit_ref"] if is_opaque(cells["visit_ref"]) else None,
        sessions=_count(cells, "sessions") if cells["sessions"] else None,
    )


def _date(cells: Mapping[str, str], name: str) -> date:
    try:
        return date.fromisoformat(cells[name])
    except ValueError:
        raise ValueError(f"{name} is no date like 2026-11-02") from None


def _cents(cells: Mapping[str, str], name: str) -> int:
    cents = cents_of(cells[name])
    if cents is None or cents < 0:
        raise ValueError(f"{name} is no amount like 1,234.50")
    return cents


def _count(cells: Mapping[str, str], name: str) -> int:
    if not cells[name].isascii() or not cells[name].isdigit() or len(cells[name]) > 3:
        raise ValueError(f"{name} is no whole number")
    return int(cells[name])
