"""One look at the books for all visits in flight, so that the driver does not eat the box."""

import asyncio
from collections import defaultdict
from types import TracebackType
from typing import Any, Self

from store.db import Pool

EVERY_SECONDS = 0.25
GIVE_UP_SECONDS = 120

_QUERIES = {
    "invoice": """
        SELECT case_id, min(p.processor_invoice_id) AS found
        FROM processor_invoices p JOIN touchpoints t USING (case_id)
        WHERE case_id = ANY($1) AND t.step = 'invoice' AND t.state IN ('accepted', 'delivered')
        GROUP BY case_id
    """,
    "task": """
        SELECT case_id, min(review_id) AS found FROM reviews
        WHERE case_id = ANY($1) AND state = 'open' GROUP BY case_id
    """,
    "sent": """
        SELECT t.case_id,
               (extract(epoch FROM max(t.accepted_at) - min(i.received_at)) * 1000)::bigint AS found
        FROM touchpoints t JOIN inbox i ON i.workflow_id = t.case_id
        WHERE t.case_id = ANY($1) AND t.step = 'invoice' AND t.accepted_at IS NOT NULL
        GROUP BY t.case_id HAVING count(DISTINCT t.channel) = 2
    """,
}
"""What may be waited for: an accepted invoice (the processor's id), an open question (its id),
and the milliseconds from the received event to the invoice accepted on both channels."""


class Watch:
    """Answers every waiting visit from at most one query per kind and tick."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: dict[str, dict[str, asyncio.Future[Any]]] = defaultdict(dict)
        self._looking: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._looking.cancel()
        await asyncio.gather(self._looking, return_exceptions=True)

    async def until(self, what: str, case_id: str) -> Any:
        """Wait for `what` of one case; TimeoutError after two minutes."""
        waiting = self._waiting[what]
        waiting[case_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                return await waiting[case_id]
        finally:
            waiting.pop(case_id, None)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            for what, waiting in self._waiting.items():
                if not waiting:
                    continue
                async with self._pool.acquire() as conn:
                    rows = await conn.fetch(_QUERIES[what], list(waiting))
                for row in rows:
                    answer = waiting.get(row["case_id"])
                    if answer is not None and not answer.done():
                        answer.set_result(row["found"])
