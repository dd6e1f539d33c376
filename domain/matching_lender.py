"""Tier 2: a lender's funding against its part of a case. A patient's balance is never touched."""

from domain.matching_gate import second_funding
from domain.matching_score import SHOWN_MAX, date_points
from domain.matching_settle import settle
from domain.matching_types import (
    Allocation,
    Asked,
    Candidate,
    Closing,
    FeeDifference,
    FinancedItem,
    Funding,
    HeldPayment,
    Match,
)
from domain.money import dollars

_FEE_CENTS_OFF_MAX = 1


def by_loan(asked: Asked) -> Match | str:
    """Certain when gross is the financed amount and the fee is the schedule's, to the cent."""
    payment, funding = asked.payment, asked.payment.funding
    if funding is None:
        if payment.kind != "lender":
            return "tier 2: no lender sent it"
        return _held(asked, None, "NO_REFERENCE", "a lender sent it and names no loan")
    loans = [
        loan
        for loan in asked.loans
        if (loan.lender, loan.loan_id) == (funding.lender, funding.loan_id)
    ]
    if not loans:
        return _held(asked, None, "WRONG_INVOICE", "the loan is not one of ours")
    if len(loans) > 1:
        return _held(asked, None, "AMBIGUOUS_GROUP", f"{len(loans)} cases name this loan")
    return _of_loan(asked, funding, loans[0])


def _of_loan(asked: Asked, funding: Funding, loan: FinancedItem) -> Match:
    second = second_funding(asked, loan.case_id, loan.client_id)
    if second is not None:
        return second
    if asked.payment.case_id not in (None, loan.case_id):
        return _held(asked, loan, "WRONG_INVOICE", "the loan and the reference differ")
    if not loan.is_open:
        return _held(asked, loan, "WRONG_INVOICE", f"the loan of {loan.number} is not open")
    net_cents = asked.payment.amount_cents
    gross_cents, fee_cents = _figures(funding, loan, net_cents)
    sums = f"{dollars(gross_cents)} less a fee of {dollars(fee_cents)}"
    if gross_cents - fee_cents != net_cents:
        why = f"{sums} is not the {dollars(net_cents)} that arrived"
        return _held(asked, loan, "LENDER_FEE_DIFF", why, fee_cents)
    if gross_cents != loan.financed_cents:
        why = f"{dollars(gross_cents)} funded, {dollars(loan.financed_cents)} financed"
        return _held(asked, loan, "WRONG_INVOICE", why)
    return _with_fee(asked, loan, fee_cents, sums)


def _with_fee(asked: Asked, loan: FinancedItem, fee_cents: int, sums: str) -> Match:
    rule = asked.policy.fee_rule(loan.lender, loan.programme, loan.signed_on)
    if rule is None:
        why = f"the lender kept {dollars(fee_cents)} and no fee schedule is known for the loan"
        return _held(asked, loan, "LENDER_FEE_DIFF", why, fee_cents)
    schedule_cents = rule.fee_cents(loan.financed_cents)
    if fee_cents < 0 or abs(fee_cents - schedule_cents) > _FEE_CENTS_OFF_MAX:
        why = f"the lender kept {dollars(fee_cents)}, its schedule says {dollars(schedule_cents)}"
        return _held(asked, loan, "LENDER_FEE_DIFF", why, fee_cents, schedule_cents)
    closings = (Closing(case_id=loan.case_id, cents=fee_cents, account="6020"),)
    return settle(
        asked,
        2,
        (Allocation(case_id=loan.case_id, cents=asked.payment.amount_cents),),
        "the loan is ours and was funded in full",
        f"{sums}, its schedule says {dollars(schedule_cents)}",
        closings=closings if fee_cents else (),
    )


def _figures(funding: Funding, loan: FinancedItem, net_cents: int) -> tuple[int, int]:
    """Gross and fee; a figure that the report lacks comes from the others."""
    gross_cents, fee_cents = funding.gross_cents, funding.fee_cents
    if gross_cents is None:
        gross_cents = loan.financed_cents if fee_cents is None else net_cents + fee_cents
    return gross_cents, gross_cents - net_cents if fee_cents is None else fee_cents


def _held(
    asked: Asked,
    loan: FinancedItem | None,
    code: str,
    why: str,
    kept_cents: int | None = None,
    schedule_cents: int | None = None,
) -> HeldPayment:
    """A lender's money waits with the loan's client when the loan is known, else unidentified."""
    fee = None
    if kept_cents is not None:
        fee = FeeDifference(schedule_cents=schedule_cents, kept_cents=kept_cents)
    client_id = None if loan is None else loan.client_id
    return HeldPayment(
        code=code,
        account="2095" if client_id is None else "2090",
        candidates=_ranking(asked),
        trace=(why,),
        client_id=client_id,
        fee=fee,
    )


def _ranking(asked: Asked) -> tuple[Candidate, ...]:
    """The lender's open loans for a person, best first, at most three."""
    funding = asked.payment.funding
    if funding is None:
        return ()
    mine = [loan for loan in asked.loans if loan.is_open and loan.lender == funding.lender]
    ranked = sorted((_candidate(asked, funding, loan) for loan in mine), key=_by_points)
    return tuple(ranked[:SHOWN_MAX])


def _by_points(each: Candidate) -> int:
    return -each.points


def _candidate(asked: Asked, funding: Funding, loan: FinancedItem) -> Candidate:
    gross_cents, _ = _figures(funding, loan, asked.payment.amount_cents)
    days = abs((asked.payment.paid_on - loan.signed_on).days)
    has_figure = funding.gross_cents is not None or funding.fee_cents is not None
    grades = (
        (45 * (has_figure and gross_cents == loan.financed_cents), "it was financed with this sum"),
        (30, "the loan is this lender's"),
        (date_points(days), f"{days} days from its signing"),
        (10 * (loan.loan_id == funding.loan_id), "the loan's own id"),
    )
    return Candidate(
        case_ids=(loan.case_id,),
        points=sum(points for points, _ in grades),
        reasons=tuple(why for points, why in grades if points),
    )
