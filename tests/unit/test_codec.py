"""Payload encryption: round trip, rotation, tampering, missing keys."""

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure

from connectors.engine.client import SharedConverter, data_converter
from connectors.engine.codec import KEY_ID, EncryptionCodec, PayloadTampered, UnknownKey
from domain.case import PaymentPosted

OLD, NEW = b"o" * 32, b"n" * 32
CLEAR = Payload(metadata={"encoding": b"json/plain"}, data=b'{"marker":"4100"}')


async def sealed(codec: EncryptionCodec) -> Payload:
    (payload,) = await codec.encode([CLEAR])
    return payload


async def test_round_trip_hides_data_and_metadata() -> None:
    codec = EncryptionCodec({"old": OLD}, "old")
    payload = await sealed(codec)
    assert b"4100" not in payload.SerializeToString()
    assert b"json/plain" not in payload.SerializeToString()
    assert payload.metadata[KEY_ID] == b"old"
    assert await codec.decode([payload]) == [CLEAR]


async def test_no_part_of_the_converter_wants_to_know_the_command() -> None:
    """The workflow runner says none (connectors/engine/runner.py)."""
    found = data_converter({"old": OLD}, "old")
    assert found.payload_converter_class is SharedConverter
    parts = [*SharedConverter().converters.values(), found.failure_converter]
    assert not [part for part in (*parts, found.payload_codec) if hasattr(part, "with_context")]


async def test_same_payload_never_seals_alike() -> None:
    codec = EncryptionCodec({"old": OLD}, "old")
    assert (await sealed(codec)).data != (await sealed(codec)).data


async def test_rotation_opens_old_and_seals_new() -> None:
    before = await sealed(EncryptionCodec({"old": OLD}, "old"))
    rotated = EncryptionCodec({"old": OLD, "new": NEW}, "new")
    assert await rotated.decode([before]) == [CLEAR]
    assert (await sealed(rotated)).metadata[KEY_ID] == b"new"


async def test_dropped_key_is_named() -> None:
    before = await sealed(EncryptionCodec({"old": OLD}, "old"))
    with pytest.raises(UnknownKey, match="'old'"):
        await EncryptionCodec({"new": NEW}, "new").decode([before])


@pytest.mark.parametrize("position", [0, 12, -1])
async def test_one_flipped_bit_is_refused(position: int) -> None:
    codec = EncryptionCodec({"old": OLD}, "old")
    payload = await sealed(codec)
    data = bytearray(payload.data)
    data[position] ^= 1
    payload.data = bytes(data)
    with pytest.raises(PayloadTampered, match="'old'"):
        await codec.decode([payload])


async def test_truncated_payload_is_refused() -> None:
    codec = EncryptionCodec({"old": OLD}, "old")
    payload = await sealed(codec)
    payload.data = payload.data[:5]
    with pytest.raises(PayloadTampered):
        await codec.decode([payload])


async def test_key_id_is_authenticated() -> None:
    """A payload relabelled to another known key, even one with the same bytes, is refused."""
    codec = EncryptionCodec({"old": OLD, "twin": OLD}, "old")
    payload = await sealed(codec)
    payload.metadata[KEY_ID] = b"twin"
    with pytest.raises(PayloadTampered, match="'twin'"):
        await codec.decode([payload])


async def test_payload_in_clear_passes() -> None:
    assert await EncryptionCodec({"old": OLD}, "old").decode([CLEAR]) == [CLEAR]


def test_wrong_keys_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="'short' must be 32 bytes"):
        EncryptionCodec({"short": b"x"}, "short")
    with pytest.raises(ValueError, match="'gone' is not among"):
        EncryptionCodec({"old": OLD}, "gone")


async def test_converter_carries_models_and_seals_failures() -> None:
    converter = data_converter({"old": OLD}, "old")
    payloads = await converter.encode([PaymentPosted(payment_id="pay-marker")])
    assert b"pay-marker" not in payloads[0].SerializeToString()
    assert await converter.decode(payloads, [PaymentPosted]) == [
        PaymentPosted(payment_id="pay-marker")
    ]
    failure = Failure()
    await converter.encode_failure(RuntimeError("secret-marker"), failure)
    assert b"secret-marker" not in failure.SerializeToString()
