"""A lender's money in the books: matched and posted, held as a question, taken back, or overdue.

Nothing here asks the patient for the lender's part. Only a named person makes it theirs.
"""

from datetime import time

from temporalio import activity

from activities import answering
from activities.answering import Waits
from activities.errors import vendor_errors
from activities.loan_contracts import (
    ApplyLoanIn,
    ApplyLoanOut,
    LoanRef,
    SettleLoanIn,
    SettleLoanOut,
)
from activities.loan_effects import carry_out_loan
from activities.loan_intake import LoanIntake
from activities.loan_settling import Settling, part_of, patience
from activities.sweeps import SweepIn, SweepOut
from activities.translation import visit_input
from connectors.ports import CaseEngine
from domain import calendar
from domain.case import Decision, PaymentPosted
from domain.plan_case import Lender
from store import clients, ledger, lender_loans, lender_money, locations
from store.db import Pool, transaction
from store.reviews import Review

_LOOK_AT = time(10, 0)


class LenderMoneyActivities:
    """What the case of a lender's money does to the books."""

    def __init__(self, pool: Pool, engine: CaseEngine) -> None:
        self._pool = pool
        self._engine = engine

    @activity.defn
    @vendor_errors
    async def find_loans(self, ask: SweepIn) -> SweepOut:
        """Open the case of each loan that is owed, and tell those whose deposit is not booked."""
        place = ask.location_id or ""
        async with self._pool.acquire() as conn:
            unbooked = await lender_money.unbooked(conn, place)
            owed = await lender_loans.open_parts(conn, place)
        intake = LoanIntake(self._pool, self._engine)
        for lender, loan_id in unbooked:
            await intake.tell(place, Lender(lender), loan_id)
        for part in owed:
            await intake.tell(place, part.lender, part.loan_ids[0], is_news=False)
        return SweepOut(counts={"unbooked": len(unbooked), "owed": len(owed)})

    @activity.defn
    @vendor_errors
    async def settle_loan(self, ask: SettleLoanIn) -> SettleLoanOut:
        """Book every deposit as it stands, then look what is open and for how long."""
        async with transaction(self._pool) as conn:
            part = await part_of(conn, ask.loan)
            if part is not None:
                await clients.lock_client(conn, part.client_id)
            asked = await Settling(conn, ask, await part_of(conn, ask.loan)).run()
            if asked:
                return SettleLoanOut(status="asked", questions=tuple(asked))
            part = await part_of(conn, ask.loan)
            if part is None or part.open_cents <= 0:
                return SettleLoanOut(status="done")
            last_on = calendar.add_business_days(part.signed_on, await patience(conn, part))
            until = calendar.instant(last_on, _LOOK_AT, ask.loan.zone)
            return SettleLoanOut(status="waits", until=until)

    @activity.defn
    @vendor_errors
    async def apply_to_loan(self, ask: ApplyLoanIn) -> ApplyLoanOut:
        """Write who decided what, and do it, in one transaction; a repeat changes nothing."""
        async with transaction(self._pool) as conn:
            part = await part_of(conn, ask.loan)
            if part is not None:
                await clients.lock_client(conn, part.client_id)

            async def effect(review: Review, counts: Decision, is_first: bool) -> ApplyLoanOut:
                now = await part_of(conn, ask.loan)
                return await carry_out_loan(conn, ask, review, counts, now, is_first=is_first)

            done = await answering.carry_out(conn, ask.decision, ask.at, effect)
        if isinstance(done, Waits):
            return ApplyLoanOut(effect=done.effect, note=done.why)
        if done.case_id is not None:
            await self._tell(done.case_id, ask.loan)
        return done

    async def _tell(self, case_id: str, loan: LoanRef) -> None:
        """A visit that owes other than before reads its balance; a closed one is a case again."""
        _, location_id, pms, visit_id = case_id.split("/", 3)
        hint = PaymentPosted(payment_id=loan.loan_id)
        if await self._engine.signal(case_id, "payment_posted", hint):
            return
        async with self._pool.acquire() as conn:
            owed_cents = await ledger.balance_of_case(conn, case_id)
            location = await locations.get_location(conn, location_id)
        if owed_cents > 0:
            start = visit_input(location, pms, visit_id, loan.case_id)
            await self._engine.start_or_signal(
                "TreatmentVisit", case_id, start, "payment_posted", hint, location_id
            )
