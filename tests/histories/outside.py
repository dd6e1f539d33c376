"""The processor of one history: it shows what has been heard of so far, and no more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from connectors.ports import Movement, Payout, ProcessorDispute, ProcessorRefund, Refused
from tests.histories.story import News

_UNKNOWN = Refused(code="404", kind="not_found")
_DISPUTE_FEE_CENTS = 1_500
_BACK = {"refund_failed": "refund_returned", "won": "dispute_won"}


@dataclass
class Account:
    """Behind the ports of payouts and of reversals. `token` makes its ids its own."""

    token: str
    at: datetime
    news: Sequence[News]
    name: str = "stripe"
    heard: dict[str, News] = field(default_factory=dict)
    """Object -> the last that was heard of it; it never goes back."""
    ours: dict[str, ProcessorRefund] = field(default_factory=dict)
    """Refunds that the product made itself, by its key."""

    def id(self, kind: str, name: str) -> str:
        """What the processor calls an object."""
        return f"{kind}_{self.token}{name}"

    def hear(self, one: News) -> None:
        """From now on it is shown."""
        known = self.heard.get(one.name)
        if known is None or known.number < one.number:
            self.heard[one.name] = one

    def _move(self, kind: str, one: News, sign: int, fee_cents: int = 0) -> Movement:
        paid = one.name if one.what in ("pay", "loose") else one.about
        prefix = {"charge": "ch", "refund": "re", "refund_returned": "re"}.get(kind, "dp")
        cents = sign * one.cents
        return Movement(
            movement_id=self.id("txn", f"{kind}{one.name}"),
            kind=kind,
            vendor_kind=kind,
            amount_cents=cents,
            fee_cents=fee_cents,
            net_cents=cents - fee_cents,
            currency="USD",
            at=self.at,
            object_id=self.id(prefix, one.name),
            payment_id=self.id("pi", paid),
        )

    def _moved(self, one: News) -> Movement | None:
        """What a piece of news did to the balance."""
        match one.what:
            case "pay" | "loose":
                return self._move("charge", one, 1, (one.cents * 29 + 500) // 1000 + 30)
            case "refund":
                return self._move("refund", one, -1)
            case "dispute":
                return self._move("dispute", one, -1, _DISPUTE_FEE_CENTS)
            case "refund_failed" | "won":
                return self._move(_BACK[one.what], one, 1)
        return None

    def _movements(self, object_name: str) -> tuple[Movement, ...]:
        """Those of one object, as far as it was heard of."""
        found = []
        for one in self.news:
            if one.name == object_name:
                found.append(self._moved(one))
                if one == self.heard[object_name]:
                    break
        return tuple(move for move in found if move is not None)

    def _of(self, kind: str, object_id: str) -> News | None:
        """The object of an id, if anything was heard of it."""
        return next(
            (n for n in self.news if self.id(kind, n.name) == object_id and n.name in self.heard),
            None,
        )

    # -- what goes back

    async def read_refund(self, refund_id: str) -> ProcessorRefund | Refused:
        mine = [one for one in self.ours.values() if one.refund_id == refund_id]
        one = self._of("re", refund_id)
        if mine or one is None:
            return mine[0] if mine else _UNKNOWN
        return self._refund(
            refund_id,
            self.id("pi", one.about),
            one.cents,
            "failed" if self.heard[one.name].what == "refund_failed" else "succeeded",
            self._movements(one.name),
        )

    def _refund(
        self, name: str, payment: str, cents: int, state: str, moves: tuple[Movement, ...]
    ) -> ProcessorRefund:
        return ProcessorRefund(
            refund_id=name,
            payment_id=payment,
            amount_cents=cents,
            currency="USD",
            state=state,
            reference=None,
            made_at=self.at,
            movements=moves,
        )

    async def refund(
        self, key: str, payment_id: str, amount_cents: int, reference: str
    ) -> ProcessorRefund | Refused:
        if key not in self.ours:
            paid = next(n for n in self.news if payment_id.endswith(self.id("", n.name)))
            name = f"our{reference}"
            back = News("refund", name, paid.name, amount_cents)
            self.ours[key] = self._refund(
                self.id("re", name),
                self.id("pi", paid.name),
                amount_cents,
                "succeeded",
                (self._move("refund", back, -1),),
            )
        return self.ours[key]

    async def read_dispute(self, dispute_id: str) -> ProcessorDispute | Refused:
        one = self._of("dp", dispute_id)
        if one is None:
            return _UNKNOWN
        state = {"won": "won", "lost": "lost"}.get(self.heard[one.name].what, "needs_response")
        return ProcessorDispute(
            dispute_id=dispute_id,
            payment_id=self.id("pi", one.about),
            amount_cents=one.cents,
            currency="USD",
            state=state,
            reason="fraudulent",
            is_chargeback=True,
            respond_by=self.at + timedelta(days=7),
            evidence_count=0,
            made_at=self.at,
            movements=self._movements(one.name),
        )

    async def submit_evidence(
        self, key: str, dispute_id: str, evidence: Mapping[str, str]
    ) -> ProcessorDispute | Refused:
        raise AssertionError("nobody contests in a history")

    async def accept_dispute(self, key: str, dispute_id: str) -> ProcessorDispute | Refused:
        raise AssertionError("nobody accepts in a history")

    async def other_names(self, payment_id: str) -> tuple[str, ...]:
        """A payment on an invoice is known by what it was applied as."""
        return (payment_id.replace("pi_", "inpay_", 1),)

    # -- the payout of all that moved

    async def read_payout(self, payout_id: str) -> Payout | Refused:
        moved = await self.movements_of(payout_id)
        return Payout(
            payout_id=payout_id,
            amount_cents=sum(move.net_cents for move in moved),
            currency="USD",
            state="paid",
            automatic=True,
            listed=True,
            arrival_on=date(self.at.year, self.at.month, self.at.day + 2),
            created_at=self.at,
        )

    async def movements_of(self, payout_id: str) -> Sequence[Movement]:
        return [move for one in self.news if (move := self._moved(one)) is not None]

    async def payouts_since(self, since: datetime) -> Sequence[Payout]:
        return ()

    async def movements_since(self, since: datetime) -> Sequence[Movement]:
        return ()
