"""From a signed webhook to one bill: whatever order, number or honesty the webhooks come in."""

import asyncio
import base64
import hashlib
import hmac
import json
import random
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from domain import ids
from tests.e2e.play import BOTH, TOXIN_40, WORKED_EXAMPLE, Case, Play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def signed(play: Play, body: bytes, age_seconds: int = 0) -> dict[str, str]:
    """The headers with which Boulevard documents that it signs."""
    own = play.stack.settings
    salt = f"blvd-webhook-v1:{own.boulevard_app_id}:{int(time.time()) - age_seconds}"
    secret = base64.b64decode(own.boulevard_api_secret.get_secret_value())
    digest = hmac.new(secret, f"{salt}:".encode() + body, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "x-blvd-hmac-salt": salt,
        "x-blvd-hmac-sha256": base64.b64encode(digest).decode(),
    }


def envelope(play: Play, event: str, node: dict[str, Any], key: str | None = None) -> bytes:
    """One event as Boulevard sends it."""
    return json.dumps(
        {
            "idempotencyKey": key or str(uuid4()),
            "businessId": f"urn:blvd:Business:{play.stack.settings.boulevard_business_id}",
            "event": event,
            "timestamp": datetime.now(UTC).isoformat(),
            "data": {"node": node},
        }
    ).encode()


def order_completed(play: Play, visit_id: str, key: str | None = None) -> bytes:
    node = {"__typename": "Order", "id": f"urn:blvd:Order:{visit_id}"}
    return envelope(play, "order.completed", node, key)


async def appointment_completed(play: Play, case: Case) -> bytes:
    order = f"urn:blvd:Order:{case.visit_id}"
    found = [
        doc["id"]
        for doc in await play.practice.docs("boulevard_Appointment")
        if doc["orderId"] == order
    ]
    return envelope(play, "appointment.completed", {"id": found[0]})


async def post(play: Play, body: bytes, headers: dict[str, str], source: str = "boulevard") -> int:
    path = "boulevard/lumin" if source == "boulevard" else source
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.post(
            f"{play.stack.web_url}/webhooks/{path}", content=body, headers=headers
        )
    return answer.status_code


async def inbox_rows(play: Play, source: str = "boulevard") -> int:
    rows = await play.fetch("SELECT count(*) FROM inbox WHERE source = $1", source)
    return int(rows[0][0])


async def refused(play: Play, source: str, why: str) -> int:
    rows = await play.fetch(
        "SELECT refused FROM inbox_refusals WHERE source = $1 AND why = $2", source, why
    )
    return int(rows[0][0]) if rows else 0


async def once_of_everything(play: Play, case: Case) -> None:
    """One invoice, one request for money, one message per channel; no more will come."""
    await play.flush()
    await play.until(lambda: no_waiting_rows(play), "an empty inbox")
    assert await play.documents(case) == [("invoice", (await play.document(case)).priced.due_cents)]
    bills = await play.stripe_invoices(case)
    assert [bill["status"] for bill in bills] == ["open"]
    assert bills[0]["amount_due"] == await play.balance(case)
    assert len(await play.texts(case)) == 1
    assert len(await play.mails(case)) == 1
    assert (await play.posted(case))["visit_issued"] == 1


async def no_waiting_rows(play: Play) -> bool:
    waiting = await play.fetch("SELECT 1 FROM inbox WHERE state IN ('received', 'failed')")
    return not waiting


async def test_worked_example_from_webhook_to_books(play: Play) -> None:
    case = await play.member_case(WORKED_EXAMPLE)
    await play.until_out(case, "invoice", 2)

    bill = (await play.document(case)).priced
    assert (bill.due_cents, bill.tax_cents) == (53_361, 561)
    assert [(tender.kind, tender.cents) for tender in bill.tenders] == [
        ("membership_credit", 19_000)
    ]
    package, credit = sorted(await play.lots(case), key=lambda lot: lot.kind, reverse=True)
    assert (package.drawn_quantity, package.remaining_quantity) == (1, 5)
    assert (package.drawn_cents, package.remaining_cents) == (60_000, 300_000)
    assert (credit.drawn_cents, credit.remaining_cents) == (19_000, 0)
    assert package.is_conserved
    assert credit.is_conserved

    (asked,) = await play.stripe_invoices(case)
    assert (asked["status"], asked["amount_due"], asked["currency"]) == ("open", 53_361, "usd")
    assert await play.balance(case) == 53_361
    account = dict(
        await play.fetch(
            "SELECT account, sum(debit_cents - credit_cents)::bigint FROM ledger_postings"
            " WHERE case_id = $1 GROUP BY account HAVING sum(debit_cents - credit_cents) <> 0",
            case.case_id,
        )
    )
    # Receivable, draw and credit against revenue of 50 units, one syringe, one serum, and tax.
    assert account["1100"] == 53_361
    assert account["2070"] == -561
    assert account["2010"] == 60_000
    assert account["2030"] == 19_000
    assert sum(account.values()) == 0
    await once_of_everything(play, case)
    await play.pay_to_the_end(case)


