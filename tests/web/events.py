"""Events as the shims keep them, dispatched at once."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from connectors.ports import LoosePayment
from store import inbox
from store.db import transaction
from tests.web.conftest import World

NOW = datetime(2026, 11, 5, 18, 0, tzinfo=UTC)


async def keep(
    world: World, source: str, event_type: str, body: bytes, location_id: str | None = None
) -> str:
    async with transaction(world.pool) as conn:
        inbox_id, _ = await inbox.receive(
            conn, world.vault, source, location_id, f"evt-{uuid4()}", event_type, NOW, {}, body
        )
    return inbox_id


async def stripe(world: World, event_type: str, **thing: Any) -> str:
    body = json.dumps({"type": event_type, "data": {"object": thing}}).encode()
    return await world.intake.dispatch(await keep(world, "stripe", event_type, body))


async def twilio(world: World, event_type: str, **form: str) -> str:
    body = urlencode({"MessageSid": f"SM{uuid4().hex}"} | form).encode()
    return await world.intake.dispatch(await keep(world, "twilio", event_type, body))


async def boulevard(world: World, event_type: str, node: Any) -> str:
    body = json.dumps({"event": event_type, "data": {"node": node}}).encode()
    inbox_id = await keep(world, "boulevard", event_type, body, world.location_id)
    return await world.intake.dispatch(inbox_id)


def loose(payment_id: str, state: str = "succeeded", *invoices: str) -> LoosePayment:
    return LoosePayment(
        payment_id=payment_id,
        amount_cents=24000,
        currency="usd",
        state=state,
        invoice_ids=invoices,
        customer_id=None,
        paid_at=NOW,
    )
