"""What a message says: template, language and detail level chosen, then filled in."""

import structlog
from pydantic import Field

from activities.contracts import SendIn, StandingOut
from activities.details import Details
from activities.tools import Tools
from connectors.ports import OutgoingEmail, OutgoingText
from domain.case import Channel, ChaseStep, Tone
from domain.messages import language_for, render_email, render_text, spec_of, template_for
from domain.model import Record
from domain.template_catalog import NEUTRAL
from domain.template_versions import version_with
from domain.unsubscribe import unsubscribe_url
from store.clients import Contact
from store.touchpoints import Touchpoint

log = structlog.get_logger("tieout.wording")

PAYMENT_FAILED = "payment_failed"
_SOFTER = {Tone.FINAL: Tone.FIRM, Tone.FIRM: Tone.FRIENDLY}
"""One level down for the step after a part payment (D4)."""
_VALIDITY_SECONDS_MAX = 36_000
_LANGUAGE_SHOWN = 5


class Words(Record):
    """Which words a message uses; kept with it, because a look-up compares them."""

    template: str
    language: str = "en"
    detail: str = "neutral"

    def __str__(self) -> str:
        return f"{self.template}.{self.language}.{self.detail}"


def words_from(text: str | None, step: ChaseStep) -> Words:
    """The words that were kept with a message; of an old one, those of its step."""
    if text is None:
        return Words(template=template_for(step.name, step.tone))
    template, language, detail = text.split(".")
    return Words(template=template, language=language, detail=detail)


def choose(
    ask: SendIn, row: Touchpoint, standing: StandingOut, contact: Contact | None, detail: str
) -> Words:
    """The words for a step, as the money stands now; a claimed row's own go before them.

    One step is one message: what is tried again on its day says the same on every channel.
    """
    if row.words is not None:
        template = words_from(row.words, ask.step).template
    else:
        template = template_of(ask, standing.balance_cents)
    wanted = contact.language if contact else "en"
    language = language_for(template, wanted, row.template_version)
    if wanted and not wanted.lower().startswith(language):
        log.info("language_not_written", wanted=wanted[:_LANGUAGE_SHOWN], used=language)
    return Words(
        template=template,
        language=language,
        detail=detail if detail in spec_of(template, row.template_version).details else NEUTRAL,
    )


def template_of(ask: SendIn, balance_cents: int) -> str:
    """A failed payment is named as such; after a part payment the tone drops one level."""
    if ask.settled_ok:
        return template_for(ask.step.name, ask.step.tone)
    if ask.in_flight_cents is not None and balance_cents >= ask.in_flight_cents:
        return PAYMENT_FAILED
    if ask.step.template is not None:
        return ask.step.template
    is_part_paid = ask.asked_cents is not None and balance_cents < ask.asked_cents
    tone = _SOFTER.get(ask.step.tone, ask.step.tone) if is_part_paid else ask.step.tone
    return template_for(ask.step.name, tone)


def version_for(ask: SendIn, version: int) -> int:
    """The template version of a step of a case that speaks by `version`.

    A template that was added later is taken from the newest version. How the money stands is not
    known yet, so every template counts that the step might use.
    """
    owed = (0, ask.asked_cents or 0, ask.in_flight_cents or 0)
    return version_with({template_of(ask, cents) for cents in owed}, version)


class Envelope(Record):
    """To whom a message goes, and which page it leads to."""

    client_id: str
    contact: Contact
    token: str
    practice_name: str
    location_id: str
    text_provider: str = ""
    practice_phone: str = ""
    practice_address: str = ""
    details: Details = Field(default_factory=dict)
    """Treatment and amount; empty unless the client agreed to read them."""
    validity_seconds: int = _VALIDITY_SECONDS_MAX


def render(
    tools: Tools, row: Touchpoint, words: Words, to: Envelope
) -> OutgoingText | OutgoingEmail | None:
    """The message itself in the words of its version, or None when there is nowhere to send it."""
    contact = to.contact
    unsubscribe = unsubscribe_url(tools.public_base_url, to.client_id, tools.vault.digest)
    values = {
        "first_name": contact.first_name,
        "practice_name": to.practice_name,
        "pay_url": f"{tools.public_base_url}/p/{to.token}",
        "unsubscribe_url": unsubscribe,
        "practice_phone": to.practice_phone,
        "practice_address": to.practice_address,
        **to.details,
    }
    said = (words.template, values, words.language, words.detail, row.template_version)
    if row.channel is Channel.SMS:
        if contact.phone_e164 is None:
            return None
        return OutgoingText(
            message_key=row.message_key,
            to_e164=contact.phone_e164,
            body=render_text(*said),
            validity_seconds=max(1, min(to.validity_seconds, _VALIDITY_SECONDS_MAX)),
            provider=to.text_provider,
            location_id=to.location_id,
        )
    if contact.email is None:
        return None
    email = render_email(*said)
    return OutgoingEmail(
        message_key=row.message_key,
        to_address=contact.email,
        subject=email.subject,
        text=email.text,
        html=email.html,
        unsubscribe_url=unsubscribe,
    )
