"""Text messages through Twilio's Messages API, by Messaging Service.

Twilio takes no idempotency key: an unknown outcome is looked up, never repeated. The status
callback's URL carries our message key, so that any callback proves that its message exists,
even when the answer to the send was lost.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from twilio.base.exceptions import TwilioException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from connectors.messaging.twilio_codes import (
    AMBIGUOUS,
    MISCONFIGURED,
    RATE_LIMITED,
    REFUSED_KINDS,
    REPORT_STATES,
    classify_reply,
    failure_kind,
    meaning,
)
from connectors.messaging.twilio_transport import HttpxTransport
from connectors.ports import (
    Accepted,
    BadRequest,
    DeliveryReport,
    InboundText,
    Misconfigured,
    OutcomeUnknown,
    OutgoingText,
    ProviderUnavailable,
    RateLimited,
    Refused,
    SignatureRefused,
    VendorEvent,
)
from domain.gsm import plain_punctuation

VALIDITY_SECONDS_MAX = 36000
LOOKUP_LIMIT = 50
HANDOFF_SECONDS = 4
"""A whole call, so that nothing is taken over 5 s after a switch was read as on (L7)."""
CLOCK_SKEW = timedelta(seconds=5)
"""How far Twilio's clock may be behind ours; its dates have whole seconds."""

