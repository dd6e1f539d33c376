"""After each test the books must tie out, whatever it did to them."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.play import Play


@pytest.fixture(autouse=True)
async def books_tie_out(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    yield
    if "play" in request.fixturenames:
        play: Play = request.getfixturevalue("play")
        await play.clear_faults()
        await play.check_books()
