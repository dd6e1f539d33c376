"""An instalment of our own that a patient tries to pay with cards, at the twin over HTTP."""

import json
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Self
from uuid import uuid4

from activities.contacts import refresh_contact
from activities.intake_payments import PaymentIntake
from activities.translation import Ignored
from connectors.payments.stripe import StripeProcessor
from domain import ids
from domain.plan_case import CardDeclined
from store import checkouts, processor
from store.checkouts import Checkout
from store.db import transaction
from store.inbox import InboxEvent
from tests.activities.practice import AT, Practice
from tests.activities.test_installments import Own
from tests.connectors.stripe_world import World as Twin
from tests.connectors.stripe_world import order

LOST, EXPIRED = "4000 0000 0000 9987", "4000 0000 0000 0069"


class CardPage:
    """The processor's page of a first instalment, and the intake that hears of what happens."""

    def __init__(self, practice: Practice, twin: Twin, stripe: StripeProcessor) -> None:
        self.practice, self.twin, self.stripe = practice, twin, stripe
        self.own = Own(practice, practice.client())
        self.engine = practice.world.engine
        self.intake = PaymentIntake(practice.world.pool, stripe, self.engine)
        self.heard = 0

    async def open(self) -> Self:
        """Sign the plan, bill the first instalment and ask for it at the processor."""
        await refresh_contact(
            self.practice.tools, self.practice.world.location_id, self.own.client_ref
        )
        await self.own.told()
        await self.own.sign()
        cents = (await self.own.bill(1)).due_cents
        self.invoice_id = await self.ask_for(self.own.case(1).case_id, cents)
        self.engine.running.add(self.own.ref.case_id)
        return self

    async def ask_for(self, case_id: str, cents: int) -> str:
        """An open invoice of a case that runs."""
        document_id = ids.document_id(case_id, 1)
        customer = await self.stripe.ensure_customer(f"client:{case_id}", case_id)
        bill = await self.stripe.open_invoice(
            f"document:{document_id}", customer, cents, "USD", document_id, case_id, 3
        )
        async with transaction(self.practice.world.pool) as conn:
            await processor.put_invoice(conn, document_id, bill.processor_id, case_id)
        self.engine.running.add(case_id)
        self.heard = len(await self.twin.events())
        return bill.processor_id

    async def checkout(self, cents: int) -> str:
        """A payment page for a sum that the patient owes; returns its session."""
        client_id = self.practice.client_id(self.own.client_ref)
        page = Checkout(
            checkout_id=str(uuid4()),
            location_id=self.own.ref.location_id,
            client_id=client_id,
            door="session",
            amount_cents=cents,
            opened_at=AT,
            lock_until=AT + timedelta(minutes=15),
        )
        customer = await self.stripe.ensure_customer(f"client:{client_id}", client_id)
        asked = order(customer, checkout_id=page.checkout_id, amount_cents=cents)
        session_id = (await self.stripe.open_checkout(asked)).session_id
        async with transaction(self.practice.world.pool) as conn:
            await checkouts.open_checkout(conn, page)
            await checkouts.put_session(conn, page.checkout_id, session_id)
        return session_id

    async def pay(
        self, card: str | None = None, invoice_id: str | None = None, **given: object
    ) -> None:
        """A patient's attempt; without a card, one that works."""
        given |= {} if card is None else {"card": card}
        await self.twin.control(f"/invoices/{invoice_id or self.invoice_id}/pay", **given)

    async def hear(self, copies: int = 1, *types: str) -> list[CardDeclined]:
        """Every event since, as often as told and in any order; what the plan heard of cards."""
        news = (await self.twin.events())[self.heard :]
        sent = [event for event in news if not types or event["type"] in types] * copies
        random.Random(len(sent)).shuffle(sent)
        for event in sent:
            try:
                await self.intake.translate(_received(event))
            except Ignored:
                continue
        return self.told()

    def told(self) -> list[CardDeclined]:
        """What the plan heard of cards."""
        signals: Sequence[object] = [
            message
            for case_id, name, message in self.engine.signals
            if (case_id, name) == (self.own.ref.case_id, "card_declined")
        ]
        return [message for message in signals if isinstance(message, CardDeclined)]


def _received(event: dict[str, object]) -> InboxEvent:
    return InboxEvent(
        inbox_id=str(event["id"]),
        source="stripe",
        location_id=None,
        event_id=str(event["id"]),
        event_type=str(event["type"]),
        occurred_at=AT,
        received_at=AT,
        body=json.dumps(event).encode(),
    )
