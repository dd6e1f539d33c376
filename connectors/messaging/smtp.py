"""E-mail through any SMTP relay, over kept connections.

Stages decide the outcome: before the content is on its way nothing has happened; an answer to
the content is definite; no answer to it is unknown. The relay takes no idempotency key, but
the Message-ID is derived from our message key, so a duplicate is recognisable.
"""

import asyncio
import functools
from email.headerregistry import Address
from email.utils import formatdate
from typing import Self

import aiosmtplib
from pydantic import Field, SecretStr

from connectors.messaging import mime
from connectors.messaging.mail_codes import INVALID_ADDRESS, kind_of_refusal
from connectors.ports import (
    Accepted,
    BadRequest,
    Misconfigured,
    OutcomeUnknown,
    OutgoingEmail,
    ProviderUnavailable,
    RateLimited,
    Refused,
)
from domain.model import Record

CONNECTIONS_MAX = 8
"""More senders than this wait for a connection; relays commonly allow 10 per client."""

ENVELOPE_SECONDS = 2
"""Until the relay has taken the envelope, waiting for a connection included."""
HANDOFF_SECONDS = 4
"""The whole hand-off, so that nothing is taken over 5 s after a switch was read as on (L7)."""

IDLE_SECONDS = 30
"""A connection that rested longer may be dead without notice, and would cost a whole timeout."""

_UNREACHED = (
    aiosmtplib.SMTPConnectError,
    aiosmtplib.SMTPServerDisconnected,
    aiosmtplib.SMTPTimeoutError,
    OSError,
)
_CLOSING = 421
_TOO_FAST = (450, 451)
"""Answers that ask for patience: greylisting and rate limits."""


class SmtpRelay(Record):
    """Where and as whom we send. `tls`: none (loopback only) | starttls | implicit."""

    host: str
    port: int
    sender_address: str
    sender_name: str = ""
    tls: str = Field(default="starttls", pattern="^(none|starttls|implicit)$")
    username: str | None = None
    password: SecretStr | None = None
    timeout_seconds: int = HANDOFF_SECONDS
    """Longest wait for one answer, inside the bounds of the whole hand-off."""
    idempotency_header: str | None = None
    """The header by which this relay drops a second copy, where it has one."""


