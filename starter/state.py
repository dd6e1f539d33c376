"""The dev stack's folder: one lock, generated secrets, ports, and what runs in it.

secrets.json      every generated key (0600); without it the data cannot be opened
credentials.json  the vendors' part of it, for the sandbox (0600)
env.json          TIEOUT_* of the running stack (0600); serves commands beside it
stack.json        process ids, ports, urls of the running stack
postgres/ temporal.db sandbox.jsonl logs/
"""

import base64
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

LENDERS = ("cherry", "carecredit", "alphaeon", "patientfi")
_LENDERS = tuple(f"{name}_" for name in LENDERS)
VENDOR_PREFIXES = ("boulevard_", "stripe_", "twilio_", "podium_", "mail_", "zenoti_", *_LENDERS)
_LATER = ("podium_", "mail_", "zenoti_", *_LENDERS)
"""Of vendors that came with a later release: an older folder gets their keys when it is opened."""
_OURS = (
    "postgres",
    "postgres.new",
    "temporal.db",
    "temporal.db-wal",
    "temporal.db-shm",
    "sandbox.jsonl",
    "sandbox.db",
    "sandbox.db-wal",
    "sandbox.db-shm",
    "secrets.json",
    "credentials.json",
    "env.json",
    "stack.json",
    "logs",
)


class StateError(Exception):
    """The folder cannot be used; one sentence that says what to do."""


def write_private(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON for the owner's eyes (0600), whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def generate_secrets() -> dict[str, Any]:
    """Fresh keys and vendor credentials for one practice on one machine."""
    return {
        "database_password": secrets.token_hex(16),
        "codec_keys": {"dev-1": _key()},
        "codec_key_id": "dev-1",
        "codec_token": secrets.token_urlsafe(24),
        "vault_keys": {"dev-1": _key()},
        "vault_key_id": "dev-1",
        "boulevard_business_id": str(uuid4()),
        "boulevard_api_key": str(uuid4()),
        "boulevard_api_secret": _key(),
        "boulevard_app_id": str(uuid4()),
        "stripe_secret_key": "sk_test_" + secrets.token_hex(24),
        "stripe_webhook_secret": "whsec_" + secrets.token_hex(24),
        "twilio_account_sid": "AC" + secrets.token_hex(16),
        "twilio_auth_token": secrets.token_hex(16),
        "twilio_messaging_service_sid": "MG" + secrets.token_hex(16),
        "mail_webhook_secret": secrets.token_hex(32),
        "podium_client_id": secrets.token_hex(16),
        "podium_client_secret": secrets.token_hex(32),
        "podium_refresh_token": secrets.token_hex(32),
        "podium_webhook_secret": secrets.token_hex(32),
        "podium_location_uid": str(uuid4()),
        "zenoti_api_key": secrets.token_hex(32),
        "zenoti_webhook_secret": secrets.token_hex(32),
        **_lenders(),
    }


def _lenders() -> dict[str, str]:
    """Keys and accounts at the lenders; CareCredit's account is a number of 16 digits."""
    made: dict[str, str] = {}
    for name in LENDERS:
        digits = "".join(secrets.choice("0123456789") for _ in range(16))
        made |= {
            f"{name}_api_key": secrets.token_hex(24),
            f"{name}_webhook_secret": secrets.token_hex(32),
            f"{name}_account": digits if name == "carecredit" else f"m-{secrets.token_hex(6)}",
        }
    return made


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


class StateFolder:
    """One folder, held by one stack at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.secrets: dict[str, Any] = {}
        self._lock: IO[str] | None = None

    def open(self, fresh: bool) -> None:
        """Take the folder, empty it when `fresh`, and have its secrets; else `StateError`."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            if fresh:
                self._empty()
            (self.path / "logs").mkdir(exist_ok=True)
            self.secrets = self._load_secrets()
        except OSError as error:
            self.close()
            raise StateError(
                f"{self.path} cannot be used ({error.strerror}): name another folder with --state."
            ) from None
        except StateError:
            self.close()
            raise

    def close(self) -> None:
        """Let the folder go; the next stack may take it."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        self._lock = (self.path / "lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            holder = self._lock.read().strip() or "another process"
            raise StateError(
                f"A stack already runs on {self.path} (process {holder}): stop it there with "
                "Ctrl-C, or name another folder with --state."
            ) from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    def _empty(self) -> None:
        # Only what a stack makes: a mistyped --state must not cost anybody's files.
        for name in _OURS:
            path = self.path / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _load_secrets(self) -> dict[str, Any]:
        path = self.path / "secrets.json"
        start_over = "run `tieout dev --fresh` to start over without this folder's data"
        if not path.exists():
            if (self.path / "postgres").exists():
                raise StateError(f"{path} is gone and the data cannot be opened: {start_over}.")
            write_private(path, generate_secrets())
        try:
            held = json.loads(path.read_text())
        except ValueError:
            raise StateError(f"{path} is damaged: restore it, or {start_over}.") from None
        fresh = generate_secrets()
        missing = fresh.keys() - (held.keys() if isinstance(held, dict) else ())
        if any(not name.startswith(_LATER) for name in missing):
            raise StateError(f"{path} lacks {min(missing)}: restore it, or {start_over}.")
        if missing:
            held |= {name: fresh[name] for name in missing}
            write_private(path, held)
        path.chmod(0o600)
        vendors = {name: value for name, value in held.items() if name.startswith(VENDOR_PREFIXES)}
        write_private(self.path / "credentials.json", vendors)
        return dict(held)
