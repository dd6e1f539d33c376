"""How a plan speaks: one touch through the same gate and outbox as every other message.

The order is that of every send: switch, holds, cap, allowed hours, channel and consent, intent
committed under the client's lock, switch again, provider call, answer.
"""

from datetime import UTC, date, datetime, timedelta

from activities import permission
from activities.contacts import read_again
from activities.contracts import CaseRef, SendIn, StandingOut
from activities.outbox import OVERTAKEN, Handover, Outbox, skipped_row
from activities.permission import Verdict
from activities.plan_contracts import PlanRef, TouchOut
from activities.send_case import SendCase, answer_row, read_case, ready_messages, skipped
from activities.tools import Tools
from activities.wording import version_for
from domain import calendar
from domain.case import Channel, ChannelOutcome, ChasePolicy, ChaseStep, Tone
from domain.messages import template_for
from domain.plan_course import Touch
from store import clients, send_answers, send_facts, template_versions, touchpoints
from store.db import transaction
from store.touchpoints import Touchpoint

SWITCH = "plans"
_WAITS = frozenset({"snoozed", "held"})
_NEWS = timedelta(minutes=1)
"""A client who said something while the step was claimed is read again after so long."""


class PlanVoice:
    """Says touches, and records those that were not said."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._outbox = Outbox(tools)

    async def say(self, ask: SendIn) -> TouchOut:
        """Send on every channel that may speak now, or say why not."""
        case, _ = await read_case(self._tools, ask)
        verdict = permission.before_balance(ask, case.facts, case.hours, None)
        if verdict is None and not case.routes.usable:
            status = "no_consent" if case.routes.is_consent_missing else "unreachable"
            verdict = permission.unsent(status, case.routes)
        if verdict is not None:
            return await self._not_sent(case, verdict)
        if case.facts.contact is not None:
            await read_again(self._tools, ask.case.location_id, ask.client_id)
        outcomes: list[ChannelOutcome] = []
        for channels in (case.routes.usable, case.routes.spare):
            if outcomes and not all(one.state == "refused" for one in outcomes):
                break
            claimed = await self._claim(case, channels)
            if isinstance(claimed, Verdict):
                return await self._not_sent(case, claimed)
            outcomes += await self._hand_over(case, claimed)
        return _answer(outcomes)

    async def _claim(
        self, case: SendCase, channels: tuple[Channel, ...]
    ) -> list[Touchpoint] | Verdict:
        """Claim the day and write the intents; or why it cannot be now."""
        ask = case.ask
        async with transaction(self._tools.pool) as conn:
            # Two cases of one client may be due at the same instant; here they queue.
            await clients.lock_client(conn, ask.client_id)
            now = await send_facts.touched(conn, ask.client_id, case.today)
            if now.words != case.facts.words:
                until = case.at + _NEWS
                return Verdict(
                    status="snoozed", answer="snoozed", reason="NEWS", rule="J2", until=until
                )
            full = permission.capped(ask, case.facts, now.touches, case.hours) or permission.quiet(
                case.at, case.hours
            )
            if full is not None:
                return full
            return await self._outbox.claim(conn, ask, case.today, channels, case.template_version)

    async def _hand_over(self, case: SendCase, rows: list[Touchpoint]) -> list[ChannelOutcome]:
        # No money is asked for, so there is no balance to read.
        nothing = StandingOut(status="verified", balance_cents=0)
        ready = await ready_messages(self._tools, case, rows, nothing)
        return await self._outbox.send(ready, Handover(switches=(SWITCH,), checked_at=_now()))

    async def _not_sent(self, case: SendCase, verdict: Verdict) -> TouchOut:
        ask = case.ask
        is_past = verdict.status not in _WAITS
        async with transaction(self._tools.pool) as conn:
            if is_past:
                await touchpoints.put_all(conn, skipped(case, ask.step.channels, verdict.reason))
            # An attempt that reached no provider left its intents; they would take up a day.
            left = verdict.reason if is_past else OVERTAKEN
            await touchpoints.drop_step(conn, ask.document_id, ask.step.name, left)
            await send_answers.note(conn, answer_row(ask, verdict))
        return TouchOut(status=verdict.status, reason=verdict.reason, until=verdict.until)

    async def leave_out(self, asks: list[SendIn], reason: str) -> None:
        """Record that touches of one plan are not said, and why."""
        async with transaction(self._tools.pool) as conn:
            version = await template_versions.of_case(conn, asks[0].case.case_id)
            rows = [
                skipped_row(ask, _day(ask), channel, reason, version_for(ask, version))
                for ask in asks
                for channel in ask.step.channels
            ]
            await touchpoints.put_all(conn, rows)


def as_send(
    plan: PlanRef,
    client_id: str,
    touch: Touch,
    chase: ChasePolicy,
    policy_version: int,
    at: datetime,
    *,
    template: str | None = None,
) -> SendIn:
    """A touch as the outbox takes it; the plan is its own document.

    `template` replaces the step's own words, see `PlanStep.template`.
    """
    step = touch.step
    return SendIn(
        case=CaseRef(
            case_id=plan.case_id,
            location_id=plan.location_id,
            pms="",
            visit_id=plan.plan_id,
            zone=plan.zone,
        ),
        client_id=client_id,
        document_id=plan.case_id,
        step=ChaseStep(
            name=touch.key,
            day=0,
            tone=Tone.NEUTRAL,
            channels=step.channels,
            message_class=step.message_class,
            priority=step.priority,
            template=template or template_for(step.name),
        ),
        chase=chase.model_copy(update={"version": policy_version}),
        day0=None,
        at=at,
        first=False,
        switch=SWITCH,
    )


def _day(ask: SendIn) -> date:
    return calendar.local_date(ask.at, ask.case.zone)


def _answer(outcomes: list[ChannelOutcome]) -> TouchOut:
    states = {outcome.state for outcome in outcomes}
    if "unknown" in states:
        keys = tuple(one.message_key for one in outcomes if one.state == "unknown")
        return TouchOut(status="unknown", message_keys=keys)
    if "accepted" in states:
        return TouchOut(status="sent")
    return TouchOut(status="off" if "skipped" in states else "unreachable")


def _now() -> datetime:
    return datetime.now(UTC)
