"""What happens to each of the six visits, told as it happens."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from activities.previews import preview
from domain import ids
from domain.case import Decision
from domain.money import dollars
from starter.deciding import send_decision
from starter.demo.cast import Visit
from starter.rehearsal import Rehearsal
from store import invoices, ledger, processor, reviews, touchpoints
from store.reviews import Review
from store.touchpoints import Touchpoint

Tell = Callable[[str, str], None]
"""Called with the visit's name and one sentence."""

BILLER = "biller"
_OUT = frozenset({"accepted", "delivered"})


@dataclass
class Played:
    """A visit on its way. `ended` is the workflow's own result."""

    visit: Visit
    case_id: str
    visit_id: str
    ended: str = ""


class Thursday:
    """The day, and the two weeks after it."""

    def __init__(self, practice: Rehearsal, tell: Tell) -> None:
        self.practice = practice
        self._tell = tell

    async def play(self, visits: Sequence[Visit]) -> list[Played]:
        """Morning one after the other, as at a real desk; what follows runs side by side."""
        played = [await self._check_out(visit) for visit in visits]
        stories = (
            self._pays_at_once,
            self._owes_nothing,
            self._pays_on_day_nine,
            self._pays_in_parts,
            self._pays_without_reference,
            self._unmapped,
        )
        async with asyncio.TaskGroup() as group:
            for story, one in zip(stories, played, strict=True):
                group.create_task(story(one))
        return played

    async def _check_out(self, visit: Visit) -> Played:
        urn = await self.practice.admit(visit.patient, visit.opening)
        visit_id = await self.practice.treat(urn, visit.lines, taxCents=visit.pms_tax_cents)
        for kind, cents in visit.redeemed.items():
            await self._record(visit_id, kind, cents)
        case_id = await self.practice.check_out(
            visit_id, ("APPOINTMENT_COMPLETED", "ORDER_COMPLETED")
        )
        played = Played(visit, case_id, visit_id)
        self._say(played, "chart closed; the PMS announces it")
        await self.practice.until(lambda: self._first_word(played), f"visit {visit.name}: a word")
        return played

    async def _first_word(self, played: Played) -> bool:
        """The invoice is out on its channels, or a person is asked."""
        asked = await self._question(played.case_id)
        if asked is not None:
            self._say(played, f"held: {' '.join(asked.shown['facts'])}")
            return True
        sent = await self._messages(played)
        due_cents = await self._due(played)
        if due_cents is None or len(sent) < (2 if due_cents > 0 else 1):
            return False
        how = " and ".join(sorted("SMS" if one.channel == "sms" else "e-mail" for one in sent))
        what = f"{dollars(due_cents)} due" if due_cents else "nothing due, a receipt"
        self._say(played, f"{what}; sent by {how}")
        return True

    # -- the six stories

    async def _pays_at_once(self, played: Played) -> None:
        await self._pay_by_link(played, None)
        await self._settle_with_desk(played)

    async def _owes_nothing(self, played: Played) -> None:
        await self._end(played)

    async def _pays_on_day_nine(self, played: Played) -> None:
        await self.practice.skip(played.case_id, 9)
        await self._say_reminders(played)
        await self._pay_by_link(played, None)
        await self._question_of(played, "PMS_CONFIRM")
        await self.practice.skip(played.case_id, 6)
        self._say(played, "day 14 has passed; no further message went")
        await self._settle_with_desk(played)

    async def _pays_in_parts(self, played: Played) -> None:
        await self._pay_by_link(played, 15_000)
        await self.practice.skip(played.case_id, 4)
        await self._say_reminders(played)
        await self._pay_by_link(played, None)
        await self._settle_with_desk(played)

    async def _pays_without_reference(self, played: Played) -> None:
        due_cents = await self._due(played) or 0
        await self.practice.control(
            "stripe/loose_payment", {"amount_cents": due_cents, "currency": "usd"}
        )
        asked = await self.practice.until(self._loose_question, "a question about loose money")
        self._say(played, f"{dollars(due_cents)} came in without a reference; held for a person")
        self._say_both_sides(played, asked)
        number = await self._number(played)
        decision = Decision(review_id=asked.review_id, choice="apply", by=BILLER, invoice_id=number)
        await self._say_preview(played, decision)
        await self._decide(asked, decision)
        self._say(played, f"{BILLER} applied it to {number}")
        await self._settle_with_desk(played)

    async def _unmapped(self, played: Played) -> None:
        asked = await self._question_of(played, "CATALOG_UNMAPPED")
        await self._decide(
            asked,
            Decision(review_id=asked.review_id, choice="map", by=BILLER, sku="LASER-SESSION"),
        )
        self._say(played, f"{BILLER} mapped the code to LASER-SESSION")
        await self.practice.until(lambda: self._sent_invoice(played), "the mapped invoice")
        self._say(played, f"{dollars(await self._due(played) or 0)} due; sent by SMS and e-mail")
        await self._pay_by_link(played, None)
        await self._settle_with_desk(played)

    # -- verbs

    async def _pay_by_link(self, played: Played, amount_cents: int | None) -> None:
        before_cents = await self._balance(played)
        invoice_id = await self._processor_invoice(played)
        body = {"amount_cents": amount_cents} if amount_cents else {}
        await self.practice.control(f"stripe/invoices/{invoice_id}/pay", body)
        paid_cents = amount_cents or before_cents

        async def posted() -> bool:
            return await self._balance(played) == before_cents - paid_cents

        await self.practice.until(posted, f"visit {played.visit.name}: the payment")
        left_cents = before_cents - paid_cents
        rest = f", {dollars(left_cents)} left" if left_cents else ", settled"
        self._say(played, f"{dollars(paid_cents)} paid by link{rest}")

    async def _settle_with_desk(self, played: Played) -> None:
        """The desk records the payment in the PMS and says so; the case reads it back."""
        asked = await self._question_of(played, "PMS_CONFIRM")
        ours = ids.dedupe_ref(played.case_id)
        await self._record(played.visit_id, "other", asked.money_cents, ours)
        await self._decide(
            asked, Decision(review_id=asked.review_id, choice="done", by="front desk")
        )
        await self._end(played)

    async def _record(self, visit_id: str, kind: str, cents: int, note: str = "") -> None:
        """The front desk records something on the order in the PMS."""
        body = {"kind": kind, "amountCents": cents, "note": note or None}
        await self.practice.control(f"boulevard/orders/{visit_id}/payments", body)

    async def _end(self, played: Played) -> None:
        result = await asyncio.wait_for(self.practice.case(played.case_id).result(), 30)
        played.ended = str(result["status"])
        self._say(played, f"closed: {played.ended.replace('_', ' ')}")

    async def _decide(self, asked: Review, decision: Decision) -> None:
        await send_decision(self.practice.engine, asked, decision)

    def _say(self, played: Played, sentence: str) -> None:
        self._tell(played.visit.name, sentence)

    def _say_both_sides(self, played: Played, asked: Review) -> None:
        for side in ("ours", "theirs"):
            said = ", ".join(f"{name}: {value}" for name, value in asked.shown[side].items())
            self._say(played, f"{side:<8} {said}")

    async def _say_preview(self, played: Played, decision: Decision) -> None:
        """What the decision will do, as the desk sees it before."""
        async with self.practice.pool.acquire() as conn:
            shown = await preview(conn, decision, self.practice.now())
        for line in (line for entry in shown.entries for line in entry.lines):
            side = "debit" if line.debit_cents else "credit"
            cents = line.debit_cents or line.credit_cents
            self._say(played, f"preview  {side} {line.account} {line.name} {dollars(cents)}")
        for sentence in shown.follows:
            self._say(played, f"preview  {sentence}")

    async def _say_reminders(self, played: Played) -> None:
        steps = sorted({(one.day or 0, one.step) for one in await self._messages(played)})
        said = ", ".join(f"day {day}" for day, step in steps if step != "invoice")
        self._say(played, f"reminded on {said}" if said else "no reminder was due")

    # -- what the books say

    async def _messages(self, played: Played) -> list[Touchpoint]:
        async with self.practice.pool.acquire() as conn:
            known = await touchpoints.of_case(conn, played.case_id)
        return [one for one in known if one.state in _OUT]

    async def _sent_invoice(self, played: Played) -> bool:
        return len(await self._messages(played)) >= 2

    async def _due(self, played: Played) -> int | None:
        async with self.practice.pool.acquire() as conn:
            document = await invoices.latest_document(conn, played.case_id)
        return None if document is None else document.priced.due_cents

    async def _number(self, played: Played) -> str:
        async with self.practice.pool.acquire() as conn:
            document = await invoices.latest_document(conn, played.case_id)
        return "" if document is None else document.number

    async def _balance(self, played: Played) -> int:
        async with self.practice.pool.acquire() as conn:
            return await ledger.balance_of_case(conn, played.case_id)

    async def _processor_invoice(self, played: Played) -> str:
        async with self.practice.pool.acquire() as conn:
            known = await processor.invoices_of_case(conn, played.case_id)
        return known[0]

    async def _question(self, case_id: str) -> Review | None:
        async with self.practice.pool.acquire() as conn:
            waiting = await reviews.open_of_case(conn, case_id)
        return waiting[0] if waiting else None

    async def _question_of(self, played: Played, code: str) -> Review:
        async def asked() -> Review | None:
            found = await self._question(played.case_id)
            return found if found is not None and found.code == code else None

        return await self.practice.until(asked, f"visit {played.visit.name}: {code}")

    async def _loose_question(self) -> Review | None:
        async with self.practice.pool.acquire() as conn:
            waiting = await reviews.list_open(conn, self.practice.location_id)
        return next((one for one in waiting if one.code == "NO_REFERENCE"), None)
