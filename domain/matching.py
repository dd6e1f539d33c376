"""Decides which open items a payment settles: automatically, as a proposal, or not at all.

Only exact facts match (rules 3.2): a reference, or exact amounts of one payer. Points only
rank what a person is shown. The same input gives the same answer, with its reasons.
"""

from collections.abc import Callable, Sequence

from domain.matching_gate import gate, second_of
from domain.matching_groups import exact_groups
from domain.matching_lender import by_loan
from domain.matching_policy import DEFAULT_POLICY, MatchPolicy, TierRecord
from domain.matching_score import held
from domain.matching_settle import ambiguous, named, propose, settle, whole
from domain.matching_types import (
    Allocation,
    Asked,
    Candidate,
    Closing,
    EarlierPayment,
    FinancedItem,
    HeldPayment,
    Instalment,
    Match,
    Matched,
    OpenItem,
    PaymentToMatch,
    Proposed,
    is_payer,
)
from domain.money import dollars

__all__ = [
    "Allocation",
    "Candidate",
    "Closing",
    "EarlierPayment",
    "FinancedItem",
    "HeldPayment",
    "Match",
    "Matched",
    "OpenItem",
    "PaymentToMatch",
    "Proposed",
    "match",
]


def match(
    payment: PaymentToMatch,
    items: Sequence[OpenItem],
    earlier: Sequence[EarlierPayment],
    *,
    location_id: str,
    currency: str,
    is_period_open: bool = True,
    account_id: str | None = None,
    loans: Sequence[FinancedItem] = (),
    policy: MatchPolicy = DEFAULT_POLICY,
    record: Sequence[TierRecord] = (),
) -> Match:
    """What to do with a payment. `items`: those of the payer and the one referred to.

    The order of items, loans, earlier payments and records never matters. `account_id` is the
    location's account at the processor, `record` what people made of the tiers' earlier answers.
    """
    asked = Asked(
        payment=payment,
        items=tuple(sorted(items, key=lambda item: (item.issued_on, item.case_id))),
        loans=tuple(sorted(loans, key=lambda loan: (loan.signed_on, loan.case_id, loan.loan_id))),
        earlier=tuple(sorted(earlier, key=_when)),
        policy=policy,
        record=tuple(record),
        location_id=location_id,
        currency=currency,
        account_id=account_id,
        is_period_open=is_period_open,
    )
    tried: list[str] = []
    for tier in _TIERS:
        answer = tier(asked)
        if not isinstance(answer, str):
            return answer.model_copy(update={"tried": tuple(tried)})
        if answer:
            tried.append(answer)
    why = "nothing fits exactly"
    return held(asked, "NO_REFERENCE", why, asked.items).model_copy(update={"tried": tuple(tried)})


def _when(known: EarlierPayment) -> tuple[str, ...]:
    return (known.paid_on.isoformat(), known.source, known.payment_id, known.case_id or "")


def _by_reference(asked: Asked) -> Match | str:
    """Tier 1: our invoice is named and the payer belongs to it."""
    payment = asked.payment
    if payment.case_id is None:
        return "tier 1: it names no invoice of ours"
    item = next((item for item in asked.items if item.case_id == payment.case_id), None)
    if item is None:
        return held(asked, "WRONG_INVOICE", "the reference is not one of ours", asked.items)
    if not is_payer(payment, item):
        why = "the payer is not known for this client"
        return held(asked, "WRONG_CLIENT", why, asked.items)
    second = second_of(asked, {item.case_id})
    if second is not None:
        return second
    if not item.is_open:
        why = f"{item.number} is void or closed"
        return held(asked, "WRONG_INVOICE", why, asked.items)
    return _named_item(asked, item)


def _named_item(asked: Asked, item: OpenItem) -> Match:
    payment, part = asked.payment, _instalment(asked, item)
    if part is not None and payment.amount_cents > item.balance_cents:
        why = "the reference names the invoice of the plan and the payer belongs to it"
        return settle(asked, 5, _to_part(item, part), why, _due(part), group=(item,))
    if item.balance_cents <= 0:
        return held(asked, "OVERPAID", f"nothing is owed on {item.number}", asked.items)
    applied = min(payment.amount_cents, item.balance_cents)
    excess = payment.amount_cents - applied
    short = item.balance_cents - applied
    closings: tuple[Closing, ...] = ()
    notice = f"{dollars(excess)} over the balance became client credit" if excess else None
    if 0 < short <= asked.policy.short_allowed(payment.kind, item.balance_cents):
        closings, notice = _tolerated(asked, item)
    allocation = Allocation(
        case_id=item.case_id, cents=applied, instalment_id=part.instalment_id if part else None
    )
    return settle(
        asked,
        1,
        (allocation,),
        "the reference names the invoice and the payer belongs to it",
        f"{dollars(payment.amount_cents)} paid, {dollars(item.balance_cents)} owed",
        group=(item,),
        excess_cents=excess,
        closings=closings,
        notice=notice,
    )


def _second_without_reference(asked: Asked) -> Match | str:
    return second_of(asked, {item.case_id for item in asked.items}) or ""


