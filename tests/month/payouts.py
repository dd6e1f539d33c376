"""A processor's balance in memory: charges gather, and leave in payouts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from connectors.ports import Movement, Payout, Refused


@dataclass
class Balance:
    """Behind the payout port. Fees are 2.9 % and 30 cents of each charge."""

    name: str = "stripe"
    waiting: list[Movement] = field(default_factory=list)
    payouts: dict[str, Payout] = field(default_factory=dict)
    parts: dict[str, list[Movement]] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def charge(self, intent_id: str, other: str, cents: int, at: datetime) -> None:
        """A card payment; `other` is its application to an invoice."""
        fee_cents = (cents * 29 + 500) // 1000 + 30
        self.names[intent_id] = (other,)
        self._move("charge", "charge", cents, fee_cents, at, f"ch_{intent_id}", intent_id)

    def dispute(self, intent_id: str, cents: int, at: datetime) -> None:
        """The payer's bank takes a charge back, for a fee of $15."""
        self._move("dispute", "adjustment", -cents, 1_500, at, f"dp_{intent_id}", intent_id)

    def fee(self, cents: int, at: datetime) -> None:
        """The processor's own fee of the month."""
        self._move("fee", "stripe_fee", -cents, 0, at, None, None)

    def _move(
        self,
        kind: str,
        vendor_kind: str,
        cents: int,
        fee_cents: int,
        at: datetime,
        object_id: str | None,
        payment_id: str | None,
    ) -> None:
        number = sum(map(len, self.parts.values())) + len(self.waiting) + 1
        self.waiting.append(
            Movement(
                movement_id=f"txn_{self.name}_{id(self):x}_{number}",
                kind=kind,
                vendor_kind=vendor_kind,
                amount_cents=cents,
                fee_cents=fee_cents,
                net_cents=cents - fee_cents,
                currency="USD",
                at=at,
                object_id=object_id,
                payment_id=payment_id,
            )
        )

    def pay_out(self, created_at: datetime, arrival_on: date) -> str | None:
        """Everything that waits leaves for the bank; None when that is nothing."""
        if not self.waiting:
            return None
        payout_id = f"po_{id(self):x}_{len(self.payouts) + 1}"
        self.parts[payout_id], self.waiting = self.waiting, []
        self.payouts[payout_id] = Payout(
            payout_id=payout_id,
            amount_cents=sum(move.net_cents for move in self.parts[payout_id]),
            currency="USD",
            state="paid",
            automatic=True,
            listed=True,
            arrival_on=arrival_on,
            created_at=created_at,
        )
        return payout_id

    async def read_payout(self, payout_id: str) -> Payout | Refused:
        return self.payouts.get(payout_id) or Refused(code="404", kind="not_found")

    async def movements_of(self, payout_id: str) -> Sequence[Movement]:
        return self.parts[payout_id]

    async def payouts_since(self, since: datetime) -> Sequence[Payout]:
        return [each for each in self.payouts.values() if each.created_at >= since]

    async def movements_since(self, since: datetime) -> Sequence[Movement]:
        every = [*self.waiting, *(move for parts in self.parts.values() for move in parts)]
        return [move for move in every if move.at >= since]

    async def other_names(self, payment_id: str) -> tuple[str, ...]:
        return self.names.get(payment_id, ())
