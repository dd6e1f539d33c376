"""The words that go out: choice, rendering, language, and a lint that must catch what may not."""

import pytest

from domain.case import MessageClass, Tone
from domain.gsm import sms_segments
from domain.message_lint import DETAIL_VALUES
from domain.messages import (
    MissingVariable,
    TemplateFault,
    catalog_of,
    choose,
    language_for,
    newest_version,
    render_email,
    render_text,
    template_for,
    versions,
)
from domain.template_catalog import DETAILED, NEUTRAL
from domain.template_versions import Replacement, version_of_case, version_with

WORDS = {
    "first_name": "Ana",
    "practice_name": "Lumin Aesthetics",
    "pay_url": "https://pay.example/p/Jk3-x_9?a=1&b=2",
    "practice_phone": "(555) 555-0100",
    "practice_address": "1 Main Street, Austin, TX 78701",
    "unsubscribe_url": "https://pay.example/u/abc.def",
}
PLAN_DETAILS = {
    "payee": "Cherry",
    "limit": "$2,800.00",
    "monthly": "$116.67",
    "on_date": "12/04/2026",
}
DETAILS = {"treatment": "Morpheus8", "amount": "$325.00"}
STAFF_WORDS = {
    "practice_name": "Lumin Aesthetics",
    "question": "A charge has no price",
    "review_id": "0c8d",
    "business_day": 3,
}
CATALOG = catalog_of()
TO_PATIENTS = [name for name, spec in CATALOG.templates.items() if spec.audience == "patient"]
ASKS = [name for name in TO_PATIENTS if CATALOG.templates[name].asks_for_money]
SHOWN = [
    (name, language, detail)
    for name in TO_PATIENTS
    for language in CATALOG.languages
    for detail in CATALOG.templates[name].details
]
STOP = {"en": "Reply STOP to opt out.", "es": "Responda STOP para no recibir mensajes."}
HOW_PAID = {
    "plan_first_payment_automatic": {
        "en": ("taken automatically",),
        "es": ("Se cobra automáticamente", "Se paga solo", "se hace solo"),
    },
    "plan_first_payment_manual": {
        "en": ("you pay it yourself", "you pay Cherry yourself"),
        "es": ("lo paga usted",),
    },
}
"""What only a plan that is paid by itself, or only one that is paid by hand, says."""
CROSSED = {"en": "please ignore this", "es": "ignore este mensaje"}


def words(template: str) -> dict[str, object]:
    return dict(STAFF_WORDS if template == "staff_reminder" else WORDS)


