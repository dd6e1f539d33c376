"""`tieout price`: what it prints, and one sentence for every file it cannot use."""

import json

import pytest
import typer
from typer.testing import CliRunner

from starter.commands.price import price
from tests.unit.shop import ROOT

APP = typer.Typer()
APP.command()(price)
CHARTS = ROOT / "examples" / "charts"


def run(*words):
    """The command's result on a wide terminal."""
    return CliRunner().invoke(APP, [str(word) for word in words], env={"COLUMNS": "200"})


def lumin(**changes):
    """The worked example as a dict, with parts replaced."""
    return {**json.loads((CHARTS / "lumin.json").read_text()), **changes}


def saved(tmp_path, content):
    """A file with this content."""
    file = tmp_path / "visit.json"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return file


def test_the_worked_example_is_shown_with_lines_draws_tenders_due_and_trace():
    result = run(CHARTS / "lumin.json")
    assert result.exit_code == 0
    for words in (
        "TOXIN-UNIT",
        "$650.00",
        "lot-filler-6",
        "$600.00",
        "membership credit",
        "-$190.00",
        "$533.61",
        "8.25 % of $68.00 = $5.61",
    ):
        assert words in result.stdout


def test_json_is_one_object_with_the_whole_invoice():
    result = run(CHARTS / "lumin.json", "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (answer["status"], answer["invoice"]["due_cents"]) == ("priced", 53361)


def test_a_held_draft_prints_why_and_what_to_do_and_leaves_with_1():
    result = run(CHARTS / "expired-lot.json")
    assert result.exit_code == 1
    for words in ("LOT_EXPIRED", "Reinstate the lot", '"LOT_EXPIRED:L1"', "$750.00"):
        assert words in result.stdout


def test_a_held_draft_without_amounts_says_so():
    result = run(CHARTS / "unmapped.json")
    assert result.exit_code == 1
    assert "CATALOG_UNMAPPED" in result.stdout
    assert "No amount can be computed" in result.stdout
    answer = json.loads(run(CHARTS / "unmapped.json", "--json").stdout)
    assert (answer["status"], answer["preview"]) == ("held", None)
    assert answer["reasons"][0]["chart_line_id"] == "L2"


def test_an_approval_in_the_file_lets_the_draft_pass(tmp_path):
    asked = json.loads((CHARTS / "expired-lot.json").read_text())
    result = run(saved(tmp_path, {**asked, "approved": ["LOT_EXPIRED:L1"]}), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["invoice"]["due_cents"] == 75000


def chart_with(**changes):
    return lumin(chart={**lumin()["chart"], **changes})


def line_with(**changes):
    return chart_with(lines=[{**lumin()["chart"]["lines"][0], **changes}])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"\xff\xfe\x00", "Invalid JSON"),
        (b"[" * 100_000, "Invalid JSON"),
        (b"[]", "object"),
        ({}, "catalog: Field required (and 1 more)"),
        (line_with(quantity="-1"), "L1 is negative"),
        (line_with(quantity="many"), "chart.lines.0.quantity"),
        (line_with(quantity="NaN"), "chart.lines.0.quantity"),
        (line_with(quantity="Infinity"), "chart.lines.0.quantity"),
        (line_with(quantiti=1), "chart.lines.0.quantiti"),
        (chart_with(currency="XXX"), "the chart's currency is unknown"),
        (chart_with(service_at="2026-03-05T10:00:00"), "chart.service_at"),
        (chart_with(tips_cents={"a": -1}), "chart.tips_cents.a"),
        (lumin(catalog={**lumin()["catalog"], "currency": "ZZZ"}), "catalog's currency"),
        (lumin(catalog={**lumin()["catalog"], "codes": {"a": "NONE"}}), "the catalog is faulty"),
        (lumin(catalog={**lumin()["catalog"], "zone": "Nowhere"}), "IANA"),
        (lumin(entitlements={"unit_lots": [{}]}), "entitlements.unit_lots.0.lot_id"),
        (b" " * 5_000_001, "larger than 5 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_used_gets_one_sentence_and_2(tmp_path, content, words):
    result = run(saved(tmp_path, content), "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith(".\n")


@pytest.mark.parametrize("path", ["", "missing.json"])
def test_a_file_that_cannot_be_read_gets_one_sentence_and_2(tmp_path, path):
    result = run(tmp_path / path)
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


def test_text_in_the_file_is_never_read_as_markup_or_terminal_codes(tmp_path):
    asked = json.loads((CHARTS / "unmapped.json").read_text())
    asked["chart"]["lines"][1]["code"] = "[red]new[/nope] \x1b[31m"
    result = run(saved(tmp_path, asked))
    assert result.exit_code == 1
    assert "[red]new[/nope]" in result.stdout
    assert "\x1b" not in result.stdout
