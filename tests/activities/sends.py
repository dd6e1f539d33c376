"""What the tests of a due step do and look at."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from store import channels, holds, locations, send_answers, touchpoints
from store.channels import ChannelSetting
from store.db import transaction
from store.holds import ClientHold, HoldKind
from store.send_answers import SendAnswer
from store.touchpoints import Touchpoint
from tests.activities.practice import AT, Practice

DAY_3 = AT + timedelta(days=4)
"""A Monday; the day before is a Sunday, when Texas is left alone until noon."""


async def billed(practice: Practice, who: str | None = None, at: datetime = AT) -> Any:
    """A patient, a visit of $650.00 and its invoice at the processor."""
    who = who or practice.client()
    case = practice.chart(who, ("TOXIN-UNIT", "50"), at=at)
    await practice.bill(case, at)
    return who, case, await practice.ask_online(case, 65_000)


async def place(practice: Practice, who: str, kind: HoldKind, **changes: Any) -> str:
    """A hold of the client; returns its id."""
    hold = ClientHold(
        hold_id=str(uuid4()),
        client_id=practice.client_id(who),
        kind=kind,
        placed_by="dana",
        reason="test",
        placed_at=AT,
    ).model_copy(update=changes)
    async with transaction(practice.world.pool) as conn:
        await holds.place(conn, hold)
    return hold.hold_id


async def answers(practice: Practice, who: str) -> list[SendAnswer]:
    """What the client's log says of refusals."""
    async with practice.world.pool.acquire() as conn:
        return await send_answers.of_client(conn, practice.client_id(who))


async def rows(practice: Practice, case: Any) -> dict[tuple[str, str], Touchpoint]:
    """Newest message by step and channel."""
    async with practice.world.pool.acquire() as conn:
        found = await touchpoints.of_case(conn, case.case_id)
    return {(row.step, str(row.channel)): row for row in found}


def silent(practice: Practice) -> bool:
    """Whether nobody was written to."""
    return not practice.world.text.sent and not practice.mail.sent


async def set_channel(practice: Practice, channel: str, is_on: bool) -> None:
    """Switch a channel of the location, as a person would."""
    setting = ChannelSetting(
        location_id=practice.world.location_id,
        channel=channel,
        provider="twilio" if channel == "sms" else "smtp",
        is_on=is_on,
        baa_on=date(2026, 1, 1),
        set_by="dana",
        reason="test",
    )
    async with practice.world.pool.acquire() as conn:
        await channels.put(conn, setting)


async def switch(practice: Practice, name: str) -> None:
    """Throw a kill switch."""
    async with practice.world.pool.acquire() as conn:
        await locations.set_switch(conn, practice.world.location_id, name, "off", "dana", "test")
