"""What a message template may not say, checked before the first message goes out.

Neutral words are what a lock screen may show: no treatment, no amount, no loan decision. The
detailed level may name treatment and amount, through the variables made for them and only there.
"""

import re
from collections.abc import Iterator, Mapping

from jinja2 import Environment, TemplateSyntaxError, meta

from domain.case import MessageClass
from domain.gsm import GSM7, plain_punctuation, sms_segments
from domain.template_catalog import (
    CATALOG,
    DETAILED,
    FOOTER,
    HTML,
    KINDS,
    LAYOUT,
    SMS,
    SUBJECT,
    TEXT,
    WORDS,
    Catalog,
    FileName,
    ForbiddenWords,
    TemplateSpec,
    file_name,
    read_catalog,
    read_words,
)

PATIENT_VALUES = frozenset({"first_name", "practice_name", "pay_url"})
DETAIL_VALUES: Mapping[str, frozenset[str]] = {
    "visit": frozenset({"treatment", "amount"}),
    "plan": frozenset({"payee", "limit", "monthly", "on_date"}),
}
"""Of a visit, what was done and what it cost; of a plan, with whom it is, how much and when."""
_MUST_TELL = {"visit": "treatment", "plan": "payee"}
CLASS_VALUES = {
    MessageClass.BILLING: frozenset[str](),
    MessageClass.CARE: frozenset({"practice_phone"}),
    MessageClass.MARKETING: frozenset({"practice_address"}),
}
"""A note of care names whom to call; advertising names the sender's postal address (CAN-SPAM)."""
STAFF_VALUES = frozenset({"practice_name", "question", "review_id", "business_day"})
FOOTER_VALUES = frozenset({"unsubscribe_url"})

OPT_OUT_HINTS = {"en": "Reply STOP", "es": "Responda STOP"}
CROSSING_HINTS = {
    "en": ("please ignore this",),
    "es": ("ignore este mensaje",),
}
"""Said in every ask: a payment may cross the message."""

LONGEST_VALUES = {
    "first_name": "N" * 12,
    "practice_name": "P" * 30,
    "pay_url": "L" * 60,
    "treatment": "T" * 30,
    "amount": "$12,345.67",
    "payee": "CareCredit",
    "limit": "$12,345.67",
    "monthly": "$1,345.67",
    "on_date": "09/30/2026",
    "practice_phone": "(555) 555-0100",
    "practice_address": "A" * 60,
    "question": "Q" * 60,
    "review_id": "R" * 36,
    "business_day": "1",
}
"""What an SMS must still fit with, in two segments."""
SMS_SEGMENTS_MAX = 2

_AMOUNT = re.compile(
    r"[$€£]|\bUSD\b|\bdollars?\b|\bdue\b|\bow(?:e|es|ed|ing)\b|\d[.,]\d\d\b"
    r"|\bd[óo]lares\b|\bdeb(?:e|en|es)\b|\bimporte\b|\bmonto\b",
    re.I,
)
_TAG = re.compile(r"<[^>]*>")
_ENVIRONMENT = Environment(autoescape=True)


def lint(sources: Mapping[str, str]) -> list[str]:
    """Every finding as `file: what is wrong`; `sources` maps file names to their text."""
    findings = []
    try:
        catalog = read_catalog(sources.get(CATALOG, ""))
    except ValueError as error:
        return [f"{CATALOG}: {error}"]
    try:
        words = read_words(sources.get(WORDS, ""))
    except ValueError as error:
        return [f"{WORDS}: {error}"]
    for name in sorted(set(sources) - {CATALOG, WORDS}):
        linter = _Linter(catalog, words, file_name(name), sources[name])
        findings += [f"{name}: {what}" for what in linter.findings()]
    return findings + [f"{name}: missing" for name in sorted(catalog.wanted_files() - set(sources))]


def variables(source: str) -> set[str]:
    """The variables that a template reads."""
    return meta.find_undeclared_variables(_ENVIRONMENT.parse(source))


