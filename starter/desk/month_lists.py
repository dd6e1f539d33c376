"""The lists below the tie-out: debts by age, roll-forwards, held money, open questions."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from domain.month import Month
from domain.month_end import AccountLine, Aged, Debts, Earned, Roll, Waiting, by_age
from domain.month_keys import thing_of
from domain.month_rows import Billed, BookLine, LotChange, OpenQuestion, Paid
from domain.reviews import TOPICS

_CHANGES = {
    "opened": "brought in",
    "sold": "sold",
    "draw": "drawn",
    "return": "given back",
    "refund": "refunded",
    "expire": "expired",
}
_LEDGER_ONLY = (
    ("2070", "Sales tax"),
    ("2080", "Tips payable"),
    ("2090", "Unapplied cash"),
    ("2095", "Unidentified receipts"),
    ("2100", "Refunds payable"),
    ("2110", "Unclaimed property"),
)


_AT_AGENCY = "patients, through an agency"


def earned(balances: Sequence[AccountLine], paid: Sequence[Paid], month: Month) -> Earned:
    """Income, costs and money received in the month."""
    received: dict[str, int] = {}
    for each in paid:
        if month.first <= each.on <= month.last:
            where = f"{each.kind} at the desk" if each.outside else "online"
            received[where] = received.get(where, 0) + each.cents
    moved = {line: line.credits_cents - line.debits_cents for line in balances}
    return Earned(
        income={
            f"{line.account} {line.name}": cents
            for line, cents in moved.items()
            if line.account.startswith("4") and cents
        },
        costs={
            f"{line.account} {line.name}": -cents
            for line, cents in moved.items()
            if line.account.startswith("6") and cents
        },
        received=dict(sorted(received.items())),
    )


def debts(
    lines: Sequence[BookLine],
    documents: Sequence[Billed],
    due_days: int,
    at_agency: Collection[str],
    until: date,
) -> tuple[Debts, ...]:
    """Who owes what at the month's end; a patient's debt is as old as its first invoice.

    `at_agency` are visits whose debt was handed over: theirs are a list of their own.
    """
    first: dict[str, Billed] = {}
    for document in documents:
        first.setdefault(document.case_id, document)
    found = []
    for account, who, days in (
        ("1100", "patients", due_days),
        ("1100", _AT_AGENCY, due_days),
        ("1030", "lenders", 0),
        ("1105", "instalments not yet due", 0),
        ("1130", "manufacturers", 0),
        ("1120", "the processor, for disputes", 0),
    ):
        is_theirs = who == _AT_AGENCY
        owed = _by_case(
            [
                line
                for line in lines
                if line.account == account
                and (account != "1100" or (line.case_id in at_agency) == is_theirs)
            ],
            until,
        )
        items = [
            Aged(
                ref=ref,
                cents=cents,
                days=(until - (since + timedelta(days=days))).days,
                since=first[ref].on if ref in first else since,
                number=first[ref].number if ref in first else None,
            )
            for ref, (cents, since) in owed.items()
            if cents
        ]
        items.sort(key=lambda item: (-item.days, item.ref))
        if items:
            total_cents = sum(item.cents for item in items)
            found.append(
                Debts(who=who, cents=total_cents, by_age=by_age(items), items=tuple(items))
            )
    return tuple(found)


def _by_case(lines: Sequence[BookLine], until: date) -> dict[str, tuple[int, date]]:
    owed: dict[str, tuple[int, date]] = {}
    for line in lines:
        if line.on <= until:
            ref = line.case_id or line.client_id or line.entry_id
            cents, since = owed.get(ref, (0, line.on))
            owed[ref] = (cents + line.cents, min(since, line.on))
    return owed


def rolls(
    changes: Sequence[LotChange],
    balances: Sequence[AccountLine],
    kinds: Sequence[tuple[str, str, str]],
    month: Month,
) -> tuple[Roll, ...]:
    """Each liability: what was owed, what the month changed, what is owed."""
    closing = {line.account: line for line in balances}
    found = [
        _roll(account, name, [c for c in changes if c.kind == kind], closing.get(account), month)
        for account, name, kind in kinds
    ]
    for account, name in _LEDGER_ONLY:
        line = closing.get(account)
        if line is not None:
            found.append(
                Roll(
                    account=account,
                    name=name,
                    opening_cents=-line.opening_cents,
                    changes={
                        name: cents
                        for name, cents in (
                            ("more", line.credits_cents),
                            ("less", -line.debits_cents),
                        )
                        if cents
                    },
                    closing_cents=-line.closing_cents,
                    ledger_cents=-line.closing_cents,
                    sources="the ledger alone",
                )
            )
    return tuple(found)


def _roll(
    account: str,
    name: str,
    changes: Sequence[LotChange],
    line: AccountLine | None,
    month: Month,
) -> Roll:
    cents = dict.fromkeys(("opening", *_CHANGES), 0)
    units = {each: Decimal(0) for each in cents}
    for change in changes:
        if change.on > month.last:
            continue
        column = "opening" if change.on < month.first else change.change
        cents[column] += change.cents
        units[column] += change.quantity
    shown = {label: cents[each] for each, label in _CHANGES.items() if cents[each]}
    return Roll(
        account=account,
        name=name,
        opening_cents=cents["opening"],
        changes=shown,
        closing_cents=sum(cents.values()),
        ledger_cents=-line.closing_cents if line else 0,
        units=_units(units) if any(units.values()) else None,
    )


def _units(units: Mapping[str, Decimal]) -> dict[str, str]:
    named = {"opening": units["opening"]}
    named |= {label: units[each] for each, label in _CHANGES.items() if units[each]}
    named["closing"] = sum(units.values(), Decimal(0))
    return {label: f"{value.normalize():f}" for label, value in named.items()}


def held(lines: Sequence[BookLine], names: Mapping[str, str], until: date) -> tuple[Aged, ...]:
    """Money without a place, by payment, oldest first."""
    sums: dict[str, tuple[int, date, str]] = {}
    for line in lines:
        if line.on <= until:
            key = thing_of(line.key, line.entry_id)
            cents, since, _ = sums.get(key, (0, line.on, ""))
            note = "payer not known" if line.account == "2095" else "payer known, place not"
            sums[key] = (cents - line.cents, min(since, line.on), note)
    items = [
        Aged(
            ref=names.get(key, key), cents=cents, days=(until - since).days, since=since, note=note
        )
        for key, (cents, since, note) in sums.items()
        if cents
    ]
    return tuple(sorted(items, key=lambda item: (-item.days, item.ref)))


def waiting(questions: Sequence[OpenQuestion], until: date) -> tuple[Waiting, ...]:
    """Open questions by code, the most money first."""
    codes: dict[str, list[OpenQuestion]] = {}
    for question in questions:
        codes.setdefault(question.code, []).append(question)
    found = []
    for code, several in codes.items():
        owners: dict[str, int] = {}
        for question in several:
            owner = question.owner or "nobody"
            owners[owner] = owners.get(owner, 0) + 1
        topic = TOPICS.get(code)
        found.append(
            Waiting(
                code=code,
                title=topic.title if topic else code,
                count=len(several),
                money_cents=sum(question.money_cents for question in several),
                oldest_days=max((until - question.opened_on).days for question in several),
                owners=owners,
                reviews=tuple(question.review_id for question in several),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.money_cents, one.code)))
