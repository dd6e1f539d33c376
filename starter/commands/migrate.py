"""`tieout migrate`: bring the database to this release's tables."""

import typer

from starter.settings import load_settings
from store import db


def migrate() -> None:
    """Create the database if it is missing and apply every migration that it lacks."""
    db.migrate(load_settings().database_url.get_secret_value())
    typer.echo("The database is up to date.")
