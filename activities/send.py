"""Send: one dunning step, decided from facts that are fresh at the moment of the hand-off.

The order never changes: switch, channel, holds, consent, cap, allowed hours, balance, intent
committed, switch again, provider call, answer. An unknown answer is looked up before anything
is tried again. Whatever is not sent is recorded with the rule that forbade it.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from temporalio import activity

from activities import permission
from activities.clock import at_this_attempt
from activities.contacts import read_again
from activities.contracts import (
    ResolveIn,
    ResolveOut,
    SendIn,
    SendOut,
    StandingIn,
    StandingOut,
)
from activities.errors import vendor_errors
from activities.outbox import OVERTAKEN, Handover, Outbox
from activities.permission import Routes, Verdict
from activities.send_case import (
    SendCase,
    answer_row,
    later_steps,
    read_case,
    ready_messages,
    said_for,
    skipped,
    skipped_late,
)
from activities.standing import StandingActivities
from activities.tools import Tools
from activities.wording import PAYMENT_FAILED
from connectors.ports import ProviderUnavailable
from domain.cap import PRIORITIES
from domain.case import Channel, ChannelOutcome
from domain.dunning import RECEIPT_STEP
from store import (
    clients,
    locations,
    send_answers,
    send_facts,
    touchpoints,
)
from store.db import Conn, transaction
from store.touchpoints import Touchpoint

_FRESH = timedelta(seconds=2)
"""How old the balance may be when a message is handed over."""
_READS_MAX = 3
_JUST_READ = timedelta(minutes=10)
"""How long the contact that the bill was issued to is good for."""


class SendActivities:
    """Messages to the patient."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._standing = StandingActivities(tools)
        self._outbox = Outbox(tools)

    @activity.defn
    @vendor_errors
    async def send_step(self, ask: SendIn) -> SendOut:
        """Send the step on every channel that may speak now, or say why not."""
        # An attempt may begin long after the step was due, when the window has closed.
        return await self._decide(_as_of_now(ask))

    async def _decide(self, ask: SendIn) -> SendOut:
        case, locked_until = await read_case(self._tools, ask)
        owed = StandingOut(status="verified", balance_cents=case.facts.balance_cents)
        early = permission.switched_off(ask, case.facts)
        if early is None and case.routes.usable:
            early = permission.before_balance(ask, case.facts, case.hours, locked_until)
        elif early is None:
            early = permission.held(ask, case.facts.holds)
        if early is not None:
            return await self._not_sent(case, early, owed)
        await self._read_contact(case)
        standing = await self._refresh(ask)
        late = permission.after_balance(ask, case.facts, standing)
        if late is not None:
            return await self._not_sent(case, late, standing)
        if not case.routes.usable:
            if await self._is_news(case):
                return await self._decide(ask.model_copy(update={"at": case.at}))
            return await self._no_route(case, standing)
        return await self._send(case, standing)

    async def _read_contact(self, case: SendCase) -> None:
        """A reminder goes to the number that the patient has now; the bill has just read it.

        Another one is news, so that everything is decided anew.
        """
        issued_at, at = case.facts.issued_at, case.ask.at
        is_just_read = issued_at is not None and at - issued_at < _JUST_READ
        if case.facts.contact is not None and not is_just_read:
            await read_again(self._tools, case.ask.case.location_id, case.ask.client_id)

    async def _refresh(self, ask: SendIn) -> StandingOut:
        return await self._standing.refresh(
            StandingIn(case=ask.case, client_id=ask.client_id, at=ask.at)
        )

    # -- not sent

    async def _not_sent(self, case: SendCase, verdict: Verdict, standing: StandingOut) -> SendOut:
        ask = case.ask
        rows: list[Touchpoint] = []
        if verdict.status in ("off", "covered"):
            rows = skipped(case, ask.step.channels, verdict.reason)
        async with transaction(self._tools.pool) as conn:
            await touchpoints.put_all(conn, rows)
            # An attempt that reached no provider left its intents: they must not go any more,
            # nor take up the client's day. Unless the step is past, it may go as a new intent.
            left = verdict.reason if rows else OVERTAKEN
            await touchpoints.drop_step(conn, ask.document_id, ask.step.name, left)
            await send_answers.note(conn, answer_row(ask, verdict))
            said = await said_for(conn, case) if verdict.status == "covered" else ()
        answer = _answer(verdict.status, standing, case.today, said)
        return answer.model_copy(update={"until": verdict.until, "reason": verdict.reason})

    async def _no_route(self, case: SendCase, standing: StandingOut) -> SendOut:
        """No channel may carry the step: recorded, and a person is asked."""
        rows = [
            row
            for channel, reason in case.routes.barred.items()
            for row in skipped(case, (channel,), reason)
        ]
        status = "no_consent" if case.routes.is_consent_missing else "unreachable"
        async with transaction(self._tools.pool) as conn:
            await touchpoints.put_all(conn, [*rows, *skipped_late(case)])
            await self._note_unsent(conn, case, status)
        return _answer(status, standing, case.today)

    async def _note_unsent(self, conn: Conn, case: SendCase, status: str) -> None:
        """The step is past and reached nobody."""
        ask, verdict = case.ask, permission.unsent(status, case.routes)
        await touchpoints.drop_step(conn, ask.document_id, ask.step.name, verdict.reason)
        await send_answers.note(conn, answer_row(ask, verdict))

    # -- sent

    async def _send(self, case: SendCase, standing: StandingOut) -> SendOut:
        ask = case.ask
        outcomes: list[ChannelOutcome] = []
        for channels in (case.routes.usable, case.routes.spare):
            if outcomes and not _is_refused(outcomes):
                break
            claimed = await self._claim(case, channels, skip_too=not outcomes)
            if claimed is None:
                return await self._decide(ask.model_copy(update={"at": case.at}))
            if isinstance(claimed, Verdict):
                return await self._not_sent(case, claimed, standing)
            read_at = standing.read_at
            standing, late = await self._fresh(case, standing)
            if late is not None:
                return await self._not_sent(case, late, standing)
            if standing.read_at != read_at and await self._is_news(case):
                return await self._decide(ask.model_copy(update={"at": case.at}))
            ready = await ready_messages(self._tools, case, claimed, standing)
            last = Handover(switches=permission.switches_of(ask), checked_at=_read_at(standing))
            outcomes += await self._outbox.send(ready, last)
        status = _status(outcomes, case.routes)
        if status not in ("sent", "unknown"):
            async with transaction(self._tools.pool) as conn:
                await self._note_unsent(conn, case, status)
        answer = _answer(status, standing, case.today, tuple(outcomes))
        return answer.model_copy(update={"later": later_steps(case)})

    async def _claim(
        self, case: SendCase, channels: Sequence[Channel], *, skip_too: bool
    ) -> list[Touchpoint] | Verdict | None:
        """Claim the day and write the intents; or why another message has the day already.

        None: the client said something, was put on hold or went to pay since the facts were read.
        """
        ask = case.ask
        rows: list[Touchpoint] = []
        if skip_too:
            for channel in ask.step.channels:
                if channel in case.routes.barred:
                    rows += skipped(case, (channel,), case.routes.barred[channel])
            rows += skipped_late(case)
        async with transaction(self._tools.pool) as conn:
            # Two visits of one client may be due at the same instant; here they queue.
            await clients.lock_client(conn, ask.client_id)
            now = await send_facts.touched(conn, ask.client_id, case.today)
            if skip_too and now.words != case.facts.words:
                return None
            full = permission.capped(ask, case.facts, now.touches, case.hours) or permission.quiet(
                case.at, case.hours
            )
            if full is not None:
                return full
            version = case.template_version
            return await self._outbox.claim(conn, ask, case.today, channels, version, rows)

    async def _fresh(
        self, case: SendCase, standing: StandingOut
    ) -> tuple[StandingOut, Verdict | None]:
        """The balance again when the one at hand is too old to act on."""
        for _ in range(_READS_MAX):
            if datetime.now(UTC) - _read_at(standing) <= _FRESH:
                return standing, None
            standing = await self._refresh(case.ask)
            late = permission.after_balance(case.ask, case.facts, standing)
            if late is not None:
                return standing, late
        raise ProviderUnavailable("the balance could not be read in time")

    async def _is_news(self, case: SendCase) -> bool:
        """Whether the client said something, was put on hold or went to pay since the facts."""
        async with self._tools.pool.acquire() as conn:
            now = await send_facts.touched(conn, case.ask.client_id, case.today)
        return now.words != case.facts.words

    # -- unknown outcomes

    @activity.defn
    @vendor_errors
    async def resolve_sends(self, ask: ResolveIn) -> ResolveOut:
        """Look up messages of unknown outcome; what is certainly not there may go again."""
        outcomes = [await self._resolve(ask, key, again=False) for key in ask.message_keys]
        # Looking up takes time, so what an e-mail may still do is asked after it.
        open_emails = [o for o in outcomes if o.state == "unknown" and o.channel is Channel.EMAIL]
        for outcome in open_emails:
            if await self._may_repeat_email(ask):
                again = await self._resolve(ask, outcome.message_key, again=True)
                outcomes[outcomes.index(outcome)] = again
        return ResolveOut(
            unknown=tuple(o.message_key for o in outcomes if o.state == "unknown"),
            absent=tuple(o.message_key for o in outcomes if o.state == "absent"),
            outcomes=tuple(outcomes),
        )

    async def _resolve(self, ask: ResolveIn, key: str, *, again: bool) -> ChannelOutcome:
        return await self._outbox.resolve(ask.step, key, ask.last_look, may_repeat_email=again)

    async def _may_repeat_email(self, ask: ResolveIn) -> bool:
        """What holds for a send holds for its repetition, as the facts are now."""
        if not self._tools.emails.resends_safely:
            return False
        async with self._tools.pool.acquire() as conn:
            row = await touchpoints.get(conn, ask.message_keys[0])
            location = await locations.get_location(conn, ask.case.location_id)
        again = SendIn(
            case=ask.case,
            client_id=ask.client_id,
            document_id=row.document_id or "",
            step=ask.step.model_copy(update={"channels": (Channel.EMAIL,)}),
            chase=location.chase,
            day0=None,
            at=at_this_attempt(ask.at),
            first=True,
            settled_ok=ask.step.name == RECEIPT_STEP.name,
        )
        case, locked_until = await read_case(self._tools, again)
        if Channel.EMAIL not in case.routes.usable:
            return False
        if permission.before_balance(again, case.facts, case.hours, locked_until) is not None:
            return False
        standing = await self._refresh(again)
        if permission.after_balance(again, case.facts, standing) is not None:
            return False
        async with self._tools.pool.acquire() as conn:
            now = await send_facts.touched(conn, ask.client_id, case.today)
            location = await locations.get_location(conn, ask.case.location_id)
        live = location.switch("chase") == location.switch("send") == "live"
        return live and now.words == case.facts.words


