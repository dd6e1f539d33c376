"""Templates that may not go out: the lint at load, and how many segments a text takes."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gsm import GSM7, GSM7_EXTENDED, plain_punctuation, sms_segments, unaccented
from domain.messages import (
    TEMPLATES,
    TemplateFault,
    catalog_of,
    lint_templates,
    load_templates,
    newest_version,
    versions,
)
from domain.template_catalog import ENGLISH, SMS

CATALOG = catalog_of()
PLANTED = [
    ("invoice.en.sms.txt", "statement", "Botox statement", "forbidden word botox"),
    ("invoice.en.subject.txt", "statement", "Treatments", "forbidden word treatment"),
    ("invoice.en.email.mjml", "statement", "filler", "forbidden word filler"),
    ("invoice.en.email.txt", "statement", "loan offer", "forbidden word loan"),
    ("invoice.detailed.en.sms.txt", "statement", "declined plan", "forbidden word declin"),
    ("invoice.detailed.en.sms.txt", "statement", "CareCredit plan", "forbidden word carecredit"),
    ("invoice.en.sms.txt", "statement", "PRP statement", "forbidden word prp"),
    ("invoice.en.sms.txt", "statement", "50 dollars", "speaks of an amount"),
    ("layout.en.mjml", "A message", "Your laser bill", "forbidden word laser"),
    ("footer.es.txt", "No recibir", "Su cita:", "forbidden word cita"),
    ("invoice.es.sms.txt", "nuevo", "nuevo tratamiento", "forbidden word tratamiento"),
    ("invoice.es.email.txt", "nuevo", "nueva Sesión", "forbidden word sesion"),
    ("invoice.es.email.txt", "nuevo", "préstamo", "forbidden word prestamo"),
    ("invoice.es.email.mjml", "nuevo", "Juvéderm", "forbidden word juvederm"),
    ("invoice.detailed.en.sms.txt", "statement", "overdue bill", "forbidden word overdue"),
    ("invoice.detailed.es.sms.txt", "estado", "adeudo", "forbidden word adeud"),
    ("invoice.en.sms.txt", "statement", "$ statement", "speaks of an amount"),
    ("invoice.en.email.txt", "statement", "statement of 325.00", "speaks of an amount"),
    ("invoice.en.email.mjml", "statement", "amount due", "speaks of an amount"),
    ("invoice.en.email.txt", "statement", "sum you owe", "speaks of an amount"),
    ("invoice.es.email.txt", "nuevo", "que debe", "speaks of an amount"),
    ("invoice.es.email.txt", "nuevo", "20 dólares", "speaks of an amount"),
    ("invoice.en.sms.txt", "first_name", "due_cents", "unknown variable due_cents"),
    ("invoice.en.sms.txt", "first_name", "amount", "unknown variable amount"),
    ("invoice.es.email.mjml", "first_name", "treatment", "unknown variable treatment"),
    ("reminder_firm.en.sms.txt", "first_name", "practice_phone", "unknown variable practice_phone"),
    ("invoice.en.subject.txt", "practice_name", "first_name", "unknown variable"),
    ("invoice.en.sms.txt", "{{ pay_url }}", "", "does not use pay_url"),
    ("invoice.en.email.mjml", "{{ pay_url }}", "#", "does not use pay_url"),
    ("invoice.detailed.en.sms.txt", "{{ treatment }}", "", "does not use treatment"),
    ("renewal.en.email.txt", "{{ practice_address }}", "", "does not use practice_address"),
    ("check_in.es.sms.txt", "{{ practice_phone }}", "", "does not use practice_phone"),
    ("footer.en.mjml", "{{ unsubscribe_url }}", "#", "does not use unsubscribe_url"),
    ("staff_reminder.en.email.txt", "{{ review_id }}", "", "does not use review_id"),
    ("invoice.en.sms.txt", "Reply STOP to opt out.", "", "no opt-out hint"),
    ("invoice.es.sms.txt", "Responda STOP", "Reply STOP", "no opt-out hint"),
    ("invoice.en.sms.txt", "please ignore this", "relax", "payment has crossed it"),
    ("invoice.es.sms.txt", "ignore este mensaje", "calma", "payment has crossed it"),
    ("reminder_final.en.email.mjml", "please ignore", "forget", "payment has crossed it"),
    ("invoice.en.sms.txt", "statement", "statement " + "y" * 150, "longer than 2 segments"),
    ("invoice.es.sms.txt", "nuevo", "nuevo " + "y" * 150, "longer than 2 segments"),
    ("invoice.en.sms.txt", "statement", "statement 🎉", "a character outside GSM-7"),
    ("invoice.es.sms.txt", "Si acaba de pagar", "Si ya pagó", "a character outside GSM-7"),
    ("invoice.en.sms.txt", "{{ first_name }}", "{{ first_name", "syntax"),
    ("words.toml", None, "neutral = []\nalways = []\n", "no words"),
    ("words.toml", None, "neutral = 3", "words.toml"),
    ("catalog.toml", 'tone = "firm"', 'tone = "rude"', "tone"),
    ("catalog.toml", 'tone = "firm"', 'mood = "firm"', "mood"),
    ("birthday.en.sms.txt", None, "Hi", "no such template"),
    ("invoice.en.sms.html", None, "Hi", "no such template"),
    ("invoice.fr.sms.txt", None, "Salut", "no such template"),
    ("reminder_firm.detailed.en.sms.txt", None, "Hi", "no such template"),
    ("invoice.detailed.en.subject.txt", None, "Hi", "no such template"),
]


class TestLint:
    @pytest.mark.parametrize("version", versions())
    def test_the_shipped_templates_are_clean(self, version: int) -> None:
        assert lint_templates(TEMPLATES / f"v{version}") == []

    @pytest.mark.parametrize(("file", "old", "new", "finding"), PLANTED)
    def test_a_planted_fault_is_found_and_stops_the_start(
        self, tmp_path: Path, file: str, old: str | None, new: str, finding: str
    ) -> None:
        folder = shutil.copytree(TEMPLATES / f"v{newest_version()}", tmp_path / "v")
        path = folder / file
        if old is not None:
            assert old in path.read_text()
            new = path.read_text().replace(old, new)
        path.write_text(new)
        with pytest.raises(TemplateFault) as stopped:
            load_templates(folder)
        findings = str(stopped.value).split("; ")
        assert [one for one in findings if one.startswith(f"{file}: ") and finding in one]

    @pytest.mark.parametrize("stem", ["botox", "lip", "doctor"])
    def test_a_stem_is_found_at_the_beginning_of_a_word_alone(
        self, tmp_path: Path, stem: str
    ) -> None:
        folder = shutil.copytree(TEMPLATES / f"v{newest_version()}", tmp_path / "v")
        path = folder / "invoice.en.email.txt"
        path.write_text(path.read_text() + f"\nx{stem}")
        assert lint_templates(folder) == []
        path.write_text(path.read_text() + f" x{stem} {stem}s")
        assert lint_templates(folder) == [f"invoice.en.email.txt: forbidden word {stem}"]

    def test_the_detailed_level_may_use_the_words_of_care(self, tmp_path: Path) -> None:
        folder = shutil.copytree(TEMPLATES / f"v{newest_version()}", tmp_path / "v")
        for name in ("invoice.detailed.en.sms.txt", "invoice.detailed.es.email.txt"):
            path = folder / name
            path.write_text(
                path.read_text().replace("{{ treatment }}", "treatment {{ treatment }}")
            )
        assert lint_templates(folder) == []

    @pytest.mark.parametrize(
        "file",
        [
            "payment_failed.en.email.txt",
            "payment_failed.es.sms.txt",
            "invoice.detailed.es.email.mjml",
            "layout.en.mjml",
            "layout.es.mjml",
            "footer.es.txt",
        ],
    )
    def test_a_missing_file_is_found(self, tmp_path: Path, file: str) -> None:
        folder = shutil.copytree(TEMPLATES / f"v{newest_version()}", tmp_path / "v")
        (folder / file).unlink()
        assert f"{file}: missing" in lint_templates(folder)

    def test_every_patient_template_is_there_in_both_languages(self) -> None:
        assert CATALOG.languages == ("en", "es")
        assert {name.split(".")[1] for name in CATALOG.wanted_files() if SMS in name} >= {
            "en",
            "es",
        }
        assert CATALOG.languages_of("staff_reminder") == (ENGLISH,)


class TestSegments:
    @pytest.mark.parametrize(
        ("text", "segments"),
        [
            ("", 1),
            ("a" * 160, 1),
            ("a" * 161, 2),
            ("a" * 306, 2),
            ("a" * 307, 3),
            ("€" * 80, 1),
            ("€" * 81, 2),
            ("ë" * 70, 1),
            ("ë" * 71, 2),
            ("🎉" * 35, 1),
            ("🎉" * 36, 2),
        ],
    )
    def test_counts_as_a_carrier_does(self, text: str, segments: int) -> None:
        assert sms_segments(text) == segments

    def test_letters_lose_accents_that_a_text_cannot_carry(self) -> None:
        assert unaccented("María Núñez, Zoë, José ¿qué? 名") == "Maria Nuñez, Zoe, José ¿qué? 名"

    def test_the_alphabet_is_complete(self) -> None:
        assert (len(GSM7), len(GSM7_EXTENDED)) == (127, 10)

    @given(st.text(alphabet="‘’“”–—…abc \u00a0"))
    def test_plain_punctuation_is_gsm7_and_stays_itself(self, text: str) -> None:
        plain = plain_punctuation(text)
        assert set(plain) <= GSM7
        assert plain_punctuation(plain) == plain
