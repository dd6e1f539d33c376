"""Does it serve? Small looks at each part, for the dev stack's start and for `doctor`."""

import asyncio
from collections.abc import Sequence

import asyncpg
import httpx
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from starter.metrics import worker_pollers
from workflows import attributes

TIMEOUT_SECONDS = 2.0


async def listens(host: str | None, port: int | None) -> bool:
    """True when something accepts connections: far cheaper to ask than any client is to make."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), TIMEOUT_SECONDS)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def http_answers(url: str) -> bool:
    """True when `url` answers 200."""
    place = httpx.URL(url)
    if not await listens(place.host, place.port):
        return False
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as http:
            return (await http.get(url)).is_success
    except httpx.HTTPError:
        return False


async def database_answers(url: str) -> bool:
    """True when the database accepts a connection and a query."""
    try:
        conn = await asyncpg.connect(url, timeout=TIMEOUT_SECONDS)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    try:
        return bool(await conn.fetchval("SELECT true"))
    finally:
        await conn.close()


async def temporal_answers(address: str, namespace: str) -> bool:
    """True when the namespace is there and our search attributes are registered."""
    host, _, port = address.rpartition(":")
    if not await listens(host, int(port)):
        return False
    try:
        client = await Client.connect(address, namespace=namespace)
        return not await missing_search_attributes(client, namespace)
    except (RuntimeError, RPCError):
        return False


async def missing_search_attributes(client: Client, namespace: str) -> Sequence[str]:
    """Names of our search attributes that the namespace lacks, or has with another type.

    Raises `RPCError` when the namespace does not exist.
    """
    await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=namespace)
    )
    return [
        key.name
        for key in attributes.ALL
        if answer.custom_attributes.get(key.name) != int(key.indexed_value_type)
    ]


async def worker_polls(metrics_url: str, task_queue: str) -> bool:
    """True when the worker polls; unknown is not yet."""
    place = httpx.URL(metrics_url)
    if not await listens(place.host, place.port):
        return False
    return bool(await worker_pollers(metrics_url, task_queue))
