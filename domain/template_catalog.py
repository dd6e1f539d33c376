"""What each template is for: audience, consent class, tone or step, languages, detail levels.

The catalog is a TOML file beside the templates of its version; the words that they may not use
are another. A file of words is named `template[.detailed].language.kind`.
"""

import tomllib
import unicodedata
from typing import Literal, TypeVar

from pydantic import ValidationError

from domain.case import MessageClass, Tone
from domain.model import Authored, Record

Detail = Literal["neutral", "detailed"]
NEUTRAL: Detail = "neutral"
DETAILED: Detail = "detailed"
"""Names the treatment and the amount; only with an agreement and the client's consent (P2)."""

SMS, SUBJECT, TEXT, HTML = "sms.txt", "subject.txt", "email.txt", "email.mjml"
KINDS = (SMS, SUBJECT, TEXT, HTML)
CATALOG, WORDS, LAYOUT, FOOTER = "catalog.toml", "words.toml", "layout", "footer"
ENGLISH = "en"

_Shape = TypeVar("_Shape", bound=Authored)


class TemplateSpec(Authored):
    """One template. A chase step takes it by its tone, any other step by name."""

    audience: Literal["patient", "staff"] = "patient"
    message_class: MessageClass = MessageClass.BILLING
    tone: Tone | None = None
    steps: tuple[str, ...] = ()
    details: tuple[Detail, ...] = (NEUTRAL,)
    about: Literal["visit", "plan"] = "visit"
    asks_for_money: bool = False


class Catalog(Authored):
    """All templates of one version; staff read English alone."""

    languages: tuple[str, ...]
    has_unsubscribe: bool
    templates: dict[str, TemplateSpec]

    def languages_of(self, template: str) -> tuple[str, ...]:
        """The languages that a template must exist in."""
        is_staff = self.templates[template].audience == "staff"
        return (ENGLISH,) if is_staff else self.languages

    def wanted_files(self) -> set[str]:
        """Every file that must be there. A subject is neutral always, so it has one level."""
        patients = {
            f"{name}{'.detailed' if detail == DETAILED else ''}.{language}.{kind}"
            for name, spec in self.templates.items()
            for language in self.languages_of(name)
            for detail in spec.details
            for kind in KINDS
            if detail == NEUTRAL or kind != SUBJECT
        }
        layouts = {f"{LAYOUT}.{language}.mjml" for language in self.languages}
        footers = {
            f"{FOOTER}.{language}.{kind}"
            for language in self.languages
            for kind in ("mjml", "txt")
            if self.has_unsubscribe
        }
        return patients | layouts | footers


class ForbiddenWords(Authored):
    """Stems that no message may use: `neutral` at that level, `always` at every level."""

    neutral: tuple[str, ...]
    always: tuple[str, ...]

    def in_text(self, text: str, detail: Detail) -> list[str]:
        """The stems that a text uses, in any case, accents aside."""
        stems = (*self.always, *(self.neutral if detail == NEUTRAL else ()))
        plain = f" {_folded(text)}"
        return [stem for stem in stems if _begins_a_word(plain, _folded(stem))]


class FileName(Record):
    """The parts of a template file's name."""

    template: str
    detail: Detail
    language: str
    kind: str


def file_name(name: str) -> FileName:
    """`invoice.detailed.en.sms.txt` in its parts; unknown parts are left to the caller."""
    template, _, rest = name.partition(".")
    detail: Detail = NEUTRAL
    if rest.startswith(f"{DETAILED}."):
        detail, rest = DETAILED, rest.removeprefix(f"{DETAILED}.")
    language, _, kind = rest.partition(".")
    return FileName(template=template, detail=detail, language=language, kind=kind)


def read_catalog(source: str) -> Catalog:
    """A catalog file. Raises ValueError with what is wrong."""
    return _read(Catalog, source)


def read_words(source: str) -> ForbiddenWords:
    """A file of forbidden words. Raises ValueError with what is wrong, an empty list included."""
    words = _read(ForbiddenWords, source)
    if not (words.neutral and words.always):
        raise ValueError("no words")
    return words


def _read(shape: type[_Shape], source: str) -> _Shape:
    try:
        return shape.model_validate(tomllib.loads(source))
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _folded(text: str) -> str:
    if text.isascii():  # nearly every stem, for every file
        return text.lower()
    spread = unicodedata.normalize("NFKD", text.lower())
    return "".join(char for char in spread if not unicodedata.combining(char))


def _begins_a_word(text: str, stem: str) -> bool:
    found = text.find(stem)
    while found > 0 and text[found - 1].isalnum():
        found = text.find(stem, found + 1)
    return found > 0
