"""A month of a practice, written into real books by the product's own activities.

The mix is that of the trade: members, packages sold and drawn, retail, tips, gift cards, dues and
lenders; paid online, at the desk in cash or by card, in part, twice, or not at all.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from activities.billing import bill_chart
from activities.contracts import BuildIn, CaseRef, PlaceIn, WriteBackIn
from activities.payout_contracts import TieIn
from activities.payouts import PayoutActivities
from connectors.ports import LoosePayment, PmsPayment
from domain import calendar, ids
from domain.bank import BankLine, pair
from domain.chart import Chart, ChartLine, Financing, LotKind, MoneyLot, UnitLot
from domain.month import Month, parse_month
from starter.desk.bank_claims import claim
from starter.opening import Opening, OpeningTier, open_books
from store import bank, reviews
from store.db import transaction
from tests.activities import refs
from tests.activities.practice import CODE, ZONE, Practice
from tests.month.payouts import Balance

OCTOBER = parse_month("2026-10")
PROVIDERS = ("provider-1", "provider-2", "provider-3")
WHATS = {"service": 25, "financed": 1, "package": 1, "dues": 2, "gift card": 1}
WAYS = {"online": 14, "half online": 2, "twice online": 1, "cash": 6, "card": 5, "later": 2}
SOLD = {
    "package": [("FILLER-6", "1")],
    "dues": [("GLOW-DUES", "1"), ("SERUM", "1")],
    "gift card": [("GIFT-CARD-100", "1")],
}
_NOON = time(12, 0)


@dataclass
class Made:
    """What there is to look at, and to damage."""

    location_id: str
    month: Month
    visits: int
    online: list[str] = field(default_factory=list)
    """Invoice payments at the processor."""
    payouts: list[str] = field(default_factory=list)


class Maker:
    """Plays `visits` visits of one month. The same seed plays the same month."""

    def __init__(self, practice: Practice, visits: int, seed: int, month: Month = OCTOBER) -> None:
        self.practice = practice
        self.random = random.Random(seed)
        self.month = month
        self.made = Made(practice.world.location_id, month, visits)
        self.balance = Balance()
        self.days = [
            month.first + timedelta(days=n)
            for n in range((month.last - month.first).days + 1)
            if (month.first + timedelta(days=n)).weekday() < 6
        ]
        self.lines: list[BankLine] = []
        self.cash: dict[date, int] = {}
        self._whats: list[str] = []
        self._ways: list[str] = []
        self._later = 0

    async def play(self) -> Made:
        """Every visit on its day, then the money on its way."""
        clients = [await self._client(n) for n in range(max(6, self.made.visits // 3))]
        count, per_day = self.made.visits, -(-self.made.visits // len(self.days))
        for day in self.days:
            for _ in range(min(per_day, count)):
                count -= 1
                await self._visit(self.random.choice(clients), day)
            if day.weekday() in (1, 4):
                await self._pay_out(day)
            if day.weekday() == 5:
                self._deposit(day)
        await self._unknown_payer()
        await self._pay_out(self.month.last + timedelta(days=1))
        await self._statement()
        return self.made

    # -- who comes

    async def _client(self, number: int) -> str:
        who = self.practice.client()
        before = calendar.instant(self.month.first - timedelta(days=20), _NOON, ZONE)
        await self.practice.bill(self.practice.chart(who, at=before), before)
        units, money, tiers = [], [], []
        if number % 3 == 0:
            tiers.append(OpeningTier(tier="GLOW", since=before))
            money.append(
                MoneyLot(
                    lot_id=str(self._uuid()),
                    kind=LotKind.MEMBERSHIP_CREDIT,
                    remaining_cents=19_000,
                    tier="GLOW",
                    purchased_at=before,
                )
            )
        if number % 5 == 0:
            units.append(
                UnitLot(
                    lot_id=str(self._uuid()),
                    skus=("FILLER-SYRINGE",),
                    remaining=Decimal(4),
                    value_cents=238_001,
                    purchased_at=before,
                    expires_on=(self.month.last + timedelta(days=200)).isoformat(),
                )
            )
        opening = Opening(unit_lots=units, money_lots=money, memberships=tiers)
        place, client_id = self.made.location_id, self.practice.client_id(who)
        async with transaction(self.practice.world.pool) as conn:
            await open_books(conn, client_id, place, opening, before, ZONE)
        return who

    def _uuid(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    # -- what happens

    async def _visit(self, who: str, day: date) -> None:
        at = calendar.instant(day, time(self.random.randrange(9, 19)), ZONE)
        what = self._draw(self._whats, WHATS)
        if what == "financed":
            await self._financed(who, at)
            return
        case = self.practice.chart(who, *self._lines(what), at=at)
        if self.random.random() < 0.2:
            self._tip(case, at)
        number = str(self._uuid())
        billed = await self.practice.bill(case, at, number)
        if billed.status == "held" and self.random.random() < 0.9:
            # Far more than usual, but right: a person lets it pass.
            await self.practice.decide(
                case, who, billed.review_id or "", "approve", at=at, reason="right"
            )
            billed = await self.practice.bill(case, at, number)
        if billed.status == "issued":
            await self._settle(case, who, billed.due_cents, at)

    def _draw(self, deck: list[str], mix: Mapping[str, int]) -> str:
        """The next card of a deck in which each kind comes as often as the mix says."""
        if not deck:
            deck += [name for name, count in mix.items() for _ in range(count)]
            self.random.shuffle(deck)
        return deck.pop()

    def _lines(self, what: str) -> list[tuple[str, str]]:
        if what in SOLD:
            return SOLD[what]
        service = self.random.choice(
            [
                ("TOXIN-UNIT", str(self.random.randrange(20, 50))),
                ("FILLER-SYRINGE", "1"),
                ("LASER-SESSION", "1"),
                ("FACIAL", "1"),
            ]
        )
        retail = [("SUNSCREEN", "1")] if self.random.random() < 0.25 else []
        return [service, *retail]

    def _tip(self, case: CaseRef, at: datetime) -> None:
        visits = self.practice.world.pms.visits
        visit = visits[case.visit_id]
        cents = self.random.randrange(500, 6_000)
        tip = visit.lines[0].model_copy(
            update={
                "line_id": "tip",
                "kind": "tip",
                "subtotal_cents": cents,
                "provider_ref": self.random.choice(PROVIDERS),
            }
        )
        visits[case.visit_id] = visit.model_copy(update={"lines": (*visit.lines, tip)})

    async def _financed(self, who: str, at: datetime) -> None:
        """A package of which a lender pays a part, as the chart says."""
        case = self.practice.chart(who, ("FILLER-6-FACIAL", "1"), at=at)
        chart = Chart(
            visit_id=case.visit_id,
            location_id=case.location_id,
            service_at=at - timedelta(hours=1),
            lines=(ChartLine(line_id="L1", code=CODE["FILLER-6-FACIAL"], quantity=Decimal(1)),),
            financing=Financing(
                lender="cherry",
                loan_ref=f"loan_{case.visit_id[:8]}",
                approved_cents=280_000,
                requested_cents=280_000,
            ),
        )
        ask = BuildIn(case=case, at=at, review_no=str(self._uuid()))
        client_id = self.practice.client_id(who)
        async with transaction(self.practice.world.pool) as conn:
            let_pass = frozenset({"SANITY_BOUND_HISTORY"})
            billed = await bill_chart(conn, ask, chart, client_id, let_pass)
        if billed.status == "issued":
            await self._settle(case, who, billed.due_cents, at)

    # -- who pays, and how

    async def _settle(self, case: CaseRef, who: str, due_cents: int, at: datetime) -> None:
        way = self._draw(self._ways, WAYS)
        later = at + timedelta(minutes=self.random.randrange(2, 90))
        if due_cents <= 0:
            self._show(case, due_cents)
            await self.practice.read(case, who, later)
        elif way == "online":
            await self._online(case, who, due_cents, due_cents, later)
        elif way == "half online":
            await self._online(case, who, due_cents, due_cents // 2, later)
        elif way == "twice online":
            await self._online(case, who, due_cents, due_cents, later, twice=True)
        elif way == "cash":
            await self._desk(case, who, due_cents, "cash", later)
        elif way == "card":
            await self._desk(case, who, due_cents, "card", later)
        else:
            self._show(case, due_cents)
            await self.practice.read(case, who, later)
            self._later += 1
            if self._later % 4 == 1:
                # Above the limit two people write it off.
                asked = await self.practice.ask_desk(case, who, "CHASE_EXHAUSTED", at=later)
                await self.practice.decide(
                    case, who, asked, "write_off", at=later, reason="moved away"
                )

    def _show(self, case: CaseRef, unpaid_cents: int, *more: PmsPayment) -> None:
        visits = self.practice.world.pms.visits
        visit = visits[case.visit_id]
        visits[case.visit_id] = visit.model_copy(
            update={"payments": (*visit.payments, *more), "unpaid_cents": max(0, unpaid_cents)}
        )

    async def _desk(self, case: CaseRef, who: str, due_cents: int, kind: str, at: datetime) -> None:
        taken = PmsPayment(
            payment_id=f"urn:pay:{self._uuid()}", kind=kind, amount_cents=due_cents, paid_at=at
        )
        self._show(case, 0, taken)
        await self.practice.read(case, who, at)
        if kind == "cash":
            day = calendar.local_date(at, ZONE)
            self.cash[day] = self.cash.get(day, 0) + due_cents

    async def _online(
        self,
        case: CaseRef,
        who: str,
        due_cents: int,
        paid_cents: int,
        at: datetime,
        twice: bool = False,
    ) -> None:
        self._show(case, due_cents)
        asked = await self.practice.ask_online(case, due_cents)
        sums = [paid_cents] * (2 if twice else 1)
        for applied in self.practice.pay_online(asked, *sums, at=at):
            self.made.online.append(applied)
            self.balance.charge(f"pi_{applied[6:]}", applied, paid_cents, at)
        await self.practice.read(case, who, at)
        if self.random.random() < 0.8 and not twice:
            await self._recorded(case, who, due_cents, paid_cents, at)
        else:
            await self._write_back(case, who, at)

    async def _write_back(self, case: CaseRef, who: str, at: datetime) -> str | None:
        ask = WriteBackIn(case=case, client_id=self.practice.client_id(who), at=at)
        return (await self.practice.back.write_back(ask)).review_id

    async def _recorded(
        self, case: CaseRef, who: str, due_cents: int, paid_cents: int, at: datetime
    ) -> None:
        """The desk records in the PMS what was paid online, and is believed once it shows."""
        review_id = await self._write_back(case, who, at)
        tender = PmsPayment(
            payment_id=f"urn:pay:{self._uuid()}",
            kind="other",
            amount_cents=paid_cents,
            paid_at=at,
            note=f"online {ids.dedupe_ref(case.case_id)}",
        )
        self._show(case, due_cents - paid_cents, tender)
        await self._write_back(case, who, at + timedelta(minutes=5))
        async with self.practice.world.pool.acquire() as conn:
            await reviews.withdraw(conn, review_id or "", "the PMS shows it")

    async def _unknown_payer(self) -> None:
        payment_id = f"pi_{self._uuid().hex}"
        at = calendar.instant(self.days[len(self.days) // 2], _NOON, ZONE)
        self.practice.world.processor.payments[payment_id] = LoosePayment(
            payment_id=payment_id,
            amount_cents=12_345,
            currency="usd",
            state="succeeded",
            invoice_ids=(),
            customer_id=None,
            paid_at=at,
        )
        self.balance.charge(payment_id, payment_id, 12_345, at)
        ref = refs.loose(self.made.location_id, payment_id)
        await self.practice.unmatched.place_payment(PlaceIn(payment=ref, at=at, review_no="run/1"))

    # -- the money on its way

    async def _pay_out(self, day: date) -> None:
        at = calendar.instant(day, time(20, 0), ZONE)
        self.balance.fee(200, at)
        payout_id = self.balance.pay_out(at, calendar.add_business_days(day, 2))
        if payout_id is None:
            return
        self.made.payouts.append(payout_id)
        work = PayoutActivities(self.practice.world.pool, self.balance, self.practice.world.engine)
        ref = refs.payout(self.made.location_id, payout_id)
        tied = await work.tie_payout(TieIn(payout=ref, at=at, review_no="run/1", patient=False))
        assert tied.status == "tied", tied
        sent = self.balance.payouts[payout_id]
        self._line(sent.arrival_on, sent.amount_cents, f"STRIPE TRANSFER {payout_id}")

    def _deposit(self, day: date) -> None:
        """The week's cash goes to the bank."""
        cents = sum(self.cash.values())
        self.cash.clear()
        if cents:
            self._line(day, cents, "CASH DEPOSIT")

    def _line(self, on: date, cents: int, words: str) -> None:
        line_id = f"{self._uuid().hex}"
        self.lines.append(BankLine(line_id=line_id, row=0, on=on, amount_cents=cents, words=words))

    async def _statement(self) -> None:
        """The statement is imported some days into the next month."""
        self._line(self.days[2], -240_000, "RENT")
        self._line(self.month.last + timedelta(days=5), -9_900, "PHONE")
        async with transaction(self.practice.world.pool) as conn:
            vault = self.practice.world.vault
            await bank.add(conn, vault, self.lines, "dana")
            await bank.match(conn, pair(self.lines, await bank.expected(conn)))
            for line in self.lines:
                if line.words == "CASH DEPOSIT":
                    await claim(conn, line.line_id, "drawer", self.made.location_id, "dana", "slip")


def as_of(month: Month) -> datetime:
    """An instant of the page's own, so that it can be compared."""
    return datetime.combine(month.next.first, time(15, 0), UTC)
