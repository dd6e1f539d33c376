"""The verbs: what patients, the desk, the lender and the network do, each with its fact."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from starter.simulate.faults import MAILBOX, ORDER, PHONE
from starter.simulate.plan import Act, Client
from starter.simulate.world import World
from store import consents, processor
from store.db import transaction
from workflows.sweeps import SweepStart

Verb = Callable[[World, Act], Awaitable[None]]

CATCH_UP, MISSED, DESK = "ProcessorCatchUp", "MissedVisits", "DeskPayments"
SWEEP_AFTER = {
    CATCH_UP: timedelta(minutes=5),
    MISSED: timedelta(hours=1),
    DESK: timedelta(minutes=1),
}
"""How long something lost stays unseen: the schedule's own interval."""
_BACK_SECONDS = 600
_MINUTE = timedelta(minutes=1)
_SHAKY = ("lost", "timeout", "error")
_HOOK_LABEL = {
    "late": "payment_news_late",
    "lost": "payment_news_lost",
    "doubled": "payment_news_doubled",
    "reordered": "payment_news_reordered",
}
_HOOK_KIND = {"late": "late", "lost": "drop", "doubled": "duplicate", "reordered": "late"}


def _client(world: World, act: Act) -> Client:
    assert act.client is not None
    return world.plan.client(act.client)


# -- the visit


async def check_out(world: World, act: Act) -> None:
    """The chart closes at the front desk, and the PMS announces it, as well as it can."""
    client = _client(world, act)
    visit = world.visit(client.person.number, act.visit or 0)
    await world.practice.control("boulevard/clients", _chart(world, client))
    order = {
        "id": visit.order_id,
        "client": world.urn(client),
        "locationId": world.practice.location.pms_location_ref,
        "lines": list(visit.lines),
        "startAt": world.clock.now().isoformat(),
    }
    await world.practice.control("boulevard/orders", order)
    if visit.lender_cents:
        await _lender_pays(world, visit.order_id, visit.lender_cents)
    await _announce_by(world, act, visit.order_id)
    events = ["APPOINTMENT_COMPLETED", "ORDER_COMPLETED"]
    if act.data["announced"] != "both":
        events = events[1:]
    await world.practice.control(f"boulevard/orders/{visit.order_id}/complete", {"events": events})
    world.truth.note("closed", client.person.number, visit.index, visit.patient_cents)


def _chart(world: World, client: Client) -> dict[str, Any]:
    who = client.person.patient
    return {
        "id": world.urn(client),
        "firstName": who.first_name,
        "lastName": who.last_name,
        "email": who.email,
        "mobilePhone": who.phone_e164,
        "dob": who.birth_date,
        "zip": who.postal_code,
    }


async def _lender_pays(world: World, order_id: str, cents: int) -> None:
    body = {"kind": "other", "amountCents": cents, "label": "Cherry", "note": "lender"}
    await world.practice.control(f"boulevard/orders/{order_id}/payments", body)


async def _announce_by(world: World, act: Act, order_id: str) -> None:
    """Plant what happens to the PMS's announcement of the visit."""
    how = act.data["announced"]
    kinds = {"late": "late", "lost": "drop", "doubled": "duplicate"}
    if how not in kinds:
        return
    rule = {"vendor": "boulevard", "operation": "webhook:order.completed", "kind": kinds[how]}
    await world.fault({**rule, "subject": order_id, "label": f"visit_news_{how}"})
    now = world.clock.now()
    if how == "late":
        after = timedelta(hours=act.data["hours"])
        world.push(_release(act, now + after, order_id))
    elif how == "lost":
        world.push(Act(now + SWEEP_AFTER[MISSED], "sweep", data={"name": MISSED}))


def _release(act: Act, at: Any, subject: str, *, backwards: bool = False) -> Act:
    data = {"subject": subject, "backwards": backwards}
    return Act(at, "release", act.client, act.visit, data)


async def plant(world: World, act: Act) -> None:
    """A rule of the plan, for this visit's phone, mailbox or order."""
    client = _client(world, act)
    subjects = {
        PHONE: client.person.digits,
        MAILBOX: client.person.patient.email,
        ORDER: world.visit(client.person.number, act.visit or 0).order_id,
    }
    rule = {**act.data, "subject": subjects[act.data["subject"]]}
    if any(word in rule["label"] for word in _SHAKY):
        world.shaky.add(client.person.number)
    await world.fault(rule)
    if rule["kind"] == "late":
        for days in (1, 3, 8):
            at = world.clock.now() + timedelta(days=days)
            world.push(_release(act, at, rule["subject"]))


