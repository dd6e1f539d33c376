"""Text messages through Podium's API v4, for practices whose desk already works in its inbox.

Podium takes no idempotency key, carries no reference of ours along, and lists no messages. A
report is matched by Podium's own id, and a text whose answer was lost by the pay link that a
`message.sent` webhook repeats. Without one the outcome stays unknown, and a person decides.
"""

import base64
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from connectors.messaging.podium_http import PodiumHttp
from connectors.messaging.twilio_codes import (
    INVALID_ADDRESS,
    OPTED_OUT,
    UNREACHABLE,
    classify_reply,
)
from connectors.ports import (
    Accepted,
    BadRequest,
    DeliveryReport,
    InboundText,
    Misconfigured,
    OutcomeUnknown,
    OutgoingText,
    Refused,
    SignatureRefused,
    VendorEvent,
)

HANDOFF_SECONDS = 4
"""Token and call, so that nothing is taken over 5 s after a switch was read as on (L7)."""
REPLAY_WINDOW = timedelta(days=1)
"""Podium repeats a webhook for a day; what came before is known by its event id."""
CLOCK_SKEW = timedelta(minutes=5)
EVENTS: Mapping[str, str] = {
    "message.sent": "message.status",
    "message.failed": "message.status",
    "message.received": "message.received",
}
"""Podium's event types -> ours; any other one changes nothing here."""

FAILURES = (
    (r"opt(ed)?[ -]?out|unsubscribed", OPTED_OUT),
    (r"landline|invalid|not a valid|not a mobile|does not exist|disconnected", INVALID_ADDRESS),
)
"""Words of a failure -> `Refused.kind`. Podium documents no codes, one example sentence alone."""
_PHONE = re.compile(r"\+[1-9]\d{6,14}")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class PodiumTexts:
    """`TextPort` over Podium. `locations` maps our location ids to Podium's location uids."""

    name = "podium"

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        webhook_secret: str,
        locations: Mapping[str, str],
        base_url: str = "https://api.podium.com/v4",
        token_url: str = "https://accounts.podium.com/oauth/token",  # noqa: S107
        timeout_seconds: float = HANDOFF_SECONDS,
        clock: Callable[[], datetime] = _utc_now,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """An empty webhook secret refuses every webhook: Podium would not sign them."""
        self._http = PodiumHttp(
            base_url=base_url,
            token_url=token_url,
            client_id=client_id,
            client_secret=client_secret,
            refresh_token=refresh_token,
            timeout_seconds=timeout_seconds,
            seconds=seconds,
        )
        self._secret = webhook_secret.encode()
        self._locations = dict(locations)
        self._clock = clock

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._http.aclose()

    async def sign_in(self) -> None:
        """Prove that the refresh token is good; Misconfigured or ProviderUnavailable if not."""
        await self._http.sign_in()

    async def send(self, text: OutgoingText) -> Accepted | Refused:
        """POST one message. A lost answer raises OutcomeUnknown, and nothing can look it up."""
        if text.location_id not in self._locations:
            raise Misconfigured("podium: TIEOUT_PODIUM_LOCATIONS does not name this location")
        answer = await self._http.post(
            "/messages",
            {
                "channel": {"type": "phone", "identifier": text.to_e164},
                "body": text.body,
                "locationUid": self._locations[text.location_id],
            },
        )
        if answer.is_success:
            return _taken(answer)
        return _refused(answer)

    async def find(self, text: OutgoingText, since: datetime) -> Accepted | Refused | None:
        """Podium lists no messages: the outcome stays unknown until a webhook names it."""
        del text, since
        raise OutcomeUnknown("podium lists no messages: only its webhook can tell")

    async def cancel(self, provider_id: str) -> bool:
        """Podium takes no message back."""
        del provider_id
        return False

    async def report(self, provider_id: str) -> DeliveryReport | None:
        """Podium shows no message: a failure whose webhook was lost stays unknown."""
        del provider_id
        return None

    def verify(self, raw: bytes, headers: Mapping[str, str], url: str) -> VendorEvent:
        """A webhook signed with our secret, at most a day ago."""
        del url
        lowered = {name.lower(): value for name, value in headers.items()}
        stamp, signature = lowered.get("podium-timestamp", ""), lowered.get("podium-signature", "")
        if not self._secret:
            raise SignatureRefused("podium: no webhook secret is set")
        digest = hmac.digest(self._secret, stamp.encode() + b"." + raw, "sha256")
        # Podium says HMAC-SHA256 and not in which letters; either form proves the same.
        forms = (digest.hex(), base64.b64encode(digest).decode())
        if not any(hmac.compare_digest(signature.encode(), form.encode()) for form in forms):
            raise SignatureRefused("podium signature does not match")
        signed_at = _instant(stamp)
        if not -CLOCK_SKEW < self._clock() - signed_at < REPLAY_WINDOW:
            raise SignatureRefused("podium signed this too long ago")
        return self._event(_json(raw), signed_at)

    def _event(self, body: Mapping[str, Any], at: datetime) -> VendorEvent:
        try:
            kind, uid = str(body["metadata"]["event_type"]), str(body["data"]["uid"])
        except (KeyError, TypeError):
            raise SignatureRefused("podium webhook without a type or a uid") from None
        return VendorEvent(
            source=self.name,
            event_id=f"{uid}:{kind}",
            event_type=EVENTS.get(kind, kind),
            occurred_at=at,
            body=body,
        )

    def delivery_report(self, event: VendorEvent) -> DeliveryReport:
        """Sent or failed; `sent` is the last word on a text that went out."""
        try:
            data = event.body["data"]
            reason = str(data.get("failureReason") or "")
            provider_id, words = _own_id(data["uid"]), str(data.get("body") or "")
        except (KeyError, TypeError, AttributeError):
            raise BadRequest("podium webhook without a message") from None
        is_failed = event.body["metadata"]["event_type"] == "message.failed"
        return DeliveryReport(
            message_key="",
            provider_id=provider_id,
            state="failed" if is_failed else "sent",
            failure_kind=_failure(reason) if is_failed else None,
            words=words,
        )

    def inbound(self, event: VendorEvent) -> InboundText:
        """A patient's reply on a phone channel; BadRequest for any other channel."""
        try:
            data = event.body["data"]
            channel = data["conversation"]["channel"]
            sender = _e164(str(channel["identifier"]))
            words, uid = str(data.get("body") or ""), str(data["uid"])
        except (KeyError, TypeError, AttributeError):
            raise BadRequest("podium webhook without a sender") from None
        if channel.get("type") not in ("phone", "sms", "text") or sender is None:
            raise BadRequest("podium webhook from no phone")
        return InboundText(
            provider_id=_own_id(uid),
            from_e164=sender,
            body=words,
            opt_out=classify_reply(words),
        )


