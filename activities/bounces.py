"""A message that did not arrive, told to every case that it spoke for."""

from activities.translation import Ignored
from connectors.ports import CaseEngine
from domain.case import DeliveryFailed
from store import touchpoints
from store.db import Pool
from store.touchpoints import Touchpoint


async def tell_failed(pool: Pool, engine: CaseEngine, message: Touchpoint, code: str) -> str:
    """The case of a failed message. A repeat tells again: the first may have been lost.

    Raises Ignored when all of its cases are closed.
    """
    async with pool.acquire() as conn:
        concerned = await touchpoints.cases_told_by(conn, message)
    failure = DeliveryFailed(message_key=message.message_key, channel=message.channel, code=code)
    told = [await engine.signal(case_id, "delivery_failed", failure) for case_id in concerned]
    if not any(told):
        raise Ignored("the message failed; its case is closed")
    return message.case_id
