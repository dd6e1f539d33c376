"""The integration checklist behind `tieout doctor`: each line is ok, or says what to fix."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from connectors.engine.codec import EncryptionCodec
from connectors.messaging.providers import PROVIDERS
from connectors.ports import OutgoingText, Refused
from domain.catalog_check import catalog_gaps
from starter import binaries, probes, wiring
from starter.errors import Refusal, sentence
from starter.settings import Settings
from store import catalogs, channels, db, locations

CHECK_SECONDS = 15
NOBODY = "+15005550006"
"""A number that belongs to no subscriber: looked up, never written to."""


@dataclass(frozen=True)
class Finding:
    """One line of the checklist; `text` says what is there, or what to do."""

    name: str
    ok: bool
    text: str


Check = Callable[[Settings], Awaitable[str]]
"""Returns what it found; raises with a sentence when something is to be fixed."""


async def examine(settings: Settings) -> list[Finding]:
    """Every check, each on its own, so that one broken part hides no other."""
    return list(await asyncio.gather(*(_run(name, check, settings) for name, check in CHECKS)))


async def _run(name: str, check: Check, settings: Settings) -> Finding:
    try:
        return Finding(name, True, await asyncio.wait_for(check(settings), CHECK_SECONDS))
    except TimeoutError:
        return Finding(name, False, f"no answer within {CHECK_SECONDS} seconds")
    except Exception as error:
        return Finding(name, False, sentence(error))


async def _python(_: Settings) -> str:
    return ".".join(str(part) for part in sys.version_info[:3])


async def _binaries(settings: Settings) -> str:
    names = ("temporal", "dbmate") if settings.environment == "dev" else ("dbmate",)
    return ", ".join(str(binaries.find(name)) for name in names)


async def _database(settings: Settings) -> str:
    async with _books(settings) as conn:
        version = await db.schema_version(conn)
    newest = max(path.name.partition("_")[0] for path in db.MIGRATIONS.glob("*.sql"))
    if version != newest:
        raise Refusal(f"The schema is {version or 'empty'}, not {newest}: run `tieout migrate`.")
    return f"schema {version}"


async def _temporal(settings: Settings) -> str:
    client = await wiring.temporal_client(settings)
    try:
        missing = await probes.missing_search_attributes(client, settings.temporal_namespace)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise Refusal(
                f"There is no namespace {settings.temporal_namespace}: create it, or correct "
                "TIEOUT_TEMPORAL_NAMESPACE."
            ) from None
        raise Refusal(f"Temporal refused the look ({error.status.name}).") from None
    if missing:
        raise Refusal(
            f"Search attributes are missing: register {', '.join(missing)} as temporal-dev.yml has "
            "them."
        )
    return f"namespace {settings.temporal_namespace}, search attributes present"


async def _pollers(settings: Settings) -> str:
    client = await wiring.temporal_client(settings)
    kinds = {
        "workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        "activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    }
    counts = {name: await _count_pollers(client, settings, kind) for name, kind in kinds.items()}
    if not all(counts.values()):
        raise Refusal(
            f"No worker polls {settings.temporal_task_queue}: start one with `tieout worker`."
        )
    return ", ".join(f"{count} {name}" for name, count in counts.items())


async def _count_pollers(client: Client, settings: Settings, kind: TaskQueueType.ValueType) -> int:
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=settings.temporal_namespace,
            task_queue=TaskQueue(name=settings.temporal_task_queue),
            task_queue_type=kind,
        )
    )
    # The server remembers a poller for minutes after it died; a live one polls each minute.
    recent = datetime.now(UTC) - timedelta(seconds=90)
    return sum(poller.last_access_time.ToDatetime(tzinfo=UTC) > recent for poller in answer.pollers)


async def _codec(settings: Settings) -> str:
    EncryptionCodec(settings.codec_key_bytes, settings.codec_key_id)
    wiring.vault(settings)
    return f"codec seals with {settings.codec_key_id}, vault with {settings.vault_key_id}"


async def _boulevard(settings: Settings) -> str:
    pms = wiring.boulevard(settings)
    now = datetime.now(UTC)
    try:
        seen = 0
        for location in await _locations(settings):
            if location.location_id in _centers(settings):
                continue
            await pms.visits_closed(location.pms_location_ref, now - timedelta(minutes=1), now)
            seen += 1
    finally:
        await pms.aclose()
    return f"orders of {seen} location(s) are readable"


async def _zenoti(settings: Settings) -> str:
    pms = wiring.zenoti(settings)
    if pms is None:
        return "not set up"
    now = datetime.now(UTC)
    centers = [one for one in await _locations(settings) if one.location_id in _centers(settings)]
    try:
        for location in centers:
            if location.pms != pms.name:
                raise Refusal(f'{location.location_id}: set its "pms" to {pms.name}, import again.')
            await pms.visits_closed(location.pms_location_ref, now - timedelta(minutes=1), now)
    finally:
        await pms.aclose()
    return f"appointments of {len(centers)} centre(s) are readable"


def _centers(settings: Settings) -> tuple[str, ...]:
    return settings.zenoti.locations if settings.zenoti else ()


async def _stripe(settings: Settings) -> str:
    processor = wiring.stripe(settings)
    try:
        await processor.events_since(datetime.now(UTC))
    finally:
        await processor.close()
    return "events are readable"


async def _twilio(settings: Settings) -> str:
    texts = wiring.twilio(settings)
    nothing = OutgoingText(message_key="-", to_e164=NOBODY, body="-", validity_seconds=60)
    try:
        answer = await texts.find(nothing, datetime.now(UTC))
    finally:
        await texts.aclose()
    if isinstance(answer, Refused):
        raise Refusal(f"Twilio refused the look-up ({answer.code}).")
    return "messages are readable"


async def _podium(settings: Settings) -> str:
    texts = wiring.podium(settings)
    if texts is None:
        return "not set up"
    try:
        await texts.sign_in()
    finally:
        await texts.aclose()
    return f"signed in for {len(settings.podium_locations)} location(s)"


async def _channels(settings: Settings) -> str:
    said = []
    for place in await _locations(settings):
        async with _books(settings) as conn:
            known = await channels.of_location(conn, place.location_id)
        for one in known.values():
            carrier = PROVIDERS.get(one.provider)
            if one.is_on and (carrier is None or not carrier.sends):
                raise Refusal(
                    f"{place.location_id}: {place.pms} cannot send texts, and {one.provider} is on."
                )
        on = [f"{name} by {one.provider}" for name, one in known.items() if one.is_on]
        if not on:
            raise Refusal(
                f"{place.location_id} can write to nobody: `tieout channel agree`, then `on`."
            )
        said.append(f"{place.location_id}: {', '.join(on)}")
    return "; ".join(said)


async def _mail(settings: Settings) -> str:
    place = f"{settings.smtp_host}:{settings.smtp_port}"
    if not await probes.listens(settings.smtp_host, settings.smtp_port):
        raise Refusal(f"No mail relay at {place}: correct TIEOUT_SMTP_HOST and TIEOUT_SMTP_PORT.")
    return place


async def _catalog(settings: Settings) -> str:
    versions = []
    async with _books(settings) as conn:
        for location in await _locations(settings):
            catalog = await catalogs.current_catalog(conn, location.location_id)
            if gaps := catalog_gaps(catalog):
                raise Refusal(f"{location.location_id}: {gaps[0]}")
            versions.append(f"{location.location_id} version {catalog.version}")
    return ", ".join(versions)


async def _clock(settings: Settings) -> str:
    shifted = [
        place.location_id for place in await _locations(settings) if place.clock_shift_seconds
    ]
    if shifted:
        raise Refusal(
            f"The clock of {', '.join(shifted)} is shifted for a rehearsal: set "
            "clock_shift_seconds to 0."
        )
    return "no location's clock is shifted"


async def _webhooks(settings: Settings) -> str:
    paths = ["stripe", "twilio"]
    paths += [f"boulevard/{place.location_id}" for place in await _locations(settings)]
    async with httpx.AsyncClient(timeout=5) as http:
        for path in paths:
            url = f"{settings.public_base_url}/webhooks/{path}"
            try:
                status = (await http.get(url)).status_code
            except httpx.HTTPError:
                raise Refusal(f"{url} does not answer: start `tieout serve`.") from None
            # The endpoint takes POST alone; anything else means that it is not ours.
            if status != httpx.codes.METHOD_NOT_ALLOWED:
                raise Refusal(f"{url} is not our endpoint (it answered {status}).")
    return f"{len(paths)} endpoints below {settings.public_base_url}"


@asynccontextmanager
async def _books(settings: Settings) -> AsyncIterator[db.Conn]:
    pool = await db.open_pool(settings.database_url.get_secret_value(), max_size=1)
    try:
        async with db.transaction(pool) as conn:
            yield conn
    finally:
        await pool.close()


async def _locations(settings: Settings) -> list[locations.Location]:
    async with _books(settings) as conn:
        found = await locations.list_locations(conn)
    if not found:
        raise Refusal("No practice is loaded: run `tieout catalog import FILE`.")
    return found


CHECKS: tuple[tuple[str, Check], ...] = (
    ("python", _python),
    ("programs", _binaries),
    ("database", _database),
    ("temporal", _temporal),
    ("worker", _pollers),
    ("keys", _codec),
    ("boulevard", _boulevard),
    ("zenoti", _zenoti),
    ("stripe", _stripe),
    ("twilio", _twilio),
    ("podium", _podium),
    ("mail", _mail),
    ("channels", _channels),
    ("catalog", _catalog),
    ("clock", _clock),
    ("webhooks", _webhooks),
)