def _by_one_item(asked: Asked) -> Match | str:
    """Tiers 3 and 5: exactly one open item, or exactly one due instalment, of the payer."""
    exact = [
        item
        for item in asked.items
        if _waits_for(asked, item) and item.balance_cents == asked.payment.amount_cents
    ]
    same_visit = [item for item in exact if _is_same_visit(item, asked.payment)]
    if len(same_visit) == 1:
        why = "the PMS took it on the same visit, whose balance it is exactly"
        if not asked.payment.is_from_pms:
            why = "the card was present on the same visit, whose balance it is exactly"
        return settle(asked, 3, whole(same_visit), why, group=same_visit)
    parts = {item.case_id: part for item in asked.items if (part := _instalment(asked, item))}
    fitting = [item for item in asked.items if item in exact or item.case_id in parts]
    if len(fitting) > 1:
        return ambiguous(asked, [(item,) for item in fitting])
    if not fitting:
        return "tiers 3 and 5: no open item or due instalment of the payer has this amount"
    [item] = fitting
    if item.case_id in parts:
        return _one_instalment(asked, item, parts[item.case_id])
    why = "one open item of the payer has this balance"
    return propose(asked, 3, whole(fitting), why, named(asked, fitting), group=fitting)


def _one_instalment(asked: Asked, item: OpenItem, part: Instalment) -> Match:
    """Certain unless other open items could sum to the same amount."""
    waiting = [each for each in asked.items if _waits_for(asked, each)]
    groups = exact_groups(asked.payment.amount_cents, waiting, asked.policy)
    if groups:
        return ambiguous(asked, [(item,), *groups])
    if groups is None:
        why = "the payer has too many open items to rule out that some sum to it"
        return propose(asked, 5, _to_part(item, part), _due(part), why, group=(item,))
    why = "one plan of the payer has this instalment"
    return settle(asked, 5, _to_part(item, part), why, _due(part), group=(item,))


def _by_sum(asked: Asked) -> Match | str:
    """Tier 4: exactly one group of the payer's open items sums to the payment."""
    waiting = [item for item in asked.items if _waits_for(asked, item)]
    groups = exact_groups(asked.payment.amount_cents, waiting, asked.policy)
    if groups is None:
        return held(asked, "NO_REFERENCE", "the payer has too many open items", waiting)
    if len(groups) > 1:
        return ambiguous(asked, groups)
    if not groups:
        return "tier 4: no sum of the payer's open items is this amount"
    why = "one group of open items sums exactly"
    return settle(asked, 4, whole(groups[0]), why, named(asked, groups[0]), group=groups[0])


def _by_short_cheque(asked: Asked) -> Match | str:
    """A cheque that is short of one open item within the tolerance, for a person to confirm."""
    payment, policy = asked.payment, asked.policy
    if policy.cheque is None or payment.kind != "cheque":
        return ""
    close = [
        item
        for item in asked.items
        if _waits_for(asked, item)
        and 0
        < item.balance_cents - payment.amount_cents
        <= policy.short_allowed(payment.kind, item.balance_cents)
    ]
    if not close:
        return "tolerance: no open item of the payer is only some cents more than the cheque"
    if len(close) > 1:
        answer = ambiguous(asked, [(item,) for item in close])
        return answer.model_copy(
            update={"trace": (f"{len(close)} ways to match within the tolerance",)}
        )
    [item] = close
    closings, notice = _tolerated(asked, item)
    to_item = (Allocation(case_id=item.case_id, cents=payment.amount_cents),)
    why = "one open item of the payer is only some cents more than the cheque"
    answer_ = propose(asked, 3, to_item, why, notice, group=close, closings=closings)
    return answer_.model_copy(update={"notice": notice})


def _tolerated(asked: Asked, item: OpenItem) -> tuple[tuple[Closing, ...], str]:
    """The cents that a cheque is short, as the act of accounting that they are."""
    short = item.balance_cents - asked.payment.amount_cents
    by = asked.policy.cheque.switched_on_by if asked.policy.cheque else ""
    notice = f"{dollars(short)} short goes to 6060 Rounding; {by} switched the tolerance on"
    return (Closing(case_id=item.case_id, cents=short, account="6060"),), notice


def _waits_for(asked: Asked, item: OpenItem) -> bool:
    payment, policy = asked.payment, asked.policy
    if not item.is_open or item.balance_cents <= 0 or not is_payer(payment, item):
        return False
    since_issue = (payment.paid_on - item.issued_on).days
    since_due = (payment.paid_on - item.due_on).days
    return since_issue >= -policy.before_issue_days and since_due <= policy.after_due_days


def _is_same_visit(item: OpenItem, payment: PaymentToMatch) -> bool:
    is_at_desk = payment.is_from_pms or payment.is_card_present
    return is_at_desk and payment.visit_id is not None and payment.visit_id == item.visit_id


def _instalment(asked: Asked, item: OpenItem) -> Instalment | None:
    """The oldest unpaid part of a plan that has this amount and is due about now."""
    payment, policy = asked.payment, asked.policy
    if not item.is_open or not is_payer(payment, item):
        return None
    due = [
        part
        for part in item.instalments
        if not part.is_paid
        and part.cents == payment.amount_cents
        and -policy.instalment_early_days
        <= (payment.paid_on - part.due_on).days
        <= policy.instalment_late_days
    ]
    return min(due, key=lambda part: (part.due_on, part.instalment_id), default=None)


def _to_part(item: OpenItem, part: Instalment) -> tuple[Allocation, ...]:
    return (Allocation(case_id=item.case_id, cents=part.cents, instalment_id=part.instalment_id),)


def _due(part: Instalment) -> str:
    return f"the instalment of {dollars(part.cents)} was due on {part.due_on.isoformat()}"


_TIERS: tuple[Callable[[Asked], Match | str], ...] = (
    gate,
    by_loan,
    _by_reference,
    _second_without_reference,
    _by_one_item,
    _by_sum,
    _by_short_cheque,
)
"""In this order; the first that answers decides. A text says why a tier has no answer."""