def _own_id(uid: str) -> str:
    """Podium's uid with its name before it, so that a provider id says whose it is."""
    return f"podium:{uid}"


def _taken(answer: httpx.Response) -> Accepted | Refused:
    try:
        data = answer.json()["data"]
        uid, reason = str(data["uid"]), data.get("failureReason")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise OutcomeUnknown("podium may have acted: unreadable answer") from None
    return (
        Refused(code="failed", kind=_failure(str(reason)))
        if reason
        else Accepted(provider_id=_own_id(uid))
    )


def _refused(answer: httpx.Response) -> Refused:
    """The business no in a 4xx answer, or the error that it stands for. Its words stay here."""
    given = _json(answer.content)
    code, words = str(given.get("code") or answer.status_code), str(given.get("message") or "")
    text = f"podium answered HTTP {answer.status_code}, code {_plain(code)}"
    if answer.status_code in (401, 403, 404):
        raise Misconfigured(text)
    kind = _failure(words)
    if code == "invalid_request_values" and kind != UNREACHABLE:
        return Refused(code=_plain(code), kind=kind)
    raise BadRequest(text)


def _failure(words: str) -> str:
    for pattern, kind in FAILURES:
        if re.search(pattern, words.lower()):
            return kind
    return UNREACHABLE


def _plain(code: str) -> str:
    return code if re.fullmatch(r"\w{1,40}", code) else "unknown"


def _json(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _instant(stamp: str) -> datetime:
    """Milliseconds since 1970, as the header has it."""
    if not re.fullmatch(r"\d{1,15}", stamp):
        raise SignatureRefused("podium timestamp is no number")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(stamp))


def _e164(identifier: str) -> str | None:
    """Podium writes American numbers with or without +1."""
    digits = re.sub(r"[^\d+]", "", identifier)
    if re.fullmatch(r"\d{10}", digits):
        digits = f"+1{digits}"
    elif re.fullmatch(r"1\d{10}", digits):
        digits = f"+{digits}"
    return digits if _PHONE.fullmatch(digits) else None
