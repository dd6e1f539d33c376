"""Invariant 12: no planted name, number, address, date or treatment where none may be.

Searched are Temporal's own file (every history, payload and search attribute), every log of
every process, and every URL that the twins were called by.
"""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

from starter.simulate.evidence import LEAK, Case, Violation
from starter.simulate.people import BIRTH_YEAR, MARK
from starter.simulate.world import World

_PHONE = re.compile(rb"[2-9]\d\d555\d{4}")
_BORN = re.compile(rb"%d-\d\d-\d\d" % BIRTH_YEAR)
_BY_RECIPIENT = "/Messages.json?"
"""Twilio's list by recipient is its only look-up, so a phone stands in that one URL."""
_CHUNK_BYTES, _OVERLAP_BYTES = 16_000_000, 64


def _disguises() -> re.Pattern[bytes]:
    """The mark as it is and as it looks in base64, UTF-16 or hexadecimal."""
    plain = MARK.encode()
    forms = {plain, MARK.encode("utf-16-le"), plain.hex().encode()}
    for case in (plain, plain.capitalize()):
        for shift in range(3):
            whole = case[shift:]
            whole = whole[: len(whole) // 3 * 3]
            forms.add(base64.b64encode(whole))
    return re.compile(b"|".join(re.escape(form) for form in sorted(forms)), re.IGNORECASE)


def secrets_in(raw: bytes, phones: frozenset[bytes]) -> list[str]:
    """Kinds of planted strings that these bytes hold."""
    found = []
    if _disguises().search(raw):
        found.append("a name, an address or a treatment")
    if any(match.group() in phones for match in _PHONE.finditer(raw)):
        found.append("a phone number")
    if _BORN.search(raw):
        found.append("a birth date")
    return found


def _chunks(path: Path) -> Iterator[bytes]:
    tail = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield tail + chunk
            tail = chunk[-_OVERLAP_BYTES:]


def _joined(urls: list[str]) -> bytes:
    return "\n".join(urls).encode()


async def leaks(case: Case, world: World) -> list[Violation]:
    """Each place that holds a planted string, once."""
    phones = frozenset(
        client.person.digits.removeprefix("1").encode() for client in case.plan.clients
    )
    state = world.stack.state
    places = [*sorted(state.glob("temporal.db*")), *sorted((state / "logs").glob("*.log"))]
    found = []
    for place in places:
        kinds = {kind for chunk in _chunks(place) for kind in secrets_in(chunk, phones)}
        found += [f"{place.name} holds {kind}" for kind in sorted(kinds)]
    urls = (await world.practice.http.get("/urls")).json()
    lookups = [url for url in urls if _BY_RECIPIENT in url]
    rest = [url for url in urls if _BY_RECIPIENT not in url]
    found += [f"a URL holds {kind}" for kind in secrets_in(_joined(rest), phones)]
    found += [f"a look-up holds {kind}" for kind in secrets_in(_joined(lookups), frozenset())]
    case.checked[LEAK] += len(phones) * (len(places) + 1)
    return [Violation(LEAK, -1, case.plan.ends, what) for what in found]
