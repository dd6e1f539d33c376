"""What reaches a patient, read from the PMS and kept encrypted."""

from contextlib import suppress
from datetime import date

from activities import reply_holds
from activities.tools import Tools
from connectors.ports import ConnectorError, PmsClient, Refused
from domain import ids
from store import clients
from store.db import transaction


async def refresh_contact(tools: Tools, location_id: str, pms_client_ref: str) -> str:
    """Read the patient's contact data afresh; returns our id of the patient.

    A patient whom the PMS does not show keeps the contact that we have.
    """
    pms = tools.pms[location_id]
    client_id = ids.client_id(location_id, pms.name, pms_client_ref)
    person = await pms.read_client(pms_client_ref)
    async with transaction(tools.pool) as conn:
        if isinstance(person, Refused):
            with suppress(LookupError):
                await clients.pms_ref_of(conn, client_id)
                return client_id
        await clients.upsert_client(
            conn, tools.vault, client_id, location_id, pms.name, pms_client_ref, _contact(person)
        )
        await reply_holds.place_on_newcomer(conn, client_id)
    return client_id


async def read_again(tools: Tools, location_id: str, client_id: str) -> None:
    """Take over what the PMS says of a client by now: a corrected number is heard of nowhere else.

    A PMS that does not answer, or does not have the client, changes nothing.
    """
    async with tools.pool.acquire() as conn:
        pms_ref = await clients.pms_ref_of(conn, client_id)
    pms = tools.pms.get(location_id)
    if pms is not None and ids.client_id(location_id, pms.name, pms_ref) == client_id:
        with suppress(ConnectorError):
            await refresh_contact(tools, location_id, pms_ref)


def _contact(person: PmsClient | Refused) -> clients.Contact:
    if isinstance(person, Refused):
        return clients.Contact(first_name="", last_name="")
    known = person.model_dump(exclude={"client_ref", "birth_date"})
    return clients.Contact(**known, birth_date=_date(person.birth_date))


def _date(text: str | None) -> date | None:
    """A birth date as typed at the desk; one that is none is left out, as it only proves who
    looks at a statement."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
