"""One dev server for the session; a world and a worker of its own for each test."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from connectors.engine.client import EngineAddress, connect
from tests.workflows.clinic import Case, Clinic
from tests.workflows.fakes import World
from tests.workflows.server import dev_server

KEYS = {"k1": b"k" * 32}


@pytest.fixture(scope="session")
async def engine() -> AsyncIterator[Client]:
    """A client with the production converter: pydantic, encrypted."""
    async with dev_server() as address:
        yield await connect(EngineAddress(address, "default", KEYS, "k1"))


@pytest.fixture
async def clinic(engine: Client) -> AsyncIterator[Clinic]:
    opened = Clinic(engine)
    await opened.work()
    yield opened
    await opened.rest()


@pytest.fixture
def world(clinic: Clinic) -> World:
    return clinic.world


@pytest.fixture
async def case(clinic: Clinic) -> Case:
    """A visit of $200.00 that was billed on a Thursday at 14:00; nothing paid yet."""
    return await clinic.visit()
