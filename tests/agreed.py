"""Both channels of a location on, under an agreement, as nearly every test needs them."""

from datetime import date

from store import channels
from store.db import Conn

SINCE = date(2026, 1, 5)
PROVIDERS = {"sms": "twilio", "email": "smtp"}


async def channels_on(conn: Conn, location_id: str, **providers: str) -> None:
    """Switch both channels on; `sms="podium"` names another provider."""
    for channel, provider in {**PROVIDERS, **providers}.items():
        await channels.put(
            conn,
            channels.ChannelSetting(
                location_id=location_id,
                channel=channel,
                provider=provider,
                is_on=True,
                baa_on=SINCE,
                set_by="test",
                reason="test",
            ),
        )
