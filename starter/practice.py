"""A practice as one JSON file, read, checked, imported.

`{"location": {…}, "catalog": {…}, "channels": {"sms": {"provider": "twilio", "baa_on": "…"}}}`;
`channels` may be left out: they stay off until `tieout channel agree` and `on`.
"""

import json
from datetime import date
from pathlib import Path
from typing import Any, Literal
from zoneinfo import available_timezones

from pydantic import Field, ValidationError

from domain.catalog import Catalog
from domain.catalog_check import catalog_gaps, catalog_problems
from domain.model import Record
from domain.policies import DEFAULT_CHASE
from store import channels
from store.catalogs import put_catalog
from store.db import Conn
from store.locations import Location, put_location

BYTES_MAX = 5_000_000


class BadPractice(ValueError):
    """The file is not a practice; the text is one sentence that says why."""


class Agreement(Record):
    """Who carries a channel, and since which day there is an agreement (BAA) with them."""

    provider: str
    baa_on: date


class Practice(Record):
    """One location with its catalog; a location without a `chase` gets the default cadence.

    `channels` (sms, email) are switched on at the first import; from then on people decide.
    """

    location: Location
    catalog: Catalog
    channels: dict[Literal["sms", "email"], Agreement] = Field(default_factory=dict)

    def problems(self) -> list[str]:
        """Faults that it must not be imported with; empty when it is sound."""
        own = []
        if self.location.location_id != self.catalog.location_id:
            own.append("The catalog belongs to another location than the file's.")
        if self.location.zone != self.catalog.zone:
            own.append("The catalog and the location differ in their zone.")
        if self.location.currency != self.catalog.currency:
            own.append("The catalog and the location differ in their currency.")
        if self.location.zone not in available_timezones():
            own.append(f"{self.location.zone} is no IANA time zone.")
        return own + catalog_problems(self.catalog)

    def gaps(self) -> list[str]:
        """What a sound practice still lacks, and invoices will be held for."""
        return catalog_gaps(self.catalog)


def read_practice(path: Path) -> Practice:
    """Read a practice file; `BadPractice` in one sentence when it is none."""
    if path.stat().st_size > BYTES_MAX:
        raise BadPractice(f"{path} is larger than {BYTES_MAX // 1_000_000} MB.")
    try:
        given = json.loads(path.read_text())
    except ValueError:
        raise BadPractice(f"{path} is not JSON.") from None
    if not isinstance(given, dict) or given.keys() - {"channels"} != {"location", "catalog"}:
        raise BadPractice(f"{path} must be an object of `location` and `catalog`.")
    try:
        return Practice(
            location=_location(path, given["location"]),
            catalog=Catalog(**given["catalog"]),
            channels=given.get("channels", {}),
        )
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadPractice(f"{path}: {place} is wrong: {first['msg']}.") from None
    except TypeError:
        raise BadPractice(f"{path} must be an object of `location` and `catalog`.") from None


def _location(path: Path, given: dict[str, Any]) -> Location:
    unknown = sorted(given.keys() - Location.model_fields.keys())
    if unknown:
        raise BadPractice(f"{path}: location.{unknown[0]} is not a field of a location.")
    return Location(**{"chase": DEFAULT_CHASE, **given})


async def import_practice(conn: Conn, practice: Practice, by: str, reason: str) -> bool:
    """Put the location and the next catalog version; False when that version was there.

    Call it in a transaction. Raises ValueError when the version does not follow the current one.
    """
    await put_location(conn, practice.location)
    await set_channels(conn, practice, by, reason)
    return await put_catalog(conn, practice.catalog, by, reason)


async def set_channels(conn: Conn, practice: Practice, by: str, reason: str) -> None:
    """Switch on the file's channels, except those that somebody has set before."""
    location_id = practice.location.location_id
    known = await channels.of_location(conn, location_id)
    for channel, agreement in practice.channels.items():
        if channel not in known:
            await channels.put(
                conn,
                channels.ChannelSetting(
                    location_id=location_id,
                    channel=channel,
                    provider=agreement.provider,
                    is_on=True,
                    baa_on=agreement.baa_on,
                    set_by=by,
                    reason=reason,
                ),
            )
