"""One send with all that was read for it, and the rows and words that come of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from activities import details, permission
from activities.contracts import SendIn, StandingOut, StepOpens
from activities.details import Details
from activities.hours import Hours
from activities.outbox import Ready, skipped_row
from activities.permission import Routes, Verdict
from activities.tools import Tools
from activities.wording import Envelope, choose, version_for
from domain import calendar
from domain.case import Channel, ChannelOutcome, MessageClass
from domain.consent import Permission
from domain.dunning import RECEIPT_STEP
from domain.money import dollars
from domain.template_catalog import DETAILED, NEUTRAL
from domain.template_versions import version_of_case
from store import checkouts, consents, invoices, send_facts, touchpoints
from store.db import Conn
from store.send_answers import SendAnswer
from store.send_facts import SendFacts
from store.touchpoints import Touchpoint


@dataclass(frozen=True)
class SendCase:
    """One send with what was read for it."""

    ask: SendIn
    today: date
    facts: SendFacts
    allowed: Mapping[Channel, Permission]
    routes: Routes
    hours: Hours
    begun: datetime
    """When the reading began, by this machine's clock."""

    @property
    def template_version(self) -> int:
        """Of the step's words: the case's own, see `wording.version_for`."""
        return self.version_for(self.ask)

    def version_for(self, ask: SendIn) -> int:
        """The same of another step of the case."""
        facts = self.facts
        return version_for(ask, version_of_case(facts.first_version, facts.replacements))

    @property
    def at(self) -> datetime:
        """The case's time by now: reading the balance may have taken long."""
        return self.ask.at + (datetime.now(UTC) - self.begun)


async def read_case(tools: Tools, ask: SendIn) -> tuple[SendCase, datetime | None]:
    """Everything but the balance outside; and until when a payer at work locks the send."""
    today, begun = calendar.local_date(ask.at, ask.case.zone), datetime.now(UTC)
    async with tools.pool.acquire() as conn:
        facts = await send_facts.read(
            conn,
            tools.vault,
            location_id=ask.case.location_id,
            case_id=ask.case.case_id,
            client_id=ask.client_id,
            document_id=ask.document_id,
            priority=ask.step.priority,
            today=today,
            day_begins=calendar.instant(today, time(0), ask.case.zone),
        )
        allowed = await consents.permissions(conn, ask.client_id, ask.step.message_class)
        locked_until = await checkouts.open_until(conn, ask.client_id, ask.at)
    hours = Hours(ask.chase, ask.case.zone, facts.contact, ask.step.message_class)
    routes = permission.routes(ask, facts, allowed)
    return SendCase(ask, today, facts, allowed, routes, hours, begun), locked_until


async def ready_messages(
    tools: Tools, case: SendCase, rows: Sequence[Touchpoint], standing: StandingOut
) -> list[Ready]:
    """Claimed messages with their words and their address."""
    ask, facts = case.ask, case.facts
    token = facts.token
    if token is None:
        async with tools.pool.acquire() as conn:
            token = await invoices.pay_link(
                conn, ask.case.case_id, ask.client_id, ask.case.location_id
            )
    if facts.contact is None:
        raise LookupError(f"There is no contact for client {ask.client_id}.")
    carrier = facts.channels.get(Channel.SMS)
    to = Envelope(
        client_id=ask.client_id,
        contact=facts.contact,
        token=token,
        practice_name=facts.location.practice_name,
        practice_phone=facts.location.reply_phone or "",
        practice_address=facts.location.postal_address or "",
        location_id=ask.case.location_id,
        text_provider=carrier.provider if carrier else "",
        validity_seconds=case.hours.seconds_left(case.at),
    )
    said = await _details(tools, case, rows, standing.balance_cents)
    return [
        Ready(
            row=row,
            words=choose(
                ask,
                row,
                standing,
                facts.contact,
                case.allowed[row.channel].detail if said else NEUTRAL,
            ),
            to=to.model_copy(update={"details": said}),
        )
        for row in rows
    ]


async def _details(
    tools: Tools, case: SendCase, rows: Sequence[Touchpoint], balance_cents: int
) -> Details:
    """Treatment and amount, for a client who agreed to see them, while all of it is owed."""
    if all(case.allowed[row.channel].detail != DETAILED for row in rows):
        return {}
    async with tools.pool.acquire() as conn:
        said = await details.of_document(conn, case.ask.document_id)
    return {} if said.get("amount", whole := dollars(balance_cents)) != whole else said


def later_steps(case: SendCase) -> tuple[StepOpens, ...]:
    """The steps to come that fall due in hours that are silent for this client."""
    ask, found = case.ask, []
    for step in ask.chase.steps:
        due = calendar.chase_due(ask.chase, step, ask.day0 or case.today, ask.case.zone)
        opens = case.hours.opens(due) if due > ask.at else due
        if opens > due:
            found.append(StepOpens(name=step.name, at=opens))
    return tuple(found)


def skipped(case: SendCase, channels: Sequence[Channel], reason: str) -> list[Touchpoint]:
    """Rows of the step itself, not sent, and why."""
    version = case.template_version
    return [skipped_row(case.ask, case.today, channel, reason, version) for channel in channels]


def skipped_late(case: SendCase) -> list[Touchpoint]:
    """Steps that an outage swallowed are recorded, never sent late."""
    by_name = {step.name: step for step in case.ask.chase.steps}
    late = [case.ask.model_copy(update={"step": by_name[name]}) for name in case.ask.skipped]
    return [
        skipped_row(ask, case.today, channel, "SKIPPED_LATE", case.version_for(ask))
        for ask in late
        for channel in ask.step.channels
    ]


async def said_for(conn: Conn, case: SendCase) -> tuple[ChannelOutcome, ...]:
    """The messages of the day that speak for this step, so that it hears when they bounce."""
    said = await touchpoints.said_today(
        conn, case.ask.client_id, case.today, MessageClass.BILLING, RECEIPT_STEP.name
    )
    return tuple(
        ChannelOutcome(
            channel=row.channel,
            message_key=row.message_key,
            state="refused" if row.state == "failed" else "accepted",
        )
        for row in said
    )


def answer_row(ask: SendIn, verdict: Verdict) -> SendAnswer:
    """A refusal as the client's log keeps it."""
    return SendAnswer(
        case_id=ask.case.case_id,
        client_id=ask.client_id,
        location_id=ask.case.location_id,
        document_id=ask.document_id,
        step=ask.step.name,
        priority=ask.step.priority,
        answer=verdict.answer,
        reason=verdict.reason,
        rule=verdict.rule,
        policy_version=ask.chase.version,
        until=verdict.until,
        at=ask.at,
    )
