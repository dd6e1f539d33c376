"""The words that patients and staff read: versioned templates, linted at load, filled at send.

MJML is compiled once, before any value is filled in, so that no value can become markup.
Patients' templates know `first_name`, `practice_name` and `pay_url`; the staff's know
`practice_name`, `question`, `review_id` and `business_day`. Nothing else exists to say, on purpose.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import mrml
from jinja2 import Environment, StrictUndefined, Template

from domain.case import Tone
from domain.gsm import plain_punctuation
from domain.message_lint import HTML, LAYOUT, SMS, SUBJECT, TEMPLATES, TEXT, lint, parts, variables
from domain.model import Record

TEMPLATE_VERSION = 1
"""Part of every message key: new words are a new version, and a new folder."""

TEMPLATE_FOLDER = Path(__file__).parent / "templates" / f"v{TEMPLATE_VERSION}"
DEFAULT_LANGUAGE = "en"
CONTENT_MARK = "<!-- content -->"

_TONE_TEMPLATES = {
    Tone.NEUTRAL: "invoice",
    Tone.FRIENDLY: "reminder_friendly",
    Tone.FIRM: "reminder_firm",
    Tone.FINAL: "reminder_final",
}
_OUTSIDE_THE_CHASE = ("receipt_nothing_due", "payment_failed", "staff_reminder")


class TemplateFault(Exception):
    """The template files are not fit to send from."""


class MissingVariable(TemplateFault):
    """A template reads a value that the caller did not give; the text names it."""


class RenderedEmail(Record):
    """An e-mail's words; `text` and `html` say the same."""

    subject: str
    text: str
    html: str


class _Filling:
    """One compiled template and the variables that it reads."""

    def __init__(self, source: str, *, html: bool) -> None:
        # Plain text must not be escaped: a patient would read &amp; in an SMS.
        environment = Environment(autoescape=html, undefined=StrictUndefined)  # noqa: S701
        self.template: Template = environment.from_string(source)
        self.reads = variables(source)

    def fill(self, values: Mapping[str, object]) -> str:
        """One line per value, so that none can start a header or a paragraph."""
        missing = sorted(self.reads - set(values))
        if missing:
            raise MissingVariable(", ".join(missing))
        return self.template.render(
            {k: " ".join(str(v).split()) for k, v in values.items()}
        ).strip()


def template_for(step_name: str, tone: Tone | None = None) -> str:
    """The template of a step: by name outside the chase, by tone within it.

    The tone decides in the chase, because a part payment lowers it for one step.
    """
    if step_name in _OUTSIDE_THE_CHASE:
        return step_name
    if tone is None:
        raise TemplateFault(f"a chase step needs a tone: {step_name!r}")
    return _TONE_TEMPLATES[tone]


def language_for(template: str, wanted: str) -> str:
    """The language that `template` will be read in: the wanted one, else English."""
    language = wanted.lower().replace("_", "-").partition("-")[0]
    return language if (template, language, SMS) in _library(TEMPLATE_FOLDER) else DEFAULT_LANGUAGE


def render_text(
    template: str, values: Mapping[str, object], language: str = DEFAULT_LANGUAGE
) -> str:
    """An SMS body. Raises MissingVariable; an unknown language falls back to English."""
    return plain_punctuation(_filling(template, language, SMS).fill(values))


def render_email(
    template: str, values: Mapping[str, object], language: str = DEFAULT_LANGUAGE
) -> RenderedEmail:
    """Subject and both parts. Raises MissingVariable; an unknown language falls back to English."""
    return RenderedEmail(
        subject=_filling(template, language, SUBJECT).fill(values),
        text=_filling(template, language, TEXT).fill(values) + "\n",
        html=_filling(template, language, HTML).fill(values),
    )


def lint_templates(folder: Path = TEMPLATE_FOLDER) -> list[str]:
    """Every finding about the files in `folder`, empty when they are fit to send from."""
    return lint(_read(folder))


def load_templates(folder: Path = TEMPLATE_FOLDER) -> None:
    """Lint and compile everything now, so that a fault stops a start and not a message."""
    _library(folder)


def _filling(template: str, language: str, kind: str) -> _Filling:
    if template not in TEMPLATES:
        raise TemplateFault(f"no template {template!r}")
    return _library(TEMPLATE_FOLDER)[template, language_for(template, language), kind]


def _read(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@cache
def _library(folder: Path) -> dict[tuple[str, str, str], _Filling]:
    """(template, language, kind) -> compiled template. Raises TemplateFault on any finding."""
    sources = _read(folder)
    findings = lint(sources)
    if findings:
        raise TemplateFault("; ".join(findings))
    library = {}
    for name, source in sources.items():
        template, language, kind = parts(name)
        if template not in TEMPLATES:
            continue
        html = kind == HTML
        filled = _compile(sources[LAYOUT], source) if html else source
        library[template, language, kind] = _Filling(filled, html=html)
    return library


def _compile(layout: str, content: str) -> str:
    compiled = mrml.to_html(layout.replace(CONTENT_MARK, content))
    if compiled.warnings:
        raise TemplateFault(f"MJML: {compiled.warnings[0].kind}")
    return str(compiled.content)
