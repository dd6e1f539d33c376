"""Garbage in, one clear sentence out: the right code, and nothing half-written anywhere."""

import asyncio
import copy
import json
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from starter.demo.cast import TOXIN
from tests.e2e.play import ROOT, TOXIN_40, Play, tieout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

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


async def row_counts(play: Play) -> Mapping[str, int]:
    """Rows of every table of the books but the inbox, which webhooks of earlier tests fill."""
    conn = await asyncpg.connect(play.stack.database_url)
    try:
        tables = await conn.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
            " AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'inbox%'"
        )
        return {name: await conn.fetchval(f'SELECT count(*) FROM "{name}"') for (name,) in tables}
    finally:
        await conn.close()


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


def price(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    file = folder / "visit.json"
    file.write_text(text)
    return tieout(folder, "price", str(file))


def test_sound_price_file_is_priced(tmp_path: Path) -> None:
    """Else every refusal below could be one of a file that was never sound."""
    done = price(tmp_path, json.dumps(PRICE_FILE))
    assert (done.returncode, done.stderr) == (0, "")
    assert "$260.00" in done.stdout


@pytest.mark.parametrize("what", PRICE_GARBAGE)
def test_price_refuses(tmp_path: Path, what: str) -> None:
    text, named = PRICE_GARBAGE[what]
    done = price(tmp_path, text)
    assert done.returncode == 2
    assert done.stdout == ""
    assert one_sentence(done.stderr), done.stderr
    assert named in done.stderr


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


@pytest.mark.parametrize("what", PRACTICE_GARBAGE)
async def test_catalog_import_refuses_and_writes_nothing(
    play: Play, tmp_path: Path, what: str
) -> None:
    text, named = PRACTICE_GARBAGE[what]
    file = tmp_path / "practice.json"
    file.write_text(text)
    before, name = await row_counts(play), await practice_name(play)

    done = await asyncio.to_thread(
        tieout, play.stack.state, "catalog", "import", str(file), "--by", "owner"
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert named in done.stderr
    assert await row_counts(play) == before
    assert await practice_name(play) == name


async def practice_name(play: Play) -> str:
    return str((await play.fetch("SELECT practice_name FROM locations"))[0][0])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    "words",
    [("serve",), ("worker",), ("migrate",), ("review", "list"), ("catalog", "import", "FILE")],
    ids=" ".join,
)
def test_command_without_its_settings_names_them(tmp_path: Path, words: tuple[str, ...]) -> None:
    file = str(ROOT / "examples" / "lumin.json")
    done = tieout(tmp_path, *(file if word == "FILE" else word for word in words))
    assert done.returncode == 1
    assert done.stdout == ""
    assert one_sentence(done.stderr), done.stderr
    assert "TIEOUT_DATABASE_URL" in done.stderr


@pytest.mark.parametrize("words", [("serve",), ("worker",), ("migrate",), ("review", "list")])
async def test_database_that_is_away_is_named_and_its_password_is_not(
    play: Play, words: tuple[str, ...]
) -> None:
    url = f"postgres://tieout:open-sesame@127.0.0.1:{free_port()}/tieout?sslmode=disable"
    extra = {"TIEOUT_DATABASE_URL": url, "TIEOUT_METRICS_PORT": "0", "TIEOUT_WEB_PORT": "0"}
    done = await asyncio.to_thread(lambda: tieout(play.stack.state, *words, **extra))
    assert done.returncode == 1
    said = done.stderr.strip().splitlines()[-1]
    assert said.endswith(".")
    assert "atabase" in said or "does not answer" in said
    assert "Traceback" not in done.stderr + done.stdout
    assert "open-sesame" not in done.stderr + done.stdout


async def test_wrong_key_is_named_and_not_printed(play: Play) -> None:
    extra = {"TIEOUT_VAULT_KEYS": '{"dev-1": "too-short-a-key"}'}
    done = await asyncio.to_thread(lambda: tieout(play.stack.state, "serve", **extra))
    assert done.returncode == 1
    assert "TIEOUT_VAULT_KEYS" in done.stderr
    assert "too-short-a-key" not in done.stderr
    assert one_sentence(done.stderr)


@pytest.mark.parametrize(
    "words",
    [
        ("review", "decide", "no-such-id", "map", "--by", "dana", "--yes"),
        ("review", "show", "no-such-id"),
        ("visit", "show", "no-such-id"),
    ],
    ids=" ".join,
)
async def test_unknown_id_is_refused(play: Play, words: tuple[str, ...]) -> None:
    before = await row_counts(play)
    done = await asyncio.to_thread(tieout, play.stack.state, *words)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert "no-such-id" in done.stderr
    assert await row_counts(play) == before


async def test_decision_that_does_not_fit_changes_nothing(play: Play) -> None:
    lines = [{**TOXIN_40[0], "ref": "urn:blvd:Service:00000000-0000-4000-8000-000000000000"}]
    case = await play.case(lines)
    asked = await play.question(case, "CATALOG_UNMAPPED")
    before = await row_counts(play)
    for words in (
        ("map", "--by", "dana"),  # stands for what?
        ("map", "--by", "dana", "--sku", "NO-SUCH-ITEM"),
        ("write_off", "--by", "dana"),
        ("map", "--sku", "LASER-SESSION"),  # says who?
        ("one_off_price", "--by", "dana", "--amount", "-5"),
    ):
        done = await asyncio.to_thread(
            tieout, play.stack.state, "review", "decide", asked.review_id, *words, "--yes"
        )
        assert done.returncode in (1, 2), words
        assert "Traceback" not in done.stderr
        assert done.stderr.strip(), words
    assert await row_counts(play) == before
    assert (await play.question(case, "CATALOG_UNMAPPED")).review_id == asked.review_id


@pytest.mark.parametrize("vendor", ["boulevard/lumin", "boulevard/nowhere", "stripe", "twilio"])
@pytest.mark.parametrize(
    ("body", "content_type", "statuses"),
    [
        (b"", "application/json", {400, 401, 415}),
        (b"{", "application/json", {400, 401, 415}),
        (b"a=b", "application/x-www-form-urlencoded", {400, 401, 415}),
        (b"\x00\xff" * 500, "application/octet-stream", {415}),
        (b"x" * 5_000_000, "application/json", {413, 415}),
        (b"x" * 5_000_000, "application/x-www-form-urlencoded", {413, 415}),
    ],
)
async def test_shim_refuses(
    play: Play, vendor: str, body: bytes, content_type: str, statuses: set[int]
) -> None:
    before = await play.fetch("SELECT count(*) FROM inbox")
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.post(
            f"{play.stack.web_url}/webhooks/{vendor}",
            content=body,
            headers={"content-type": content_type},
        )
    assert answer.status_code in statuses
    assert one_sentence(answer.text)
    assert await play.fetch("SELECT count(*) FROM inbox") == before


@pytest.mark.parametrize("path", ["/webhooks/boulevard", "/webhooks/paypal", "/p/", "/p/../etc"])
async def test_unknown_path_is_not_found(play: Play, path: str) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.post(f"{play.stack.web_url}{path}", content=b"{}")
    assert answer.status_code in (404, 405)
