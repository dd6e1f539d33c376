"""News of lenders' money: told to the case of each visit's part, or of a loan without a visit."""

from collections.abc import Iterable

from connectors.ports import CaseEngine
from domain import ids
from domain.lender_money import LoanPart
from domain.lender_news import FundingFact
from domain.loan_case import LoanInput, LoanMoved
from domain.plan_case import Lender
from domain.plan_facts import FactSource
from store import lender_loans, locations, plans
from store.db import Conn, Pool
from store.lender_loans import Loan

WORKFLOW = "LenderLoan"


class LoanIntake:
    """Opens and tells the cases of lenders' money."""

    def __init__(self, pool: Pool, engine: CaseEngine) -> None:
        self._pool = pool
        self._engine = engine

    async def heard(self, fundings: Iterable[FundingFact]) -> int:
        """Tell the case of each loan that is said to be paid or taken back, hints aside."""
        loans = {
            (one.location_id, one.lender, one.loan_id)
            for one in fundings
            if one.source is not FactSource.WEBHOOK
        }
        for location_id, lender, loan_id in sorted(loans):
            await self.tell(location_id, lender, loan_id)
        return len(loans)

    async def tell(
        self, location_id: str, lender: Lender, loan_id: str, *, is_news: bool = True
    ) -> str:
        """Start or tell one case; its workflow id."""
        async with self._pool.acquire() as conn:
            location = await locations.get_location(conn, location_id)
            part = await linked(conn, location_id, lender, loan_id)
        name = part.case_id.rpartition("/")[2] if part else loan_id
        workflow_id = ids.loan_workflow_id(location_id, lender, name)
        start = LoanInput(
            location_id=location_id,
            lender=lender,
            loan_id=part.loan_ids[0] if part else loan_id,
            payment_id=part.payment_id if part else None,
            zone=location.zone,
            staff_reminder_business_days=location.chase.staff_reminder_business_days,
            clock_shift_seconds=location.clock_shift_seconds,
        )
        moved = LoanMoved(loan_id=loan_id, is_news=is_news)
        await self._engine.start_or_signal(
            WORKFLOW, workflow_id, start, "loan_moved", moved, location_id
        )
        return workflow_id


async def linked(conn: Conn, location_id: str, lender: Lender, loan_id: str) -> LoanPart | None:
    """The part that a loan pays; a contract whose plan names a visit is linked by that."""
    part = await lender_loans.part_of_loan(conn, location_id, lender, loan_id)
    if part is not None:
        return part
    plan_id = await plans.plan_of_contract(conn, location_id, lender, loan_id)
    told = await plans.standing(conn, location_id, lender, plan_id) if plan_id else None
    if told is None or told.visit_ref is None:
        return None
    payment_id = ids.payment_id(lender, told.visit_ref)
    part = await lender_loans.part_of_payment(conn, payment_id)
    if part is None:
        return None
    loan = Loan(
        location_id=location_id,
        lender=lender,
        loan_id=loan_id,
        payment_id=part.payment_id,
        case_id=part.case_id,
        client_id=part.client_id,
        programme=part.programme,
        signed_on=part.signed_on,
        named_by="plan",
    )
    await lender_loans.put_loan(conn, loan)
    return await lender_loans.part_of_payment(conn, payment_id)
