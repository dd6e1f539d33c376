"""A question of every code, opened by real events where there are any, ready to be answered."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from activities.contracts import (
    ApplyIn,
    ApplyUnmatchedIn,
    BuildIn,
    CaseRef,
    PlaceIn,
    PlaceOut,
    UnmatchedRef,
    WriteBackIn,
)
from activities.previews import preview
from connectors.ports import LoosePayment, PmsPayment
from domain import ids
from domain.case import Decision
from domain.preview import Preview, PreviewEntry, PreviewLot, PreviewMoney
from domain.topics import Need
from store import invoices, reviews, seen
from store.reviews import Review
from tests.activities import refs
from tests.activities.practice import AT, Practice

DUE_CENTS = 65_000
VISIT = (("TOXIN-UNIT", "50"),)


Carry = Callable[[Decision], Awaitable[str]]


@dataclass
class Scene:
    """One open question, and how its case carries an answer out."""

    practice: Practice
    review: Review
    who: str
    case: CaseRef | None = None
    payment: UnmatchedRef | None = None
    given: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By choice: what a person gives here, where it is not what they would give anywhere."""
    carry: Carry | None = None
    """How a case of another kind carries an answer out; returns its effect."""

    async def fill(self, needs: list[str], choice: str = "") -> dict[str, Any]:
        """What a choice needs, as a person would give it here."""
        known: dict[Need, Any] = {
            Need.SKU: "LASER-SESSION",
            Need.AMOUNT: 12_345,
            Need.ITEM_CLASS: "device",
            Need.REASON: "as agreed",
            Need.UNTIL: AT.date(),
            Need.CLIENT: self.practice.client_id(self.who),
            Need.STATUS: "active",
        }
        here = self.given.get(choice, {})
        if Need.INVOICE in needs and Need.INVOICE not in here:
            known[Need.INVOICE] = await self._invoice()
        return {need: here.get(need, known.get(Need(need))) for need in needs}

    async def _invoice(self) -> str:
        """Another invoice of the same patient, of 24 units."""
        other = self.practice.chart(self.who, ("TOXIN-UNIT", "24"))
        await self.practice.bill(other, number=f"other/{uuid4()}")
        return ids.document_id(other.case_id, 1)

    async def shows(self, decision: Decision) -> Preview:
        async with self.practice.world.pool.acquire() as conn:
            return await preview(conn, decision, AT)

    async def does(self, decision: Decision) -> str:
        """What the case does: the answer, the second person's yes, and what follows at once."""
        effect = await self._apply(decision)
        if effect == "proposed":
            effect = await self._apply(decision.model_copy(update={"confirmed_by": "eve"}))
        if effect == "rebuild" and self.case is not None:
            await self.practice.build.build_invoice(
                BuildIn(case=self.case, at=AT, review_no=f"again/{uuid4()}")
            )
        return effect

    async def _apply(self, decision: Decision) -> str:
        if self.carry is not None:
            return await self.carry(decision)
        if self.payment is not None:
            ask = ApplyUnmatchedIn(payment=self.payment, decision=decision, at=AT)
            return (await self.practice.unmatched.apply_unmatched(ask)).effect
        assert self.case is not None
        done = await self.practice.reviews.apply_decision(
            ApplyIn(
                case=self.case,
                client_id=self.practice.client_id(self.who),
                decision=decision,
                at=AT,
            )
        )
        return done.effect


Open = Callable[[Practice], Awaitable[Scene]]


async def carried(practice: Practice, review_id: str | None, who: str, carry: Carry) -> Scene:
    """A question of a case of another kind."""
    async with practice.world.pool.acquire() as conn:
        review = await reviews.get(conn, review_id or "")
    return Scene(practice, review, who, carry=carry)


async def of(practice: Practice, who: str, case: CaseRef, code: str) -> Scene:
    async with practice.world.pool.acquire() as conn:
        open_ = [one for one in await reviews.open_of_case(conn, case.case_id) if one.code == code]
    assert open_, f"nobody has asked {code}"
    return Scene(practice, open_[0], who, case)


def held(code: str, *lines: tuple[str, str], **changes: Any) -> Open:
    """A draft that waits."""

    async def scene(practice: Practice) -> Scene:
        who = practice.client()
        case = practice.chart(who, *lines, **changes)
        await practice.bill(case)
        return await of(practice, who, case, code)

    return scene


async def billed(practice: Practice, *lines: tuple[str, str]) -> tuple[str, CaseRef, str]:
    who = practice.client()
    case = practice.chart(who, *(lines or VISIT))
    await practice.bill(case)
    return who, case, await practice.ask_online(case, DUE_CENTS)


