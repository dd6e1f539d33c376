"""A stack for each file, which no other tests use; whatever was killed, the books must tie out afterwards."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.play import Play, playing


@pytest.fixture(scope="module")
async def play() -> AsyncIterator[Play]:
    async with playing() as running:
        yield running
