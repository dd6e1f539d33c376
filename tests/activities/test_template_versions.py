"""A running case keeps the words that it began with, until a person replaces them (A8)."""

from datetime import timedelta
from typing import Any

import pytest

from activities.contracts import ResolveIn
from connectors.ports import OutcomeUnknown
from domain.case import Channel
from domain.template_versions import Replacement
from store import template_versions, touchpoints
from tests.activities.plans import Plan, accepted
from tests.activities.practice import AT, Practice
from tests.activities.sends import DAY_3, billed, rows, switch
from tests.template_folders import Templates

DAY_7 = AT + timedelta(days=8)
DAY_14 = AT + timedelta(days=15)


async def replaced(practice: Practice, old: int, new: int) -> None:
    """A person's word."""
    what = Replacement(from_version=old, to_version=new)
    async with practice.world.pool.acquire() as conn:
        await template_versions.replace(conn, what, "dana", "wrong phone number")


async def versions_of(practice: Practice, case: Any) -> dict[str, set[int]]:
    """Step -> the versions of its messages."""
    found: dict[str, set[int]] = {}
    async with practice.world.pool.acquire() as conn:
        for row in await touchpoints.of_case(conn, case.case_id):
            found.setdefault(row.step, set()).add(row.template_version)
    return found


async def test_a8_a_running_chase_keeps_its_version_and_a_new_one_takes_the_newest(
    practice: Practice, templates: Templates
) -> None:
    old = templates.arrive(mark="OLD")
    who, case, _ = await billed(practice)
    assert (await practice.sending.send_step(practice.step(case, who))).status == "sent"
    new = templates.arrive(mark="NEW")
    firm = practice.step(case, who, 2, at=DAY_7)
    assert (await practice.sending.send_step(firm)).status == "sent"
    other, fresh, _ = await billed(practice)
    assert (await practice.sending.send_step(practice.step(fresh, other))).status == "sent"
    said = [text.body.split()[0] for text in practice.world.text.sent]
    assert said == ["OLD", "OLD", "NEW"]
    assert await versions_of(practice, case) == {"invoice": {old}, "day-7": {old}}
    assert await versions_of(practice, fresh) == {"invoice": {new}}


async def test_a8_a_replaced_version_is_not_said_any_more(
    practice: Practice, templates: Templates
) -> None:
    old = templates.arrive(mark="OLD")
    who, case, _ = await billed(practice)
    await practice.sending.send_step(practice.step(case, who))
    new, newest = templates.arrive(mark="NEW"), templates.arrive(mark="NEWEST")
    await replaced(practice, old, new)
    await practice.sending.send_step(practice.step(case, who, 1, at=DAY_3))
    await replaced(practice, new, newest)
    await practice.sending.send_step(practice.step(case, who, 2, at=DAY_7))
    # The newest is wrong too: nobody hears it any more, not even who begins with it.
    await replaced(practice, newest, new)
    await practice.sending.send_step(practice.step(case, who, 3, at=DAY_14))
    other, fresh, _ = await billed(practice)
    await practice.sending.send_step(practice.step(fresh, other))
    said = [text.body.split()[0] for text in practice.world.text.sent]
    assert said == ["OLD", "NEW", "NEWEST", "NEW"]
    words = {"invoice": {old}, "day-3": {new}, "day-7": {newest}, "day-14": {new}}
    assert await versions_of(practice, case) == words


async def test_a_template_that_was_added_later_is_taken_from_the_newest_version(
    practice: Practice, templates: Templates
) -> None:
    old = templates.arrive(mark="OLD", without="reminder_firm")
    who, case, _ = await billed(practice)
    await practice.sending.send_step(practice.step(case, who))
    new = templates.arrive(mark="NEW")
    for number, at in ((2, DAY_7), (3, DAY_14)):
        assert (
            await practice.sending.send_step(practice.step(case, who, number, at=at))
        ).status == "sent"
    assert [text.body.split()[0] for text in practice.world.text.sent] == ["OLD", "NEW"]
    words = {"invoice": {old}, "day-7": {new}, "day-14": {old}}
    assert await versions_of(practice, case) == words