class SmtpEmails:
    """`EmailPort` over SMTP. One attempt per call; the caller decides what to repeat."""

    name = "smtp"

    @property
    def resends_safely(self) -> bool:
        """True when the relay drops a second copy of the same message key by itself."""
        return self._relay.idempotency_header is not None

    def __init__(self, relay: SmtpRelay) -> None:
        """Connects at the first message."""
        self._relay = relay
        self._domain = relay.sender_address.rpartition("@")[2]
        self._idle: list[tuple[aiosmtplib.SMTP, float]] = []
        self._slots = asyncio.Semaphore(CONNECTIONS_MAX)

    async def __aenter__(self) -> Self:
        """For `async with`."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the kept connections."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close every kept connection."""
        while self._idle:
            self._idle.pop()[0].close()

    async def send(self, email: OutgoingEmail) -> Accepted | Refused:
        """Hand one message to the relay. The provider id is the Message-ID."""
        if not _plausible(email.to_address):
            return Refused(code="syntax", kind=INVALID_ADDRESS)
        message_id, content = self._compose(email)
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(began + ENVELOPE_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            raise ProviderUnavailable("every connection to the relay is busy") from None
        try:
            refused = await self._exchange(email.to_address, content, began)
        finally:
            self._slots.release()
        return refused or Accepted(provider_id=message_id)

    async def _exchange(self, recipient: str, content: bytes, began: float) -> Refused | None:
        try:
            async with asyncio.timeout_at(began + ENVELOPE_SECONDS):
                smtp, refused = await self._open_envelope(recipient)
        except TimeoutError:
            raise ProviderUnavailable("the relay is too slow to take an envelope") from None
        if refused:
            self._keep(smtp)
            return refused
        try:
            async with asyncio.timeout_at(began + HANDOFF_SECONDS):
                refused = await self._hand_over(smtp, content)
        except TimeoutError:
            smtp.close()
            raise OutcomeUnknown("relay may have taken it: timeout") from None
        except BaseException:
            # Half an exchange leaves the connection in an unknown place.
            smtp.close()
            raise
        self._keep(smtp)
        return refused

    async def _open_envelope(self, recipient: str) -> tuple[aiosmtplib.SMTP, Refused | None]:
        """MAIL and RCPT on a kept connection, or on a new one where the kept one is gone."""
        while self._idle:
            smtp, since = self._idle.pop()
            if asyncio.get_running_loop().time() - since > IDLE_SECONDS:
                smtp.close()
                continue
            try:
                return smtp, await self._announce(smtp, recipient)
            except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError):
                smtp.close()
            except BaseException:
                smtp.close()
                raise
        smtp = await self._connect()
        try:
            return smtp, await self._announce(smtp, recipient)
        except (aiosmtplib.SMTPException, OSError) as error:
            smtp.close()
            raise ProviderUnavailable(f"relay lost: {type(error).__name__}") from None
        except BaseException:
            smtp.close()
            raise

    def _keep(self, smtp: aiosmtplib.SMTP) -> None:
        self._idle.append((smtp, asyncio.get_running_loop().time()))

    async def _connect(self) -> aiosmtplib.SMTP:
        relay = self._relay
        smtp = aiosmtplib.SMTP(
            hostname=relay.host,
            port=relay.port,
            use_tls=relay.tls == "implicit",
            start_tls=relay.tls == "starttls",
            username=relay.username,
            password=relay.password.get_secret_value() if relay.password else None,
            timeout=relay.timeout_seconds,
        )
        try:
            await smtp.connect()
        except _UNREACHED as error:
            smtp.close()
            raise ProviderUnavailable(f"relay not reached: {type(error).__name__}") from None
        except aiosmtplib.SMTPResponseException as error:
            smtp.close()
            if error.code >= 500:
                raise Misconfigured(f"relay refused us: {error.code}") from None
            raise ProviderUnavailable(f"relay cannot now: {error.code}") from None
        except aiosmtplib.SMTPException:
            smtp.close()
            raise Misconfigured("relay offers no STARTTLS or no AUTH as configured") from None
        except BaseException:
            smtp.close()
            raise
        return smtp

    async def _announce(self, smtp: aiosmtplib.SMTP, recipient: str) -> Refused | None:
        """MAIL FROM and RCPT TO. Nothing has happened yet, whatever comes back."""
        try:
            await smtp.mail(self._relay.sender_address)
            await smtp.rcpt(recipient)
        except aiosmtplib.SMTPSenderRefused as error:
            if error.code == _CLOSING:
                raise aiosmtplib.SMTPServerDisconnected("421") from None
            if error.code >= 500:
                raise Misconfigured(f"relay refused the sender: {error.code}") from None
            raise _later(error.code) from None
        except aiosmtplib.SMTPRecipientRefused as error:
            await smtp.rset()
            if error.code >= 500:
                kind = kind_of_refusal(error.code, error.message)
                return Refused(code=str(error.code), kind=kind)
            raise _later(error.code) from None
        return None

    async def _hand_over(self, smtp: aiosmtplib.SMTP, content: bytes) -> Refused | None:
        """DATA. An answer is definite, silence is unknown."""
        try:
            await smtp.data(content)
        except aiosmtplib.SMTPDataError as error:
            if error.code >= 500:
                kind = kind_of_refusal(error.code, error.message)
                kind = kind if kind == INVALID_ADDRESS else "filtered"
                return Refused(code=str(error.code), kind=kind)
            raise _later(error.code) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise OutcomeUnknown(f"relay may have taken it: {type(error).__name__}") from None
        return None

    @functools.cached_property
    def _sender(self) -> str:
        return str(Address(self._relay.sender_name, addr_spec=self._relay.sender_address))

    def _compose(self, email: OutgoingEmail) -> tuple[str, bytes]:
        """The Message-ID and the content; a line break in a header is refused."""
        message_id = f"<{email.message_key}@{self._domain}>"
        headers = {
            "To": email.to_address,
            "Subject": email.subject,
            "Date": formatdate(localtime=False),
            "Message-ID": message_id,
            "Auto-Submitted": "auto-generated",
        }
        if self._relay.idempotency_header:
            headers[self._relay.idempotency_header] = email.message_key
        if email.unsubscribe_url:
            headers["List-Unsubscribe"] = f"<{email.unsubscribe_url}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        try:
            return message_id, mime.message(
                {"From": self._sender, **headers}, email.text, email.html
            )
        except (ValueError, IndexError):
            raise BadRequest("an e-mail header cannot be written") from None


def _later(code: int) -> RateLimited | ProviderUnavailable:
    """A 4yz answer: the relay has taken nothing."""
    if code in _TOO_FAST:
        return RateLimited(f"relay asks to wait: {code}")
    return ProviderUnavailable(f"relay cannot now: {code}")


def _plausible(address: str) -> bool:
    """One ASCII mailbox and a domain, nothing that could end a header or an SMTP command."""
    mailbox, at, domain = address.rpartition("@")
    clean = address.isascii() and address.isprintable() and not set(' <>,;"') & set(address)
    return bool(at and mailbox and "." in domain and clean)
