"""Short-lived signed values for cookies: a purpose, an expiry and a keyed digest, nothing else."""

import hmac
import time

from store.vault import Vault


def make_stamp(vault: Vault, purpose: str, seconds: int) -> str:
    """A value that `stamp_holds` accepts for this purpose until `seconds` from now."""
    expires = str(int(time.time()) + seconds)
    return f"{expires}.{_digest(vault, purpose, expires)}"


def stamp_holds(vault: Vault, purpose: str, stamp: str | None) -> bool:
    """Whether this process's keys made the stamp for this purpose and it has not expired."""
    expires, _, digest = (stamp or "").partition(".")
    if not expires.isascii() or not expires.isdigit() or int(expires) < time.time():
        return False
    return hmac.compare_digest(digest.encode(), _digest(vault, purpose, expires).encode())


def _digest(vault: Vault, purpose: str, expires: str) -> str:
    return vault.digest(f"stamp|{purpose}|{expires}").hex()
