"""The documents name what exists, all of it, and lead nowhere that is not there."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic_core import PydanticUndefined
from typer.core import TyperGroup

from starter.cli import COMMANDS, command_line
from starter.settings import PREFIX, STATE_VARIABLE, Settings

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
MACHINE = re.compile(r"(?<![\w.>/])/(?:home|root|tmp|work|Users|usr|opt|var|etc)/")
RUNNING = (ROOT / "docs" / "running.md").read_text()


def shown_default(default: Any) -> str:
    if default is PydanticUndefined:
        return "required"
    return "none" if default is None else f"`{default}`"


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def faults_of_links(document: Path, text: str) -> list[str]:
    faults = []
    for target in LINK.findall(text):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        if (
            not file.is_relative_to(ROOT)
            or not file.exists()
            or (anchor and anchor not in anchors(file.read_text()))
        ):
            faults.append(target)
    return faults


def verbs() -> list[str]:
    root = typer.main.get_command(command_line(()))
    assert isinstance(root, TyperGroup)
    return [words for name, each in root.commands.items() for words in _verbs(name, each)]


def _verbs(name: str, command: object) -> list[str]:
    if isinstance(command, TyperGroup):
        return [f"{name} {verb}" for verb in command.commands]
    return [name]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described_with_its_default(name: str) -> None:
    default = shown_default(Settings.model_fields[name].default)
    assert f"| `{PREFIX}{name.upper()}` | {default} |" in RUNNING


def test_no_setting_is_described_that_does_not_exist() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    rows = set(re.findall(rf"^\| `({PREFIX}\w+)` \|", RUNNING, re.M))
    assert rows == known
    named = {name for each in DOCS for name in re.findall(rf"{PREFIX}\w+", each.read_text())}
    others = ("STAFF", "DEBUG", "REQUIRE_BROWSER", "PICTURES")
    beside = {STATE_VARIABLE, *(f"{PREFIX}{it}" for it in others)}
    assert named <= known | beside


def test_every_command_is_described() -> None:
    found = verbs()
    assert {verb.partition(" ")[0] for verb in found} == set(COMMANDS)
    [table] = re.findall(r"^## Commands\n(.+)", RUNNING, re.M | re.S)
    described = set()
    for row in re.findall(r"^\| (.+?) \|", table, re.M):
        group = ""
        for words in re.findall(r"`([^`]+)`", row):
            first, *rest = words.replace("tieout ", "").split()
            if words.startswith("tieout "):
                group = first
                described.add(" ".join([first, *(it for it in rest if it.islower())]))
            else:
                described.add(f"{group} {first}")
    assert described == set(found)


def test_commands_in_the_documents_exist() -> None:
    found = set(verbs())
    groups = {verb.partition(" ")[0] for verb in found if " " in verb}
    for document in DOCS:
        for first, second in re.findall(r"\btieout ([a-z]+)(?: ([a-z][a-z-]*))?", code(document)):
            words = f"{first} {second}" if first in groups and second else first
            assert words in found | groups, f"{document.name}: tieout {words}"


def code(document: Path) -> str:
    text = document.read_text()
    lines = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    shell = [line for block in lines for line in block.splitlines() if "tieout " in line]
    typed = [line.lstrip("$ ") for line in shell]
    spans = re.findall(r"`(tieout [^`\n]+)`", text)
    return "\n".join([line for line in typed if line.startswith("tieout ")] + spans)


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    assert faults_of_links(document, document.read_text()) == []


def test_the_link_check_itself_can_fail() -> None:
    text = "[a](nowhere.md) [b](#nothing) [c](https://example.com) [d](running.md#settings)"
    assert faults_of_links(ROOT / "docs" / "README.md", text) == ["nowhere.md", "#nothing"]


def test_every_document_is_reachable_from_the_index() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        seen.add(document)
        for target in LINK.findall(document.read_text()):
            file = (document.parent / target.partition("#")[0]).resolve()
            if file.suffix == ".md" and file.exists() and file not in seen:
                waiting.append(file)
    assert set(DOCS) <= seen


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_no_document_names_a_path_of_a_machine(document: Path) -> None:
    assert MACHINE.findall(document.read_text()) == []


def test_pictures_are_small_and_used() -> None:
    text = "".join(document.read_text() for document in DOCS)
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.stat().st_size < 200_000, picture.name
        assert f"images/{picture.name}" in text, picture.name


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [it for group in project["optional-dependencies"].values() for it in group]
    wanted = {re.split(r"[\[<>=;~ ]", it)[0] for it in [*project["dependencies"], *extras]}
    page = (ROOT / "docs" / "dependencies.md").read_text()
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", page, re.M))
    assert set(rows) == wanted
    assert all(len(reason) > 5 for reason in rows.values())


def test_ci_runs_what_the_readme_says() -> None:
    assert "make test " in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("exec make test")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    words = ("make", "--no-print-directory", "--dry-run", "test")
    run = subprocess.run(words, cwd=ROOT, env=plain, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == (
        ".venv/bin/pytest -n 3 --dist loadscope --no-loadscope-reorder"
    )
