"""Take back what is still in a provider's queue when the money has come (rules 5.3)."""

from activities.tools import Tools
from connectors.ports import ConnectorError
from domain.dunning import RECEIPT_STEP
from store import touchpoints

PAID_MEANWHILE = "PAID_MEANWHILE"
_QUEUED_MINUTES = 60


async def recall_queued(tools: Tools, case_id: str) -> int:
    """Cancel texts that ask for money nobody owes any more; how many will not go out.

    A text that speaks for another visit, which still owes, is right as it is.
    A provider that cannot cancel, or does not answer, changes nothing: the text itself says
    what to do when a payment has crossed it.
    """
    async with tools.pool.acquire() as conn:
        queued = await touchpoints.still_queued(conn, case_id, _QUEUED_MINUTES)
    recalled = 0
    for message in queued:
        if message.step == RECEIPT_STEP.name or message.provider_id is None:
            continue
        try:
            is_cancelled = await tools.texts.cancel(message.provider_id)
        except ConnectorError:
            is_cancelled = False
        if is_cancelled:
            async with tools.pool.acquire() as conn:
                await touchpoints.mark(conn, message.message_key, "failed", reason=PAID_MEANWHILE)
            recalled += 1
    return recalled
