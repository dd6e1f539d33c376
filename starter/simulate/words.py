"""Which template a received message is, told by its words alone."""

import re
from collections.abc import Mapping
from functools import cache

from domain import messages

_HOLE = "zzholezz"
_DAYS = {"invoice": 0, "reminder_friendly": 3, "reminder_firm": 3, "reminder_final": 7}
"""No such words earlier than so many days after a visit; a part payment lowers a tone by one."""
OTHER = "other"


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """(words of a text or a subject, template) of every version and language."""
    found = []
    for version in messages.versions():
        catalog = messages.catalog_of(version)
        for template, spec in catalog.templates.items():
            if spec.audience != "patient":
                continue
            for language in catalog.languages_of(template):
                for words in _renderings(template, language, version):
                    holes = re.escape(_plain(words)).replace(_HOLE, "(.+)")
                    found.append((re.compile(rf"^{holes}$", re.DOTALL), template))
    return found


def _renderings(template: str, language: str, version: int) -> list[str]:
    values = _all_values(template, version)
    email = messages.render_email(template, values, language, version=version)
    return [messages.render_text(template, values, language, version=version), email.subject]


def _all_values(template: str, version: int) -> Mapping[str, object]:
    """Render until nothing is missing: the names are the templates' own affair."""
    values: dict[str, object] = {}
    while True:
        try:
            messages.render_text(template, values, version=version)
            messages.render_email(template, values, version=version)
        except messages.MissingVariable as missing:
            values |= dict.fromkeys(str(missing).split(", "), _HOLE)
        else:
            return values


def _plain(words: str) -> str:
    return " ".join(words.split())


def template_of(words: str) -> str:
    """The template of a text's body or of a mail's subject; `other` when it is none of ours."""
    plain = _plain(words)
    found = [(len(known.pattern), name) for known, name in _patterns() if known.match(plain)]
    # One subject may be the beginning of another: the one that says more is meant.
    return max(found)[1] if found else OTHER


def asks_for_money(template: str) -> bool:
    """Whether these words ask the patient to pay."""
    return template in _DAYS or template == "payment_failed"


def days_after_visit(template: str) -> int:
    """How old a visit is at least when these words are about it."""
    return _DAYS.get(template, 0)
