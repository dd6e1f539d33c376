"""Gate 0 and the look for a payment that comes twice: what stops matching before any tier."""

from collections.abc import Sequence, Set

from domain.matching_score import held
from domain.matching_types import Asked, Candidate, EarlierPayment, HeldPayment, PaymentToMatch


def gate(asked: Asked) -> HeldPayment | str:
    """The payment held, or that it passed: currency, place, account, amount, news, period."""
    payment = asked.payment
    if payment.currency != asked.currency:
        why = f"{payment.currency} at a location of {asked.currency}"
        return held(asked, "CURRENCY_MISMATCH", why)
    if payment.location_id != asked.location_id:
        return held(asked, "WRONG_INVOICE", "the payment belongs to another location")
    if None not in (payment.account_id, asked.account_id) and (
        payment.account_id != asked.account_id
    ):
        return held(asked, "WRONG_INVOICE", "another processor account took the payment")
    if payment.amount_cents <= 0:
        if payment.funding is not None and payment.amount_cents < 0:
            return _no_receipt(asked, "LENDER_REVERSED", "the lender took money back")
        return _no_receipt(asked, "SANITY_BOUND", "the amount is not positive")
    if _is_old_news(asked):
        return _no_receipt(asked, "LATE_EVENT", "the payment is in the books already")
    if not asked.is_period_open:
        return held(asked, "LATE_EVENT", "the payment's period is closed")
    return "passed the gate: currency, location, amount, not seen before, period open"


def _no_receipt(asked: Asked, code: str, why: str) -> HeldPayment:
    """Held without money to book."""
    return held(asked, code, why).model_copy(update={"is_new_money": False})


def _is_old_news(asked: Asked) -> bool:
    """The same state again, or one that is older than the state we hold."""
    payment = asked.payment
    states = {
        known.state
        for known in asked.earlier
        if (known.source, known.payment_id) == (payment.source, payment.payment_id)
    }
    return payment.state in states or "settled" in states


def second_of(asked: Asked, case_ids: Set[str]) -> HeldPayment | None:
    """The payment held when it seems to repeat one: same payer, amount and case within days.

    Two equal halves of a debt are no duplicate, unless they may be one payment that two systems
    show: the desk likes to key in what was paid online.
    """
    payment = asked.payment
    if payment.client_id is None:
        return None
    alike = [
        known
        for known in _near(asked)
        if known.client_id == payment.client_id and known.case_id in case_ids
    ]
    second = [
        known
        for known in alike
        if _may_be_the_same(payment, known) or not _both_fit(asked, known.case_id, alike)
    ]
    return duplicate(asked, second[-1], payment.client_id) if second else None


def _may_be_the_same(payment: PaymentToMatch, known: EarlierPayment) -> bool:
    return known.source != payment.source and known.kind == payment.kind


def _both_fit(asked: Asked, case_id: str | None, alike: Sequence[EarlierPayment]) -> bool:
    """Whether the case owes this payment and those like it that its balance does not show yet."""
    owed = {item.case_id: item.balance_cents for item in asked.items if item.is_open}
    unseen = [known for known in alike if known.case_id == case_id and not known.is_in_balance]
    return asked.payment.amount_cents * (1 + len(unseen)) <= owed.get(case_id or "", 0)


def second_funding(asked: Asked, case_id: str, client_id: str) -> HeldPayment | None:
    """The same for a lender: the same net for the same case from the same source."""
    alike = [
        known
        for known in _near(asked)
        if known.source == asked.payment.source and known.case_id == case_id
    ]
    return duplicate(asked, alike[-1], client_id) if alike else None


def _near(asked: Asked) -> list[EarlierPayment]:
    """Earlier payments of the same amount within the days in which one may be the second."""
    payment = asked.payment
    return [
        known
        for known in asked.earlier
        if known.amount_cents == payment.amount_cents
        and (known.source, known.payment_id) != (payment.source, payment.payment_id)
        and abs((payment.paid_on - known.paid_on).days) <= asked.policy.duplicate_days
    ]


def duplicate(asked: Asked, known: EarlierPayment, client_id: str) -> HeldPayment:
    """Kept in the client's suspense: which of the two goes back is for a person to say."""
    payer = "lender" if asked.payment.funding is not None else "payer"
    why = f"the same {payer} paid the same on {known.paid_on.isoformat()}"
    candidate = Candidate(case_ids=(known.case_id or "",), points=100, reasons=(why,))
    return HeldPayment(
        code="DUPLICATE_SUSPECTED",
        account="2090",
        candidates=(candidate,),
        trace=(why,),
        client_id=client_id,
    )
