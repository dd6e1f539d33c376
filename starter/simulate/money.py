"""The verbs of money: who pays when and how, and what becomes of the news of it."""

from collections.abc import Mapping
from datetime import timedelta

from starter.simulate.plan import Act
from starter.simulate.verbs import CATCH_UP, DESK, Verb, client_of, release_of, sweep_after
from starter.simulate.world import World
from store import processor

_HOOK_LABEL = {
    "late": "payment_news_late",
    "lost": "payment_news_lost",
    "doubled": "payment_news_doubled",
    "reordered": "payment_news_reordered",
}
_HOOK_KIND = {"late": "late", "lost": "drop", "doubled": "duplicate", "reordered": "late"}


async def _invoice(world: World, act: Act) -> str | None:
    """The processor's newest invoice of a visit."""
    client = client_of(world, act)
    case_id = world.case_id(world.visit(client.person.number, act.visit or 0))
    async with world.practice.pool.acquire() as conn:
        found = await processor.invoices_of_case(conn, case_id)
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
    if hook == "late":
        world.push(release_of(act, act.at + timedelta(hours=9), invoice_id))
    elif hook == "reordered":
        world.push(release_of(act, act.at + timedelta(minutes=2), invoice_id, backwards=True))
    if hook in ("late", "lost"):
        world.push(sweep_after(world, act, CATCH_UP))


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
    client = client_of(world, act)
    order_id = world.visit(client.person.number, act.visit or 0).order_id
    if left_cents <= 0:
        return
    cents = _part(left_cents, act.data.get("share", 100))
    body = {"kind": "cash", "amountCents": cents}
    paid = await world.try_control(f"boulevard/orders/{order_id}/payments", body)
    if paid is None:
        return
    world.truth.note("paid", act.client, act.visit, cents, how="desk")
    world.push(sweep_after(world, act, DESK))
    world.struck[act.data.get("moment") or "desk_payment"] += 1


VERBS: Mapping[str, Verb] = {
    "pay": pay,
    "pay_bank": pay_bank,
    "bank_answers": bank_answers,
    "pay_declined": pay_declined,
    "pay_desk": pay_desk,
}
