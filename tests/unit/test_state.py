"""The dev stack's folder: private, held once, and clear about what is broken in it."""

import json
import os
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from starter import ports as ports_module
from starter.binaries import ClusterError, ensure_cluster
from starter.ports import LOOPBACK, PortBusy, Ports
from starter.state import LENDERS, StateError, StateFolder


def opened(path: Path, fresh: bool = False) -> StateFolder:
    folder = StateFolder(path)
    folder.open(fresh)
    return folder


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    first = opened(tmp_path)
    held = first.secrets
    first.close()
    second = opened(tmp_path)
    second.close()
    assert second.secrets == held
    for name in ("secrets.json", "credentials.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_sandbox_gets_the_vendors_keys_alone(tmp_path: Path) -> None:
    opened(tmp_path).close()
    names = json.loads((tmp_path / "credentials.json").read_text()).keys()
    vendors = {"boulevard", "stripe", "twilio", "podium", "mail", "zenoti", *LENDERS}
    assert {name.partition("_")[0] for name in names} == vendors


def test_fresh_forgets_ours_and_nothing_else(tmp_path: Path) -> None:
    first = opened(tmp_path)
    (tmp_path / "sandbox.jsonl").write_text("x")
    (tmp_path / "thesis.txt").write_text("mine")
    first.close()
    second = opened(tmp_path, fresh=True)
    second.close()
    assert second.secrets != first.secrets
    assert not (tmp_path / "sandbox.jsonl").exists()
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_second_stack_on_the_folder_is_refused(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(StateError, match=f"already runs .* {os.getpid()}.*--state"):
        opened(tmp_path, fresh=True)
    first.close()
    opened(tmp_path).close()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"codec_token": "x"}'])
def test_damaged_secrets_say_what_to_do(tmp_path: Path, text: str) -> None:
    opened(tmp_path).close()
    (tmp_path / "secrets.json").write_text(text)
    with pytest.raises(StateError, match="tieout dev --fresh"):
        opened(tmp_path)
    opened(tmp_path, fresh=True).close()


def test_data_without_its_keys_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    with pytest.raises(StateError, match=r"secrets\.json is gone"):
        opened(tmp_path)


def test_a_file_in_the_folder_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateError, match="name another folder with --state"):
        opened(tmp_path / "state")


def test_incomplete_cluster_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    with pytest.raises(ClusterError, match="tieout dev --fresh"):
        ensure_cluster(tmp_path / "postgres", "x")


def test_busy_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports_module, "RELEASE_SECONDS", 0)
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortBusy, match=rf"Port {port} \(temporal ui\).*--free-ports"):
            replace(Ports.free(), temporal_ui=port).require_free()
    replace(Ports.free(), temporal_ui=port).require_free()
