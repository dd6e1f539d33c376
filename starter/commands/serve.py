"""`tieout serve`: the web process."""

from starter import loops
from starter.logging import configure
from starter.serve import serve as serve_web
from starter.settings import load_settings


def serve() -> None:
    """Take webhooks, serve the pay page and the codec until told to stop."""
    settings = load_settings()
    configure(settings.log_level)
    loops.run(serve_web(settings))
