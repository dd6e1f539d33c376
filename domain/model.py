"""The one base of every record that crosses a boundary: frozen, strict about unknown numbers."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Frozen value. Unknown fields are ignored, so that an older worker reads a newer history.

    A refused value is not quoted: error texts reach logs, and a value can name a patient.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Authored(BaseModel):
    """Frozen value that a person writes (files, CLI): unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: same value, same bytes."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def input_hash(value: Any) -> str:
    """SHA-256 hex of the canonical JSON; what a retried write is compared by."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
