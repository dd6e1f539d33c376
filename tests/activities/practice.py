"""One practice with the example price book, real books and every activity wired to the fakes."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from activities.build import BuildActivities
from activities.contracts import (
    ApplyIn,
    ApplyOut,
    BuildIn,
    BuildOut,
    CaseRef,
    OpenReviewIn,
    SendIn,
    StandingIn,
    StandingOut,
)
from activities.reviews import ReviewActivities
from activities.send import SendActivities
from activities.standing import StandingActivities
from activities.tools import Tools
from activities.unmatched import UnmatchedActivities
from activities.write_back import WriteBackActivities
from connectors.ports import (
    Accepted,
    OutgoingEmail,
    OutgoingText,
    PmsClient,
    PmsLine,
    PmsPayment,
    PmsVisit,
    Refused,
)
from domain import ids
from domain.case import Decision
from domain.catalog import Catalog
from domain.policies import DEFAULT_CHASE
from store import catalogs, ledger, locations, processor, reviews
from store.db import transaction
from tests.fakes import FakeText, open_invoice, paid
from tests.web.conftest import World, location, new_phone

ZONE = "America/Chicago"
AT = datetime(2026, 11, 5, 18, 0, tzinfo=UTC)
"""A Thursday, noon in Chicago."""
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "lumin.json"
BOOK = Catalog.model_validate(json.loads(EXAMPLE.read_text())["catalog"])
CODE = {sku: code for code, sku in BOOK.codes.items()}


@dataclass
class Mailbox:
    """A mail relay that takes everything, unless told to fail once."""

    name: str = "smtp"
    resends_safely: bool = False
    sent: list[OutgoingEmail] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    async def send(self, email: OutgoingEmail) -> Accepted:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(email)
        return Accepted(provider_id=f"<{email.message_key}@test>")


class Texts(FakeText):
    """An SMS provider whose ids no other test meets."""

    async def send(self, text: OutgoingText) -> Accepted | Refused:
        await super().send(text)
        return Accepted(provider_id=f"SM{text.message_key}")


class Practice:
    """Visits, money and messages of one location."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.mail = Mailbox()
        world.text = Texts()
        self.tools = Tools(
            pool=world.pool,
            vault=world.vault,
            pms={world.location_id: world.pms},
            processor=world.processor,
            texts=world.text,
            emails=self.mail,
            public_base_url="http://pay.test",
        )
        self.build = BuildActivities(self.tools)
        self.standing = StandingActivities(self.tools)
        self.sending = SendActivities(self.tools)
        self.reviews = ReviewActivities(self.tools, world.engine)
        self.unmatched = UnmatchedActivities(self.tools)
        self.back = WriteBackActivities(self.tools)

    async def open(self) -> None:
        """Import the example price book and the default cadence."""
        chase = {"chase": DEFAULT_CHASE}
        place = location(self.world.location_id).model_copy(update=chase)
        book = BOOK.model_copy(update={"location_id": self.world.location_id, "version": 2})
        async with transaction(self.world.pool) as conn:
            await locations.put_location(conn, place)
            await catalogs.put_catalog(conn, book, by="test", reason="example")

    def client(self, **changes: Any) -> str:
        """A patient in the PMS; returns the PMS's reference."""
        ref = f"urn:blvd:Client:{uuid4()}"
        known = PmsClient(
            client_ref=ref,
            first_name="Ada",
            last_name="Quill",
            email="ada@example.test",
            phone_e164=new_phone(),
            birth_date="1990-04-02",
            postal_code="78704",
        )
        self.world.pms.clients[ref] = known.model_copy(update=changes)
        return ref

    def client_id(self, client_ref: str) -> str:
        """Our id of a patient."""
        return ids.client_id(self.world.location_id, "boulevard", client_ref)

    def chart(
        self,
        client_ref: str,
        *lines: tuple[str, str],
        case: CaseRef | None = None,
        at: datetime = AT,
        **changes: Any,
    ) -> CaseRef:
        """Chart a completed visit, or chart a known one anew; lines are (sku, quantity)."""
        visit_id = case.visit_id if case else str(uuid4())
        charted = tuple(
            PmsLine(
                line_id=f"L{number}",
                kind="service",
                code=CODE.get(sku, sku),
                quantity=Decimal(quantity),
                subtotal_cents=0,
                discount_cents=0,
            )
            for number, (sku, quantity) in enumerate(lines, 1)
        )
        self.world.pms.visits[visit_id] = PmsVisit(
            visit_id=visit_id,
            client_ref=client_ref,
            location_ref="l",
            currency="USD",
            service_at=at - timedelta(hours=1),
            closed_at=at,
            lines=charted,
            payments=(),
            total_cents=0,
            unpaid_cents=0,
            tax_cents=0,
            raw_sha256="0",
        ).model_copy(update=changes)
        return CaseRef(
            case_id=ids.visit_workflow_id(self.world.location_id, "boulevard", visit_id),
            location_id=self.world.location_id,
            pms="boulevard",
            visit_id=visit_id,
            zone=ZONE,
        )

    def tenders(self, case: CaseRef, *payments: PmsPayment) -> None:
        """What the PMS shows as paid on the visit."""
        visits = self.world.pms.visits
        visits[case.visit_id] = visits[case.visit_id].model_copy(update={"payments": payments})

    async def bill(self, case: CaseRef, at: datetime = AT, number: str = "run/1") -> BuildOut:
        """Bill the chart."""
        return await self.build.build_invoice(BuildIn(case=case, at=at, review_no=number))

    async def ask_online(self, case: CaseRef, cents: int) -> str:
        """An open invoice of the case at the processor; returns its id."""
        processor_id = f"in_{uuid4().hex[:12]}"
        async with transaction(self.world.pool) as conn:
            document_id = ids.document_id(case.case_id, 1)
            await processor.put_invoice(conn, document_id, processor_id, case.case_id)
        self.world.processor.invoices[processor_id] = open_invoice(processor_id, cents)
        self.world.processor.cases[processor_id] = case.case_id
        return processor_id

    def pay_online(self, processor_id: str, *cents: int, at: datetime = AT) -> list[str]:
        """Card payments on a processor invoice; returns the ids of their applications."""
        asked_cents = self.world.processor.invoices[processor_id].amount_cents
        rows = tuple(
            paid(f"inpay_{name}", f"pi_{name}", one).model_copy(update={"paid_at": at})
            for name, one in ((uuid4().hex, one) for one in cents)
        )
        self.world.processor.invoices[processor_id] = open_invoice(
            processor_id, asked_cents, min(sum(cents), asked_cents), payments=rows
        )
        return [row.payment_id for row in rows]

    def ask(self, case: CaseRef, client_ref: str, at: datetime = AT) -> StandingIn:
        """The question where the money of a case stands."""
        return StandingIn(case=case, client_id=self.client_id(client_ref), at=at)

    async def read(self, case: CaseRef, client_ref: str, at: datetime = AT) -> StandingOut:
        """Read the money and post what is new."""
        return await self.standing.read_standing(self.ask(case, client_ref, at))

    def step(self, case: CaseRef, client_ref: str, number: int = 0, **changes: Any) -> SendIn:
        """A dunning step of the default cadence, by its place."""
        return SendIn(
            case=case,
            client_id=self.client_id(client_ref),
            document_id=ids.document_id(case.case_id, 1),
            step=DEFAULT_CHASE.steps[number],
            chase=DEFAULT_CHASE,
            day0=AT.date() if number else None,
            at=AT,
            first=number == 0,
        ).model_copy(update=changes)

    async def ask_desk(
        self, case: CaseRef, client_ref: str, code: str, cents: int = 0, at: datetime = AT
    ) -> str:
        """Put a question of the chase to the desk; returns its id."""
        opened = await self.reviews.open_review(
            OpenReviewIn(
                case=case,
                client_id=self.client_id(client_ref),
                document_id=None,
                code=code,
                facts=(),
                money_cents=cents,
                review_no=f"run/{uuid4()}",
                at=at,
            )
        )
        return opened.review_id

    async def decide(
        self,
        case: CaseRef,
        client_ref: str,
        review_id: str,
        choice: str,
        second: str | None = "eve",
        at: datetime = AT,
        **more: Any,
    ) -> ApplyOut:
        """A named person's answer, carried out; a second one confirms where that is needed."""
        decision = Decision(review_id=review_id, choice=choice, by="dana", **more)
        ask = ApplyIn(case=case, client_id=self.client_id(client_ref), decision=decision, at=at)
        done = await self.reviews.apply_decision(ask)
        if done.effect != "proposed" or second is None:
            return done
        yes = decision.model_copy(update={"confirmed_by": second})
        return await self.reviews.apply_decision(ask.model_copy(update={"decision": yes}))

    async def accounts(self, client_ref: str) -> dict[str, int]:
        """Net debits of the patient's accounts that are not zero."""
        async with self.world.pool.acquire() as conn:
            found = await ledger.account_balances(conn, None, [self.client_id(client_ref)])
        return {account: cents for account, cents in found.items() if cents}

    async def questions(self, case_id: str) -> list[tuple[str, str]]:
        """(code, state) of every question of a case."""
        async with self.world.pool.acquire() as conn:
            return [(one.code, one.state) for one in await reviews.of_case(conn, case_id)]
