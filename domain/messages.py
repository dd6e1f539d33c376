"""The words that patients and staff read: versioned templates, linted at load, filled at send.

MJML is compiled once, before any value is filled in, so that no value can become markup. Which
values exist is decided by `domain.message_lint`: nothing else can be said, on purpose.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import mrml
from jinja2 import Environment, StrictUndefined, Template

from domain.case import MessageClass, Tone
from domain.gsm import plain_punctuation, sms_segments, unaccented
from domain.message_lint import SMS_SEGMENTS_MAX, lint, variables
from domain.model import Record
from domain.template_catalog import (
    CATALOG,
    DETAILED,
    ENGLISH,
    FOOTER,
    HTML,
    LAYOUT,
    NEUTRAL,
    SMS,
    SUBJECT,
    TEXT,
    Catalog,
    Detail,
    TemplateSpec,
    file_name,
    read_catalog,
)

TEMPLATES = Path(__file__).parent / "templates"
"""One folder for each version. A version is part of every message key: new words are a new folder,
and an older one stays for as long as a case keeps it or a message of it may be looked up."""

DEFAULT_LANGUAGE = ENGLISH
CONTENT_MARK, FOOTER_MARK = "<!-- content -->", "<!-- footer -->"


class TemplateFault(Exception):
    """The template files are not fit to send from, or there is no such template."""


class MissingVariable(TemplateFault):
    """A template reads a value that the caller did not give; the text names it."""


class RenderedEmail(Record):
    """An e-mail's words; `text` and `html` say the same."""

    subject: str
    text: str
    html: str


class Choice(Record):
    """The words of one message: all that is needed to render it, today and at a later look-up."""

    template: str
    message_class: MessageClass
    language: str
    detail: Detail
    version: int
    wanted_language: str
    """What the client's record asks for; log it when it is not `language`."""


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


class _Library(NamedTuple):
    """One version: its catalog, and (template, detail, language, kind) -> compiled template."""

    catalog: Catalog
    fillings: dict[tuple[str, Detail, str, str], _Filling]


def choose(
    step: str,
    tone: Tone | None,
    language: str = DEFAULT_LANGUAGE,
    message_class: MessageClass = MessageClass.BILLING,
    detail: Detail = NEUTRAL,
    version: int | None = None,
) -> Choice:
    """The words of a step. Language and detail fall back to English and neutral words.

    Here as below, the version is the newest unless one is named. Raises TemplateFault for an
    unknown step, and when the step's template needs the consent of another class than the one
    that was asked for.
    """
    template = template_for(step, tone, version)
    spec = spec_of(template, version)
    if spec.message_class != message_class:
        raise TemplateFault(f"{template!r} is {spec.message_class}, not {message_class}")
    return Choice(
        template=template,
        message_class=spec.message_class,
        language=language_for(template, language, version),
        detail=detail if detail in spec.details else NEUTRAL,
        version=version or newest_version(),
        wanted_language=language,
    )


def template_for(step_name: str, tone: Tone | None = None, version: int | None = None) -> str:
    """The template of a step: by name outside the chase, by tone within it.

    The tone decides in the chase, because a part payment lowers it for one step.
    """
    specs = catalog_of(version).templates
    by_name = [name for name, spec in specs.items() if step_name in spec.steps]
    if by_name:
        return by_name[0]
    if tone is None:
        raise TemplateFault(f"a chase step needs a tone: {step_name!r}")
    return next(name for name, spec in specs.items() if spec.tone == tone)


def spec_of(template: str, version: int | None = None) -> TemplateSpec:
    """What a template is for; raises TemplateFault when there is none of the name."""
    spec = catalog_of(version).templates.get(template)
    if spec is None:
        raise TemplateFault(f"no template {template!r} in version {version}")
    return spec


def catalog_of(version: int | None = None) -> Catalog:
    """Every template of a version."""
    return _library(_folder(version)).catalog


def language_for(template: str, wanted: str, version: int | None = None) -> str:
    """The language that `template` will be read in: the wanted one, else English."""
    language = wanted.lower().replace("_", "-").partition("-")[0]
    catalog = catalog_of(version)
    spec_of(template, version)
    return language if language in catalog.languages_of(template) else DEFAULT_LANGUAGE


