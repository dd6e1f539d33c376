"""What clients own at go-live, from one JSON file: read, checked, put into the books.

    {"location_id": "lumin", "opened_at": "2026-01-01T06:00:00Z", "clients": [
      {"pms_client_ref": "urn:blvd:Client:…",
       "contact": {"first_name": "…", "last_name": "…", "email": "…", "phone_e164": "+1…"},
       "opening": {"unit_lots": […], "money_lots": […], "memberships": […]}}]}

Lots are as in a price file's entitlements; a lot id is given once and for ever.
"""

from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from domain import ids
from domain.model import Authored
from starter.desk.books import Books
from starter.errors import Refusal
from starter.opening import Opening, open_books
from store import clients
from store.clients import Contact

_BYTES_MAX = 20_000_000


class OpeningClient(Authored):
    """One client with what they own."""

    pms_client_ref: str
    contact: Contact
    opening: Opening


class Openings(Authored):
    """The file. `opened_at` dates the opening entries."""

    location_id: str
    opened_at: AwareDatetime
    clients: tuple[OpeningClient, ...]


def read_openings(file: Path) -> Openings:
    """The file's content, checked; `Refusal` names the first fault without quoting it."""
    if file.stat().st_size > _BYTES_MAX:
        raise Refusal(f"{file} is larger than {_BYTES_MAX // 1_000_000} MB.")
    try:
        return Openings.model_validate_json(file.read_bytes())
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise Refusal(f"{file}: {place or 'the file'} is wrong: {fault['msg']}.") from None


async def import_openings(books: Books, openings: Openings) -> list[str]:
    """Book everything in the caller's transaction; returns the client ids."""
    where = await books.location(openings.location_id)
    imported = []
    for each in openings.clients:
        client_id = ids.client_id(where.location_id, where.pms, each.pms_client_ref)
        await clients.upsert_client(
            books.conn,
            books.vault,
            client_id,
            where.location_id,
            where.pms,
            each.pms_client_ref,
            each.contact,
        )
        await open_books(
            books.conn,
            client_id,
            where.location_id,
            each.opening,
            openings.opened_at,
            where.zone,
        )
        imported.append(client_id)
    return imported
