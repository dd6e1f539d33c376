"""The dev stack's plans: complete settings for every process, nothing outside loopback."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from starter.compose import temporal_flags
from starter.plans import Layout
from starter.ports import LOOPBACK, Ports
from starter.settings import settings_from
from starter.state import generate_secrets


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    for name in [name for name in os.environ if name.startswith("TIEOUT_")]:
        monkeypatch.delenv(name)
    return Layout(tmp_path, Ports.free(), generate_secrets(), temporal_flags(), None)


def test_environment_is_complete_and_on_loopback(layout: Layout) -> None:
    settings = settings_from(layout.environment())
    assert settings.environment == "dev"
    assert settings.codec_key_id in settings.codec_key_bytes
    for url in (
        settings.public_base_url,
        settings.sandbox_url,
        settings.boulevard_base_url,
        settings.stripe_api_base,
        settings.twilio_api_base,
        settings.temporal_ui_url,
        settings.database_url.get_secret_value(),
    ):
        assert urlsplit(str(url)).hostname == LOOPBACK
    assert settings.temporal_address.startswith(f"{LOOPBACK}:")
    assert settings.smtp_host == LOOPBACK


def test_processes_are_the_five(layout: Layout) -> None:
    assert [plan.name for plan in layout.plans()] == [
        "postgres",
        "temporal",
        "sandbox",
        "worker",
        "web",
    ]


def test_another_database_replaces_ours(layout: Layout, tmp_path: Path) -> None:
    url = "postgres://somebody@127.0.0.1:1/else"
    other = Layout(tmp_path, layout.ports, layout.secrets, layout.flags, url)
    assert "postgres" not in [plan.name for plan in other.plans()]
    assert other.environment()["TIEOUT_DATABASE_URL"] == url


def test_no_secret_on_a_command_line(layout: Layout) -> None:
    """Command lines are visible to every user of the machine."""
    words = [str(word) for plan in layout.plans() for word in plan.command]
    for name, value in layout.secrets.items():
        values = value.values() if isinstance(value, dict) else [value]
        assert not any(secret in word for secret in values for word in words), name


def test_temporal_listens_where_it_was_moved(layout: Layout) -> None:
    (temporal,) = [plan for plan in layout.plans() if plan.name == "temporal"]
    assert f"--ip={LOOPBACK}" in temporal.command
    assert f"--port={layout.ports.temporal}" in temporal.command
    assert "--ip=0.0.0.0" not in temporal.command


def test_compiled_modules_are_kept_whatever_the_shell_says(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert {plan.env["PYTHONDONTWRITEBYTECODE"] for plan in layout.plans()} == {""}
    assert all("PYTHONPYCACHEPREFIX" not in plan.env for plan in layout.plans())
    monkeypatch.setattr(os, "access", lambda *_: False)
    prefixes = {plan.env["PYTHONPYCACHEPREFIX"] for plan in layout.plans()}
    assert prefixes == {str(layout.folder / "pycache")}
