"""The one factory of Temporal clients: worker, starter, tests and replayer all go through it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
)
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from connectors.engine.codec import EncryptionCodec


class EngineUnreachable(Exception):
    """Temporal did not answer at the address, or refused us; the text says which."""


@dataclass(frozen=True)
class EngineAddress:
    """Where Temporal is and which keys seal its payloads (`codec_keys`: id -> 32 bytes).

    `api_key` turns TLS on, as Temporal Cloud wants it.
    """

    target: str
    namespace: str
    codec_keys: Mapping[str, bytes]
    active_codec_key: str
    api_key: str | None = None
    tls: bool = False


_CONVERTERS = tuple(PydanticPayloadConverter().converters.values())


class SharedConverter(PydanticPayloadConverter):
    """The SDK makes a converter per workflow and per task; all of ours share what it knows.

    A fresh one would make each model's type adapter anew.
    """

    def __init__(self) -> None:
        CompositePayloadConverter.__init__(self, *_CONVERTERS)


def data_converter(codec_keys: Mapping[str, bytes], active_codec_key: str) -> DataConverter:
    """Pydantic models, sealed; error messages and stack traces are sealed too."""
    return replace(
        pydantic_data_converter,
        payload_converter_class=SharedConverter,
        payload_codec=EncryptionCodec(codec_keys, active_codec_key),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


async def connect(address: EngineAddress, runtime: Runtime | None = None) -> Client:
    """Connect a client for the running event loop; `EngineUnreachable` when nobody answers."""
    try:
        return await Client.connect(
            address.target,
            namespace=address.namespace,
            api_key=address.api_key,
            tls=True if address.tls or address.api_key else None,
            data_converter=data_converter(address.codec_keys, address.active_codec_key),
            runtime=runtime,
        )
    except (RuntimeError, RPCError) as error:
        # The SDK tells a refusal from silence in its text alone.
        if any(word in str(error) for word in ("Unauthenticated", "PermissionDenied")):
            raise EngineUnreachable(
                f"Temporal at {address.target} refuses our credentials: correct "
                "TIEOUT_TEMPORAL_API_KEY."
            ) from error
        raise EngineUnreachable(
            f"Temporal does not answer at {address.target}: start it, or correct "
            "TIEOUT_TEMPORAL_ADDRESS."
        ) from error
