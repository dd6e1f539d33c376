"""News that arrives at an awkward moment is neither lost nor turned in circles over."""

import asyncio
from typing import Any

import pytest
from temporalio import activity

from domain.case import ChartAmended, Close, PaymentPosted, VisitStatus
from domain.dispute_case import DisputeMoved
from domain.loan_case import LoanMoved
from domain.payout_case import PayoutMoved
from domain.refund_case import RefundMoved
from tests.workflows.clinic import Case, Clinic
from tests.workflows.fakes import World


async def test_bounce_while_a_system_does_not_answer_waits_its_turn(
    case: Case, world: World
) -> None:
    world.failing["read_standing"] = "Misconfigured"
    await case.announced()
    assert world.open_codes == ["STATE_UNKNOWN"]
    await asyncio.wait_for(case.bounced(), 15)
    world.failing.clear()
    await case.decide("try_again")
    assert await case.runs()


async def test_amendment_while_the_last_step_runs_is_billed(case: Case, world: World) -> None:
    async def amend() -> None:
        world.due_cents = 26_000
        await case.handle.signal("chart_amended", ChartAmended(event_id="event-9"))

    world.during_write_back.append(amend)
    await case.pay()
    assert world.documents[-1][1] == 26_000
    assert await case.runs()


async def test_money_in_suspense_is_still_asked_about_when_the_rest_is_written_off(
    case: Case, world: World
) -> None:
    await case.day(15)
    world.announced.append((5_000, "twice"))
    await case.announced()
    assert world.open_codes == ["CHASE_EXHAUSTED", "DUPLICATE_SUSPECTED"]
    await case.decide("write_off", "CHASE_EXHAUSTED", reason="moved")
    assert world.open_codes == ["DUPLICATE_SUSPECTED"]
    assert await case.runs()
    await case.decide("refund", "DUPLICATE_SUSPECTED")
    assert (await case.ended()).status == VisitStatus.WRITTEN_OFF


async def test_money_announced_just_before_the_desk_closes_is_booked(
    case: Case, world: World
) -> None:
    world.silent = "the processor"
    world.announced.append((5_000, "card"))
    await case.announced()
    await case.handle.execute_update("close", Close(by="dana", reason="moved"))
    assert await case.runs()
    world.silent = None
    await case.pass_(minutes=31)
    result = await case.ended()
    assert result.status == VisitStatus.CLOSED_BY_STAFF
    assert result.balance_cents == world.due_cents - 5_000


@pytest.mark.parametrize(
    ("kind", "start", "signal", "news", "look"),
    [
        (
            "refund",
            {"source": "stripe", "object_id": "re_late"},
            "refund_moved",
            RefundMoved(state="failed"),
            "settle_refund",
        ),
        ("dispute", {}, "dispute_moved", DisputeMoved(state="won"), "follow_dispute"),
        ("payout", {}, "payout_moved", PayoutMoved(state="failed"), "tie_payout"),
        ("loan", {}, "loan_moved", LoanMoved(loan_id="tx-1"), "settle_loan"),
        ("money", {}, "payment_posted", PaymentPosted(payment_id="re_late"), "place_payment"),
    ],
)
async def test_news_during_the_last_look_is_looked_at(
    clinic: Clinic, world: World, kind: str, start: Any, signal: str, news: Any, look: str
) -> None:
    async def tell() -> None:
        case = clinic.client.get_workflow_handle(activity.info().workflow_id)
        await case.signal(signal, news)

    world.during_look.append(tell)
    clinic.loans.found, world.unmatched = "done", "gone"
    case = await getattr(clinic, kind)(**start)
    await case.ended()
    assert world.times(look) == 2
