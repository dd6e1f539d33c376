"""Decides which open items a payment settles: automatically, as a proposal, or not at all.

Only exact facts match (rules 3.2): a reference, or exact amounts of one payer. Points only
rank what a person is shown. The same input gives the same answer, with its reasons.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import combinations

from domain.model import Record
from domain.money import dollars

_DUPLICATE_DAYS = 7
_BEFORE_ISSUE = timedelta(days=1)
_AFTER_DUE = timedelta(days=45)
_GROUP_SIZES = range(2, 6)
_GROUP_ITEMS_MAX = 24
_CANDIDATES_MAX = 3


class PaymentToMatch(Record):
    """A settled payment fact. `source` and `payment_id` identify it at its processor.

    `client_id` is the payer, `case_id` what the payment refers to, `visit_id` the PMS visit
    that it was taken on; each None when unknown. `paid_on` is the civil date at the location.
    """

    source: str
    payment_id: str
    location_id: str
    amount_cents: int
    currency: str
    paid_on: date
    client_id: str | None = None
    case_id: str | None = None
    visit_id: str | None = None
    is_from_pms: bool = False
    memo: str = ""


class OpenItem(Record):
    """A case's receivable. `payer_ids` are registered payers besides the client.

    Closed and void items are passed too, so that a reference to one is recognised.
    """

    case_id: str
    client_id: str
    number: str
    visit_id: str | None
    balance_cents: int
    issued_on: date
    due_on: date
    is_open: bool = True
    payer_ids: tuple[str, ...] = ()


class EarlierPayment(Record):
    """A payment already in the books, as far as it went to one case."""

    source: str
    payment_id: str
    client_id: str | None
    case_id: str
    amount_cents: int
    paid_on: date


class Allocation(Record):
    """Cents of a payment for one case."""

    case_id: str
    cents: int


class Candidate(Record):
    """Cases that a person is shown, best first; `points` of 100 only rank."""

    case_ids: tuple[str, ...]
    points: int
    reasons: tuple[str, ...]


class Matched(Record):
    """Certain: allocations plus `excess_cents` (to the client's credit) sum to the payment."""

    allocations: tuple[Allocation, ...]
    excess_cents: int
    tier: int
    notice: str | None
    trace: tuple[str, ...]


class Proposed(Record):
    """Exact but without a reference: one click of a person."""

    allocations: tuple[Allocation, ...]
    tier: int
    trace: tuple[str, ...]


class HeldPayment(Record):
    """Not certain: `code` is the review's. Booked to 2090 for a known payer, else 2095."""

    code: str
    account: str
    candidates: tuple[Candidate, ...]
    trace: tuple[str, ...]


Match = Matched | Proposed | HeldPayment


def match(
    payment: PaymentToMatch,
    items: Sequence[OpenItem],
    earlier: Sequence[EarlierPayment],
    *,
    location_id: str,
    currency: str,
    is_period_open: bool = True,
) -> Match:
    """What to do with a payment. `items`: those of the payer and the one referred to."""
    code = _gate(payment, earlier, location_id, currency, is_period_open)
    if code is not None:
        return _held(payment, code[0], code[1])
    ordered = sorted(items, key=lambda item: (item.issued_on, item.case_id))
    if payment.case_id is not None:
        return _by_reference(payment, ordered, earlier)
    mine = [item for item in ordered if _waits_for(item, payment)]
    second = _second_of(payment, {item.case_id for item in ordered}, earlier)
    if second is not None:
        return _duplicate(second)
    exact = [item for item in mine if item.balance_cents == payment.amount_cents]
    same_visit = [item for item in exact if _is_same_visit(item, payment)]
    if len(exact) == 1 or same_visit:
        return _single(payment, (same_visit or exact)[0], is_certain=bool(same_visit))
    if exact:
        return _ambiguous(payment, [(item,) for item in exact])
    if len(mine) > _GROUP_ITEMS_MAX:
        return _held(payment, "NO_REFERENCE", "the payer has too many open items", mine)
    groups = list(_exact_groups(payment.amount_cents, mine))
    if len(groups) == 1:
        return _proposed(payment, groups[0], 4, "one group of open items sums exactly")
    if groups:
        return _ambiguous(payment, groups)
    return _held(payment, "NO_REFERENCE", "nothing fits exactly", ordered)


def _gate(
    payment: PaymentToMatch,
    earlier: Sequence[EarlierPayment],
    location_id: str,
    currency: str,
    is_period_open: bool,
) -> tuple[str, str] | None:
    if payment.currency != currency:
        return "CURRENCY_MISMATCH", f"{payment.currency} at a location of {currency}"
    if payment.location_id != location_id:
        return "WRONG_INVOICE", "the payment belongs to another location"
    if payment.amount_cents <= 0:
        return "SANITY_BOUND", "the amount is not positive"
    seen = {(known.source, known.payment_id) for known in earlier}
    if (payment.source, payment.payment_id) in seen:
        return "LATE_EVENT", "the payment is in the books already"
    if not is_period_open:
        return "LATE_EVENT", "the payment's period is closed"
    return None


def _by_reference(
    payment: PaymentToMatch, items: Sequence[OpenItem], earlier: Sequence[EarlierPayment]
) -> Match:
    item = next((item for item in items if item.case_id == payment.case_id), None)
    if item is None:
        return _held(payment, "WRONG_INVOICE", "the reference is not one of ours", items)
    if payment.client_id not in (item.client_id, *item.payer_ids):
        return _held(payment, "WRONG_CLIENT", "the payer is not known for this client", items)
    second = _second_of(payment, {item.case_id}, earlier)
    if second is not None:
        return _duplicate(second)
    if not item.is_open:
        return _held(payment, "WRONG_INVOICE", f"{item.number} is void or closed", items)
    if item.balance_cents <= 0:
        return _held(payment, "OVERPAID", f"nothing is owed on {item.number}", items)
    applied = min(payment.amount_cents, item.balance_cents)
    excess = payment.amount_cents - applied
    return Matched(
        allocations=(Allocation(case_id=item.case_id, cents=applied),),
        excess_cents=excess,
        tier=1,
        notice=f"{dollars(excess)} over the balance became client credit" if excess else None,
        trace=(
            "the reference names the invoice and the payer belongs to it",
            f"{dollars(payment.amount_cents)} paid, {dollars(item.balance_cents)} owed",
        ),
    )


def _second_of(
    payment: PaymentToMatch, case_ids: set[str], earlier: Sequence[EarlierPayment]
) -> EarlierPayment | None:
    """The payment that this one seems to repeat: same payer, amount and case within a week."""
    if payment.client_id is None:
        return None
    for known in earlier:
        is_near = abs((payment.paid_on - known.paid_on).days) <= _DUPLICATE_DAYS
        is_alike = (known.client_id, known.amount_cents) == (
            payment.client_id,
            payment.amount_cents,
        )
        if is_near and is_alike and known.case_id in case_ids:
            return known
    return None


def _waits_for(item: OpenItem, payment: PaymentToMatch) -> bool:
    if payment.client_id is None or not item.is_open or item.balance_cents <= 0:
        return False
    is_timely = item.issued_on - _BEFORE_ISSUE <= payment.paid_on <= item.due_on + _AFTER_DUE
    return is_timely and payment.client_id in (item.client_id, *item.payer_ids)


def _is_same_visit(item: OpenItem, payment: PaymentToMatch) -> bool:
    return (
        payment.is_from_pms and payment.visit_id is not None and payment.visit_id == item.visit_id
    )


def _exact_groups(amount_cents: int, items: Sequence[OpenItem]) -> Iterable[tuple[OpenItem, ...]]:
    """Groups of 2 to 5 items that sum exactly: smallest first, then oldest."""
    for size in _GROUP_SIZES:
        for group in combinations(items, size):
            if sum(item.balance_cents for item in group) == amount_cents:
                yield group


def _single(payment: PaymentToMatch, item: OpenItem, *, is_certain: bool) -> Match:
    if not is_certain:
        return _proposed(payment, (item,), 3, "one open item of the payer has this balance")
    return Matched(
        allocations=(Allocation(case_id=item.case_id, cents=payment.amount_cents),),
        excess_cents=0,
        tier=3,
        notice=None,
        trace=("the PMS took it on the same visit, whose balance it is exactly",),
    )


def _proposed(payment: PaymentToMatch, group: Sequence[OpenItem], tier: int, why: str) -> Proposed:
    numbers = ", ".join(item.number for item in group)
    return Proposed(
        allocations=tuple(
            Allocation(case_id=item.case_id, cents=item.balance_cents) for item in group
        ),
        tier=tier,
        trace=(why, f"{dollars(payment.amount_cents)} for {numbers}"),
    )


def _ambiguous(payment: PaymentToMatch, groups: Sequence[Sequence[OpenItem]]) -> HeldPayment:
    candidates = tuple(
        Candidate(
            case_ids=tuple(item.case_id for item in group),
            points=min(_rank(payment, item)[0] for item in group),
            reasons=("sums exactly: " + ", ".join(item.number for item in group),),
        )
        for group in groups[:_CANDIDATES_MAX]
    )
    why = f"{len(groups)} ways to match exactly"
    return HeldPayment(code="AMBIGUOUS_GROUP", account="2090", candidates=candidates, trace=(why,))


def _duplicate(second: EarlierPayment) -> HeldPayment:
    why = f"the same payer paid the same on {second.paid_on.isoformat()}"
    candidate = Candidate(case_ids=(second.case_id,), points=100, reasons=(why,))
    return HeldPayment(
        code="DUPLICATE_SUSPECTED", account="2090", candidates=(candidate,), trace=(why,)
    )


def _held(
    payment: PaymentToMatch, code: str, why: str, items: Sequence[OpenItem] = ()
) -> HeldPayment:
    ranked = [
        Candidate(case_ids=(item.case_id,), points=points, reasons=reasons)
        for item in items
        if item.is_open and item.balance_cents > 0
        for points, reasons in [_rank(payment, item)]
        if points
    ]
    ranked.sort(key=lambda candidate: -candidate.points)
    return HeldPayment(
        code=code,
        account="2095" if payment.client_id is None else "2090",
        candidates=tuple(ranked[:_CANDIDATES_MAX]),
        trace=(why,),
    )


def _rank(payment: PaymentToMatch, item: OpenItem) -> tuple[int, tuple[str, ...]]:
    """Points of 100 with their reasons: amount 45, payer 30, date 15, memo 10 (rules 3.2)."""
    is_exact = payment.amount_cents == item.balance_cents
    is_payer = payment.client_id is not None and payment.client_id in (
        item.client_id,
        *item.payer_ids,
    )
    days = abs((payment.paid_on - item.issued_on).days)
    is_named = item.number.casefold() in payment.memo.casefold().split()
    grades = (
        (45 * is_exact, "the balance is exactly this amount"),
        (30 * is_payer, "the payer belongs to it"),
        (max(0, 15 * (30 - max(days, 2)) // 28), f"{days} days from its issue"),
        (10 * is_named, "the memo names it"),
    )
    return sum(points for points, _ in grades), tuple(why for points, why in grades if points)