async def twice(practice: Practice) -> Scene:
    who, case, invoice = await billed(practice)
    practice.pay_online(invoice, DUE_CENTS)
    practice.tenders(case, PmsPayment(payment_id=uuid4().hex, kind="cash", amount_cents=DUE_CENTS))
    await practice.read(case, who)
    return await of(practice, who, case, "DUPLICATE_SUSPECTED")


async def over(practice: Practice) -> Scene:
    who, case, invoice = await billed(practice)
    practice.pay_online(invoice, DUE_CENTS)
    await practice.read(case, who)
    cash = PmsPayment(payment_id=uuid4().hex, kind="cash", amount_cents=10_000)
    practice.tenders(case, cash)
    await practice.read(case, who)
    return await of(practice, who, case, "OVERPAID")


async def amended(practice: Practice) -> Scene:
    who, case, invoice = await billed(practice)
    practice.pay_online(invoice, DUE_CENTS)
    await practice.read(case, who)
    practice.chart(who, ("TOXIN-UNIT", "20"), case=case)
    await practice.bill(case, number="run/2")
    return await of(practice, who, case, "CHART_CHANGED")


async def collected(practice: Practice) -> Scene:
    who, case, invoice = await billed(practice)
    practice.pay_online(invoice, DUE_CENTS)
    await practice.read(case, who)
    ask = WriteBackIn(case=case, client_id=practice.client_id(who), at=AT)
    await practice.back.write_back(ask)
    return await of(practice, who, case, "PMS_CONFIRM")


async def loose(practice: Practice) -> Scene:
    """Money of somebody, somewhere; a patient of the practice owes as much."""
    who, _, __ = await billed(practice)
    return await arrived(practice, who)


async def comes(
    practice: Practice, customer_id: str | None = None, reference: str = ""
) -> tuple[UnmatchedRef, PlaceOut]:
    """A payment at the processor that no invoice of ours asked for, as its case hears of it."""
    payment_id = f"pi_{uuid4().hex}"
    practice.world.processor.payments[payment_id] = LoosePayment(
        payment_id=payment_id,
        amount_cents=DUE_CENTS,
        currency="usd",
        state="succeeded",
        invoice_ids=(),
        customer_id=customer_id,
        paid_at=AT,
        reference=reference,
    )
    payment = refs.loose(practice.world.location_id, payment_id)
    ask = PlaceIn(payment=payment, at=AT, review_no="1")
    return payment, await practice.unmatched.place_payment(ask)


async def arrived(
    practice: Practice, who: str, customer_id: str | None = None, reference: str = ""
) -> Scene:
    """One that the desk is asked about."""
    payment, placed = await comes(practice, customer_id, reference)
    async with practice.world.pool.acquire() as conn:
        review = await reviews.get(conn, placed.review_id or "")
    return Scene(practice, review, who, payment=payment)


async def unmapped(practice: Practice) -> Scene:
    return await held("CATALOG_UNMAPPED", (f"new-{uuid4()}", "1"))(practice)


def asked(code: str) -> Open:
    """A question of the chase about a visit that is owed."""

    async def scene(practice: Practice) -> Scene:
        who, case, _ = await billed(practice)
        await practice.ask_desk(case, who, code, DUE_CENTS)
        return await of(practice, who, case, code)

    return scene


SCENES: Mapping[str, Open] = {
    "CATALOG_UNMAPPED": unmapped,
    "QUANTITY_BOUND": held("QUANTITY_BOUND", ("TOXIN-UNIT", "100000")),
    "QUANTITY_OFF_STEP": held("QUANTITY_OFF_STEP", ("TOXIN-UNIT", "0.3")),
    "QUANTITY_NOT_POSITIVE": held("QUANTITY_NOT_POSITIVE", ("TOXIN-UNIT", "0")),
    "DUPLICATE_SUSPECTED": twice,
    "OVERPAID": over,
    "CHART_CHANGED": amended,
    "PMS_CONFIRM": collected,
    "NO_REFERENCE": loose,
}


async def latest_number(scene: Scene) -> str | None:
    """The printed number of the case's last document."""
    assert scene.case is not None
    async with scene.practice.world.pool.acquire() as conn:
        document = await invoices.latest_document(conn, scene.case.case_id)
    return document.number if document else None


@dataclass(frozen=True)
class Booked:
    """Entries, lots and parts of payments, as a preview shows them."""

    entries: tuple[PreviewEntry, ...]
    lots: tuple[PreviewLot, ...]
    money: tuple[PreviewMoney, ...]


def booked_by(shown: Preview) -> Booked:
    return Booked(shown.entries, shown.lots, shown.money)


async def booked_since(practice: Practice, since: Any) -> Booked:
    """What the practice's books got since an instant; other tests have other locations."""
    async with practice.world.pool.acquire() as conn:
        return Booked(
            await seen.entries(conn, since, practice.world.location_id),
            await seen.lots(conn, since, practice.world.location_id),
            await seen.money(conn, since, practice.world.location_id),
        )
