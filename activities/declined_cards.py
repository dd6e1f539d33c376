"""A card that its bank declined for good: the plan whose instalment it was to pay is told.

Nobody is asked about any other visit: its payer sees the decline on the page and takes another
card.
"""

from collections.abc import Iterable
from datetime import datetime

from connectors.ports import CaseEngine, Decline
from domain import ids
from domain.plan_case import CardDeclined


async def tell_plans(
    engine: CaseEngine, case_ids: Iterable[str], attempts: Iterable[Decline | None], at: datetime
) -> None:
    """Each attempt under its own id, so that a plan asks once however often it is told."""
    failed = [attempt for attempt in attempts if attempt is not None]
    for case_id in case_ids:
        plan_case = ids.plan_of_installment(case_id)
        if plan_case is None:
            continue
        for attempt in failed:
            told = CardDeclined(
                event_id=attempt.attempt_id,
                at=at,
                code=attempt.reason,
                installment=ids.installment_of(case_id)[1],
            )
            await engine.signal(plan_case, "card_declined", told)
