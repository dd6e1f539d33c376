"""`tieout channel list|agree|on|off`: who carries a location's texts and e-mails, and since when.

A channel that was never set is off. Without the date of an agreement (BAA) it cannot be on.
"""

import asyncio
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from connectors.messaging.providers import PROVIDERS, Provider
from domain import calendar
from starter.desk.books import Books, open_books
from starter.desk.paper import LEFT, console, grid, plain, print_json, usage
from starter.errors import Refusal
from starter.settings import Settings
from store import channels, locations
from store.channels import ChannelSetting
from store.locations import Location

app = typer.Typer(help="Agree with carriers; switch text and e-mail on and off.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")]
By = Annotated[str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")]
Reason = Annotated[str, typer.Option(help="Why; name no patient.", metavar="WHY")]
Where = Annotated[str, typer.Argument(metavar="LOCATION", help="Its id.")]


class Channel(StrEnum):
    """How patients are written to."""

    SMS = "sms"
    EMAIL = "email"


Which = Annotated[Channel, typer.Argument(help="Texts or e-mails.")]
_CAN = (
    ("sends", "send"),
    ("finds", "look up"),
    ("reports", "report arrival"),
    ("cancels", "cancel"),
)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show every location's channels, and what each provider can and cannot do."""
    asyncio.run(_list(as_json))


async def _list(as_json: bool) -> None:
    async with open_books() as books:
        known = {
            one.location_id: await channels.of_location(books.conn, one.location_id)
            for one in await locations.list_locations(books.conn)
        }
        ready = {name: _missing(books.settings, one) is None for name, one in PROVIDERS.items()}
    if as_json:
        print_json(
            {
                "channels": {
                    place: {name: _as_json(given.get(name)) for name in Channel}
                    for place, given in known.items()
                },
                "providers": {
                    name: {**one.model_dump(), "ready": ready[name]}
                    for name, one in PROVIDERS.items()
                },
            }
        )
        return
    names = ("location", "channel", "state", "provider", "agreed on", "by")
    rows = [
        (place, name, *_row(given.get(name))) for place, given in known.items() for name in Channel
    ]
    console().print(grid(*((name, LEFT, False) for name in names), rows=rows))
    console().print()
    for one in PROVIDERS.values():
        console().print(plain(_sentence(one, ready[one.name])))


def _row(setting: ChannelSetting | None) -> tuple[str, ...]:
    if setting is None:
        return ("off", "-", "-", "-")
    state = "on" if setting.is_on else "off"
    return (state, setting.provider, str(setting.baa_on or "-"), setting.set_by)


def _as_json(setting: ChannelSetting | None) -> dict[str, Any]:
    if setting is None:
        return {"is_on": False, "provider": None, "baa_on": None}
    return {"is_on": setting.is_on, "provider": setting.provider, "baa_on": setting.baa_on}


def _sentence(one: Provider, is_ready: bool) -> str:
    cannot = [words for field, words in _CAN if not getattr(one, field)]
    limits = f"cannot {', '.join(cannot)}" if cannot else "can do all"
    setup = "" if is_ready or not one.sends else " Not set up here."
    return f"{one.name} ({one.channel}): {limits}. {one.note}{setup}"


@app.command()
def agree(
    location: Where,
    channel: Which,
    provider: Annotated[str, typer.Argument(help="twilio, podium, smtp, emr.")],
    since: Annotated[str, typer.Option(help="Date of the agreement (BAA).", metavar="YYYY-MM-DD")],
    by: By = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Record an agreement (BAA) with a provider; a change of provider switches the channel off.

    Example: tieout channel agree lumin sms podium --since 2026-11-02 --by dana --reason "BAA"
    """
    try:
        baa_on = date.fromisoformat(since)
    except ValueError:
        usage("--since is a date such as 2026-11-02.")
    _known(provider, channel)
    _named(by, reason)
    asyncio.run(_agree(location, channel, provider, baa_on, by.strip(), reason.strip(), as_json))


async def _agree(
    place: str, channel: Channel, provider: str, baa_on: date, by: str, reason: str, as_json: bool
) -> None:
    async with open_books() as books:
        where = await books.location(place)
        before = (await channels.of_location(books.conn, place)).get(channel)
        stays_on = bool(before and before.is_on and before.provider == provider)
        if stays_on and baa_on > _today(where):
            raise Refusal(
                f"The agreement is from {baa_on}, and the channel is on: off with it first."
            )
        await channels.put(
            books.conn,
            ChannelSetting(
                location_id=place,
                channel=channel,
                provider=provider,
                is_on=stays_on,
                baa_on=baa_on,
                set_by=by,
                reason=reason,
            ),
        )
    _say(place, channel, provider, stays_on, as_json)
    if not stays_on and not as_json:
        console().print(plain(f"Switch it on with `tieout channel on {place} {channel}`."))


@app.command()
def on(
    location: Where, channel: Which, by: By = "", reason: Reason = "", as_json: AsJson = False
) -> None:
    """Let messages go by the channel; refused without an agreement that is in force.

    Example: tieout channel on lumin sms --by dana --reason "BAA signed"
    """
    _named(by, reason)
    asyncio.run(_turn(location, channel, True, by.strip(), reason.strip(), as_json))


@app.command()
def off(
    location: Where, channel: Which, by: By = "", reason: Reason = "", as_json: AsJson = False
) -> None:
    """Stop the channel at once, also for what is queued; the other one goes on.

    Example: tieout channel off lumin sms --by dana --reason "wrong sender"
    """
    _named(by, reason)
    asyncio.run(_turn(location, channel, False, by.strip(), reason.strip(), as_json))


async def _turn(
    place: str, channel: Channel, is_on: bool, by: str, reason: str, as_json: bool
) -> None:
    async with open_books() as books:
        setting = await _setting(books, place, channel)
        if is_on:
            _may_go_on(books.settings, await books.location(place), setting)
        await channels.put(
            books.conn,
            setting.model_copy(update={"is_on": is_on, "set_by": by, "reason": reason}),
        )
    _say(place, channel, setting.provider, is_on, as_json)


async def _setting(books: Books, place: str, channel: Channel) -> ChannelSetting:
    await books.location(place)
    found = (await channels.of_location(books.conn, place)).get(channel)
    if found is None:
        raise Refusal(
            f"{channel} at {place} has no provider and is off: `tieout channel agree` comes first."
        )
    return found


def _may_go_on(settings: Settings, where: Location, setting: ChannelSetting) -> None:
    if setting.baa_on is None:
        raise Refusal("There is no agreement (BAA): `tieout channel agree` records its date.")
    if setting.baa_on > _today(where):
        raise Refusal(f"The agreement with {setting.provider} begins on {setting.baa_on}.")
    one = PROVIDERS.get(setting.provider)
    if one is None:
        raise Refusal(f"{setting.provider} is no provider that is known here.")
    if not one.sends:
        raise Refusal(f"{where.pms} cannot send texts for a program: agree with another provider.")
    if missing := _missing(settings, one):
        raise Refusal(missing)
    if one.name == "podium" and where.location_id not in settings.podium_locations:
        raise Refusal(f"TIEOUT_PODIUM_LOCATIONS does not name {where.location_id}.")


def _missing(settings: Settings, one: Provider) -> str | None:
    """What the installation lacks for a provider, in one sentence."""
    if one.name == "podium" and not settings.has_podium:
        return "Podium is not set up: set TIEOUT_PODIUM_CLIENT_ID and the three secrets beside it."
    return None if one.sends else one.note


def _today(where: Location) -> date:
    now = datetime.now(UTC) + timedelta(seconds=where.clock_shift_seconds)
    return calendar.local_date(now, where.zone)


def _known(provider: str, channel: Channel) -> None:
    names = [name for name, one in PROVIDERS.items() if one.channel == channel]
    if provider not in names:
        usage(f"{channel} goes by {' or '.join(names)}.")


def _named(by: str, reason: str) -> None:
    if not by.strip():
        usage("Say who does it: --by NAME, or set TIEOUT_STAFF.")
    if not reason.strip():
        usage("Say why: --reason WHY.")


def _say(place: str, channel: Channel, provider: str, is_on: bool, as_json: bool) -> None:
    if as_json:
        print_json({"location_id": place, "channel": channel, "provider": provider, "is_on": is_on})
    else:
        state = "on" if is_on else "off"
        console().print(plain(f"{channel} at {place} is {state}, by {provider}."))
