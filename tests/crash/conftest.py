"""Every test that kills belongs to this folder, with the stack that it kills."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.play import Play, playing


@pytest.fixture(scope="module")
async def play() -> AsyncIterator[Play]:
    async with playing() as running:
        yield running