def render_text(
    template: str,
    values: Mapping[str, object],
    language: str = DEFAULT_LANGUAGE,
    detail: str = NEUTRAL,
    version: int | None = None,
) -> str:
    """An SMS body. Raises MissingVariable; language and detail fall back as in `render_email`.

    A name whose letters do not exist in the SMS alphabet would double the price of a text: it
    keeps them when two segments are enough, else they lose their accents.
    """
    level = _level(template, values, language, detail, version)
    body = plain_punctuation(_filling(template, language, level, SMS, version).fill(values))
    return body if sms_segments(body) <= SMS_SEGMENTS_MAX else unaccented(body)


def render_email(
    template: str,
    values: Mapping[str, object],
    language: str = DEFAULT_LANGUAGE,
    detail: str = NEUTRAL,
    version: int | None = None,
) -> RenderedEmail:
    """Subject and both parts. Raises MissingVariable.

    An unknown language falls back to English; a detail level that the template does not have,
    or whose values are not given, to neutral words.
    """
    level = _level(template, values, language, detail, version)

    def fill(kind: str) -> str:
        return _filling(template, language, level, kind, version).fill(values)

    return RenderedEmail(subject=fill(SUBJECT), text=fill(TEXT) + "\n", html=fill(HTML))


def lint_templates(folder: Path | None = None) -> list[str]:
    """Every finding about the files in `folder`, empty when they are fit to send from."""
    return lint(_read(folder or _folder(None)))


def versions() -> list[int]:
    """Every version that is kept, oldest first."""
    return sorted(int(folder.name.removeprefix("v")) for folder in TEMPLATES.glob("v*"))


def newest_version() -> int:
    """The version that new cases speak by."""
    return versions()[-1]


def load_templates(folder: Path | None = None) -> None:
    """Lint and compile every version now, so that a fault stops a start and not a message."""
    for each in [folder] if folder else map(_folder, versions()):
        _library(each)


def _level(
    template: str, values: Mapping[str, object], language: str, detail: str, version: int | None
) -> Detail:
    if detail != DETAILED or DETAILED not in spec_of(template, version).details:
        return NEUTRAL
    kinds = (_filling(template, language, DETAILED, kind, version) for kind in (SMS, TEXT, HTML))
    return DETAILED if all(one.reads <= set(values) for one in kinds) else NEUTRAL


def _filling(
    template: str, language: str, detail: Detail, kind: str, version: int | None
) -> _Filling:
    level = NEUTRAL if kind == SUBJECT else detail
    readable = language_for(template, language, version)
    return _library(_folder(version)).fillings[template, level, readable, kind]


def _folder(version: int | None) -> Path:
    return TEMPLATES / f"v{version or newest_version()}"


def _read(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@cache
def _library(folder: Path) -> _Library:
    """Every template of a folder, compiled. Raises TemplateFault on any finding."""
    sources = _read(folder)
    findings = lint(sources)
    if findings:
        raise TemplateFault("; ".join(findings))
    catalog = read_catalog(sources[CATALOG])
    fillings = {}
    for name, source in sources.items():
        file = file_name(name)
        spec = catalog.templates.get(file.template)
        if spec is not None:
            whole = _framed(sources, file.language, file.kind, source, spec.audience == "patient")
            fillings[file.template, file.detail, file.language, file.kind] = _Filling(
                whole, html=file.kind == HTML
            )
    return _Library(catalog=catalog, fillings=fillings)


def _framed(
    sources: Mapping[str, str], language: str, kind: str, content: str, to_patient: bool
) -> str:
    """The content within what every e-mail has around it."""
    footer = sources.get(f"{FOOTER}.{language}.{'mjml' if kind == HTML else 'txt'}", "")
    footer = footer if to_patient else ""
    if kind == TEXT and footer:
        return f"{content.rstrip()}\n\n{footer}"
    if kind != HTML:
        return content
    layout = sources[f"{LAYOUT}.{language}.mjml"]
    compiled = mrml.to_html(layout.replace(CONTENT_MARK, content).replace(FOOTER_MARK, footer))
    if compiled.warnings:
        raise TemplateFault(f"MJML: {compiled.warnings[0].kind}")
    return str(compiled.content)
