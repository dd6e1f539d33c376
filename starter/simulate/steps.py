"""Invariant 3: every step that fell due was sent, or the product says why it was not.

What was sent is the twins' word. Only for a step that is missing there is the client's log
asked for a reason.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from starter.simulate.evidence import LOST, Case, Violation
from starter.simulate.plan import ZONE, Visit
from starter.simulate.seen import Message
from starter.simulate.world import World
from store import client_log
from store.client_log import LogRow

STEPS = (("invoice", 0), ("day-3", 3), ("day-7", 7), ("day-14", 14))
GRACE = timedelta(days=9)
"""A cap of three a week, holidays and an outage may move a step by so much."""
HANDED_OVER = timedelta(minutes=1)
"""A vendor takes a message so soon after its row says that it is being sent, by the wall clock."""
_FAILED = frozenset({"skipped", "failed", "unknown", "undelivered"})
_NO_REASONS = frozenset({"CHASE_EXHAUSTED", "PMS_CONFIRM", "PMS_WRITE_FAILED", "UNDERPAID"})
"""Questions during which nothing is left out."""


@dataclass(frozen=True)
class Due:
    """A step that a patient should have received by a time, unless there is a reason."""

    client: int
    visit: Visit
    step: str
    at: datetime
    ends: datetime
    """When the next step falls due, if there is one."""
    until: datetime


def due_steps(case: Case) -> Iterator[Due]:
    """Every step that fell due and stayed so for long enough, by what the driver did."""
    for client in case.plan.clients:
        number = client.person.number
        for visit in client.visits:
            closed = next(iter(case.truth.of(number, "closed", visit=visit.index)), None)
            if closed is None or visit.patient_cents <= 0:
                continue
            first = _first_received(case, number, case.clock.seen(closed.wall))
            for (step, days), (_, after) in zip(STEPS, (*STEPS[1:], ("", 999)), strict=True):
                at = case.clock.seen(closed.wall) if days == 0 else _day(first, days)
                if at is None or at + GRACE > case.plan.ends:
                    continue
                if _owed_throughout(case, number, visit, at + GRACE):
                    ends = min(at + GRACE, _day(first, after) or at + GRACE)
                    yield Due(number, visit, step, at, ends, at + GRACE)


def _first_received(case: Case, number: int, since: datetime) -> datetime | None:
    """When the invoice arrived. The days are counted from it; without one they are the desk's."""
    for message in case.seen.messages:
        if message.client == number and message.received and message.asks and message.at >= since:
            return message.at if message.template == "invoice" else None
    return None


def _day(first: datetime | None, days: int) -> datetime | None:
    if first is None:
        return None
    local = first.astimezone(ZoneInfo(ZONE)).replace(hour=9, minute=0, second=0)
    return local + timedelta(days=days)


def _owed_throughout(case: Case, number: int, visit: Visit, until: datetime) -> bool:
    """Whether the debt outlived the step's time; a payment on the way ends it as well."""
    for fact in case.truth.of(number, "in_flight", visit=visit.index):
        if case.clock.seen(fact.wall) <= until:
            return False
    paid = sum(
        fact.cents
        for fact in case.truth.of(number, "paid", visit=visit.index)
        if case.clock.seen(fact.wall) <= until
    )
    return paid < visit.patient_cents


async def lost_steps(case: Case, world: World) -> list[Violation]:
    """Steps that nobody received and nobody explains."""
    found = []
    logs: dict[int, list[LogRow]] = {}
    for due in due_steps(case):
        case.checked[LOST] += 1
        if _was_sent(case, due):
            continue
        if due.client not in logs:
            logs[due.client] = await _log(world, due.client)
        if not _is_explained(case, world.case_id(due.visit), due, logs[due.client]):
            what = f"{due.step} of visit {due.visit.index} was neither sent nor explained"
            found.append(Violation(LOST, due.client, due.at, what))
    return found


def _was_sent(case: Case, due: Due) -> bool:
    """Whether a vendor took it. That it then failed may be news that was lost on its way."""

    def fits(message: Message) -> bool:
        is_patients = message.client == due.client and message.asks
        return is_patients and due.at - timedelta(hours=1) <= message.at < due.ends

    return any(fits(message) for message in case.seen.messages)


def _was_early(case: Case, due: Due, row: LogRow) -> bool:
    """Whether a vendor took what the log calls this visit's step, whenever that was.

    What the desk treats as sent counts its days from earlier than what the patient received. Its
    words alone would not do: they may be those of another visit.
    """
    return row.state == "sending" and any(
        (message.client, message.channel) == (due.client, row.detail)
        and timedelta(0) <= message.wall - row.at <= HANDED_OVER
        for message in case.seen.messages
        if message.asks
    )


async def _log(world: World, client: int) -> list[LogRow]:
    async with world.practice.pool.acquire() as conn:
        return await client_log.client_log(conn, world.client_id(world.plan.client(client)))


def _is_explained(case: Case, case_id: str, due: Due, log: Sequence[LogRow]) -> bool:
    """Whether the client's log has a word on this step, or on all of them at that time."""
    for row in log:
        if row.case_id not in (None, case_id):
            continue
        if row.name == due.step and (
            row.source == "answer"
            or (row.source == "message" and row.state in _FAILED)
            or (row.source == "message" and _was_early(case, due, row))
        ):
            return True
        if row.source in ("question", "hold") and row.name not in _NO_REASONS:
            opened = case.clock.seen(row.at)
            if opened <= due.until and not _is_closed_by(case, row, log, due.at):
                return True
    return False


def _is_closed_by(case: Case, row: LogRow, log: Sequence[LogRow], at: datetime) -> bool:
    """Whether a question was answered, or a hold lifted, before a step fell due."""
    return any(
        other.ref == row.ref and other is not row and case.clock.seen(other.at) < at
        for other in log
        if (other.source, other.state) == ("hold", "released") or other.source == "decision"
    )
