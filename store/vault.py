"""Encryption at rest of what names a person, and keyed digests to look it up by."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT = 1
_NONCE_BYTES = 12


class UnknownKey(Exception):
    """A sealed value names a key that this process was not given."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"no vault key {key_id!r}")


class SealBroken(Exception):
    """A sealed value was altered, or belongs to another context."""


class Vault:
    """AES-256-GCM under several keys, one of them active for new values.

    `keys` maps key id to 32 bytes. Digests are made from the key whose id sorts first, so a
    new key must sort after the old ones and the first must stay, or look-ups find nothing.
    """

    def __init__(self, keys: Mapping[str, bytes], active: str) -> None:
        if active not in keys:
            raise UnknownKey(active)
        for key_id, key in keys.items():
            if len(key) != 32 or not 1 <= len(key_id.encode()) <= 255:
                raise ValueError(f"vault key {key_id!r} is not 32 bytes with a short id")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._active = active
        self._digest_key = hmac.digest(keys[min(keys)], b"tieout digest", "sha256")

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt under the active key; only the same `context` opens it again."""
        key_id = self._active.encode()
        header = bytes([_FORMAT, len(key_id)]) + key_id
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._active].encrypt(nonce, plain, header + context.encode())
        return header + nonce + sealed

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt; raises UnknownKey, or SealBroken on any alteration or other context."""
        if len(sealed) < 2 or sealed[0] != _FORMAT:
            raise SealBroken("not a sealed value of this format")
        start = 2 + sealed[1]
        header, nonce = sealed[:start], sealed[start : start + _NONCE_BYTES]
        key_id = header[2:].decode(errors="replace")
        if key_id not in self._ciphers:
            raise UnknownKey(key_id)
        body = sealed[start + _NONCE_BYTES :]
        try:
            return self._ciphers[key_id].decrypt(nonce, body, header + context.encode())
        except (InvalidTag, ValueError):
            raise SealBroken("the sealed value does not open") from None

    def digest(self, value: str) -> bytes:
        """Keyed SHA-256 of a normalised phone or e-mail, for equality look-ups alone."""
        return hmac.digest(self._digest_key, value.encode(), hashlib.sha256)