async def test_same_webhook_ten_times_at_once_in_any_order_with_its_sibling(play: Play) -> None:
    case = await play.case(TOXIN_40, events=None)
    # The order is closed; its own announcement is lost, so that only our copies count.
    await play.fault("boulevard", "webhook:*", "drop", times=1)
    await play.practice.check_out(case.visit_id)
    order, appointment = (
        order_completed(play, case.visit_id),
        await appointment_completed(play, case),
    )
    copies = [(body, signed(play, body)) for body in (order, appointment)] * 10
    random.Random(7).shuffle(copies)
    before = await inbox_rows(play)

    statuses = await asyncio.gather(*(post(play, body, headers) for body, headers in copies))

    assert set(statuses) == {204}
    await play.until_out(case, "invoice", 2)
    assert await inbox_rows(play) == before + 2
    await once_of_everything(play, case)


async def test_vendor_that_repeats_and_reorders(play: Play) -> None:
    await play.fault("boulevard", "webhook:appointment.completed", "reorder")
    await play.fault("boulevard", "webhook:order.completed", "duplicate")
    case = await play.case(TOXIN_40, events=BOTH)
    await play.until_out(case, "invoice", 2)
    await once_of_everything(play, case)

    await play.fault("stripe", "webhook:invoice_payment.paid", "duplicate")
    await play.fault("stripe", "webhook:invoice.paid", "reorder")
    await play.pay_online(case)
    await play.until_balance(case, 0)
    await play.flush()
    await play.record_in_pms(case)
    assert await play.result(case) == "paid"
    assert (await play.posted(case))["payment_received"] == 1


async def test_webhook_before_the_order_is_closed_waits_for_it(play: Play) -> None:
    case = await play.case(TOXIN_40, events=("APPOINTMENT_COMPLETED",))

    async def waiting() -> bool:
        rows = await play.fetch("SELECT 1 FROM inbox WHERE workflow_id = $1", case.case_id)
        return bool(rows)

    await play.until(waiting, "the early event")
    await play.flush()
    assert await play.documents(case) == []
    assert await play.texts(case) == []

    await play.practice.check_out(case.visit_id)
    await play.until_out(case, "invoice", 2)
    await once_of_everything(play, case)


@pytest.mark.parametrize("fault", ["forge", "stale"])
@pytest.mark.parametrize("vendor", ["boulevard", "stripe"])
async def test_dishonest_webhook_is_refused_and_counted(
    play: Play, vendor: str, fault: str
) -> None:
    await play.flush()
    before_rows, before_refused = (
        await inbox_rows(play, vendor),
        await refused(play, vendor, "signature"),
    )
    await play.fault(vendor, "webhook:*", fault)
    if vendor == "boulevard":
        await play.case(TOXIN_40, events=("ORDER_COMPLETED",))
    else:
        await play.practice.control(
            "stripe/loose_payment", {"amount_cents": 999, "currency": "usd"}
        )

    async def counted() -> bool:
        return await refused(play, vendor, "signature") == before_refused + 1

    await play.until(counted, "the refusal's count")
    await play.flush()
    assert await inbox_rows(play, vendor) == before_rows
    statuses = [
        doc["status"] for doc in await play.practice.docs("delivery") if doc["vendor"] == vendor
    ]
    assert statuses[-1] == (401 if vendor == "boulevard" else 400)


