"""`tieout match`: what it prints, and one sentence for every file it cannot use."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from typer.testing import CliRunner, Result

from domain.matching_book import MatchBook, match_all
from domain.matching_policy import MatchPolicy, TierRecord
from domain.matching_types import (
    EarlierPayment,
    FinancedItem,
    Funding,
    Hints,
    Instalment,
    OpenItem,
    PaymentToMatch,
)
from starter.commands.match import match
from tests.unit.shop import ROOT

APP = typer.Typer()
APP.command()(match)
EXAMPLES = ROOT / "examples" / "match"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.json"))
WAITING = {"day": 1, "lenders": 1, "cheques": 1, "plans": 1, "matched": 0}


def run(*words: object, columns: int = 200) -> Result:
    env = {"COLUMNS": str(columns)}
    return CliRunner().invoke(APP, [str(word) for word in words], env=env)


def book(name: str = "matched", **changes: Any) -> dict[str, Any]:
    return {**json.loads((EXAMPLES / f"{name}.json").read_text()), **changes}


def saved(tmp_path: Path, content: object) -> Path:
    file = tmp_path / "book.json"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return file


def answers(result: Result) -> dict[str, dict[str, Any]]:
    return {each["payment_id"]: each for each in json.loads(result.stdout)["answers"]}


def test_every_example_is_known() -> None:
    assert set(NAMES) == set(WAITING)


@pytest.mark.parametrize("columns", [80, 100, 200])
@pytest.mark.parametrize("name", NAMES)
def test_an_example_fits_a_hundred_columns_and_says_by_its_exit_whether_somebody_is_needed(
    name: str, columns: int
) -> None:
    result = run(EXAMPLES / f"{name}.json", columns=columns)
    assert result.exit_code == WAITING[name]
    assert max(map(len, result.stdout.splitlines())) <= min(columns, 100)
    for payment in book(name)["payments"]:
        assert payment["payment_id"] in result.stdout
    table = [line for line in result.stdout.splitlines() if line.startswith("│")]
    assert all(line.endswith("│") for line in table), "a cell was cut off"


def test_the_worked_example_comes_to_the_cent() -> None:
    result = run(EXAMPLES / "matched.json")
    for words in (
        "$533.61 LUM-101",
        "$2,522.80 LUM-104; $277.20 from 6020",
        "$80.00 LUM-103; $10.00 credit",
        "why: the PMS took it on the same visit",
        "notice: $10.00 over the balance became client credit",
        "4 matched $3,266.41, 0 proposed $0.00, 0 held $0.00.",
        "$10.00 becomes clients' credit (2060).",
        "$277.20 was kept by lenders (6020).",
    ):
        assert words in result.stdout
    answer = json.loads(run(EXAMPLES / "matched.json", "--json").stdout)
    assert answer["status"] == "all_matched"
    assert answer["totals"] == {
        "matched_cents": 326_641,
        "proposed_cents": 0,
        "held_cents": 0,
        "excess_cents": 1_000,
        "rounding_cents": 0,
        "lender_fee_cents": 27_720,
    }


def test_a_day_of_questions_shows_code_account_and_candidates() -> None:
    result = run(EXAMPLES / "day.json")
    for words in (
        "held DUPLICATE_SUSPECTED",
        "why: the same payer paid the same on 2026-03-08",
        "candidate: LUM-206, 92 points: the balance is exactly this amount",
        "nothing to book",
        "50.00 EUR",
        "proposed, tier 4, ticked",
        "$60.00 LUM-202; $40.00",
        "leads the next best by",
        "before: tier 4: no sum of the payer's open items is this amount",
        "0 matched $0.00, 2 proposed $300.00, 7 held $434.00.",
    ):
        assert words in result.stdout, words


def test_lenders_cheques_and_plans_end_where_the_rules_say() -> None:
    lenders = answers(run(EXAMPLES / "lenders.json", "--json"))
    said = {name: each["answer"].get("code", each["status"]) for name, each in lenders.items()}
    assert said == {
        "fund-1": "matched",
        "fund-2": "LENDER_FEE_DIFF",
        "fund-3": "matched",
        "fund-4": "WRONG_INVOICE",
        "fund-5": "WRONG_INVOICE",
        "fund-6": "WRONG_INVOICE",
        "fund-7": "LENDER_REVERSED",
    }
    assert lenders["fund-2"]["answer"]["fee"] == {"schedule_cents": 27_720, "kept_cents": 30_000}
    cheques = answers(run(EXAMPLES / "cheques.json", "--json"))
    rounding = {"case_id": "case-401", "cents": 100, "account": "6060"}
    assert cheques["chk-1"]["answer"]["closings"] == [rounding]
    assert cheques["chk-2"]["answer"]["closings"] == []
    assert [cheques[name]["status"] for name in ("chk-3", "card-4")] == ["proposed", "held"]
    plans = answers(run(EXAMPLES / "plans.json", "--json"))
    assert [each["answer"].get("tier") for each in plans.values()] == [5, 5, 4, 5, None]


def test_the_order_in_the_file_never_matters(tmp_path: Path) -> None:
    for name in NAMES:
        expected = run(EXAMPLES / f"{name}.json", "--json").stdout
        mixed = book(name)
        for part in ("payments", "items", "loans", "earlier", "record"):
            random.Random(7).shuffle(mixed.get(part, []))
        assert run(saved(tmp_path, mixed), "--json").stdout == expected


def changed(part: str, **fields: Any) -> dict[str, Any]:
    """The worked example with fields of the first row of a part replaced."""
    rows = book()[part]
    return book(**{part: [{**rows[0], **fields}, *rows[1:]]})


def policy(**fields: Any) -> dict[str, Any]:
    return book(policy=fields)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"\xff\xfe\x00", "Invalid JSON"),
        (b"[" * 100_000, "Invalid JSON"),
        (b"[]", "object"),
        ({}, "location_id: Field required (and 1 more)"),
        (book(location_id=""), "location_id"),
        (book(currency="ZZZ"), "the currency is unknown; known are"),
        (book(colour="red"), "colour: Extra inputs are not permitted"),
        (book(closed_until="soon"), "closed_until"),
        (book(payments=book()["payments"] * 126), "at most 500"),
        (book(items=book()["items"] * 2), "two items have the same case_id"),
        (changed("payments", amount_cents="53361"), "payments.0.amount_cents"),
        (changed("payments", amount_cents=1.5), "payments.0.amount_cents"),
        (changed("payments", amount_cents=True), "payments.0.amount_cents"),
        (changed("payments", amount_cents=10**16), "payments.0.amount_cents"),
        (changed("payments", amonut=1), "payments.0.amonut"),
        (changed("payments", kind="barter"), "payments.0.kind"),
        (changed("payments", state="maybe"), "payments.0.state"),
        (changed("payments", paid_on="2026-02-30"), "payments.0.paid_on"),
        (changed("payments", payer={"nam": "x"}), "payments.0.payer.nam"),
        (changed("payments", funding={"lender": "x"}), "payments.0.funding.loan_id"),
        (changed("items", instalments=[{"instalment_id": "p"}]), "items.0.instalments.0.due_on"),
        (
            changed(
                "items", instalments=[{"instalment_id": "p", "due_on": "2026-03-01", "cents": 0}]
            ),
            "items.0.instalments.0.cents",
        ),
        (
            changed(
                "items",
                instalments=[{"instalment_id": "p", "due_on": "2026-03-01", "cents": 5}] * 2,
            ),
            "two instalments have the same instalment_id",
        ),
        (changed("loans", financed_cents=-1), "loans.0.financed_cents"),
        (policy(margin_points=24), "policy.margin_points"),
        (policy(after_due_days=46), "policy.after_due_days"),
        (policy(group_size_max=6), "policy.group_size_max"),
        (policy(cheque={"switched_on_by": ""}), "policy.cheque.switched_on_by"),
        (policy(cheque={"switched_on_by": "x", "cents_max": 101}), "policy.cheque.cents_max"),
        (policy(cheque={"switched_on_by": "x", "basis_points_max": 51}), "basis_points_max"),
        (policy(automatic=[{"tier": 6}]), "policy.automatic.0.tier"),
        (policy(automatic=[{"tier": 4}]), "after 200 accepted proposals"),
        (policy(automatic=[{"tier": 1}, {"tier": 1}]), "a tier is named twice"),
        (
            policy(fees=[{"lender": "c", "rate": "0.1", "effective_from": "2026-01-01"}] * 2),
            "two fees from the same day",
        ),
        (
            policy(fees=[{"lender": "c", "rate": "NaN", "effective_from": "2026-01-01"}]),
            "policy.fees.0.rate",
        ),
        (b" " * 5_000_001, "larger than 5 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_used_gets_one_sentence_and_2(
    tmp_path: Path, content: object, words: str
) -> None:
    result = run(saved(tmp_path, content), "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith(".\n")


@pytest.mark.parametrize("path", ["", "missing.json"])
def test_a_file_that_cannot_be_read_gets_one_sentence_and_2(tmp_path: Path, path: str) -> None:
    result = run(tmp_path / path)
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


def test_a_refused_value_is_not_quoted(tmp_path: Path) -> None:
    secret = {"name": ["Ann Secret"]}
    result = run(saved(tmp_path, changed("payments", payer=secret)))
    assert result.exit_code == 2
    assert "Secret" not in result.stderr


def test_text_in_the_file_is_never_read_as_markup_or_terminal_codes(tmp_path: Path) -> None:
    asked = changed("payments", payment_id="[red]p[/nope]\x1b[31m")
    asked["items"][0]["number"] = "[bold]LUM\x1b[0m"
    result = run(saved(tmp_path, asked))
    assert result.exit_code == 0
    assert "[red]p[/nope]" in result.stdout
    assert "[bold]LUM" in result.stdout
    assert "\x1b" not in result.stdout


def test_no_payments_are_all_matched(tmp_path: Path) -> None:
    result = run(saved(tmp_path, book(payments=[])))
    assert result.exit_code == 0
    assert result.stdout.startswith("0 matched $0.00")


def test_the_furthest_dates_are_only_far_apart(tmp_path: Path) -> None:
    first, last = "0001-01-01", "9999-12-31"
    asked = changed("items", issued_on=last, due_on=first)
    asked["payments"][0] |= {"paid_on": last, "case_id": None}
    assert run(saved(tmp_path, asked), "--json").exit_code == 1
    asked["payments"][0]["paid_on"] = first
    assert run(saved(tmp_path, asked), "--json").exit_code == 1


SCHEMA = (
    ("the object", MatchBook),
    ("`payments[]`", PaymentToMatch),
    ("`payments[].payer`, `items[].client`", Hints),
    ("`payments[].funding`", Funding),
    ("`items[]`", OpenItem),
    ("`items[].instalments[]`", Instalment),
    ("`loans[]`", FinancedItem),
    ("`earlier[]`", EarlierPayment),
    ("`record[]`", TierRecord),
)
PAGE = (ROOT / "docs" / "matching.md").read_text()


@pytest.mark.parametrize(("row", "model"), SCHEMA, ids=lambda value: str(value)[:20])
def test_every_field_of_the_file_is_documented_as_needed_or_not(
    row: str, model: type[BaseModel]
) -> None:
    text = PAGE.split("## The match file")[1].split(f"\n| {row} | ")[1].split(" |\n")[0]
    text = re.sub(r"\([^)]*`[^)]*\)", "", text)  # remarks may name other fields
    needed, _, optional = text.partition(";")
    fields = model.model_fields.items()
    assert set(re.findall(r"`(\w+)`", needed)) == {n for n, f in fields if f.is_required()}
    assert set(re.findall(r"`(\w+)`", optional)) == {n for n, f in fields if not f.is_required()}


def test_every_threshold_is_documented_and_the_documented_file_is_matched() -> None:
    for name in MatchPolicy.model_fields:
        assert f"`{name}" in PAGE, name
    [block] = re.findall(r"^```json\n(.*?)^```", PAGE, re.M | re.S)
    answered = match_all(MatchBook.model_validate_json(block, strict=True))
    assert [each.status for each in answered] == ["matched"]
