"""`tieout messages`: every template can be seen as its reader sees it, and the words be checked."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from domain import messages
from starter.commands.messages import app
from starter.desk.message_preview import SAMPLE, Wanted, shown


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "100"})


def listed(*words: str) -> list[dict[str, Any]]:
    result = run("preview", "--json", *words)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_without_options_every_message_is_shown() -> None:
    catalog = messages.catalog_of()
    every = {
        (name, language, detail, channel)
        for name, spec in catalog.templates.items()
        for language in catalog.languages_of(name)
        for detail in spec.details
        for channel in ("sms", "email")
    }
    found = listed()
    assert {(it["template"], it["language"], it["detail"], it["channel"]) for it in found} == every
    assert len(found) == len(every)


@pytest.mark.parametrize(
    ("words", "templates"),
    [
        (("--step", "invoice"), {"invoice"}),
        (("--step", "day-7"), {"reminder_firm"}),
        (("--step", "check_in"), {"check_in"}),
        (("--step", "reminder_final"), {"reminder_final"}),
        (("--tone", "friendly"), {"reminder_friendly"}),
        (("--class", "marketing"), {"renewal"}),
        (("--step", "first-payment-3"), {"plan_first_payment"}),
        (("--step", "first-payment-manual"), {"plan_first_payment_manual"}),
        (
            ("--detail", "detailed"),
            {
                "invoice",
                "receipt_nothing_due",
                "plan_ready",
                "plan_first_payment",
                "plan_first_payment_automatic",
                "plan_first_payment_manual",
            },
        ),
    ],
)
def test_what_is_named_is_shown_alone(words: tuple[str, ...], templates: set[str]) -> None:
    assert {it["template"] for it in listed(*words)} == templates


def test_one_message_is_what_would_be_sent() -> None:
    [text] = listed(
        "--step", "invoice", "--channel", "sms", "--language", "es", "--detail", "neutral"
    )
    assert text["text"] == messages.render_text("invoice", SAMPLE, "es")
    assert (text["segments"], text["message_class"], text["version"]) == (2, "billing", 2)
    [email] = listed("--step", "day-14", "--channel", "email", "--language", "en")
    sent = messages.render_email("reminder_final", SAMPLE)
    assert (email["subject"], email["text"], email["html"]) == (sent.subject, sent.text, sent.html)


def test_an_older_version_can_be_read() -> None:
    assert {it["language"] for it in listed("--version", "1")} == {"en"}
    assert all("unsubscribe" not in it["text"] for it in listed("--version", "1"))


def test_the_terminal_shows_who_reads_it_and_how_long_it_is() -> None:
    said = " ".join(run("preview", "--step", "invoice", "--language", "en").output.split())
    for words in ("invoice, SMS, en, neutral", "patient, billing", "2 segments", "Reply STOP"):
        assert words in said
    assert "subject Your statement from Lumin Aesthetics" in said


def test_one_html_page_holds_all_and_runs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    result = run("preview", "--html", file)
    assert result.exit_code == 0
    page = file.read_text()
    everything = shown(Wanted())
    assert page.count("<section>") == len(everything)
    assert page.count("<iframe") == sum(each.html is not None for each in everything)
    assert page.count("sandbox srcdoc") == page.count("<iframe")
    assert page.lower().count("<!doctype") == 1  # an e-mail's own markup stays inside its frame
    assert "<script" not in page
    assert "Content-Security-Policy" in page
    assert f"{len(everything)} messages are in" in " ".join(result.output.split())


def test_the_browser_is_opened_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("typer.launch", opened.append)
    run("preview", "--html", tmp_path / "page.html")
    assert opened == []
    run("preview", "--open", "--step", "invoice")
    assert [Path(each).name for each in opened] == ["messages.html"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--detail", "gossip"), "neutral or detailed"),
        (("--version", "99"), "kept versions: 1, 2"),
        (("--tone", "rude"), "rude"),
        (("--channel", "fax"), "fax"),
    ],
)
def test_a_wrong_option_is_a_usage_error(words: tuple[str, ...], said: str) -> None:
    result = run("preview", *words)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_nothing_found_is_refused() -> None:
    assert run("preview", "--step", "birthday").exit_code == 1


def test_lint_passes_the_words_that_ship() -> None:
    result = run("lint", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"versions": [1, 2], "findings": []}


def test_lint_fails_on_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(messages.TEMPLATES, tmp_path / "templates")
    subject = folder / "v2" / "invoice.en.subject.txt"
    subject.write_text("Your Botox bill")
    monkeypatch.setattr(messages, "TEMPLATES", folder)
    result = run("lint")
    assert result.exit_code == 1
    said = " ".join(result.output.split())
    assert said == "version 2: invoice.en.subject.txt: forbidden word botox"


def test_a_page_in_no_folder_is_refused_with_the_folder(tmp_path: Path) -> None:
    result = run("preview", "--html", tmp_path / "none" / "page.html")
    assert result.exit_code == 2
    assert "there is no folder" in result.output


def test_an_unknown_step_is_answered_with_what_there_is() -> None:
    result = run("preview", "--step", "nope")
    assert result.exit_code == 1
    assert "reminder_firm" in str(result.exception)
