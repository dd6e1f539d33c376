"""Which provider carries a channel of a location, since which agreement, and whether it is on."""

from datetime import date

from domain.model import Record
from store.db import Conn


class ChannelSetting(Record):
    """The newest setting of one channel. `baa_on` is the date of the agreement (BAA)."""

    location_id: str
    channel: str
    provider: str
    is_on: bool
    baa_on: date | None
    set_by: str
    reason: str


async def put(conn: Conn, setting: ChannelSetting) -> None:
    """Record a setting; asyncpg's CheckViolationError when it is on without an agreement."""
    await conn.execute(
        "INSERT INTO channel_settings (location_id, channel, provider, is_on, baa_on, set_by,"
        " reason) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        setting.location_id,
        setting.channel,
        setting.provider,
        setting.is_on,
        setting.baa_on,
        setting.set_by,
        setting.reason,
    )


async def of_location(conn: Conn, location_id: str) -> dict[str, ChannelSetting]:
    """Channel -> its newest setting; a channel that was never set is absent, and off."""
    rows = await conn.fetch(
        "SELECT DISTINCT ON (channel) location_id, channel, provider, is_on, baa_on, set_by, reason"
        " FROM channel_settings WHERE location_id = $1 ORDER BY channel, setting_id DESC",
        location_id,
    )
    return {row["channel"]: ChannelSetting.model_validate(dict(row)) for row in rows}
