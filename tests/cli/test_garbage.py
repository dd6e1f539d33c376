"""Garbage in, one clear sentence out: the right code, and nothing half-written anywhere.

Most commands run in this process, as their entry point runs them; those that would go on to
serve run in one of their own.
"""

import asyncio
import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from starter.demo.cast import TOXIN
from store import db
from tests.cli.conftest import World, settings_env
from tests.cli.desk import ROOT, Said, run_here, tieout
from tests.sandbox_fixture import free_port

PRACTICE: dict[str, Any] = json.loads((ROOT / "examples" / "lumin.json").read_text())
PRICE_FILE: dict[str, Any] = {
    "catalog": PRACTICE["catalog"],
    "chart": {
        "visit_id": "v1",
        "location_id": "lumin",
        "service_at": "2026-03-05T16:00:00Z",
        "currency": "USD",
        "lines": [{"line_id": "l1", "code": TOXIN, "quantity": "20"}],
    },
}


async def row_counts(conn: db.Conn) -> Mapping[str, int]:
    """Rows of every table of the books; nobody else writes to them meanwhile."""
    tables = await conn.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        " AND table_type = 'BASE TABLE'"
    )
    return {name: await conn.fetchval(f'SELECT count(*) FROM "{name}"') for (name,) in tables}


def one_sentence(text: str) -> bool:
    """One line that ends like a sentence, and no traceback."""
    line = text.strip()
    return bool(line) and "\n" not in line and line.endswith(".") and "Traceback" not in text


