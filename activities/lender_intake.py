"""A lender's webhook: a hint that is kept, told to the plan's case, and read from the lender.

What it says becomes a fact of the lowest trust. The read that follows goes through the lender's
own task queue, before any bulk, so that the limit on calls holds for it, too.
"""

from collections.abc import Mapping

from activities.lender_desk import FeedDesk, unread
from activities.plan_intake import PlanIntake
from activities.translation import Ignored, Undecodable, json_object
from connectors.ports import CaseEngine, LenderPort, LenderReads, LenderWebhooks
from domain import ids
from domain.lender_case import LookInput, LookNews
from domain.lender_news import Context, News, Thing
from domain.plan_facts import FactSource
from store import locations
from store.db import Pool
from store.inbox import InboxEvent
from store.locations import Location

LOOK = "LenderLook"


class LenderIntake:
    """Translates the inbox rows of lenders; `lenders` maps a source to its port."""

    def __init__(
        self, pool: Pool, engine: CaseEngine, lenders: Mapping[str, LenderPort], plans: PlanIntake
    ) -> None:
        self._pool = pool
        self._engine = engine
        self._lenders = lenders
        self._plans = plans
        self._desk = FeedDesk(pool, engine)

    @property
    def sources(self) -> frozenset[str]:
        """The lenders whose webhooks come here, by the inbox's word."""
        return frozenset(self._lenders)

    async def translate(self, event: InboxEvent) -> str:
        """The workflow id that was told; `Undecodable` for what a person must look at."""
        port = self._lenders[event.source]
        if event.location_id is None or not isinstance(port, LenderWebhooks):
            raise Undecodable("The event names no location.")
        async with self._pool.acquire() as conn:
            location = await locations.get_location(conn, event.location_id)
        json_object(event.body)
        context = Context(
            contract=port.contract,
            location_id=location.location_id,
            zone=location.zone,
            source=FactSource.WEBHOOK,
            observed_at=event.received_at,
            event_id=event.event_id or event.inbox_id,
        )
        heard = port.hear(event.body, context)
        told = await self._plans.take(heard.facts, event.inbox_id)
        await self._plans.keep_fundings(heard.fundings)
        looks = await self._look(port, location, heard)
        asked = await self._desk.tell(location, port.contract.lender, unread(heard.unread))
        if not (told or looks or asked):
            raise Ignored(f"{event.event_type} concerns no plan")
        return [*told, *looks, *asked][0]

    async def _look(self, port: LenderPort, location: Location, heard: News) -> list[str]:
        """Have the lender asked about each thing that was named."""
        if not isinstance(port, LenderReads):
            return []
        told = []
        for thing, thing_id in things(heard):
            lender = port.contract.lender
            workflow_id = ids.look_workflow_id(location.location_id, lender, thing, thing_id)
            start = LookInput(
                location_id=location.location_id, lender=lender, thing=thing, thing_id=thing_id
            )
            await self._engine.start_or_signal(
                LOOK, workflow_id, start, "heard", LookNews(), location.location_id
            )
            told.append(workflow_id)
        return told


def things(heard: News) -> list[tuple[Thing, str]]:
    """What to ask the lender about, each once."""
    found = [
        (Thing.CONTRACT, fact.contract_id)
        if fact.contract_id
        else (Thing.APPLICATION, fact.plan_id)
        for fact in heard.facts
    ]
    found += [(Thing.CONTRACT, contract_id) for contract_id in heard.to_read]
    for money in heard.fundings:
        found += [(Thing.FUNDING, money.funding_id), (Thing.CONTRACT, money.loan_id)]
    return list(dict.fromkeys(found))