class _Linter:
    """One file of one version."""

    def __init__(self, catalog: Catalog, words: ForbiddenWords, file: FileName, source: str):
        self._catalog, self._words, self._file, self._source = catalog, words, file, source
        self._spec = catalog.templates.get(file.template)
        self._is_frame = file.template in (LAYOUT, FOOTER) and file.kind in ("mjml", "txt")

    def findings(self) -> Iterator[str]:
        if not self._is_known():
            yield "no such template"
            return
        try:
            read = variables(self._source)
        except TemplateSyntaxError as error:
            yield f"syntax: {error.message}"
            return
        allowed, required = self._values()
        yield from (f"unknown variable {extra}" for extra in sorted(read - allowed))
        yield from (f"does not use {absent}" for absent in sorted(required - read))
        stems = self._words.in_text(self._source, self._file.detail)
        yield from (f"forbidden word {stem}" for stem in stems)
        if _AMOUNT.search(_TAG.sub(" ", self._source)):
            yield "speaks of an amount"
        if self._spec is not None:
            yield from self._lint_words(self._spec)

    def _is_known(self) -> bool:
        if self._file.language not in self._catalog.languages:
            return False
        if self._spec is None:
            return self._is_frame
        is_wanted = self._file.detail in self._spec.details
        return is_wanted and self._file.kind in KINDS and not self._is_detailed_subject()

    def _is_detailed_subject(self) -> bool:
        return self._file.detail == DETAILED and self._file.kind == SUBJECT

    def _values(self) -> tuple[frozenset[str], frozenset[str]]:
        """Variables that the file may read, and those that it must read.

        Subjects name nobody: they stand on lock screens and in mail logs.
        """
        if self._file.template == FOOTER:
            return FOOTER_VALUES, FOOTER_VALUES
        if self._spec is None:
            return frozenset({"practice_name"}), frozenset({"practice_name"})
        if self._spec.audience == "staff":
            asks = {"question"} if self._file.kind == SUBJECT else {"practice_name", "review_id"}
            return STAFF_VALUES, frozenset(asks)
        if self._file.kind == SUBJECT:
            return frozenset({"practice_name"}), frozenset()
        return self._patient_values(self._spec)

    def _patient_values(self, spec: TemplateSpec) -> tuple[frozenset[str], frozenset[str]]:
        of_class = CLASS_VALUES[spec.message_class]
        allowed = PATIENT_VALUES | of_class
        required = {"practice_name"} if self._file.kind != HTML else set[str]()
        if spec.message_class != MessageClass.CARE:
            required.add("pay_url")
        if self._file.kind != SMS or spec.message_class == MessageClass.CARE:
            required |= of_class
        if self._file.detail == DETAILED:
            must_tell = _MUST_TELL[spec.about]
            return allowed | DETAIL_VALUES[spec.about], frozenset(required | {must_tell})
        return allowed, frozenset(required)

    def _lint_words(self, spec: TemplateSpec) -> Iterator[str]:
        if self._file.kind == SMS:
            yield from _lint_sms(self._file.language, self._source)
        if self._file.kind in (SMS, TEXT, HTML) and spec.asks_for_money:
            hints = CROSSING_HINTS.get(self._file.language, ())
            if not any(hint in self._source for hint in hints):
                yield "does not say what to do when a payment has crossed it"


def _lint_sms(language: str, source: str) -> Iterator[str]:
    hint = OPT_OUT_HINTS.get(language)
    if hint is None or hint not in source:
        yield "no opt-out hint"
    if set(plain_punctuation(source)) - GSM7 - {"{", "}"}:
        yield "a character outside GSM-7"
    longest = _ENVIRONMENT.from_string(source).render(LONGEST_VALUES)
    if sms_segments(longest) > SMS_SEGMENTS_MAX:
        yield f"longer than {SMS_SEGMENTS_MAX} segments"