@pytest.mark.parametrize(
    ("what", "status", "why"),
    [
        ("signed for another body", 401, "signature"),
        ("signed an hour ago", 401, "signature"),
        ("not signed", 401, "signature"),
        ("signed garbage", 401, "signature"),
        ("another content type", 415, "content_type"),
        ("5 MB", 413, "too_large"),
    ],
)
async def test_garbage_leaves_nothing_but_a_count(
    play: Play, what: str, status: int, why: str
) -> None:
    visit_id = str(uuid4())
    body = order_completed(play, visit_id)
    headers = signed(play, body)
    if what == "signed for another body":
        headers = signed(play, body + b" ")
    elif what == "signed an hour ago":
        headers = signed(play, body, age_seconds=3600)
    elif what == "not signed":
        headers = {"content-type": "application/json"}
    elif what == "signed garbage":
        body = b"\xff\x00{]"
        headers = signed(play, body)
    elif what == "another content type":
        headers |= {"content-type": "text/plain"}
    elif what == "5 MB":
        body = b"x" * 5_000_000
        headers = signed(play, body)
    rows, count = await inbox_rows(play), await refused(play, "boulevard", why)

    assert await post(play, body, headers) == status

    async def counted() -> bool:
        return await refused(play, "boulevard", why) == count + 1

    await play.until(counted, "the refusal's count")
    assert await inbox_rows(play) == rows
    case_id = ids.visit_workflow_id("lumin", "boulevard", visit_id)
    assert await workflows_named(play, case_id) == 0


async def test_well_signed_nonsense_is_kept_for_a_person_and_starts_nothing(play: Play) -> None:
    body = envelope(play, "order.completed", {"id": "urn:blvd:Order:../../etc"})
    assert await post(play, body, signed(play, body)) == 204

    async def failed() -> Any:
        rows = await play.fetch(
            "SELECT note FROM inbox WHERE state = 'failed' AND workflow_id IS NULL"
        )
        return rows[0]["note"] if rows else None

    assert await play.until(failed, "a failed row") == "The event's order is not named by a UUID."
    # The row stays failed and is tried again by the redrive; for the next test it is history.
    async with play.practice.pool.acquire() as conn:
        await conn.execute(
            "UPDATE inbox SET state = 'ignored', note = 'test' WHERE state = 'failed'"
        )


async def test_order_that_the_pms_does_not_know_bills_nobody(play: Play) -> None:
    visit_id = str(uuid4())
    body = order_completed(play, visit_id)
    assert await post(play, body, signed(play, body)) == 204
    case_id = ids.visit_workflow_id("lumin", "boulevard", visit_id)

    async def started() -> bool:
        return await workflows_named(play, case_id) == 1

    await play.until(started, "the case of an unknown order")
    rows = await play.fetch("SELECT 1 FROM documents WHERE case_id = $1", case_id)
    assert rows == []
    # It goes on looking for the chart every hour and never invents one.
    await play.practice.skip(case_id, 0.2)
    assert await play.fetch("SELECT 1 FROM documents WHERE case_id = $1", case_id) == []


async def test_appointment_without_an_order_is_ignored(play: Play) -> None:
    body = envelope(play, "appointment.completed", {"id": f"urn:blvd:Appointment:{uuid4()}"})
    known = len(await no_orders(play))
    assert await post(play, body, signed(play, body)) == 204

    async def ignored() -> bool:
        return len(await no_orders(play)) == known + 1

    await play.until(ignored, "the ignored row")


async def no_orders(play: Play) -> list[Any]:
    return await play.fetch("SELECT 1 FROM inbox WHERE note = 'no order yet'")


async def test_visit_that_no_webhook_announced_is_found_by_the_sweep(play: Play) -> None:
    await play.fault("boulevard", "webhook:*", "drop", times=2)
    case = await play.case(TOXIN_40)
    await play.flush()
    assert await workflows_named(play, case.case_id) == 0

    counts = await play.sweep("MissedVisits", location_id="lumin", back_seconds=26 * 3600)

    assert counts["started"] >= 1
    await play.until_out(case, "invoice", 2)

    async def nothing_is_missed() -> bool:
        again = await play.sweep("MissedVisits", location_id="lumin", back_seconds=26 * 3600)
        return again["started"] == 0

    # Another test's visit may still be on its way to its invoice.
    await play.until(nothing_is_missed, "a sweep that finds every visit billed")
    await once_of_everything(play, case)


async def test_payment_that_no_webhook_announced_is_found_by_the_catch_up(play: Play) -> None:
    case = await play.billed()
    await play.fault("stripe", "webhook:*", "drop", times=100)
    await play.pay_online(case)
    await play.flush()
    await play.clear_faults()
    assert await play.balance(case) == 52_000

    counts = await play.sweep("ProcessorCatchUp", back_seconds=1200)

    assert counts["dispatched"] >= 1
    await play.until_balance(case, 0)
    again = await play.sweep("ProcessorCatchUp", back_seconds=1200)
    assert again["found"] == 0
    await play.record_in_pms(case)
    assert await play.result(case) == "paid"
    assert (await play.posted(case))["payment_received"] == 1


async def workflows_named(play: Play, case_id: str) -> int:
    found = play.practice.engine.list_workflows(f"WorkflowId = '{case_id}'")
    return len([one async for one in found])