class TestRender:
    @pytest.mark.parametrize(("template", "language", "detail"), SHOWN)
    def test_a_text_says_who_where_and_how_to_stop(
        self, template: str, language: str, detail: str
    ) -> None:
        body = render_text(template, {**WORDS, **DETAILS}, language, detail)
        assert "Lumin Aesthetics" in body
        assert (WORDS["practice_phone"] if template == "check_in" else WORDS["pay_url"]) in body
        assert body.endswith(STOP[language])
        assert sms_segments(body) <= 2
        assert (CROSSED[language] in body) == (template in ASKS)

    @pytest.mark.parametrize(("template", "language", "detail"), SHOWN)
    def test_both_parts_of_an_email_carry_the_links(
        self, template: str, language: str, detail: str
    ) -> None:
        email = render_email(template, {**WORDS, **DETAILS}, language, detail)
        if template != "check_in":
            assert WORDS["pay_url"] in email.text
            assert 'href="https://pay.example/p/Jk3-x_9?a=1&amp;b=2"' in email.html
        assert email.text.endswith(f"{WORDS['unsubscribe_url']}\n")
        assert f'href="{WORDS["unsubscribe_url"]}"' in email.html
        assert f'lang="{language}"' in email.html
        assert "Ana" in email.text
        assert "Ana" in email.html
        assert "Ana" not in email.subject
        assert "\n" not in email.subject

    @pytest.mark.parametrize(("template", "language", "detail"), SHOWN)
    def test_details_are_said_at_the_detailed_level_alone(
        self, template: str, language: str, detail: str
    ) -> None:
        values = {**WORDS, **DETAILS, **PLAN_DETAILS}
        email = render_email(template, values, language, detail)
        bodies = (render_text(template, values, language, detail), email.text, email.html)
        is_detailed = detail == DETAILED
        is_plan = CATALOG.templates[template].about == "plan"
        for said, is_said in (("treatment", not is_plan), ("payee", is_plan)):
            expected = is_detailed and is_said
            assert all((values[said] in body) == expected for body in bodies)
        has_date = is_detailed and template.startswith("plan_first_payment")
        for said in ("on_date", "monthly"):
            assert all((values[said] in body) == has_date for body in bodies)
        has_limit = is_detailed and template == "plan_ready"
        assert all((values["limit"] in body) == has_limit for body in bodies)
        has_amount = is_detailed and template == "invoice"
        assert all((DETAILS["amount"] in body) == has_amount for body in bodies)
        assert DETAILS["treatment"] not in email.subject

    @pytest.mark.parametrize("missing", sorted(DETAIL_VALUES["visit"]))
    def test_details_that_are_not_at_hand_are_not_said(self, missing: str) -> None:
        values = {**WORDS, **DETAILS}
        del values[missing]
        assert render_text("invoice", values, "en", DETAILED) == render_text("invoice", WORDS)
        assert render_email("invoice", values, "en", DETAILED) == render_email("invoice", WORDS)

    @pytest.mark.parametrize("detail", [NEUTRAL, DETAILED])
    @pytest.mark.parametrize("language", CATALOG.languages)
    def test_g3_a_first_payment_says_who_makes_it_and_never_asks_for_it(
        self, language: str, detail: str
    ) -> None:
        values = {**WORDS, **PLAN_DETAILS}
        for template, how in HOW_PAID.items():
            email = render_email(template, values, language, detail)
            bodies = (render_text(template, values, language, detail), email.text)
            assert all(any(it in body for it in how[language]) for body in bodies)
            others = [
                it for name in HOW_PAID if name != template for it in HOW_PAID[name][language]
            ]
            assert not [it for it in others for body in bodies if it in body]
            for theirs in ("to us", "pay us", "a nosotros", "pay Lumin", "to Lumin", "a Lumin"):
                assert theirs not in email.subject + "".join(bodies)
            assert not CATALOG.templates[template].asks_for_money  # a lender's money is not ours

    def test_a_template_without_details_stays_neutral(self) -> None:
        values = {**WORDS, **DETAILS}
        said = render_text("reminder_firm", values, "en", DETAILED)
        assert said == render_text("reminder_firm", WORDS)

    @pytest.mark.parametrize("template", CATALOG.templates)
    def test_nothing_is_left_unfilled(self, template: str) -> None:
        email = render_email(template, words(template))
        everything = render_text(template, words(template)) + email.subject + email.text
        for mark in ("{{", "}}", "{%", "<mj-", "<!-- content", "<!-- footer"):
            assert mark not in everything + email.html

    def test_html_is_one_column_of_600_px_and_a_button(self) -> None:
        html = render_email("invoice", WORDS).html
        assert html.startswith("<!doctype html>")
        assert "max-width:600px" in html
        assert "View statement" in html

    def test_staff_read_the_question_and_cannot_unsubscribe(self) -> None:
        email = render_email("staff_reminder", STAFF_WORDS)
        for said in ("A charge has no price", "0c8d", "business day 3"):
            assert said in email.text
            assert said in email.html
        assert "Stop these" not in email.text + email.html

    def test_a_value_cannot_become_markup_or_a_template(self) -> None:
        evil = "<script>alert(1)</script>{{ 7*7 }}"
        email = render_email("invoice", {**WORDS, "first_name": evil})
        assert "<script>" not in email.html
        assert "{{ 7*7 }}" in email.html
        assert evil in email.text

    def test_a_value_stays_on_its_line(self) -> None:
        email = render_email("invoice", {**WORDS, "practice_name": "Lumin\r\nBcc: x@y.example"})
        assert email.subject == "Your statement from Lumin Bcc: x@y.example"

    @pytest.mark.parametrize("name", ["first_name", "practice_name", "pay_url"])
    def test_a_missing_value_is_named(self, name: str) -> None:
        few = {key: value for key, value in WORDS.items() if key != name}
        for render in (render_text, render_email):
            with pytest.raises(MissingVariable, match=name):
                render("invoice", few)

    def test_an_email_without_a_way_to_end_them_is_refused(self) -> None:
        few = {key: value for key, value in WORDS.items() if key != "unsubscribe_url"}
        with pytest.raises(MissingVariable, match="unsubscribe_url"):
            render_email("invoice", few)

    def test_an_unknown_template_is_a_fault(self) -> None:
        with pytest.raises(TemplateFault):
            render_text("birthday", WORDS)

    @pytest.mark.parametrize("wanted", ["en", "EN", "en-US", "en_GB", "fr", "xx", ""])
    def test_an_unknown_language_falls_back_to_english(self, wanted: str) -> None:
        assert language_for("invoice", wanted) == "en"
        assert render_text("invoice", WORDS, wanted) == render_text("invoice", WORDS)

    @pytest.mark.parametrize("wanted", ["es", "ES", "es-MX", "es_US"])
    def test_spanish_is_spoken(self, wanted: str) -> None:
        assert language_for("invoice", wanted) == "es"
        assert "estado de cuenta" in render_text("invoice", WORDS, wanted)

    def test_staff_read_english(self) -> None:
        assert language_for("staff_reminder", "es") == "en"

    def test_letters_outside_the_sms_alphabet_stay_when_there_is_room(self) -> None:
        short = {**WORDS, "first_name": "María", "practice_name": "Lu", "practice_phone": "5550100"}
        body = render_text("check_in", short)
        assert sms_segments(body) == 2
        assert "María" in body
        assert "Maria," in render_text("invoice", {**WORDS, "first_name": "María"}, "es")
        assert "María" in render_email("invoice", {**WORDS, "first_name": "María"}, "es").text


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
        assert template_for(step, tone, version=1) == template

    def test_a_chase_step_needs_a_tone(self) -> None:
        with pytest.raises(TemplateFault):
            template_for("day_3", None)

    def test_a_choice_holds_all_that_the_words_depend_on(self) -> None:
        chosen = choose("day_0", Tone.NEUTRAL, "es-MX", MessageClass.BILLING, DETAILED)
        assert (chosen.template, chosen.language, chosen.detail) == ("invoice", "es", DETAILED)
        assert (chosen.version, chosen.wanted_language) == (newest_version(), "es-MX")
        plain = choose("day_7", Tone.FIRM, "fr", MessageClass.BILLING, DETAILED)
        assert (plain.language, plain.detail) == ("en", NEUTRAL)

    @pytest.mark.parametrize(
        ("step", "needs"),
        [("day_3", "billing"), ("check_in", "care"), ("renewal", "marketing")],
    )
    def test_words_go_under_the_consent_of_their_class_alone(self, step: str, needs: str) -> None:
        for message_class in MessageClass:
            if message_class == needs:
                assert choose(step, Tone.FRIENDLY, "en", message_class).message_class == needs
            else:
                with pytest.raises(TemplateFault, match="not"):
                    choose(step, Tone.FRIENDLY, "en", message_class)