@pytest.mark.parametrize(
    ("lacks", "paid_cents", "money"),
    [
        ("reminder_firm", 20_000, {"asked_cents": 65_000}),
        ("reminder_firm", 40_000, {"asked_cents": 30_000, "in_flight_cents": 65_000}),
        ("reminder_final", 0, {"asked_cents": 65_000}),
        ("payment_failed", 0, {"in_flight_cents": 65_000}),
    ],
    ids=["softer after a part", "softer, a payment under way", "its own tone", "a payment failed"],
)
async def test_a_step_is_taken_from_the_newest_version_whichever_words_it_lacks(
    practice: Practice, templates: Templates, lacks: str, paid_cents: int, money: dict[str, int]
) -> None:
    old = templates.arrive(without=lacks)
    who, case, invoice = await billed(practice)
    await practice.sending.send_step(practice.step(case, who))
    new = templates.arrive()
    if paid_cents:
        practice.pay_online(invoice, paid_cents)
    last = practice.step(case, who, 3, at=DAY_14, **money)
    assert (await practice.sending.send_step(last)).status == "sent"
    (row,) = [row for (step, _), row in (await rows(practice, case)).items() if step == "day-14"]
    assert (row.template_version, str(row.words).split(".")[0]) == (new, lacks)
    assert await versions_of(practice, case) == {"invoice": {old}, "day-14": {new}}


@pytest.mark.parametrize("is_replaced", [False, True])
async def test_what_is_tried_again_or_looked_up_keeps_the_version_of_its_own_row(
    practice: Practice, templates: Templates, is_replaced: bool
) -> None:
    old = templates.arrive(mark="OLD")
    practice.mail.resends_safely = True
    who, case, _ = await billed(practice)
    practice.mail.failures = [OutcomeUnknown("no answer")]
    sent = await practice.sending.send_step(practice.step(case, who))
    new = templates.arrive(like=1)
    if is_replaced:
        await replaced(practice, old, new)
    assert (await practice.sending.send_step(practice.step(case, who))).status == "unknown"
    keys = tuple(one.message_key for one in sent.outcomes if one.state == "unknown")
    looked = ResolveIn(
        case=case,
        client_id=practice.client_id(who),
        step=practice.step(case, who).step,
        message_keys=keys,
        at=AT + timedelta(minutes=1),
        last_look=False,
    )
    assert (await practice.sending.resolve_sends(looked)).unknown == ()
    (mail,) = practice.mail.sent
    assert "Stop these e-mails" in mail.text, "the words of the old version"
    assert len(practice.world.text.sent) == 1
    assert await versions_of(practice, case) == {"invoice": {old}}


async def test_what_was_not_said_is_kept_by_the_version_of_the_case(
    practice: Practice, templates: Templates
) -> None:
    old = templates.arrive()
    who, case, _ = await billed(practice)
    await practice.sending.send_step(practice.step(case, who))
    templates.arrive()
    later = practice.step(case, who, 2, at=DAY_7, skipped=("day-3",))
    assert (await practice.sending.send_step(later)).status == "sent"
    await switch(practice, "chase")
    off = practice.step(case, who, 3, at=DAY_14)
    for _ in range(2):
        assert (await practice.sending.send_step(off)).status == "off"
    said = await versions_of(practice, case)
    assert said == {step: {old} for step in ("invoice", "day-3", "day-7", "day-14")}


async def test_a8_a_plan_keeps_its_version_too_also_of_what_it_leaves_out(
    plan: Plan, templates: Templates
) -> None:
    old = templates.arrive(mark="OLD")
    assert (await plan.say(await plan.touch("approval"))).status == "sent"
    new = templates.arrive(mark="NEW")
    await accepted(plan)
    first, last = await plan.touch("first-payment-3"), await plan.touch("first-payment-1")
    said = await plan.say(last, AT + timedelta(days=34), missed=(first,))
    assert said.status == "sent"
    assert [text.body.split()[0] for text in plan.practice.world.text.sent] == ["OLD", "OLD"]
    found = await versions_of(plan.practice, plan.ref)
    assert len(found) == 3
    assert set.union(*found.values()) == {old}
    await replaced(plan.practice, old, new)
    async with plan.practice.world.pool.acquire() as conn:
        assert await template_versions.of_case(conn, plan.ref.case_id) == new


async def test_words_are_chosen_by_channel_from_one_version(
    practice: Practice, templates: Templates
) -> None:
    """A fallback channel on the same day says what the first one said."""
    old = templates.arrive()
    who, case, _ = await billed(practice)
    ask = practice.step(case, who)
    mail = ask.step.model_copy(update={"channels": (Channel.EMAIL,)})
    await practice.sending.send_step(ask.model_copy(update={"step": mail}))
    new = templates.arrive()
    await replaced(practice, old, new)
    text = ask.step.model_copy(update={"channels": (Channel.SMS,)})
    await practice.sending.send_step(ask.model_copy(update={"step": text}))
    assert await versions_of(practice, case) == {"invoice": {old}}
