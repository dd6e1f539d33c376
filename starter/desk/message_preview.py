"""Any message as its reader would see it: on a terminal, as JSON, or on one HTML page."""

from collections.abc import Iterator
from typing import Any

from jinja2 import Environment, StrictUndefined
from pydantic import Field
from rich.console import Group, RenderableType

from domain import messages
from domain.case import Channel, MessageClass
from domain.gsm import sms_segments
from domain.messages import Choice
from domain.model import Record
from domain.policies import DEFAULT_CHASE
from domain.template_catalog import Detail, TemplateSpec
from starter.desk.paper import heading, indented, pairs, plain

SAMPLE = {
    "first_name": "Ana",
    "practice_name": "Lumin Aesthetics",
    "pay_url": "https://pay.lumin.example/p/Jk3x9QmT2vWzYbLc",
    "treatment": "Morpheus8",
    "amount": "$325.00",
    "payee": "Cherry",
    "limit": "$2,800.00",
    "monthly": "$116.67",
    "on_date": "12/04/2026",
    "practice_phone": "(512) 555-0100",
    "practice_address": "100 Example Street, Austin, TX 78701",
    "unsubscribe_url": "https://pay.lumin.example/u/Jk3x9QmT2vWzYbLc",
    "question": "A charge has no price",
    "review_id": "0c8d2f6e",
    "business_day": 3,
}
"""What the messages are filled in with; nobody's data."""


class Wanted(Record):
    """Which messages to show; what is None is not narrowed."""

    step: str | None = None
    tone: str | None = None
    channel: Channel | None = None
    language: str | None = None
    detail: Detail | None = None
    message_class: MessageClass | None = None
    version: int = Field(default_factory=messages.newest_version)


class Shown(Record):
    """One message on one channel, rendered. A text has no subject and no HTML."""

    choice: Choice
    audience: str
    taken_by: str
    channel: Channel
    text: str
    segments: int | None = None
    subject: str | None = None
    html: str | None = None


def shown(wanted: Wanted) -> list[Shown]:
    """Every message that was asked for, in the catalog's order."""
    return list(_shown(wanted))


def _shown(wanted: Wanted) -> Iterator[Shown]:
    catalog = messages.catalog_of(wanted.version)
    for name, spec in catalog.templates.items():
        if not _is_wanted(name, spec, wanted):
            continue
        for language in catalog.languages_of(name):
            for detail in spec.details:
                if wanted.language in (None, language) and wanted.detail in (None, detail):
                    yield from _on_channels(name, spec, language, detail, wanted)


def _is_wanted(name: str, spec: TemplateSpec, wanted: Wanted) -> bool:
    # A step of the chase that ships with the product stands for its tone.
    of_chase = [step.name for step in DEFAULT_CHASE.steps if step.tone == spec.tone]
    names = (None, name, *spec.steps, *of_chase)
    is_class = wanted.message_class in (None, spec.message_class)
    return wanted.step in names and wanted.tone in (None, spec.tone) and is_class


def _on_channels(
    name: str, spec: TemplateSpec, language: str, detail: Detail, wanted: Wanted
) -> Iterator[Shown]:
    choice = Choice(
        template=name,
        message_class=spec.message_class,
        language=language,
        detail=detail,
        version=wanted.version,
        wanted_language=language,
    )
    about = {"choice": choice, "audience": spec.audience, "taken_by": _taken_by(spec)}
    said = (name, SAMPLE, language, detail, wanted.version)
    if wanted.channel in (None, Channel.SMS):
        body = messages.render_text(*said)
        yield Shown(**about, channel=Channel.SMS, text=body, segments=sms_segments(body))
    if wanted.channel in (None, Channel.EMAIL):
        yield Shown(**about, channel=Channel.EMAIL, **messages.render_email(*said).model_dump())


def _taken_by(spec: TemplateSpec) -> str:
    return f"steps of tone {spec.tone}" if spec.tone else ", ".join(spec.steps)


def preview_data(found: list[Shown]) -> list[dict[str, Any]]:
    """The messages for a program."""
    return [
        {**each.choice.model_dump(mode="json"), **each.model_dump(mode="json", exclude={"choice"})}
        for each in found
    ]


def preview_page(found: list[Shown]) -> RenderableType:
    """The messages for a person at a terminal."""
    return Group(*(part for each in found for part in _parts(each)))


def _parts(each: Shown) -> Iterator[RenderableType]:
    yield heading(title(each))
    facts = [("for", f"{each.audience}, {each.choice.message_class}"), ("step", each.taken_by)]
    if each.segments is not None:
        facts.append(("length", f"{len(each.text)} characters, {each.segments} segments"))
    if each.subject is not None:
        facts.append(("subject", each.subject))
    yield indented(pairs(facts))
    yield indented(plain(f"\n{each.text.rstrip()}"))


def title(each: Shown) -> str:
    """`invoice, e-mail, es, detailed`."""
    channel = "e-mail" if each.channel is Channel.EMAIL else "SMS"
    return ", ".join((each.choice.template, channel, each.choice.language, each.choice.detail))


def html_page(found: list[Shown]) -> str:
    """All messages on one page that needs no other file; an e-mail stands in a frame of its own."""
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(_PAGE)
    return page.render(found=[(title(each), each) for each in found])


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Messages</title>
<style>
body { font: 16px/1.5 -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; margin: 0 auto;
  max-width: 720px; padding: 24px 16px; color: #22303a; background: #fff }
h1 { font-size: 24px } h2 { font-size: 18px; margin: 40px 0 4px }
p.facts { margin: 0 0 12px; color: #4b5a64; font-size: 14px }
p.text { background: #e7efee; border-radius: 16px; padding: 12px 16px; max-width: 420px;
  overflow-wrap: anywhere; margin: 0 }
iframe { width: 100%; height: 560px; border: 1px solid #ccd5d3; border-radius: 8px }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f3f5f4; padding: 12px 16px;
  border-radius: 8px }
</style>
</head>
<body>
<h1>Messages</h1>
<p class="facts">Filled in with sample values; nothing here was sent.</p>
{% for title, each in found %}
<section>
<h2>{{ title }}</h2>
<p class="facts">{{ each.audience }}, {{ each.choice.message_class }}; {{ each.taken_by }};
template {{ each.choice.version }}
{%- if each.segments %}; {{ each.text | length }} characters, {{ each.segments }} segments
{%- endif %}</p>
{% if each.html %}
<p><strong>{{ each.subject }}</strong></p>
<iframe title="{{ title }}" sandbox srcdoc="{{ each.html }}"></iframe>
<details><summary>Text part</summary><pre>{{ each.text }}</pre></details>
{% else %}
<p class="text" lang="{{ each.choice.language }}">{{ each.text }}</p>
{% endif %}
</section>
{% endfor %}
</body>
</html>
"""
