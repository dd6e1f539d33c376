"""What the twins saw, and nothing else: messages taken and received, reads that they answered."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starter.simulate import words
from starter.simulate.clock import Clock
from starter.simulate.plan import Plan
from starter.simulate.truth import Fact
from starter.simulate.world import World

_LOST = frozenset({"failed", "undelivered", "canceled"})


@dataclass(frozen=True)
class Message:
    """One message that a vendor took for a patient. `at` is the practice's time of `wall`."""

    client: int
    channel: str
    wall: datetime
    at: datetime
    template: str
    body: str
    received: bool
    """Whether it reached the patient; a failed text was taken and did not."""

    @property
    def asks(self) -> bool:
        """Whether it asks for money."""
        return words.asks_for_money(self.template)


@dataclass
class Seen:
    """The twins' side of a run."""

    messages: list[Message] = field(default_factory=list)
    reads: dict[str, list[datetime]] = field(default_factory=dict)
    """Order id or processor invoice id -> when the product asked for it."""
    open_cents: dict[tuple[int, int], int] = field(default_factory=dict)
    """(client, visit) -> what the processor still asks for at the end."""
    struck: list[Fact] = field(default_factory=list)
    """Payments that a patient made while a call was under way."""

    def last_read(self, name: str, before: datetime) -> datetime | None:
        """When the product last asked for an order or invoice, up to an instant."""
        known = self.reads.get(name, [])
        place = bisect_right(known, before)
        return known[place - 1] if place else None


async def gather(world: World) -> Seen:
    """Read the twins' own records at the end of a run."""
    practice = world.practice
    seen = Seen()
    seen.messages = [
        *_texts(world.plan, world.clock, await practice.docs("sms")),
        *_mails(world.plan, world.clock, await practice.docs("email")),
    ]
    seen.messages.sort(key=lambda message: message.wall)
    seen.reads = _reads(await practice.docs("call"))
    seen.struck = _struck(world.invoice_owner, await practice.docs("happened"))
    seen.open_cents = _open_cents(world, await practice.docs("stripe.invoice"))
    return seen


def _texts(plan: Plan, clock: Clock, docs: Iterable[Mapping[str, Any]]) -> Iterable[Message]:
    numbers = {client.person.patient.phone_e164: client.person.number for client in plan.clients}
    for doc in docs:
        if doc["direction"] != "outbound-api" or doc["to"] not in numbers:
            continue
        wall = datetime.fromisoformat(doc["at"])
        yield Message(
            client=numbers[doc["to"]],
            channel="sms",
            wall=wall,
            at=clock.seen(wall),
            template=words.template_of(doc["body"]),
            body=doc["body"],
            received=doc["status"] not in _LOST,
        )


def _mails(plan: Plan, clock: Clock, docs: Iterable[Mapping[str, Any]]) -> Iterable[Message]:
    numbers = {client.person.patient.email: client.person.number for client in plan.clients}
    for doc in docs:
        if doc["to"] not in numbers:
            continue
        wall = datetime.fromisoformat(doc["at"])
        yield Message(
            client=numbers[doc["to"]],
            channel="email",
            wall=wall,
            at=clock.seen(wall),
            template=words.template_of(doc["subject"]),
            body=f"{doc['subject']}\n{doc['text']}",
            received=True,
        )


def _reads(calls: Iterable[Mapping[str, Any]]) -> dict[str, list[datetime]]:
    """Whatever a call names: the processor's invoices by their path, the PMS's orders by URN."""
    found: dict[str, list[datetime]] = defaultdict(list)
    for call in calls:
        at, request = datetime.fromisoformat(call["at"]), call["request"]
        if call["vendor"] == "stripe" and str(call["operation"]) == "invoices.retrieve":
            found[str(request["id"])].append(at)
        elif call["vendor"] == "boulevard":
            for value in (request.get("variables") or {}).values():
                found[str(value).rpartition(":")[2]].append(at)
    return {name: sorted(times) for name, times in found.items()}


def _struck(owners: Mapping[str, tuple[int, int]], docs: Iterable[Mapping[str, Any]]) -> list[Fact]:
    facts = []
    for doc in docs:
        parts: Sequence[str] = doc["act"]["path"].strip("/").split("/")
        owner = owners.get(parts[2]) if len(parts) == 4 else None
        if doc["status"] == 200 and owner is not None and parts[3] == "pay":
            cents = doc["act"]["body"]["amount_cents"]
            wall = datetime.fromisoformat(doc["at"])
            facts.append(Fact(wall, "paid", *owner, cents, {"how": "race", "invoice": parts[2]}))
    return facts


def _open_cents(world: World, docs: Iterable[Mapping[str, Any]]) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = defaultdict(int)
    for doc in docs:
        owner = world.case_owner.get((doc.get("metadata") or {}).get("case", ""))
        if owner is not None and doc["status"] == "open":
            found[owner] += doc["amount_remaining"]
    return dict(found)
