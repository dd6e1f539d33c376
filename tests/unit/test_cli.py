"""The command line: one sentence for each failure, no traceback, exit codes 0, 1, 2."""

import json
from pathlib import Path

import asyncpg
import pytest
from pydantic import BaseModel, ValidationError

from connectors.ports import Misconfigured
from starter.cli import run
from starter.compose import ROOT
from starter.errors import Refusal, sentence
from starter.practice import BadPractice, read_practice

EXAMPLE = ROOT / "examples" / "lumin.json"


@pytest.fixture(autouse=True)
def no_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIEOUT_STATE", str(tmp_path / "nothing"))
    monkeypatch.delenv("TIEOUT_DATABASE_URL", raising=False)
    monkeypatch.delenv("TIEOUT_DEBUG", raising=False)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    words = capsys.readouterr().err.strip()
    assert "Traceback" not in words
    assert "\n" not in words
    return words


@pytest.mark.parametrize("command", [["serve"], ["worker"], ["migrate"]])
def test_missing_settings_are_one_sentence(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command) == 1
    assert "TIEOUT_DATABASE_URL" in said(capsys)


def test_doctor_without_settings_names_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    assert "TIEOUT_DATABASE_URL" in answer["checks"][0]["text"]


def test_missing_file_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog", "check", "nowhere.json"]) == 1
    assert said(capsys) == "nowhere.json cannot be read: No such file or directory."


def test_example_practice_is_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog", "check", str(EXAMPLE)]) == 0
    assert "is sound" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"catalog": None}, "must be an object"),
        ({"extra": 1}, "must be an object"),
        ({"location": {"zone": 3}}, "is wrong"),
        ({"location": {"colour": "red"}}, "location.colour is not a field"),
    ],
)
def test_bad_practice_says_where(change: dict[str, object], words: str, tmp_path: Path) -> None:
    file = tmp_path / "practice.json"
    file.write_text(json.dumps({**json.loads(EXAMPLE.read_text()), **change}))
    with pytest.raises(BadPractice, match=words):
        read_practice(file)


def test_faults_of_a_practice_refuse_the_import(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = json.loads(EXAMPLE.read_text())
    given["catalog"]["location_id"] = "other"
    file = tmp_path / "practice.json"
    file.write_text(json.dumps(given))
    assert run(["catalog", "import", str(file)]) == 1
    assert "belongs to another location" in said(capsys)


class Sample(BaseModel):
    count: int


def _validation_error() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate({"count": "secret-marker"})
    return caught.value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Refusal("Do this."), "Do this."),
        (Misconfigured("stripe refused our key"), "stripe refused our key"),
        (LookupError("There is no case x."), "There is no case x."),
        (ConnectionRefusedError(111, "refused"), "does not answer"),
        (asyncpg.UndefinedTableError("relation"), "run `tieout migrate`"),
        (_validation_error(), "count is wrong"),
        (KeyError("secret-marker"), "KeyError"),
        (ExceptionGroup("several", [Refusal("The first.")]), "The first."),
    ],
)
def test_each_failure_is_one_sentence(error: Exception, words: str) -> None:
    spoken = sentence(error)
    assert words in spoken
    assert "secret-marker" not in spoken
    assert "\n" not in spoken


def test_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIEOUT_DEBUG", "1")
    assert run(["catalog", "check", "nowhere.json"]) == 1
    assert "Traceback" in capsys.readouterr().err
