"""The practice's locations: where they are, how they chase, what is switched on."""

from typing import Literal

from pydantic import AwareDatetime, Field

from domain.case import ChasePolicy
from domain.model import Record
from store.db import Conn

WRITE_BACK = "write-back"
"""Off: nothing is written to the PMS; it is still read."""
SWITCHES = ("build", "send", "chase", "reconcile", "plans", WRITE_BACK)

Switch = Literal["live", "shadow", "off"]


def _all_live() -> dict[str, Switch]:
    return dict.fromkeys(SWITCHES, "live")


class Location(Record):
    """One location. `zone` is an IANA name; `clock_shift_seconds` is for rehearsals only."""

    location_id: str
    practice_name: str
    pms: str
    pms_location_ref: str
    zone: str
    currency: str = "USD"
    desk_email: str
    reply_phone: str | None = None
    postal_address: str | None = None
    """Named in advertising; without it none goes (CAN-SPAM)."""
    chase: ChasePolicy
    clock_shift_seconds: int = 0
    switches: dict[str, Switch] = Field(default_factory=_all_live)
    """One of SWITCHES -> live, shadow or off; a missing name is live."""

    def switch(self, name: str) -> Switch:
        """State of one switch."""
        return self.switches.get(name, "live")


class SwitchChange(Record):
    """Who set a switch, why and when."""

    location_id: str
    name: str
    state: Switch
    changed_by: str
    reason: str
    recorded_at: AwareDatetime


_COLUMNS = (
    "location_id, practice_name, pms, pms_location_ref, zone, currency, desk_email, reply_phone,"
    " chase, clock_shift_seconds, switches, postal_address"
)


async def put_location(conn: Conn, location: Location) -> None:
    """Add a location or replace its settings; cases in flight keep the policy they copied.

    The switches of a known location stay as people have set them: a new price list must not let
    messages go that somebody has stopped.
    """
    await conn.execute(
        f"INSERT INTO locations ({_COLUMNS})"  # noqa: S608
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        " ON CONFLICT (location_id) DO UPDATE SET practice_name = excluded.practice_name,"
        " pms = excluded.pms, pms_location_ref = excluded.pms_location_ref,"
        " zone = excluded.zone, currency = excluded.currency, desk_email = excluded.desk_email,"
        " reply_phone = excluded.reply_phone, chase = excluded.chase,"
        " clock_shift_seconds = excluded.clock_shift_seconds,"
        " postal_address = excluded.postal_address, recorded_at = clock_timestamp()",
        location.location_id,
        location.practice_name,
        location.pms,
        location.pms_location_ref,
        location.zone,
        location.currency,
        location.desk_email,
        location.reply_phone,
        location.chase.model_dump(mode="json"),
        location.clock_shift_seconds,
        location.switches,
        location.postal_address,
    )


async def get_location(conn: Conn, location_id: str) -> Location:
    """One location; raises LookupError with a sentence."""
    row = await conn.fetchrow(
        f"SELECT {_COLUMNS} FROM locations WHERE location_id = $1",  # noqa: S608
        location_id,
    )
    if row is None:
        raise LookupError(f"There is no location {location_id}; import its catalog first.")
    return Location.model_validate(dict(row))


async def location_by_pms_ref(conn: Conn, pms: str, pms_location_ref: str) -> Location | None:
    """The location that a PMS means by its own reference."""
    row = await conn.fetchrow(
        f"SELECT {_COLUMNS} FROM locations WHERE pms = $1 AND pms_location_ref = $2",  # noqa: S608
        pms,
        pms_location_ref,
    )
    return Location.model_validate(dict(row)) if row else None


async def list_locations(conn: Conn) -> list[Location]:
    """Every location, by id."""
    rows = await conn.fetch(f"SELECT {_COLUMNS} FROM locations ORDER BY location_id")  # noqa: S608
    return [Location.model_validate(dict(row)) for row in rows]


async def set_switch(
    conn: Conn, location_id: str, name: str, state: Switch, by: str, reason: str
) -> None:
    """Set one switch of a location at once and record who did it and why."""
    changed = await conn.fetchval(
        "WITH set AS (UPDATE locations"
        " SET switches = switches || jsonb_build_object($2::text, $3::text)"
        " WHERE location_id = $1 RETURNING location_id)"
        " INSERT INTO switch_changes (location_id, name, state, changed_by, reason)"
        " SELECT location_id, $2, $3, $4, $5 FROM set RETURNING true",
        location_id,
        name,
        state,
        by,
        reason,
    )
    if not changed:
        raise LookupError(f"There is no location {location_id}.")


async def not_live(conn: Conn) -> list[SwitchChange]:
    """Who set each switch that is not live, with the reason; by location and name."""
    rows = await conn.fetch(
        "SELECT * FROM (SELECT DISTINCT ON (location_id, name)"
        " location_id, name, state, changed_by, reason, recorded_at FROM switch_changes"
        " ORDER BY location_id, name, change_id DESC) AS last WHERE state <> 'live'"
    )
    return [SwitchChange.model_validate(dict(row)) for row in rows]


async def shift_clock(conn: Conn, location_id: str, seconds: int) -> None:
    """Set how far a rehearsed location's clock is from the wall clock; nothing else changes."""
    await conn.execute(
        "UPDATE locations SET clock_shift_seconds = $2 WHERE location_id = $1",
        location_id,
        seconds,
    )
