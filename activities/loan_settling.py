"""One pass over a lender's deposits for a loan, in one transaction: booked, held, asked about."""

from collections.abc import Sequence

from activities.contracts import Mismatch
from activities.loan_contracts import OF_PATIENTS, LoanRef, SettleLoanIn
from activities.questions import question
from domain import calendar, entries_lender, ids
from domain.entries_lender import BANK, KNOWN, LENDER, UNKNOWN
from domain.lender_contracts import CONTRACTS
from domain.lender_money import TAKEN_BACK, Deposit, LoanPart, deposits
from domain.lender_news import FundingState
from domain.matching import HeldPayment, Matched, match
from domain.matching_policy import MatchPolicy
from domain.matching_types import FinancedItem, Funding, PaymentToMatch
from domain.money import dollars
from store import ledger, lender_loans, lender_money, plans, reviews, undos
from store.db import Conn
from store.lender_loans import Booking

UNFUNDED, REVERSED, FEE_DIFFERS = "LENDER_UNFUNDED", "LENDER_REVERSED", "LENDER_FEE_DIFF"


async def part_of(conn: Conn, loan: LoanRef) -> LoanPart | None:
    """The lender's part that a case is about; None while no visit is known for its loan."""
    if loan.payment_id is not None:
        return await lender_loans.part_of_payment(conn, loan.payment_id)
    return await lender_loans.part_of_loan(conn, loan.location_id, loan.lender, loan.loan_id)


async def patience(conn: Conn, part: LoanPart) -> int:
    """Business days after which a part that was not funded is asked about."""
    terms = (await lender_loans.terms_of(conn, part.location_id))[part.lender]
    return terms.fund_business_days or CONTRACTS[part.lender].fund_business_days


async def held_in(conn: Conn, loan: LoanRef, deposit: Deposit) -> str:
    """Where a held deposit is: with the client, when its loan was known at that moment."""
    booked = await lender_loans.bookings_of(conn, loan.location_id, loan.lender, (deposit.loan_id,))
    key = entries_lender.held_key(loan.location_id, loan.lender, deposit.funding_id)
    held = next((each for each in booked if each.business_key == key), None)
    return UNKNOWN if held is None or held.payment_id is None else KNOWN


