"""The words that go out: rendering, language, and a lint that must catch what may not."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.case import Tone
from domain.gsm import GSM7, GSM7_EXTENDED, plain_punctuation, sms_segments
from domain.message_lint import PATIENT_ASKS, TEMPLATES, TO_PATIENTS
from domain.messages import (
    TEMPLATE_FOLDER,
    MissingVariable,
    TemplateFault,
    language_for,
    lint_templates,
    load_templates,
    render_email,
    render_text,
    template_for,
)

WORDS = {
    "first_name": "Ana",
    "practice_name": "Lumin Aesthetics",
    "pay_url": "https://pay.example/p/Jk3-x_9?a=1&b=2",
}
STAFF_WORDS = {
    "practice_name": "Lumin Aesthetics",
    "question": "A charge has no price",
    "review_id": "0c8d",
    "business_day": 3,
}


def words(template: str) -> dict[str, object]:
    return dict(STAFF_WORDS if template == "staff_reminder" else WORDS)


class TestRender:
    @pytest.mark.parametrize("template", TO_PATIENTS)
    def test_a_text_says_who_where_and_how_to_stop(self, template: str) -> None:
        body = render_text(template, WORDS)
        assert "Lumin Aesthetics" in body
        assert f"{WORDS['pay_url']} " in body
        assert body.endswith("Reply STOP to opt out.")
        assert sms_segments(body) <= 2
        assert ("please ignore this" in body) == (template in PATIENT_ASKS)

    @pytest.mark.parametrize("template", TO_PATIENTS)
    def test_both_parts_of_an_email_carry_the_link(self, template: str) -> None:
        email = render_email(template, WORDS)
        assert WORDS["pay_url"] in email.text
        assert 'href="https://pay.example/p/Jk3-x_9?a=1&amp;b=2"' in email.html
        assert "Ana" in email.text
        assert "Ana" in email.html
        assert "Ana" not in email.subject
        assert "\n" not in email.subject

    @pytest.mark.parametrize("template", TEMPLATES)
    def test_nothing_is_left_unfilled(self, template: str) -> None:
        email = render_email(template, words(template))
        everything = render_text(template, words(template)) + email.subject + email.text
        for mark in ("{{", "}}", "{%", "<mj-"):
            assert mark not in everything + email.html

    def test_html_is_one_column_of_600_px_and_a_button(self) -> None:
        html = render_email("invoice", WORDS).html
        assert html.startswith("<!doctype html>")
        assert "max-width:600px" in html
        assert "View statement" in html

    def test_staff_read_the_question(self) -> None:
        email = render_email("staff_reminder", STAFF_WORDS)
        for said in ("A charge has no price", "0c8d", "business day 3"):
            assert said in email.text
            assert said in email.html

    def test_a_value_cannot_become_markup_or_a_template(self) -> None:
        evil = "<script>alert(1)</script>{{ 7*7 }}"
        email = render_email("invoice", {**WORDS, "first_name": evil})
        assert "<script>" not in email.html
        assert "{{ 7*7 }}" in email.html
        assert evil in email.text

    def test_a_value_stays_on_its_line(self) -> None:
        email = render_email("invoice", {**WORDS, "practice_name": "Lumin\r\nBcc: x@y.example"})
        assert email.subject == "Your statement from Lumin Bcc: x@y.example"

    @pytest.mark.parametrize("name", sorted(WORDS))
    def test_a_missing_value_is_named(self, name: str) -> None:
        few = {key: value for key, value in WORDS.items() if key != name}
        for render in (render_text, render_email):
            with pytest.raises(MissingVariable, match=name):
                render("invoice", few)

    def test_an_unknown_template_is_a_fault(self) -> None:
        with pytest.raises(TemplateFault):
            render_text("birthday", WORDS)

    @pytest.mark.parametrize("wanted", ["en", "EN", "en-US", "en_GB", "es", "xx", ""])
    def test_an_unknown_language_falls_back_to_english(self, wanted: str) -> None:
        assert language_for("invoice", wanted) == "en"
        assert render_text("invoice", WORDS, wanted) == render_text("invoice", WORDS)


class TestChoice:
    @pytest.mark.parametrize(
        ("step", "tone", "template"),
        [
            ("day_0", Tone.NEUTRAL, "invoice"),
            ("day_3", Tone.FRIENDLY, "reminder_friendly"),
            ("day_7", Tone.FIRM, "reminder_firm"),
            ("day_14", Tone.FINAL, "reminder_final"),
            ("day_14", Tone.FIRM, "reminder_firm"),
            ("receipt_nothing_due", Tone.NEUTRAL, "receipt_nothing_due"),
            ("payment_failed", Tone.FIRM, "payment_failed"),
            ("staff_reminder", None, "staff_reminder"),
        ],
    )
    def test_tone_decides_in_the_chase_and_name_outside(
        self, step: str, tone: Tone | None, template: str
    ) -> None:
        assert template_for(step, tone) == template

    def test_a_chase_step_needs_a_tone(self) -> None:
        with pytest.raises(TemplateFault):
            template_for("day_3", None)


class TestLint:
    def test_the_shipped_templates_are_clean(self) -> None:
        assert lint_templates() == []

    @pytest.mark.parametrize(
        ("file", "old", "new", "finding"),
        [
            ("invoice.en.sms.txt", "statement", "Botox statement", "forbidden word botox"),
            ("invoice.en.subject.txt", "statement", "Treatments", "forbidden word treatment"),
            ("invoice.en.email.mjml", "statement", "filler", "forbidden word filler"),
            ("invoice.en.email.txt", "statement", "loan offer", "forbidden word loan"),
            ("layout.mjml", "A message", "Your laser bill", "forbidden word laser"),
            ("invoice.en.sms.txt", "statement", "$ statement", "speaks of an amount"),
            ("invoice.en.email.txt", "statement", "statement of 325.00", "speaks of an amount"),
            ("invoice.en.email.mjml", "statement", "amount due", "speaks of an amount"),
            ("invoice.en.email.txt", "statement", "sum you owe", "speaks of an amount"),
            ("invoice.en.sms.txt", "first_name", "due_cents", "unknown variable due_cents"),
            ("invoice.en.subject.txt", "practice_name", "first_name", "unknown variable"),
            ("invoice.en.sms.txt", "{{ pay_url }}", "", "does not use pay_url"),
            ("invoice.en.email.mjml", "{{ pay_url }}", "#", "does not use pay_url"),
            ("staff_reminder.en.email.txt", "{{ review_id }}", "", "does not use review_id"),
            ("invoice.en.sms.txt", "Reply STOP to opt out.", "", "no opt-out hint"),
            ("invoice.en.sms.txt", "please ignore this", "relax", "payment has crossed it"),
            ("reminder_final.en.email.mjml", "please ignore", "forget", "payment has crossed it"),
            ("invoice.en.sms.txt", "statement", "statement " + "y" * 150, "longer than 2 segments"),
            ("invoice.en.sms.txt", "statement", "statement 🎉", "a character outside GSM-7"),
            ("invoice.en.sms.txt", "{{ first_name }}", "{{ first_name", "syntax"),
            ("forbidden_words.txt", None, "# none\n", "no words"),
            ("birthday.en.sms.txt", None, "Hi", "no such template"),
            ("invoice.en.sms.html", None, "Hi", "no such template"),
        ],
    )
    def test_a_planted_fault_is_found_and_stops_the_start(
        self, tmp_path: Path, file: str, old: str | None, new: str, finding: str
    ) -> None:
        folder = shutil.copytree(TEMPLATE_FOLDER, tmp_path / "v")
        path = folder / file
        if old is not None:
            assert old in path.read_text()
            new = path.read_text().replace(old, new)
        path.write_text(new)
        assert [f for f in lint_templates(folder) if f.startswith(f"{file}: ") and finding in f]
        with pytest.raises(TemplateFault, match=finding):
            load_templates(folder)

    @pytest.mark.parametrize("file", ["payment_failed.en.email.txt", "layout.mjml"])
    def test_a_missing_file_is_found(self, tmp_path: Path, file: str) -> None:
        folder = shutil.copytree(TEMPLATE_FOLDER, tmp_path / "v")
        (folder / file).unlink()
        assert f"{file}: missing" in lint_templates(folder)


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

    def test_the_alphabet_is_complete(self) -> None:
        assert (len(GSM7), len(GSM7_EXTENDED)) == (127, 10)

    @given(st.text(alphabet="‘’“”–—…abc \u00a0"))
    def test_plain_punctuation_is_gsm7_and_stays_itself(self, text: str) -> None:
        plain = plain_punctuation(text)
        assert set(plain) <= GSM7
        assert plain_punctuation(plain) == plain
