"""The link that ends e-mails with one click: `/u/{token}`, which names nobody.

The token is our opaque client id with a keyed digest, so that nobody can end another's e-mails
by guessing. It does not expire: the oldest message must still unsubscribe.
"""

import base64
import hmac
from collections.abc import Callable

Sign = Callable[[str], bytes]
"""A keyed digest of a text, at least 16 bytes, as `store.vault.Vault.digest`."""

PATH = "/u"
_DIGEST_BYTES = 16


def unsubscribe_url(base_url: str, client_id: str, sign: Sign) -> str:
    """The address to put into a `List-Unsubscribe` header and a footer."""
    return f"{base_url}{PATH}/{token_for(client_id, sign)}"


def token_for(client_id: str, sign: Sign) -> str:
    """The token of one client."""
    return f"{_packed(client_id.encode())}.{_packed(_digest(client_id, sign))}"


def client_of(token: str, sign: Sign) -> str | None:
    """The client id in a token, or None when these keys did not make it."""
    name, _, digest = token.partition(".")
    try:
        client_id = _unpacked(name).decode()
        given = _unpacked(digest)
    except ValueError:
        return None
    return client_id if hmac.compare_digest(given, _digest(client_id, sign)) else None


def _digest(client_id: str, sign: Sign) -> bytes:
    return sign(f"unsubscribe|{client_id}")[:_DIGEST_BYTES]


def _packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unpacked(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
