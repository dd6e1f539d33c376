"""Which version of the templates a case speaks by: the one that it began with (A8)."""

from collections.abc import Iterable, Sequence

from domain.messages import catalog_of, newest_version, versions
from domain.model import Record


class Replacement(Record):
    """A person's word that one version speaks for another everywhere from then on."""

    from_version: int
    to_version: int


def version_of_case(first_version: int | None, replacements: Sequence[Replacement]) -> int:
    """The version that a case speaks by now, as every replacement so far has left it.

    `first_version` is that of its first message, None before it. A version whose folder is gone
    is the newest one's.
    """
    version = newest_version() if first_version is None else first_version
    for each in replacements:
        if each.from_version == version:
            version = each.to_version
    return version if version in versions() else newest_version()


def version_with(templates: Iterable[str], version: int) -> int:
    """The same version, or the newest when it lacks one of the templates: added later."""
    return version if catalog_of(version).templates.keys() >= set(templates) else newest_version()