class Settling:
    """One pass over a loan's deposits, in one transaction."""

    def __init__(self, conn: Conn, ask: SettleLoanIn, part: LoanPart | None) -> None:
        self._conn, self._ask, self._part = conn, ask, part
        self._ref = ask.loan
        self._today = calendar.local_date(ask.at, ask.loan.zone)
        self._asked: list[Mismatch] = []

    async def run(self) -> list[Mismatch]:
        """Book, then ask about what is left."""
        loan_ids = self._part.loan_ids if self._part else (self._ref.loan_id,)
        told = [
            one
            for loan_id in loan_ids
            for one in await lender_money.tellings(self._conn, self._ref.lender, loan_id)
            if one.location_id == self._ref.location_id
        ]
        found = [each for each in deposits(told) if each.is_confirmed]
        where = (self._ref.location_id, self._ref.lender, loan_ids)
        for each in found:
            await self._book(each, await lender_loans.bookings_of(self._conn, *where))
        if self._part is not None:
            await self._look_at_the_rest(found)
        return self._asked

    async def _book(self, deposit: Deposit, booked: Sequence[Booking]) -> None:
        """Follow one deposit: into the books when it came, out of them when it was taken back."""
        done = {each.kind for each in booked if each.funding_id == deposit.funding_id}
        if {"taken_back", "given_up"} & done:
            return
        came = deposit.state in (FundingState.COMPLETED, FundingState.REVERSED)
        if came and not deposit.is_debit and "funded" not in done:
            done.add(await self._receive(deposit, is_held="held" in done))
        if deposit.state is FundingState.REVERSED:
            owes = "funded" in done or (deposit.is_debit and self._part is not None)
            await self._take_back(deposit, lender_owes=owes)

    async def _receive(self, deposit: Deposit, *, is_held: bool) -> str:
        """Match a deposit: it has funded its loan, or is held and asked about."""
        if is_held and (again := await self._asked_again(deposit)) is not None:
            self._asked.append(again)  # what a person has taken back a person books
            return "held"
        result = match(
            self._payment(deposit),
            [],
            [],
            location_id=self._ref.location_id,
            currency="USD",
            loans=self._loans(deposit),
            policy=await self._policy(),
        )
        if isinstance(result, Matched) and self._part is not None:
            await self._fund(deposit, self._part, is_held=is_held)
            return "funded"
        if not is_held:
            await self._hold(deposit)
        if isinstance(result, HeldPayment) and deposit.state is FundingState.COMPLETED:
            await self._ask_about(deposit, result)
        return "held"

    async def _asked_again(self, deposit: Deposit) -> Mismatch | None:
        """The open question about a deposit whose answer was taken back."""
        name = f"{deposit.funding_id}/{FEE_DIFFERS}"
        first = ids.review_id(self._ref.case_id, FEE_DIFFERS, name)
        last = await undos.asked_again(self._conn, first)
        if last == first or (await reviews.get(self._conn, last)).state != "open":
            return None
        return Mismatch(review_id=last, code=FEE_DIFFERS)

    def _payment(self, deposit: Deposit) -> PaymentToMatch:
        return PaymentToMatch(
            source=self._ref.lender,
            payment_id=deposit.funding_id,
            location_id=self._ref.location_id,
            amount_cents=deposit.net_cents,
            currency="USD",
            paid_on=deposit.on or self._today,
            kind="lender",
            funding=Funding(
                lender=self._ref.lender,
                loan_id=deposit.loan_id,
                gross_cents=deposit.gross_cents,
                fee_cents=deposit.fee_cents,
            ),
        )

    def _loans(self, deposit: Deposit) -> list[FinancedItem]:
        """The loan, asked for no more than this deposit is of it: it may come in parts."""
        part = self._part
        if part is None:
            return []
        gross_cents = deposit.gross_of(part.open_cents)
        return [
            FinancedItem(
                lender=part.lender,
                loan_id=deposit.loan_id,
                programme=part.programme,
                case_id=part.case_id,
                client_id=part.client_id,
                number=part.case_id.rpartition("/")[2],
                financed_cents=max(1, min(gross_cents, part.open_cents)),
                signed_on=part.signed_on,
                is_open=part.open_cents > 0,
            )
        ]

    async def _policy(self) -> MatchPolicy:
        terms = await lender_loans.terms_of(self._conn, self._ref.location_id)
        return MatchPolicy(fees=terms[self._ref.lender].fees)

    async def _fund(self, deposit: Deposit, part: LoanPart, *, is_held: bool) -> None:
        gross_cents = deposit.gross_of(part.open_cents)
        came_from = await held_in(self._conn, self._ref, deposit) if is_held else BANK
        entry = entries_lender.funded(
            lender=part.lender,
            funding_id=deposit.funding_id,
            net_cents=deposit.net_cents,
            fee_cents=gross_cents - deposit.net_cents,
            came_from=came_from,
            client_id=part.client_id,
            case_id=part.case_id,
            location_id=part.location_id,
            effective_on=self._today,
        )
        if await ledger.post(self._conn, entry):
            booking = self._booking(entry.business_key, deposit, "funded")
            await lender_loans.book(
                self._conn,
                booking.model_copy(
                    update={
                        "receivable_cents": -gross_cents,
                        "fee_cents": gross_cents - deposit.net_cents,
                    }
                ),
            )
        self._part = await part_of(self._conn, self._ref)

    async def _hold(self, deposit: Deposit) -> None:
        client_id = self._part.client_id if self._part else None
        entry = entries_lender.held(
            lender=self._ref.lender,
            funding_id=deposit.funding_id,
            net_cents=deposit.net_cents,
            client_id=client_id,
            location_id=self._ref.location_id,
            effective_on=self._today,
        )
        await ledger.post(self._conn, entry)
        await lender_loans.book(self._conn, self._booking(entry.business_key, deposit, "held"))

    async def _take_back(self, deposit: Deposit, *, lender_owes: bool) -> None:
        part, went_to = self._part, LENDER
        if not lender_owes:
            went_to = await held_in(self._conn, self._ref, deposit)
        entry = entries_lender.taken_back(
            lender=self._ref.lender,
            funding_id=deposit.funding_id,
            net_cents=deposit.net_cents,
            went_to=went_to,
            client_id=part.client_id if part else None,
            case_id=part.case_id if part and lender_owes else None,
            location_id=self._ref.location_id,
            effective_on=self._today,
        )
        await ledger.post(self._conn, entry)
        booking = self._booking(entry.business_key, deposit, "taken_back")
        receivable = deposit.net_cents if lender_owes else 0
        await lender_loans.book(
            self._conn, booking.model_copy(update={"receivable_cents": receivable})
        )
        self._part = await part_of(self._conn, self._ref)

    def _booking(self, key: str, deposit: Deposit, kind: str) -> Booking:
        return Booking(
            business_key=key,
            location_id=self._ref.location_id,
            lender=self._ref.lender,
            loan_id=deposit.loan_id,
            payment_id=self._part.payment_id if self._part else None,
            funding_id=deposit.funding_id,
            kind=kind,
            net_cents=deposit.net_cents,
            booked_on=self._today,
        )

    async def _ask_about(self, deposit: Deposit, result: HeldPayment) -> None:
        fee = result.fee
        schedule = None if fee is None else fee.schedule_cents
        await self._ask_one(
            result.code,
            deposit.net_cents,
            f"{deposit.funding_id}/{result.code}",
            facts=result.trace,
            ours={
                "financed": dollars(self._part.financed_cents) if self._part else "no such loan",
                **({"fee by schedule": dollars(schedule)} if schedule is not None else {}),
            },
            theirs={
                "deposit": deposit.funding_id,
                "loan": deposit.loan_id,
                "arrived": dollars(deposit.net_cents),
                **({"gross": dollars(deposit.gross_cents)} if deposit.gross_cents else {}),
                **({"fee kept": dollars(fee.kept_cents)} if fee is not None else {}),
            },
            more={"funding": deposit.model_dump(mode="json"), "schedule_cents": schedule},
        )

    async def _look_at_the_rest(self, found: Sequence[Deposit]) -> None:
        """What is open of the part: taken back, owed no more, or late."""
        part = self._part
        if part is None or part.open_cents <= 0 or self._asked or self._ask.is_resting:
            return
        is_back = any(each.state is FundingState.REVERSED for each in found)
        if is_back or await self._is_ended(part):
            await self._ask_rest(part, REVERSED)
            return
        waited = calendar.business_days_since(part.signed_on, self._today)
        if waited >= await patience(self._conn, part):
            await self._ask_rest(part, UNFUNDED)

    async def _is_ended(self, part: LoanPart) -> bool:
        """Whether the lender says of every contract of the part that it owes nothing."""
        standings = []
        for loan_id in part.loan_ids:
            plan_id = await plans.plan_of_contract(
                self._conn, part.location_id, part.lender, loan_id
            )
            if plan_id is not None:
                name = (part.location_id, part.lender, plan_id)
                standings.append(await plans.standing(self._conn, *name))
        known = [each for each in standings if each is not None]
        return bool(known) and all(
            each.status in TAKEN_BACK and each.is_confirmed for each in known
        )

    async def _ask_rest(self, part: LoanPart, code: str) -> None:
        """Ask what becomes of what is open; one such question at a time."""
        known = await reviews.open_of_case(self._conn, self._ref.case_id)
        if open_now := [each for each in known if each.code == code]:
            self._asked += [Mismatch(review_id=each.review_id, code=code) for each in open_now]
            return
        waited = calendar.business_days_since(part.signed_on, self._today)
        await self._ask_one(
            code,
            part.open_cents,
            self._ask.review_no,
            facts=(f"Signed on {part.signed_on}, {waited} business days ago.",),
            ours={"financed": dollars(part.financed_cents), "open": dollars(part.open_cents)},
            theirs={"lender": CONTRACTS[part.lender].name, "loan": ", ".join(part.loan_ids)},
            more={},
        )

    async def _ask_one(
        self,
        code: str,
        cents: int,
        name: str,
        *,
        facts: tuple[str, ...],
        ours: dict[str, str],
        theirs: dict[str, str],
        more: dict[str, object],
    ) -> None:
        asked = question(
            self._ref.case_id,
            self._ref.location_id,
            code,
            cents,
            name,
            self._ask.at,
            client_id=self._part.client_id if self._part else None,
            facts=facts,
            ours=ours,
            theirs=theirs,
        )
        shown = {**asked.shown, **more}
        choices = [one for one in asked.choices if one.name not in OF_PATIENTS]
        told = asked.model_copy(update={"shown": shown, "choices": choices})
        await reviews.open_review(self._conn, told)
        standing = await reviews.get(self._conn, ids.review_id(self._ref.case_id, code, name))
        if standing.state == "open":
            self._asked.append(Mismatch(review_id=standing.review_id, code=code))
