"""Fixtures of the connector tests: a served twin and the connector that talks to it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from connectors.pms.boulevard import Boulevard
from tests.connectors.boulevard_twin import Caught, Practice, connect, serve_catcher, serve_practice


@pytest.fixture
def practice() -> Iterator[Practice]:
    with serve_practice() as served:
        yield served


@pytest.fixture
def caught() -> Iterator[Caught]:
    with serve_catcher() as catcher:
        yield catcher


@pytest.fixture
async def boulevard(practice: Practice) -> AsyncIterator[Boulevard]:
    connector = connect(practice)
    yield connector
    await connector.aclose()
