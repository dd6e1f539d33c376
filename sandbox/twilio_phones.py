"""The patients' phones behind the Messages twin: journeys, opt-outs, signed webhooks."""

import asyncio
import base64
import hmac
import secrets
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from sandbox import twilio_contract as contract
from sandbox.box import Box
from sandbox.state import Doc
from sandbox.webhooks import Delivery

PACE = {"sent_seconds": 0.05, "delivered_seconds": 0.1}
"""Pause before each later status; `PUT /_control/twilio/pace` overrides it."""

_KEYWORDS = {
    "STOP": contract.STOP_WORDS,
    "START": contract.START_WORDS,
    "HELP": contract.HELP_WORDS,
}


class Phones:
    """The patients' phones and the messages on their way to them.

    Documents: `sms` (to, body, at, sid, status, …), `sms_inbound`, `sms_opt_out` by number.
    """

    def __init__(self, box: Box) -> None:
        self._box = box
        self._journeys: set[asyncio.Task[None]] = set()

    def accept(self, to: str, body: str, form: dict[str, str], direction: str) -> Doc:
        """Keep a new outgoing message and start its journey."""
        sid, now = f"SM{secrets.token_hex(16)}", self._box.now().isoformat()
        by_service = "MessagingServiceSid" in form
        doc: Doc = {
            "sid": sid,
            "to": to,
            "from": None if by_service else form.get("From", contract.PRACTICE_NUMBER),
            "body": body,
            "at": now,
            "updated_at": now,
            "sent_at": None,
            "status": _first_status(form),
            "error_code": None,
            "direction": direction,
            "service_sid": form.get("MessagingServiceSid"),
            "callback": form.get("StatusCallback"),
            "validity_seconds": int(form.get("ValidityPeriod", 36000)),
            "send_at": form.get("SendAt"),
        }
        self._box.state.put("sms", sid, doc)
        journey = asyncio.create_task(self._travel(sid))
        self._journeys.add(journey)
        journey.add_done_callback(self._journeys.discard)
        return doc

    async def _travel(self, sid: str) -> None:
        """Walk one message to its last status, unless it is cancelled on the way."""
        pace = {**PACE, **(self._box.state.get("setting", "twilio_pace") or {})}
        doc = self._box.state.get("sms", sid) or {}
        if doc["send_at"]:
            wait = datetime.fromisoformat(doc["send_at"]) - self._box.now()
            await asyncio.sleep(wait.total_seconds())
        if doc["validity_seconds"] < pace["sent_seconds"]:
            await asyncio.sleep(doc["validity_seconds"])
            self._move(sid, "failed", 30036)
            return
        await asyncio.sleep(pace["sent_seconds"])
        last = self._last_status(doc)
        if last[0] != "failed":
            self._move(sid, "sent")
            await asyncio.sleep(pace["delivered_seconds"])
        self._move(sid, *last)

    def _last_status(self, doc: Doc) -> tuple[str, int | None]:
        digits = doc["to"][-4:]
        once = contract.FAILING_ONCE.get(digits)
        if once and len(self._box.state.list("sms", lambda sms: sms["to"] == doc["to"])) == 1:
            return once
        return contract.FAILING_RECIPIENTS.get(digits, ("delivered", None))

    def _move(self, sid: str, status: str, error_code: int | None = None) -> None:
        doc = self._box.state.get("sms", sid)
        if doc is None or doc["status"] == "canceled":
            return
        now = self._box.now().isoformat()
        doc.update(status=status, error_code=error_code, updated_at=now)
        doc["from"] = doc["from"] or contract.PRACTICE_NUMBER
        if status == "sent":
            doc["sent_at"] = now
        self._box.state.put("sms", sid, doc)
        if doc["callback"]:
            fields = {"MessageStatus": status, "SmsStatus": status, "SmsSid": sid}
            if error_code is not None:
                fields["ErrorCode"] = str(error_code)
            self._post(f"status.{status}", f"{sid}:{status}", doc["callback"], doc, fields)

    def receive(self, sender: str, body: str) -> Doc:
        """A patient texts the practice: opt-out state, auto-reply, inbound webhook."""
        sid, word = f"SM{secrets.token_hex(16)}", body.strip().upper()
        kind = next((kind for kind, words in _KEYWORDS.items() if word in words), None)
        doc: Doc = {
            "sid": sid,
            "from": sender,
            "to": contract.PRACTICE_NUMBER,
            "body": body,
            "at": self._box.now().isoformat(),
            "opt_out_type": kind,
            "service_sid": self._box.credentials["twilio_messaging_service_sid"],
        }
        self._box.state.put("sms_inbound", sid, doc)
        if kind == "STOP":
            self._box.state.put("sms_opt_out", sender, {"number": sender, "at": doc["at"]})
        elif kind == "START":
            self._box.state.delete("sms_opt_out", sender)
        if kind:
            self.accept(sender, contract.AUTO_REPLIES[kind], {}, "outbound-reply")
        url = self._box.webhook_urls.get("twilio")
        if url:
            fields = {"SmsMessageSid": sid, "SmsSid": sid, "SmsStatus": "received", "Body": body}
            fields |= {"NumMedia": "0", "NumSegments": "1"}
            fields |= {"OptOutType": kind} if kind else {}
            self._post("received", sid, url, doc, fields)
        return doc

    def _post(
        self, event_type: str, event_id: str, url: str, doc: Doc, extra: dict[str, str]
    ) -> None:
        fields = {
            "AccountSid": self._box.credentials["twilio_account_sid"],
            "ApiVersion": contract.API_VERSION,
            "MessageSid": doc["sid"],
            "From": doc["from"],
            "To": doc["to"],
            **extra,
        }
        if doc["service_sid"]:
            fields["MessagingServiceSid"] = doc["service_sid"]
        token = self._box.credentials["twilio_auth_token"]
        self._box.pump.send(
            Delivery(
                vendor="twilio",
                event_type=event_type,
                event_id=event_id,
                url=url,
                body=urlencode(fields).encode(),
                sign=lambda body: signed_headers(token, url, body),
            )
        )


def _first_status(form: dict[str, str]) -> str:
    if "SendAt" in form:
        return "scheduled"
    return "accepted" if "MessagingServiceSid" in form else "queued"


def signed_headers(token: str, url: str, body: bytes) -> dict[str, str]:
    """Base64 HMAC-SHA1 over the full URL and the form's names and values, sorted by name."""
    fields = sorted(parse_qsl(body.decode(), keep_blank_values=True))
    plain = url + "".join(name + value for name, value in fields)
    digest = hmac.digest(token.encode(), plain.encode(), "sha1")
    return {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "X-Twilio-Signature": base64.b64encode(digest).decode(),
    }
