"""The verbs of a visit and of a conversation: what patients, the desk and the network do."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from starter.simulate import money
from starter.simulate.faults import MAILBOX, ORDER, PHONE
from starter.simulate.plan import TEXTS, Act, Client
from starter.simulate.verbs import MISSED, Verb, client_of, release_of, sweep_after
from starter.simulate.world import World
from store import consents
from store.db import transaction
from workflows.sweeps import SweepStart

_TEXTS_BACK_SECONDS = 84 * 3600
_OVERLAP = timedelta(seconds=30)
"""How far a sweep looks back beyond its last run, by the wall clock: vendors stamp with that."""
_SECOND = timedelta(seconds=1)
_OPEN_TEXTS = "SELECT case_id FROM touchpoints WHERE channel = 'sms' AND state = 'accepted'"

# -- the visit


async def check_out(world: World, act: Act) -> None:
    """The chart closes at the front desk, and the PMS announces it, as well as it can."""
    client = client_of(world, act)
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
    began = datetime.now(UTC)  # the announcement may be acted on before it is answered
    await world.practice.control(f"boulevard/orders/{visit.order_id}/complete", {"events": events})
    world.unseen.add(world.case_id(visit))
    world.struck["kill_switch"] += "send" in world.off
    world.truth.note("closed", client.person.number, visit.index, visit.patient_cents, wall=began)


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
    if how == "late":
        after = timedelta(hours=act.data["hours"])
        world.push(release_of(act, act.at + after, order_id))
    elif how == "lost":
        world.push(sweep_after(world, act, MISSED))


async def plant(world: World, act: Act) -> None:
    """A rule of the plan, for this visit's phone, mailbox or order."""
    client = client_of(world, act)
    subjects = {
        PHONE: client.person.digits,
        MAILBOX: client.person.patient.email,
        ORDER: world.visit(client.person.number, act.visit or 0).order_id,
    }
    rule = {**act.data, "subject": subjects[act.data["subject"]]}
    await world.fault(rule)
    if rule["kind"] == "late":
        for days in (1, 3, 8):
            world.push(release_of(act, act.at + timedelta(days=days), rule["subject"]))


async def release(world: World, act: Act) -> None:
    """What a vendor held back arrives."""
    await world.practice.control("release", dict(act.data))


# -- words


async def text(world: World, act: Act) -> None:
    """The patient writes to the practice."""
    client = client_of(world, act)
    means = act.data["means"]
    if not any(world.truth.of(client.person.number, "closed")):
        return  # not treated yet
    body = {"from": client.person.patient.phone_e164, "body": act.data["body"]}
    sent = await world.practice.control("twilio/inbound", body)
    world.writers[sent["sid"]] = client.person.number
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
    client = client_of(world, act)
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
    client = client_of(world, act)
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
    """One run of a sweep; whom it may concern is brought to the present first."""
    name = act.data["name"]
    numbers = await _with_open_texts(world) if name == TEXTS else world.unheard
    concerned = {case_id for number in numbers for case_id in world.cases_of(number)}
    await asyncio.gather(*(world.cases.sync(case_id) for case_id in sorted(concerned)))
    began = datetime.now(UTC)
    back = began - world.swept.get(name, world.began) + _OVERLAP
    await world.practice.engine.execute_workflow(
        name,
        SweepStart(
            location_id=world.practice.location_id if name == MISSED else None,
            back_seconds=_TEXTS_BACK_SECONDS if name == TEXTS else back // _SECOND,
        ),
        id=f"simulated/{name}/{uuid4()}",
        task_queue=world.practice.settings.temporal_task_queue,
    )
    world.swept[name] = began
    world.touched |= concerned | world.unseen
    if name != TEXTS:
        world.unheard.clear()


async def _with_open_texts(world: World) -> set[int]:
    """Whose texts the sweep may find to have failed."""
    async with world.practice.pool.acquire() as conn:
        rows = await conn.fetch(_OPEN_TEXTS)
    owners = (world.case_owner.get(row["case_id"]) for row in rows)
    return {owner[0] for owner in owners if owner is not None}


VERBS: Mapping[str, Verb] = {
    "check_out": check_out,
    "plant": plant,
    "release": release,
    **money.VERBS,
    "text": text,
    "unsubscribe": unsubscribe,
    "desk_opts_out": desk_opts_out,
    "sweep": sweep,
}
