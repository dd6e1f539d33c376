"""What a person is told when a command cannot do its work: one sentence, no traceback."""

import asyncpg
from pydantic import ValidationError

from connectors.engine.client import EngineUnreachable
from connectors.engine.codec import CodecError
from connectors.ports import ConnectorError
from starter.binaries import BinaryMissing, ClusterError
from starter.compose import ComposeError
from starter.ports import PortBusy
from starter.practice import BadPractice
from starter.processes import ProcessError
from starter.settings import SettingsError
from starter.state import StateError
from store.db import KeyReused, MigrationFailed
from store.entitlements import LotShort
from store.payments import OverAllocated
from store.periods import PeriodClosed
from store.reviews import ReviewClosed
from store.vault import SealBroken, UnknownKey


class Refusal(Exception):
    """A command refuses; the text is the sentence that the person reads."""


class Misspelt(Refusal):
    """What was typed lacks something or cannot be read; the command ends with 2."""


_SPOKEN = (
    Refusal,
    SettingsError,
    StateError,
    ProcessError,
    ComposeError,
    BinaryMissing,
    ClusterError,
    PortBusy,
    EngineUnreachable,
    CodecError,
    ConnectorError,
    BadPractice,
    MigrationFailed,
    KeyReused,
    LotShort,
    OverAllocated,
    PeriodClosed,
    ReviewClosed,
    SealBroken,
    UnknownKey,
)


def sentence(error: BaseException) -> str:
    """One sentence for any error; unknown ones name their type and how to see more."""
    if isinstance(error, BaseExceptionGroup):
        return sentence(error.exceptions[0])
    if isinstance(error, asyncpg.InvalidPasswordError | asyncpg.InvalidCatalogNameError):
        return "The database refused us: correct TIEOUT_DATABASE_URL."
    if isinstance(error, asyncpg.UndefinedTableError | asyncpg.UndefinedColumnError):
        return "The database lacks our tables or has older ones: run `tieout migrate`."
    if isinstance(error, ConnectionError | TimeoutError | asyncpg.PostgresConnectionError):
        return "The database or another service does not answer: start it, or see `tieout doctor`."
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
        return f"{error.filename} cannot be read: {error.strerror}."
    # Our own functions say their refusals as plain LookupError or ValueError; a subclass of
    # these (KeyError, a validation) is somebody else's and may quote its input.
    if isinstance(error, _SPOKEN) or type(error) in (LookupError, ValueError):
        return " ".join(str(error).split())
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the input"
        return f"{place} is wrong: {first['msg']}."
    return (
        f"This failed in a way nobody foresaw ({type(error).__name__}): "
        "set TIEOUT_DEBUG=1 and run it again to see where."
    )
