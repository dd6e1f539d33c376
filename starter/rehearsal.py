"""A practice played on a running stack: patients come, charts close, cards pay, days pass.

Used by the demo, the bench and the end-to-end tests. It talks to the vendors' twins over
HTTP, moves each case's own clock, and reads results from the books.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import TimeSkipper

from connectors.http import PooledTransport
from domain import calendar, ids
from starter.opening import Opening, open_books
from starter.settings import Settings
from starter.wiring import temporal_client, vault
from store import clients, locations
from store.db import Pool, open_pool, transaction
from store.locations import Location

T = TypeVar("T")

POLL_SECONDS, POLL_SECONDS_MAX, POLL_GROWTH = 0.02, 0.25, 1.2
PMS = "boulevard"
THURSDAY = 3


@dataclass(frozen=True)
class Patient:
    """A sandbox patient as the front desk types them in."""

    first_name: str
    last_name: str
    email: str
    phone_e164: str
    birth_date: str = "1988-04-02"
    postal_code: str = "78701"


class Rehearsal:
    """Everything that a story needs to happen to a practice."""

    def __init__(self, settings: Settings, location_id: str) -> None:
        self.settings = settings
        self.location_id = location_id
        self.http = httpx.AsyncClient(
            base_url=f"{settings.sandbox_url}/_control", timeout=30, transport=PooledTransport()
        )
        self.pool: Pool
        self.engine: Client
        self.location: Location

    async def __aenter__(self) -> Self:
        self.pool = await open_pool(self.settings.database_url.get_secret_value(), max_size=4)
        self.engine = await temporal_client(self.settings)
        self._skipper = TimeSkipper(self.engine)
        await self._read_location()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.http.aclose()
        await self.pool.close()

    async def at_two_on_thursday(self) -> None:
        """Shift the practice's clock to 14:00 local on the Thursday of this week.

        From then on holidays are days like others: a story must not depend on the week it is
        played in.
        """
        now = datetime.now(UTC)
        today = calendar.local_date(now, self.location.zone)
        thursday = today + timedelta(days=THURSDAY - today.weekday())
        then = calendar.instant(thursday, time(14, 0), self.location.zone)
        shifted = self.location.model_copy(
            update={
                "clock_shift_seconds": int((then - now).total_seconds()),
                "chase": self.location.chase.model_copy(update={"holidays": "allowed"}),
            }
        )
        async with transaction(self.pool) as conn:
            await locations.put_location(conn, shifted)
        self.location = shifted

    def now(self) -> datetime:
        """The practice's clock before any skip."""
        return datetime.now(UTC) + timedelta(seconds=self.location.clock_shift_seconds)

    async def generous_vendors(self) -> None:
        """Lift the PMS's cost bucket, so that a load measures us and not the vendor's limit."""
        limits = {"bucketPoints": 10_000_000, "leakPointsPerSecond": 1_000_000}
        answer = await self.http.put("/boulevard/settings", json=limits)
        answer.raise_for_status()

    async def quick_vendor(self, vendor: str, **settings: Any) -> None:
        """Set a twin's limits: a year in a minute makes a year's calls in a minute."""
        answer = await self.http.put(f"/{vendor}/settings", json=settings)
        answer.raise_for_status()

    # -- the front desk

    async def admit(self, patient: Patient, opening: Opening | None = None) -> str:
        """Enter a patient into the PMS, and what they own into the books; returns the PMS id."""
        urn = str(
            await self.control(
                "boulevard/clients",
                {
                    "firstName": patient.first_name,
                    "lastName": patient.last_name,
                    "email": patient.email,
                    "mobilePhone": patient.phone_e164,
                    "dob": patient.birth_date,
                    "zip": patient.postal_code,
                },
                "id",
            )
        )
        if opening is not None:
            await self.open_books(urn, patient, opening)
        return urn

    async def treat(self, urn: str, lines: Sequence[Mapping[str, Any]], **extra: Any) -> str:
        """Chart a visit; returns the order's bare uuid."""
        body = {
            "client": urn,
            "locationId": self.location.pms_location_ref,
            "lines": list(lines),
            "startAt": self.now().isoformat(),
            **extra,
        }
        return str(await self.control("boulevard/orders", body, "orderId")).rpartition(":")[2]

    async def check_out(self, visit_id: str, events: Sequence[str] = ("ORDER_COMPLETED",)) -> str:
        """Close the order, which sends the webhooks; returns the case id."""
        await self.control(f"boulevard/orders/{visit_id}/complete", {"events": list(events)})
        return ids.visit_workflow_id(self.location_id, PMS, visit_id)

    async def control(self, path: str, body: Any, key: str | None = None) -> Any:
        """One verb of the sandbox's control API."""
        answer = await self.http.post(f"/{path}", json=body)
        answer.raise_for_status()
        return answer.json()[key] if key else answer.json()

    async def docs(self, kind: str, has: str = "") -> list[dict[str, Any]]:
        """What the sandbox kept: sms, email, call, delivery, …; those that hold a text alone."""
        answer = await self.http.get(f"/docs/{kind}", params={"has": has} if has else None)
        answer.raise_for_status()
        return list(answer.json())

    # -- time

    def case(self, case_id: str) -> WorkflowHandle[Any, Any]:
        """The running case."""
        return self.engine.get_workflow_handle(case_id)

    async def skip(self, case_id: str, days: float) -> None:
        """Let days pass for one case; what falls due happens on the way."""
        await self._skipper.fast_forward(self.case(case_id), timedelta(days=days))

    async def until(
        self,
        ask: Callable[[], Awaitable[T | None]],
        what: str,
        seconds: float = 30,
    ) -> T:
        """Poll until `ask` answers, ever less often; TimeoutError names what did not happen."""
        pause_seconds = POLL_SECONDS
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            answer = await ask()
            if answer:
                return answer
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"{what} did not happen within {seconds:g} s.")
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * POLL_GROWTH, POLL_SECONDS_MAX)

    async def _read_location(self) -> None:
        async with self.pool.acquire() as conn:
            self.location = await locations.get_location(conn, self.location_id)

    async def open_books(self, urn: str, patient: Patient, opening: Opening) -> str:
        """Put into the books what a patient of the PMS owns; returns our id of the patient."""
        pms = self.location.pms
        client_id = ids.client_id(self.location_id, pms, urn)
        contact = clients.Contact(
            first_name=patient.first_name,
            last_name=patient.last_name,
            email=patient.email,
            phone_e164=patient.phone_e164,
            birth_date=patient.birth_date,
            postal_code=patient.postal_code,
        )
        async with transaction(self.pool) as conn:
            await clients.upsert_client(
                conn, vault(self.settings), client_id, self.location_id, pms, urn, contact
            )
            await open_books(
                conn, client_id, self.location_id, opening, self.now(), self.location.zone
            )
        return client_id