def changed(given: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> str:
    made = copy.deepcopy(given)
    change(made)
    return json.dumps(made)


PRICE_GARBAGE: Mapping[str, tuple[str, str]] = {
    "no JSON": ("{ this is not JSON", "JSON"),
    "no chart": (changed(PRICE_FILE, lambda file: file.pop("chart")), "chart"),
    "an unknown field": (changed(PRICE_FILE, lambda file: file.update(tip=5)), "tip"),
    "a negative quantity": (
        changed(PRICE_FILE, lambda file: file["chart"]["lines"][0].update(quantity="-3")),
        "negative",
    ),
    "not a finite number": (
        changed(PRICE_FILE, lambda file: file["chart"]["lines"][0].update(quantity="NaN")),
        "quantity",
    ),
    "an unknown currency": (
        changed(PRICE_FILE, lambda file: file["chart"].update(currency="XTS")),
        "currency",
    ),
    "over 5 MB": ('{"chart": "' + "x" * 5_000_001 + '"}', "5 MB"),
}


def price(folder: Path, text: str) -> Said:
    file = folder / "visit.json"
    file.write_text(text)
    return run_here({"TIEOUT_STATE": str(folder)}, ["price", str(file)])


def test_sound_price_file_is_priced(tmp_path: Path) -> None:
    """Else every refusal below could be one of a file that was never sound."""
    said = price(tmp_path, json.dumps(PRICE_FILE))
    assert (said.code, said.err) == (0, "")
    assert "$260.00" in said.out


@pytest.mark.parametrize("what", PRICE_GARBAGE)
def test_price_refuses(tmp_path: Path, what: str) -> None:
    text, named = PRICE_GARBAGE[what]
    said = price(tmp_path, text)
    assert said.code == 2
    assert said.out == ""
    assert one_sentence(said.err), said.err
    assert named in said.err


PRACTICE_GARBAGE: Mapping[str, tuple[str, str]] = {
    "no JSON": ("{{{{", "JSON"),
    "a list": ("[]", "object"),
    "an unknown currency": (
        changed(
            PRACTICE,
            lambda file: (
                file["location"].update(currency="XTS"),
                file["catalog"].update(currency="XTS", version=2),
            ),
        ),
        "Currency XTS",
    ),
    "a negative price": (
        changed(
            PRACTICE, lambda file: file["catalog"]["items"][0]["prices"][0].update(unit_cents=-1)
        ),
        "unit_cents",
    ),
    "two items of one name": (
        changed(
            PRACTICE,
            lambda file: file["catalog"]["items"].append(
                copy.deepcopy(file["catalog"]["items"][0])
            ),
        ),
        "TOXIN-UNIT",
    ),
    "a code for nothing": (
        changed(PRACTICE, lambda file: file["catalog"]["codes"].update(x="NO-SUCH-ITEM")),
        "NO-SUCH-ITEM",
    ),
    "a skipped version": (
        changed(
            PRACTICE,
            lambda file: (
                file["location"].update(practice_name="Other"),
                file["catalog"].update(version=7),
            ),
        ),
        "version",
    ),
    "over 5 MB": ('{"x": "' + "x" * 5_000_001 + '"}', "5 MB"),
}


def of(location_id: str, text: str) -> str:
    """The same file for another location, where it is a file at all."""
    ref = PRACTICE["location"]["pms_location_ref"]
    return text.replace('"lumin"', f'"{location_id}"').replace(ref, f"urn:{location_id}")


async def imported(world: World, folder: Path, text: str) -> Said:
    file = folder / "practice.json"
    file.write_text(of(world.location_id, text))
    return await world.run("catalog", "import", str(file), "--by", "owner")


async def test_sound_practice_is_imported(world: World, tmp_path: Path) -> None:
    """Else every refusal below could be one of a file that was never sound."""
    text = changed(PRACTICE, lambda file: file["catalog"].update(version=2))
    said = await imported(world, tmp_path, text)
    assert (said.code, said.err) == (0, "")
    assert f"Imported version 2 of {world.location_id}" in said.out


@pytest.mark.parametrize("what", PRACTICE_GARBAGE)
async def test_catalog_import_refuses_and_writes_nothing(
    world: World, tmp_path: Path, what: str
) -> None:
    text, named = PRACTICE_GARBAGE[what]
    before, name = await row_counts(world.conn), await practice_name(world)

    said = await imported(world, tmp_path, text)

    assert said.code == 1
    assert said.out == ""
    assert "Traceback" not in said.err
    assert named in said.err
    assert await row_counts(world.conn) == before
    assert await practice_name(world) == name


async def practice_name(world: World) -> str:
    query = "SELECT practice_name FROM locations WHERE location_id = $1"
    return str(await world.conn.fetchval(query, world.location_id))


SERVERS = ("serve", "worker")


async def run(env: Mapping[str, str], *words: str) -> Said:
    """In a process of its own where the command, if it did not refuse, would never end."""
    if words[0] in SERVERS:
        return await tieout(env, *words)
    return await asyncio.to_thread(run_here, env, words)


@pytest.mark.parametrize(
    "words",
    [("serve",), ("worker",), ("migrate",), ("review", "list"), ("catalog", "import", "FILE")],
    ids=" ".join,
)
async def test_command_without_its_settings_names_them(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = str(ROOT / "examples" / "lumin.json")
    env = {"TIEOUT_STATE": str(tmp_path)}
    said = await run(env, *(file if word == "FILE" else word for word in words))
    assert said.code == 1
    assert said.out == ""
    assert one_sentence(said.err), said.err
    assert "TIEOUT_DATABASE_URL" in said.err


@pytest.mark.parametrize("words", [("serve",), ("worker",), ("migrate",), ("review", "list")])
async def test_database_that_is_away_is_named_and_its_password_is_not(
    words: tuple[str, ...],
) -> None:
    url = f"postgres://tieout:open-sesame@127.0.0.1:{free_port()}/tieout?sslmode=disable"
    extra = {"TIEOUT_METRICS_PORT": "0", "TIEOUT_WEB_PORT": "0"}
    said = await run(settings_env(url) | extra, *words)
    assert said.code == 1
    last = said.err.strip().splitlines()[-1]
    assert last.endswith(".")
    assert "atabase" in last or "does not answer" in last
    assert "Traceback" not in said.err + said.out
    assert "open-sesame" not in said.err + said.out


async def test_wrong_key_is_named_and_not_printed(pg_url: str) -> None:
    extra = {"TIEOUT_VAULT_KEYS": '{"dev-1": "too-short-a-key"}'}
    said = await run(settings_env(pg_url) | extra, "serve")
    assert said.code == 1
    assert "TIEOUT_VAULT_KEYS" in said.err
    assert "too-short-a-key" not in said.err
    assert one_sentence(said.err)


@pytest.mark.parametrize(
    "words",
    [
        ("review", "decide", "no-such-id", "map", "--by", "dana", "--yes"),
        ("review", "show", "no-such-id"),
        ("visit", "show", "no-such-id"),
    ],
    ids=" ".join,
)
async def test_unknown_id_is_refused(world: World, words: tuple[str, ...]) -> None:
    before = await row_counts(world.conn)
    said = await world.run(*words)
    assert said.code in (1, 2)
    assert "Traceback" not in said.err
    assert "no-such-id" in said.err
    assert await row_counts(world.conn) == before
