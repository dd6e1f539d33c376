"""What the activities hold: the books, the vendors behind their ports, and two settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.ports import EmailPort, PmsPort, ProcessorPort, TextPort
from store.db import Pool
from store.vault import Vault


@dataclass(frozen=True)
class Tools:
    """Wired once per process. `pms` maps a location id to its practice management system."""

    pool: Pool
    vault: Vault
    pms: Mapping[str, PmsPort]
    processor: ProcessorPort
    texts: TextPort
    emails: EmailPort
    public_base_url: str
