"""temporal-dev.yml: a Compose file, and the dev server's only list of flags."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from starter.compose import FILE, ROOT, ComposeError, flag_values, host_port, moved, temporal_flags
from starter.ports import LOOPBACK, Ports
from starter.settings import Settings
from workflows import attributes

COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
TYPES = {"KEYWORD": "Keyword", "DATETIME": "Datetime"}


def test_services_are_the_four_and_each_is_runnable() -> None:
    assert set(SERVICES) == {"temporal", "postgres", "worker", "web"}
    for service in SERVICES.values():
        assert re.fullmatch(r"[a-z]+(/[a-z]+)?:[0-9.]+", service["image"])
        for other, wait in service.get("depends_on", {}).items():
            assert wait["condition"] == "service_healthy"
            assert "healthcheck" in SERVICES[other]
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source == "." or source in COMPOSE["volumes"]


def test_only_known_top_level_keys() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} == {"name", "services", "volumes"}


def test_every_port_is_published_on_loopback_alone() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 4
    assert all(str(port).startswith(f"{LOOPBACK}:") for port in published)


def test_search_attributes_are_those_of_the_workflows() -> None:
    declared = {f"{key.name}={TYPES[key.indexed_value_type.name]}" for key in attributes.ALL}
    assert set(flag_values(temporal_flags(), "--search-attribute")) == declared


def test_dynamic_config_and_pragmas() -> None:
    assert set(flag_values(temporal_flags(), "--dynamic-config-value")) == {
        "frontend.WorkflowTimeSkippingEnabled=true",
        "history.transferProcessorMaxPollRPS=2000",
        "history.timerProcessorMaxPollRPS=2000",
        'history.timerProcessorMaxTimeShift="10ms"',
        "matching.numTaskqueueReadPartitions=1",
        "matching.numTaskqueueWritePartitions=1",
        "system.forceSearchAttributesCacheRefreshOnRead=true",
    }
    assert flag_values(temporal_flags(), "--sqlite-pragma") == [
        "journal_mode=WAL",
        "synchronous=NORMAL",
    ]


def test_moving_changes_places_and_nothing_else() -> None:
    flags = temporal_flags()
    places = {"--ip": LOOPBACK, "--port": "1", "--db-filename": "/x/temporal.db"}
    got = moved(flags, places)
    assert flag_values(got, "--ip") == [LOOPBACK]
    assert flag_values(got, "--port") == ["1"]
    assert len(got) == len(flags)
    kept = [flag for flag in flags if flag.partition("=")[0] not in places]
    assert got[: len(kept)] == kept


def test_settings_that_compose_gives_are_settings() -> None:
    for name in ("worker", "web"):
        for variable in SERVICES[name]["environment"]:
            assert variable.removeprefix("TIEOUT_").lower() in Settings.model_fields


def test_ports_are_the_file_s() -> None:
    ports = Ports.fixed()
    assert (ports.temporal, ports.temporal_ui, ports.web) == (7233, 8233, 8300)
    assert ports.postgres == host_port("postgres")


@pytest.mark.parametrize(
    "text",
    ["", "services: [", "services: {}", "services: {temporal: {command: start}}"],
)
def test_broken_file_is_one_sentence(text: str, tmp_path: Path) -> None:
    file = tmp_path / "temporal-dev.yml"
    file.write_text(text)
    with pytest.raises(ComposeError) as caught:
        temporal_flags(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_example_environment_names_every_required_setting() -> None:
    lines = (ROOT / "examples" / "tieout.env").read_text().splitlines()
    named = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    required = {
        f"TIEOUT_{name.upper()}"
        for name, field in Settings.model_fields.items()
        if field.is_required()
    }
    assert named | set(SERVICES["worker"]["environment"]) >= required
    assert all(name.removeprefix("TIEOUT_").lower() in Settings.model_fields for name in named)
