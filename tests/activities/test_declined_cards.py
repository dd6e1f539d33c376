"""A card that was declined for good: its plan is told once, and hears when it was paid."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from temporalio.testing import ActivityEnvironment

from activities.closing import ClosingActivities
from activities.contracts import CaseRef, CloseIn
from activities.plan_contracts import ReadPlanIn
from connectors.payments.stripe import StripeProcessor
from domain.case import VisitStatus
from domain.plan_case import CardDeclined, InstallmentPosted
from domain.plan_desk import about_declined
from tests.activities.declines import EXPIRED, LOST, CardPage
from tests.activities.desk import DUE_CENTS, VISIT
from tests.activities.practice import AT, Practice
from tests.activities.test_installments import Own, paid
from tests.connectors.stripe_world import World as Twin

INTENT, INVOICE = "payment_intent.payment_failed", "invoice.payment_failed"
SOFT = ("4000000000000002", "4000000000009995", "4000000000000127", "4000000000000119")


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin.served() as world:
        yield world


@pytest.fixture
async def stripe(twin: Twin) -> AsyncIterator[StripeProcessor]:
    twin.reset()
    processor = twin.processor()
    yield processor
    await processor.close()


@pytest.fixture
async def page(practice: Practice, twin: Twin, stripe: StripeProcessor) -> CardPage:
    return await CardPage(practice, twin, stripe).open()


def failed(twin: Twin) -> list[str]:
    """Attempts that failed, in any order."""
    return [one["id"] for one in twin.stored("charge") if one["status"] == "failed"]


@pytest.mark.parametrize("event_type", [INTENT, INVOICE])
async def test_a_hard_decline_of_an_instalment_is_told_to_its_plan(
    page: CardPage, event_type: str
) -> None:
    await page.pay(LOST)
    [attempt] = failed(page.twin)
    assert await page.hear(1, event_type) == [
        CardDeclined(event_id=attempt, at=AT, code="lost or stolen", installment=1)
    ]
    ask = about_declined(page.told()[0])
    assert (ask.code, ask.installment) == ("CARD_DECLINED", 1)
    assert ask.says == ("The card was declined: lost or stolen.", "It was to pay instalment 1.")


@pytest.mark.parametrize("card", SOFT)
async def test_a_soft_decline_is_no_question(page: CardPage, card: str) -> None:
    await page.pay(card)
    assert failed(page.twin)
    assert await page.hear(2) == []
    told = {(case_id, name) for case_id, name, _ in page.engine.signals}
    assert told == {(page.own.case(1).case_id, "payment_posted")}


async def test_copies_in_any_order_are_one_question(page: CardPage) -> None:
    await page.pay(LOST)
    asks = {about_declined(told) for told in await page.hear(10)}
    assert len(asks) == 1
    await page.pay(EXPIRED)
    asks |= {about_declined(told) for told in await page.hear(10)}
    assert {ask.key for ask in asks} == {f"declined/{one}" for one in failed(page.twin)}
    assert len(asks) == 2


async def test_paid_with_another_card_before_it_was_heard_is_no_question(page: CardPage) -> None:
    await page.pay(LOST)
    await page.pay()
    assert await page.hear(3) == []


async def test_a_part_that_was_declined_is_no_question_once_all_is_paid(page: CardPage) -> None:
    await page.pay(LOST, amount_cents=1_000)
    await page.pay()
    assert await page.hear(3) == []


async def test_an_ordinary_visit_tells_nobody_of_a_declined_card(page: CardPage) -> None:
    visit = page.practice.chart(page.own.client_ref, *VISIT)
    await page.practice.bill(visit)
    invoice = await page.ask_for(visit.case_id, DUE_CENTS)
    before = len(page.twin.calls("invoices.retrieve"))
    await page.pay(LOST, invoice)
    assert await page.hear(2) == []
    assert {name for _, name, _ in page.engine.signals} == {"payment_posted"}
    assert len(page.twin.calls("invoices.retrieve")) == before


async def test_a_page_for_all_that_is_owed_tells_the_plan_too(page: CardPage) -> None:
    visit = page.practice.chart(page.own.client_ref, *VISIT)
    await page.practice.bill(visit)
    page.engine.running.add(visit.case_id)
    session_id = await page.checkout(DUE_CENTS + 6_667)
    await page.twin.control(f"/sessions/{session_id}/pay", card=LOST)
    [told] = await page.hear()
    assert (told.code, told.installment) == ("lost or stolen", 1)


async def test_a_plan_that_is_over_hears_nothing(page: CardPage) -> None:
    page.engine.running.discard(page.own.ref.case_id)
    await page.pay(LOST)
    assert await page.hear() == []


async def test_what_is_paid_is_settled_and_what_is_paid_in_part_is_not(page: CardPage) -> None:
    own = page.own
    assert await _settled(own) == ()
    await paid(own, amount_cents=1_000)
    assert await _settled(own) == ()
    await paid(own, receipt="R-2")
    assert await _settled(own) == (1,)


async def _settled(own: Own) -> tuple[int, ...]:
    return (await own.acts.read_plan(ReadPlanIn(plan=own.ref, at=AT))).facts.settled_installments


async def _closed(practice: Practice, case: CaseRef, status: VisitStatus) -> str | None:
    env = ActivityEnvironment()
    env.info = replace(env.info, workflow_run_id=str(uuid4()))
    work = ClosingActivities(practice.tools, practice.world.engine)
    ask = CloseIn(case=case, client_id=None, status=status, closed_by=None, at=AT)
    return (await env.run(work.close_case, ask)).refusal


async def test_the_end_of_an_instalment_is_told_to_its_plan_and_no_other_end_is(
    page: CardPage,
) -> None:
    practice, case = page.practice, page.own.case(1)
    assert await _closed(practice, case, VisitStatus.PAID) is not None
    assert page.engine.signals == []
    await paid(page.own)
    page.engine.signals.clear()
    assert await _closed(practice, case, VisitStatus.PAID) is None
    told = InstallmentPosted(payment_id=case.case_id)
    assert page.engine.signals == [(page.own.ref.case_id, "installment_posted", told)]
    visit = practice.chart(page.own.client_ref, *VISIT)
    assert await _closed(practice, visit, VisitStatus.NOT_BILLABLE) is None
    assert len(page.engine.signals) == 1
