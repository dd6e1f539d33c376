"""Opens the books and sits down at the screen."""

from starter.screen.app import ReviewApp
from starter.screen.reader import Reader
from starter.settings import load_settings
from store.db import open_pool
from store.locations import get_location
from store.vault import Vault

_CONNECTIONS_MAX = 3
"""The queue, the open question and a decision under way."""


async def sit_down(location_id: str | None, by: str) -> None:
    """Show the queue until the person leaves; LookupError for an unknown location."""
    settings = load_settings()
    url = settings.database_url.get_secret_value()
    async with await open_pool(url, max_size=_CONNECTIONS_MAX) as pool:
        if location_id is not None:
            async with pool.acquire() as conn:
                await get_location(conn, location_id)
        vault = Vault(settings.vault_key_bytes, settings.vault_key_id)
        await work(ReviewApp(Reader(settings, pool, vault, location_id), by))


async def work(app: ReviewApp, *, headless: bool = False) -> None:
    """Run the screen to its end; raises what broke it, once the terminal is as it was."""
    await app.run_async(headless=headless)
    if app.failure is not None:
        raise app.failure