async def release(world: World, act: Act) -> None:
    """What a vendor held back arrives."""
    await world.practice.control("release", dict(act.data))


# -- money


async def _invoice(world: World, act: Act) -> str | None:
    """The processor's newest invoice of a visit."""
    client = _client(world, act)
    case_id = world.case_id(world.visit(client.person.number, act.visit or 0))
    async with world.practice.pool.acquire() as conn:
        found = list((await processor.invoices_of_case(conn, case_id)).values())
    if found:
        world.invoice_owner[found[-1]] = (client.person.number, act.visit or 0)
    return found[-1] if found else None


def _left_cents(world: World, act: Act) -> int:
    client, visit = act.client or 0, act.visit or 0
    return world.visit(client, visit).patient_cents - world.truth.paid_cents(client, visit)


def _part(left_cents: int, share: int) -> int:
    return left_cents if share == 100 else max(1, left_cents * share // 100)


async def pay(world: World, act: Act) -> None:
    """The patient pays on the processor's page; its news may go astray."""
    invoice_id, left_cents = await _invoice(world, act), _left_cents(world, act)
    if invoice_id is None or left_cents <= 0:
        return
    hook = act.data.get("hook", "")
    if hook:
        await _plant_hook(world, act, hook, invoice_id)
    cents = _part(left_cents, act.data.get("share", 100))
    paid = await world.try_control(f"stripe/invoices/{invoice_id}/pay", {"amount_cents": cents})
    if paid is None:
        return
    world.truth.note("paid", act.client, act.visit, cents, how="online")
    if act.data.get("moment"):
        world.struck[act.data["moment"]] += 1


async def _plant_hook(world: World, act: Act, hook: str, invoice_id: str) -> None:
    rule = {"vendor": "stripe", "operation": "webhook:*", "kind": _HOOK_KIND[hook], "times": 3}
    await world.fault({**rule, "subject": invoice_id, "label": _HOOK_LABEL[hook]})
    now = world.clock.now()
    if hook == "late":
        world.push(_release(act, now + timedelta(hours=9), invoice_id))
    elif hook == "reordered":
        world.push(_release(act, now + 2 * _MINUTE, invoice_id, backwards=True))
    if hook in ("late", "lost"):
        world.push(Act(now + SWEEP_AFTER[CATCH_UP], "sweep", data={"name": CATCH_UP}))


async def plant_race(world: World, client: int, visit: int) -> None:
    """The patient pays while the next text is being handed over: after every check of ours."""
    invoice_id = await _invoice(world, Act(world.clock.now(), "race", client, visit))
    left_cents = world.visit(client, visit).patient_cents - world.truth.paid_cents(client, visit)
    if invoice_id is None or left_cents <= 0:
        return
    act = {"path": f"/stripe/invoices/{invoice_id}/pay", "body": {"amount_cents": left_cents}}
    await world.fault(
        {
            "vendor": "twilio",
            "operation": "messages.create",
            "kind": "meanwhile",
            "subject": world.plan.client(client).person.digits,
            "label": "paid_in_race",
            "act": act,
        }
    )


async def pay_bank(world: World, act: Act) -> None:
    """A bank debit begins: money is announced and not there."""
    invoice_id, left_cents = await _invoice(world, act), _left_cents(world, act)
    if invoice_id is None or left_cents <= 0:
        return
    body = {"amount_cents": left_cents}
    if await world.try_control(f"stripe/invoices/{invoice_id}/processing", body):
        world.truth.note("in_flight", act.client, act.visit, left_cents)
        world.struck["payment_in_flight"] += 1


async def bank_answers(world: World, act: Act) -> None:
    """The bank pays, or sends the debit back."""
    began = list(world.truth.of(act.client or 0, "in_flight", visit=act.visit))
    invoice_id = await _invoice(world, act)
    if not began or invoice_id is None:
        return
    succeeded = bool(act.data["succeeded"])
    body = {"succeeded": succeeded}
    if await world.try_control(f"stripe/invoices/{invoice_id}/settle", body) is None:
        return
    if succeeded:
        world.truth.note("paid", act.client, act.visit, began[-1].cents, how="bank")
    else:
        world.truth.note("bank_failed", act.client, act.visit)


async def pay_declined(world: World, act: Act) -> None:
    """A card is declined: nothing is paid."""
    invoice_id, left_cents = await _invoice(world, act), _left_cents(world, act)
    if invoice_id is None or left_cents <= 0:
        return
    body = {"card": "4000000000000002"}
    if await world.try_control(f"stripe/invoices/{invoice_id}/pay", body) is not None:
        world.struck["card_declined"] += 1


async def pay_desk(world: World, act: Act) -> None:
    """The front desk takes money and keys it into the PMS, which tells nobody."""
    left_cents = _left_cents(world, act)
    client = _client(world, act)
    order_id = world.visit(client.person.number, act.visit or 0).order_id
    if left_cents <= 0:
        return
    cents = _part(left_cents, act.data.get("share", 100))
    body = {"kind": "cash", "amountCents": cents}
    paid = await world.try_control(f"boulevard/orders/{order_id}/payments", body)
    if paid is None:
        return
    world.truth.note("paid", act.client, act.visit, cents, how="desk")
    world.push(Act(world.clock.now() + SWEEP_AFTER[DESK], "sweep", data={"name": DESK}))
    world.struck[act.data.get("moment") or "desk_payment"] += 1


# -- words


async def text(world: World, act: Act) -> None:
    """The patient writes to the practice."""
    client = _client(world, act)
    means = act.data["means"]
    body = {"from": client.person.patient.phone_e164, "body": act.data["body"]}
    await world.practice.control("twilio/inbound", body)
    await world.heard()
    number = client.person.number
    if means == "stop":
        world.truth.note("opted_out", number, channel="sms")
        world.struck[act.data.get("moment") or "opt_out_by_text"] += 1
    elif means == "start":
        world.truth.note("opted_in", number, channel="sms")
    else:
        world.truth.note("held", number, means=means)
        world.struck["reply_to_read"] += 1


async def unsubscribe(world: World, act: Act) -> None:
    """The mail program's own unsubscribe button: one POST, as RFC 8058 has it."""
    client = _client(world, act)
    mails = await world.practice.docs("email")
    links = [
        mail["headers"].get("list-unsubscribe", "").strip("<>")
        for mail in mails
        if mail["to"] == client.person.patient.email
    ]
    if not links or not links[-1].startswith("http"):
        return
    form = {"List-Unsubscribe": "One-Click"}
    answer = await world.practice.http.post(links[-1], data=form)
    if answer.is_success:
        world.truth.note("opted_out", client.person.number, channel="email")
        world.struck["opt_out_by_mail"] += 1


async def desk_opts_out(world: World, act: Act) -> None:
    """The patient tells the desk, and the desk writes it down."""
    client = _client(world, act)
    async with transaction(world.practice.pool) as conn:
        known = await conn.fetchval(
            "SELECT true FROM clients WHERE client_id = $1", world.client_id(client)
        )
        if not known:
            return
        await consents.opt_out(
            conn,
            world.client_id(client),
            act.data["channel"],
            consents.EVERYTHING,
            "staff",
            "told the desk",
            taken_by="desk",
        )
    world.truth.note("opted_out", client.person.number, channel=act.data["channel"])
    world.struck["opt_out_at_desk"] += 1


# -- the product's own schedules, at the practice's time


async def sweep(world: World, act: Act) -> None:
    """One run of a sweep."""
    name = act.data["name"]
    await world.practice.engine.execute_workflow(
        name,
        SweepStart(
            location_id=world.practice.location_id if name == MISSED else None,
            back_seconds=_BACK_SECONDS,
        ),
        id=f"simulated/{name}/{uuid4()}",
        task_queue=world.practice.settings.temporal_task_queue,
    )


VERBS: Mapping[str, Verb] = {
    "check_out": check_out,
    "plant": plant,
    "release": release,
    "pay": pay,
    "pay_bank": pay_bank,
    "bank_answers": bank_answers,
    "pay_declined": pay_declined,
    "pay_desk": pay_desk,
    "text": text,
    "unsubscribe": unsubscribe,
    "desk_opts_out": desk_opts_out,
    "sweep": sweep,
}
