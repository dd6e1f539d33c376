"""What a message template may not say, checked before the first message goes out.

Neutral words only (a lock screen shows them): no treatment, no amount, no loan decision.
"""

import re
from collections.abc import Iterator, Mapping

from jinja2 import Environment, TemplateSyntaxError, meta

from domain.gsm import GSM7, plain_punctuation, sms_segments

SMS, SUBJECT, TEXT, HTML = "sms.txt", "subject.txt", "email.txt", "email.mjml"
KINDS = (SMS, SUBJECT, TEXT, HTML)
LAYOUT = "layout.mjml"
FORBIDDEN = "forbidden_words.txt"

PATIENT_ASKS = (
    "invoice",
    "reminder_friendly",
    "reminder_firm",
    "reminder_final",
    "payment_failed",
)
TO_PATIENTS = (*PATIENT_ASKS, "receipt_nothing_due")
TEMPLATES = (*TO_PATIENTS, "staff_reminder")

PATIENT_VALUES = {"first_name", "practice_name", "pay_url"}
STAFF_VALUES = {"practice_name", "question", "review_id", "business_day"}

OPT_OUT_HINTS = {"en": "Reply STOP", "es": "Responda STOP"}
CROSSING_HINTS = {"en": "please ignore this", "es": "ignore este mensaje"}
"""Said in every ask: a payment may cross the message."""

LONGEST_VALUES = {
    "first_name": "N" * 12,
    "practice_name": "P" * 30,
    "pay_url": "L" * 60,
    "question": "Q" * 60,
    "review_id": "R" * 36,
    "business_day": "1",
}
"""What an SMS must still fit with, in two segments."""
SMS_SEGMENTS_MAX = 2

_AMOUNT = re.compile(r"[$€£]|\bUSD\b|\bdue\b|\bow(?:e|es|ed|ing)\b|\d[.,]\d\d\b", re.I)
_TAG = re.compile(r"<[^>]*>")
_ENVIRONMENT = Environment(autoescape=True)


def lint(sources: Mapping[str, str]) -> list[str]:
    """Every finding as `file: what is wrong`; `sources` maps file names to their text."""
    stems = forbidden_stems(sources.get(FORBIDDEN, ""))
    findings = [] if stems else [f"{FORBIDDEN}: no words"]
    for name in sorted(set(sources) - {FORBIDDEN}):
        findings += [f"{name}: {what}" for what in _lint_file(name, sources[name], stems)]
    wanted = {f"{template}.en.{kind}" for template in TEMPLATES for kind in KINDS} | {LAYOUT}
    findings += [f"{name}: missing" for name in sorted(wanted - set(sources))]
    return findings


def forbidden_stems(source: str) -> list[str]:
    """The stems of the word list, without comments."""
    lines = (line.strip() for line in source.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def variables(source: str) -> set[str]:
    """The variables that a template reads."""
    return meta.find_undeclared_variables(_ENVIRONMENT.parse(source))


def _lint_file(name: str, source: str, stems: list[str]) -> Iterator[str]:
    template, language, kind = parts(name)
    if kind != LAYOUT and (kind not in KINDS or template not in TEMPLATES):
        yield "no such template"
        return
    try:
        read = variables(source)
    except TemplateSyntaxError as error:
        yield f"syntax: {error.message}"
        return
    allowed, required = _values(template, kind)
    yield from (f"unknown variable {extra}" for extra in sorted(read - allowed))
    yield from (f"does not use {absent}" for absent in sorted(required - read))
    for stem in stems:
        if re.search(rf"\b{re.escape(stem)}", source, re.I):
            yield f"forbidden word {stem}"
    if _AMOUNT.search(_TAG.sub(" ", source)):
        yield "speaks of an amount"
    if kind == SMS:
        yield from _lint_sms(language, source)
    if kind in (SMS, TEXT, HTML) and template in PATIENT_ASKS:
        hint = CROSSING_HINTS.get(language)
        if hint is None or hint not in source:
            yield "does not say what to do when a payment has crossed it"


def _values(template: str, kind: str) -> tuple[set[str], set[str]]:
    """Variables that a file may read, and those that it must read.

    Subjects name nobody: they stand on lock screens and in mail logs.
    """
    if kind == LAYOUT:
        return {"practice_name"}, {"practice_name"}
    if template in TO_PATIENTS:
        if kind == SUBJECT:
            return {"practice_name"}, set()
        return PATIENT_VALUES, {"pay_url"} if kind == HTML else {"practice_name", "pay_url"}
    return STAFF_VALUES, {"question"} if kind == SUBJECT else {"practice_name", "review_id"}


def _lint_sms(language: str, source: str) -> Iterator[str]:
    hint = OPT_OUT_HINTS.get(language)
    if hint is None or hint not in source:
        yield "no opt-out hint"
    if set(plain_punctuation(source)) - GSM7 - {"{", "}"}:
        yield "a character outside GSM-7"
    longest = _ENVIRONMENT.from_string(source).render(LONGEST_VALUES)
    if sms_segments(longest) > SMS_SEGMENTS_MAX:
        yield f"longer than {SMS_SEGMENTS_MAX} segments"


def parts(name: str) -> tuple[str, str, str]:
    """`invoice.en.sms.txt` -> (`invoice`, `en`, `sms.txt`); the layout is its own kind."""
    if name == LAYOUT:
        return "", "", LAYOUT
    template, _, rest = name.partition(".")
    language, _, kind = rest.partition(".")
    return template, language, kind
