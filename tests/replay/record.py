"""Records the replay corpus: one history per path, from the fake world, unencrypted.

    python -m tests.replay.record [NAME ...]

A stored history stands for cases that are running somewhere. Record it anew only together with
a patch gate in the workflow or a decision, in the commit message, that no such case is running;
never to make a failing test pass. See docs/changing-workflows.md.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.contracts import SendOut
from domain.case import ClientReleased, Hold, PaymentPosted, Release
from domain.control_case import ControlSeen
from starter.exit import end
from tests.replay.record_plans import ended_with_rest, financed, financed_by_us
from tests.workflows.clinic import THURSDAY, Case, Clinic, received
from tests.workflows.fakes import World
from tests.workflows.server import dev_server

FOLDER = Path(__file__).parent / "histories"
MANIFEST = Path(__file__).parent / "manifest.json"

Play = Callable[[Clinic, World], Awaitable[Case]]


async def paid_at_once(clinic: Clinic, world: World) -> Case:
    world.pms_shows_tender = False
    case = await clinic.visit(visit_id="paid-at-once")
    await case.pay()
    await case.decide("done")
    return case


async def paid_day_9(clinic: Clinic, _: World) -> Case:
    case = await clinic.visit(visit_id="paid-day-9")
    await case.day(9)
    await case.pay()
    return case


async def chased_to_the_end(clinic: Clinic, _: World) -> Case:
    case = await clinic.visit(visit_id="chased-to-the-end")
    await case.day(14)
    await case.decide("write_off", reason="moved")
    return case


async def kept_open(clinic: Clinic, _: World) -> Case:
    case = await clinic.visit(visit_id="kept-open")
    await case.day(26)
    await case.decide("keep_open")
    await case.day(60)
    await case.decide("stop", reason="goodwill")
    return case


async def refused_end(clinic: Clinic, world: World) -> Case:
    world.refuses_ends.append("the case is off by 1 cents and nobody has closed it")
    case = await clinic.visit(visit_id="refused-end")
    await case.pay()
    await case.decide("try_again")
    return case


async def held_draft(clinic: Clinic, world: World) -> Case:
    world.hold_code = "CATALOG_UNMAPPED"
    case = await clinic.visit(visit_id="held-draft")
    await case.day(2)
    world.hold_code = None
    await case.decide("map", sku="BTX")
    await case.pay()
    return case


async def fixed_draft(clinic: Clinic, world: World) -> Case:
    world.chart_ready = False
    case = await clinic.visit(visit_id="fixed-draft")
    await case.pass_(hours=1.5)
    world.chart_ready, world.hold_code = True, "CATALOG_UNMAPPED"
    await case.amended("event-2")
    world.hold_code = None
    await case.amended("event-3")
    await case.pay()
    return case


async def partial(clinic: Clinic, _: World) -> Case:
    case = await clinic.visit(visit_id="partial")
    await case.day(4)
    await case.pay(12_000, "desk")
    await case.day(8)
    await case.pay()
    return case


async def small_rest_asked(clinic: Clinic, _: World) -> Case:
    """Recorded by code that put a small rest to the desk."""
    return await _small_rest(clinic, "small-rest-asked")


async def small_rest_carried(clinic: Clinic, _: World) -> Case:
    """Too little is left to remind of; the rest is paid later."""
    return await _small_rest(clinic, "small-rest-carried")


async def _small_rest(clinic: Clinic, visit_id: str) -> Case:
    case = await clinic.visit(visit_id=visit_id)
    await case.day(4)
    await case.pay(19_600)
    await case.day(20)
    await case.pay()
    return case


async def nothing_due(clinic: Clinic, world: World) -> Case:
    world.due_cents = 0
    return await clinic.visit(visit_id="nothing-due")


async def amended(clinic: Clinic, world: World) -> Case:
    case = await clinic.visit(visit_id="amended")
    await case.day(4)
    world.due_cents = 26_000
    await case.amended("event-2")
    await case.day(6)
    await case.pay(26_000)
    return case


async def doubted(clinic: Clinic, world: World) -> Case:
    """Unverified balance, unknown outcome, failed delivery, hold, duplicate, failing step."""
    world.providers, world.lookups = ["unknown"], ["unknown", "absent"]
    case = await clinic.visit(visit_id="doubted")
    await case.pass_(minutes=5)
    world.silent = "ProviderUnavailable"
    await case.day(4, hour=16)
    world.silent = None
    await case.decide("try_again")
    await case.bounced("sms")
    await case.update("hold", Hold(by="desk-1", reason="CALLED"))
    await case.day(6)
    await case.update("release", Release(by="desk-1"))
    await case.pay(20_000, "twice")
    await case.signal("review_decided", case.answer("keep_as_credit"))
    world.failing["read_standing"] = "Misconfigured"
    await case.pay()
    world.failing.clear()
    await case.decide("try_again")
    return case


async def silenced(clinic: Clinic, world: World) -> Case:
    """A hold of the client, one that ends by itself, a statement, credit, no consent."""
    world.answers = [SendOut(status="covered", balance_cents=0, reason="IN_STATEMENT")]
    case = await clinic.visit(visit_id="silenced")
    world.answers = [SendOut(status="held", balance_cents=0, reason="HOLD_REPLY")]
    await case.day(4)
    released = ClientReleased(hold_id="hold-1")
    until = (await case.now()) + timedelta(days=20)
    world.answers = [
        SendOut(status="snoozed", balance_cents=0, reason="HOLD_PROMISE", until=until),
        SendOut(status="credit", balance_cents=0),
        SendOut(status="no_consent", balance_cents=0),
    ]
    await case.signal("client_released", released)
    await case.day(5)
    await case.signal("client_released", released)
    await case.decide("chase_anyway", reason="kept for the next visit")
    await case.decide("called")
    await case.day(8)
    await case.pay()
    return case


async def bounced(clinic: Clinic, world: World) -> Case:
    """Nothing arrives, the address is mended, a phone is off, a payment hangs and fails."""
    case = await clinic.visit(visit_id="bounced")
    await case.bounced("sms")
    await case.bounced("email")
    await case.day(1)
    await case.decide("retry")
    await case.day(4)
    await case.bounced("sms", "retry_later")
    await case.pass_(hours=5)
    await case.bounced("sms", "retry_later")
    await case.pass_(hours=1)
    world.in_flight = True
    await case.day(17)
    await case.decide("try_again")
    world.in_flight = False
    await case.day(19)
    await case.pay()
    return case


async def unheard(clinic: Clinic, world: World) -> Case:
    """No channel takes the invoice for two weeks; mended, it goes first, and is paid."""
    world.consents = ()
    case = await clinic.visit(visit_id="unheard")
    await case.day(15, 12)
    world.consents = ("sms", "email")
    await case.decide("retry")
    await case.day(19)
    await case.pay()
    return case


async def unmatched(clinic: Clinic, _: World) -> Case:
    await clinic.visit(visit_id="told")
    money = await clinic.money(payment_id="pi_unmatched")
    await money.decide("hold_30_days")
    await money.day(32)
    await money.decide("apply", invoice_id="document-1")
    return money


async def paid_on_a_page(clinic: Clinic, world: World) -> Case:
    await clinic.visit(visit_id="told-by-the-page")
    world.unmatched = "settled"
    return await clinic.money(payment_id="pi_on_a_page")


async def replied(clinic: Clinic, world: World) -> Case:
    """Two kinds of reply, one asked again, one read by a clinician, one settled by the books."""
    visit = await clinic.visit(visit_id="wrote-back")
    world.reply_visit = visit.handle.id
    reply = await clinic.reply("REPLY_CALL", client_id="client-replied")
    await reply.signal("reply_received", received("REPLY_PAID", inbox_id="inbox-2"))
    await reply.signal("reply_received", received("REPLY_CALL", inbox_id="inbox-3"))
    await reply.decide("promise", "REPLY_CALL", invoice_id="nowhere", until="2026-10-20")
    await reply.day(1)
    await reply.decide("adverse_event", "REPLY_CALL")
    await reply.decide("clinician_spoke", "ADVERSE_EVENT", reason="called")
    await visit.pay()
    await reply.day(3)
    return reply


async def given_back(clinic: Clinic, _: World) -> Case:
    """Its payment is late, it is on its way, it fails and is given by hand."""
    clinic.refunds.answers = ["missing", "waits", "REFUND_FAILED", "REFUND_BY_HAND", "paid"]
    case = await clinic.refund(source="stripe", object_id="re_given_back")
    await case.pass_(hours=2)
    await case.refund_moved("failed")
    await case.decide("by_hand", reason="the card is gone")
    await case.decide("given_back")
    return case


async def sent_back(clinic: Clinic, _: World) -> Case:
    """Loose money that may have gone back is looked at, and sent back by a case of its own."""
    money = await clinic.money(payment_id="pi_sent_back")
    await money.signal("payment_posted", PaymentPosted(payment_id="re_1"))
    await money.decide("refund")
    return money


async def asked_back(clinic: Clinic, _: World) -> Case:
    """A refund that the desk asks for, and that is paid."""
    clinic.refunds.answers = ["waits", "paid"]
    case = await clinic.refund()
    await case.decide("pay_back")
    await case.day(2)
    return case


async def disputed(clinic: Clinic, _: World) -> Case:
    """Its payment is late, the bank is answered, it is lost and billed again."""
    clinic.disputes.answers = ["missing", "DISPUTE_OPEN", "waits", "DISPUTE_LOST", "rebill"]
    case = await clinic.dispute(dispute_id="du_disputed")
    await case.pass_(hours=2)
    await case.decide("contest")
    await case.dispute_moved("lost")
    await case.decide("rebill", reason="chart is signed")
    return case


async def paid_out(clinic: Clinic, world: World) -> Case:
    """On its way, a payment missing and added, a difference rested on and accepted."""
    books = clinic.payouts
    books.answers = ["on_the_way", "missing", "PAYOUT_DIFF", "PAYOUT_DIFF", "PAYOUT_DIFF", "tied"]
    books.missing = ("pi_missing",)
    payout = await clinic.payout(payout_id="po_paid_out")
    await payout.moved("paid")
    await payout.pass_(hours=2)
    await payout.decide("add_missing")
    await payout.pass_(minutes=5)
    await payout.decide("call_processor", "PAYOUT_DIFF")
    await payout.day(8, hour=10)
    await payout.decide("accept", "PAYOUT_DIFF", reason="a cent")
    return payout


async def expired_lot(clinic: Clinic, _: World) -> Case:
    """Left owed for 90 days, then asked about again and kept."""
    lot = await clinic.lot(lot_id="lot-expired")
    await lot.day(2)
    await lot.decide("leave")
    await lot.day(93)
    await lot.decide("to_income", reason="rule")
    return lot


async def control_total(clinic: Clinic, _: World) -> Case:
    """Asked about, off by another amount, looked at again in a day, explained."""
    line = await clinic.control(location_id="lumin")
    await line.day(1)
    clinic.control_.off_cents = 2
    await line.signal("control_seen", ControlSeen(until=THURSDAY.date()))
    await line.decide("look_again")
    await line.day(3)
    await line.decide("explained", reason="known")
    return line


PATHS: tuple[Play, ...] = (
    financed,
    financed_by_us,
    ended_with_rest,
    expired_lot,
    control_total,
    paid_at_once,
    paid_day_9,
    chased_to_the_end,
    refused_end,
    kept_open,
    held_draft,
    fixed_draft,
    partial,
    nothing_due,
    amended,
    doubted,
    silenced,
    bounced,
    unheard,
    small_rest_asked,
    small_rest_carried,
    unmatched,
    paid_on_a_page,
    replied,
    paid_out,
    given_back,
    sent_back,
    asked_back,
    disputed,
)


def _portable(value: Any) -> Any:
    """Without stack traces, which hold the recording machine's paths and are never replayed."""
    if isinstance(value, dict):
        return {key: _portable(item) for key, item in value.items() if key != "stackTrace"}
    return [_portable(item) for item in value] if isinstance(value, list) else value


async def record(names: set[str]) -> None:
    """Play the named paths (all, when none is named) and store what the server kept."""
    manifest = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else {}
    FOLDER.mkdir(exist_ok=True)
    async with dev_server() as address:
        client = await Client.connect(
            address, data_converter=pydantic_data_converter, identity="recorder"
        )
        for path in PATHS:
            if names and path.__name__ not in names:
                continue
            clinic = Clinic(client, queue="cases")
            await clinic.work()
            case = await path(clinic, clinic.world)
            await case.ended()
            history = _portable((await case.handle.fetch_history()).to_json_dict())
            await clinic.rest()
            text = json.dumps(history, separators=(",", ":"))
            (FOLDER / f"{path.__name__}.json").write_text(text + "\n")
            manifest[path.__name__] = case.handle.id
            print(f"{path.__name__}: {len(history['events'])} events")
    MANIFEST.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    asyncio.run(record(set(sys.argv[1:])))
    end(0)
