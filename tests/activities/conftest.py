"""Activities over real books and a faked outside world; the world is the web tests' own."""

from tests.web.conftest import settings, world

__all__ = ["settings", "world"]
