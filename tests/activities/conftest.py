"""Activities over real books and a faked outside world; the world is the web tests' own."""

import pytest

from tests.activities.practice import Practice
from tests.web.conftest import World, settings, world

__all__ = ["practice", "settings", "world"]


@pytest.fixture
async def practice(world: World) -> Practice:
    """A practice of its own with the example price book."""
    opened = Practice(world)
    await opened.open()
    return opened