def _as_of_now(ask: SendIn) -> SendIn:
    """The step at this attempt; news of a failed payment goes before everything else."""
    changes: dict[str, object] = {"at": at_this_attempt(ask.at)}
    if ask.in_flight_cents is not None:
        first = {"priority": PRIORITIES[PAYMENT_FAILED]}
        changes["step"] = ask.step.model_copy(update=first)
    return ask.model_copy(update=changes)


def _read_at(standing: StandingOut) -> datetime:
    if standing.read_at is None:
        raise LookupError("a balance that was not read cannot be acted on")
    return standing.read_at


def _is_refused(outcomes: Sequence[ChannelOutcome]) -> bool:
    return all(outcome.state == "refused" for outcome in outcomes)


def _status(outcomes: Sequence[ChannelOutcome], routes: Routes) -> str:
    states = {outcome.state for outcome in outcomes}
    if "unknown" in states:
        return "unknown"
    if "accepted" in states:
        return "sent"
    if "skipped" in states:
        return "off"
    return "no_consent" if routes.is_consent_missing else "unreachable"


def _answer(
    status: str,
    standing: StandingOut,
    today: date,
    outcomes: tuple[ChannelOutcome, ...] = (),
) -> SendOut:
    return SendOut(
        status=status,
        balance_cents=standing.balance_cents,
        outcomes=outcomes,
        local_date=today,
        missing=standing.missing,
        door_in_step=standing.door_in_step,
        mismatches=standing.mismatches,
    )