_LOOKALIKES = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " "}
)
"""What SmartEncoded changes in a body before Twilio stores it (a part of its list)."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class TwilioTexts:
    """`TextPort` over the Twilio SDK. One attempt per call; the caller decides what to repeat."""

    name = "twilio"

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        messaging_service_sid: str,
        callback_url: str,
        base_url: str = "https://api.twilio.com",
        timeout_seconds: float = HANDOFF_SECONDS,
        previous_auth_token: str | None = None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """`callback_url` receives status callbacks, with `?key=<message key>` added.

        `previous_auth_token` keeps callbacks valid while the token is being rotated.
        """
        self._transport = HttpxTransport(timeout_seconds)
        self._client = Client(account_sid, auth_token, http_client=self._transport)
        self._client.api.base_url = base_url
        self._service_sid = messaging_service_sid
        self._callback_url = callback_url
        self._clock = clock
        tokens = [auth_token] + ([previous_auth_token] if previous_auth_token else [])
        self._validators = [RequestValidator(token) for token in tokens]

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._transport.aclose()

    async def send(self, text: OutgoingText) -> Accepted | Refused:
        """POST one message. A lost answer raises OutcomeUnknown: call `find` before another try."""
        try:
            message = await self._client.messages.create_async(
                to=text.to_e164,
                messaging_service_sid=self._service_sid,
                body=text.body,
                status_callback=f"{self._callback_url}?{urlencode({'key': text.message_key})}",
                validity_period=max(1, min(text.validity_seconds, VALIDITY_SECONDS_MAX)),
                smart_encoded=True,
            )
        except TwilioException as error:
            return _refused(error)
        except ValueError:
            raise OutcomeUnknown("twilio may have acted: unreadable answer") from None
        return Accepted(provider_id=message.sid)

    async def find(self, text: OutgoingText, since: datetime) -> Accepted | Refused | None:
        """The newest message to this number with this body, created at or after `since`.

        Lists by recipient alone: the API filters by neither body nor creation time, and a
        message that is not sent yet has no DateSent.
        """
        try:
            messages = await self._client.messages.list_async(
                to=text.to_e164, limit=LOOKUP_LIMIT, page_size=LOOKUP_LIMIT
            )
        except TwilioException as error:
            return _refused(error)
        except ValueError:
            raise ProviderUnavailable("twilio gave an unreadable list") from None
        earliest = since.astimezone(UTC).replace(microsecond=0) - CLOCK_SKEW
        for message in messages:
            if message.date_created >= earliest and _same_body(message.body, text.body):
                return _found(message)
        return None

    async def cancel(self, provider_id: str) -> bool:
        """Ask Twilio to stop a message. It stops scheduled ones only, so expect False."""
        try:
            message = await self._client.messages(provider_id).update_async(status="canceled")
        except TwilioException as error:
            status, _ = _status_and_code(error)
            if status in (401, 403):
                _refused(error)
            return False
        return bool(message.status == "canceled")

    async def report(self, provider_id: str) -> DeliveryReport | None:
        """The message as Twilio has it now; None when it knows none such."""
        try:
            message = await self._client.messages(provider_id).fetch_async()
        except TwilioException as error:
            if _status_and_code(error)[0] == 404:
                return None
            _refused(error)
            raise BadRequest("twilio refused to show a message") from None
        except ValueError:
            raise ProviderUnavailable("twilio gave an unreadable message") from None
        state = REPORT_STATES.get(message.status, "accepted")
        code = None if message.error_code is None else str(message.error_code)
        return DeliveryReport(
            message_key="",
            provider_id=provider_id,
            state=state,
            error_code=code,
            failure_kind=failure_kind(state, code),
        )

    def verify(self, raw: bytes, headers: Mapping[str, str], url: str) -> VendorEvent:
        """A callback signed with our token over `url`, the public URL exactly as Twilio called it.

        The signature carries no time; replays are caught by `event_id`. Twilio's newer shared-key
        signatures are refused: this account does not use them.
        """
        lowered = {name.lower(): value for name, value in headers.items()}
        signature = lowered.get("x-twilio-signature", "")
        fields = dict(parse_qsl(raw.decode(errors="replace"), keep_blank_values=True))
        if not any(validator.validate(url, fields, signature) for validator in self._validators):
            raise SignatureRefused("twilio signature does not match")
        sid, status = fields.get("MessageSid", ""), fields.get("MessageStatus")
        if status in ("receiving", "received"):
            status = None
        if not sid:
            raise SignatureRefused("twilio callback without a MessageSid")
        key = dict(parse_qsl(urlsplit(url).query)).get("key")
        return VendorEvent(
            source=self.name,
            event_id=f"{sid}:{status}" if status else sid,
            event_type="message.status" if status else "message.received",
            occurred_at=self._clock(),
            body={**fields, "key": key} if status else fields,
        )

    def delivery_report(self, event: VendorEvent) -> DeliveryReport:
        """The report in a `message.status` event. Reports may arrive in any order."""
        body = event.body
        code = body.get("ErrorCode") or None
        state = REPORT_STATES.get(body["MessageStatus"])
        if state is None or not body.get("key"):
            raise BadRequest("twilio status callback with an unknown status or without our key")
        return DeliveryReport(
            message_key=body["key"],
            provider_id=body["MessageSid"],
            state=state,
            error_code=code,
            failure_kind=failure_kind(state, code),
        )

    def inbound(self, event: VendorEvent) -> InboundText:
        """The reply in a `message.received` event, with its opt-out reading."""
        body = event.body
        words = body.get("Body", "")
        return InboundText(
            provider_id=body["MessageSid"],
            from_e164=body["From"],
            body=words,
            opt_out=classify_reply(words, body.get("OptOutType")),
        )


def _status_and_code(error: TwilioException) -> tuple[int, str]:
    """HTTP status and Twilio code; a failed list carries the raw answer instead of fields."""
    status, code = getattr(error, "status", None), getattr(error, "code", None)
    if status is None and len(error.args) > 1 and hasattr(error.args[1], "status_code"):
        status = error.args[1].status_code
        try:
            code = json.loads(error.args[1].text).get("code")
        except (ValueError, AttributeError):
            code = None
    return int(status or 0), str(code if code is not None else status)


def _refused(error: TwilioException) -> Refused:
    """The business no in a 4xx answer, or the error that it stands for.

    Errors are raised without their cause: the SDK's text quotes the recipient.
    """
    status, code = _status_and_code(error)
    kind = meaning(code)
    text = f"twilio answered HTTP {status}, code {code}"
    if kind in REFUSED_KINDS:
        return Refused(code=code, kind=kind)
    if kind == RATE_LIMITED:
        raise RateLimited(text) from None
    if kind == AMBIGUOUS or status == 0:
        raise OutcomeUnknown(text) from None
    if kind == MISCONFIGURED or status in (401, 403):
        raise Misconfigured(text) from None
    raise BadRequest(text) from None


def _found(message: Any) -> Accepted | Refused:
    """A message that Twilio has, unless it has already failed there."""
    state = REPORT_STATES.get(message.status, "accepted")
    if state not in ("failed", "undelivered"):
        return Accepted(provider_id=message.sid)
    code = str(message.error_code or message.status)
    return Refused(code=code, kind=failure_kind(state, code) or "unreachable")


def _same_body(left: str | None, right: str) -> bool:
    """Equal up to the punctuation that SmartEncoded may have replaced."""
    return plain_punctuation(left or "").strip() == plain_punctuation(right).strip()