class TestVersions:
    def test_the_newest_folder_is_the_one_in_use(self) -> None:
        assert versions() == [1, 2]
        assert newest_version() == 2
        assert render_text("invoice", WORDS) == render_text("invoice", WORDS, version=2)

    @pytest.mark.parametrize(
        ("first", "replaced", "version"),
        [
            (None, [], 2),
            (1, [], 1),
            (1, [(1, 2)], 2),
            (2, [(1, 2)], 2),
            (None, [(2, 1)], 1),
            (1, [(2, 1), (1, 2)], 2),
            (1, [(1, 2), (2, 1)], 1),
            (9, [], 2),
            (1, [(1, 9)], 2),
        ],
    )
    def test_a_case_keeps_its_version_until_a_person_replaces_it(
        self, first: int | None, replaced: list[tuple[int, int]], version: int
    ) -> None:
        """Folders that are gone, or not there yet, are the newest one's."""
        log = [Replacement(from_version=old, to_version=new) for old, new in replaced]
        assert version_of_case(first, log) == version

    def test_a_template_that_a_version_lacks_comes_from_the_newest(self) -> None:
        assert version_with({"invoice", "reminder_firm"}, 1) == 1
        assert version_with({"invoice", "check_in"}, 1) == 2

    def test_an_older_message_keeps_its_words(self) -> None:
        """A look-up compares what a provider has with what was sent under the old version."""
        email = render_email("invoice", WORDS, "es", NEUTRAL, version=1)
        assert "Hi Ana" in email.text
        assert "unsubscribe" not in email.text
        assert render_text("invoice", WORDS, version=1) == (
            "Hi Ana, Lumin Aesthetics has a new statement for you: "
            "https://pay.example/p/Jk3-x_9?a=1&b=2 If you paid in the last minutes, "
            "please ignore this. Reply STOP to opt out."
        )

    def test_a_later_template_is_not_in_an_older_version(self) -> None:
        with pytest.raises(TemplateFault):
            render_text("check_in", WORDS, version=1)
