"""Payload encryption: what Temporal stores of a case is ciphertext, key id in the metadata.

AES-256-GCM with a random 96-bit nonce per payload. One key seals, any known key opens, so a key
is rotated by adding it, making it active, and dropping the old one after the last history that
used it is gone. The key id is authenticated along with the payload.
"""

import os
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

ENCODING = b"binary/encrypted"
KEY_ID = "tieout-key-id"
KEY_BYTES = 32
_NONCE_BYTES = 12


class CodecError(Exception):
    """A payload that cannot be opened. Texts name the key id, never a key or a payload."""


class UnknownKey(CodecError):
    """The payload was sealed with a key that this process does not hold."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"A payload was encrypted with key '{key_id}', which is not among the codec keys: "
            "add that key to TIEOUT_CODEC_KEYS."
        )
        self.key_id = key_id


class PayloadTampered(CodecError):
    """The payload does not authenticate under the key that it names."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"A payload does not authenticate under codec key '{key_id}': "
            "it was altered, or the key's value differs from the one that sealed it."
        )
        self.key_id = key_id


class EncryptionCodec(PayloadCodec):
    """Seals with the active key and opens with any key in `keys` (id -> 32 bytes)."""

    def __init__(self, keys: Mapping[str, bytes], active: str) -> None:
        for key_id, key in keys.items():
            if len(key) != KEY_BYTES:
                raise ValueError(f"Codec key '{key_id}' must be {KEY_BYTES} bytes long.")
        if active not in keys:
            raise ValueError(f"The active codec key '{active}' is not among the codec keys.")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._active = active

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Seal each payload, metadata included."""
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Open each sealed payload; one that was never sealed passes as it is.

        A signal sent from the Temporal UI without the codec server arrives in clear.
        """
        return [
            self._open(payload) if payload.metadata.get("encoding") == ENCODING else payload
            for payload in payloads
        ]

    def _seal(self, payload: Payload) -> Payload:
        key_id = self._active.encode()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._active].encrypt(nonce, payload.SerializeToString(), key_id)
        return Payload(metadata={"encoding": ENCODING, KEY_ID: key_id}, data=nonce + sealed)

    def _open(self, payload: Payload) -> Payload:
        key_id = payload.metadata.get(KEY_ID, b"").decode(errors="replace")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnknownKey(key_id)
        nonce, sealed = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            return Payload.FromString(cipher.decrypt(nonce, sealed, key_id.encode()))
        except (InvalidTag, ValueError):
            raise PayloadTampered(key_id) from None
