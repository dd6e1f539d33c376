"""What a financing plan does to the world: read its facts, speak, ask, carry out.

A touch is decided from facts that are fresh at that moment: whether the plan still calls for
it, what is booked by now, and then the rules of every message.
"""

from datetime import datetime, timedelta

from temporalio import activity

from activities import answering
from activities.answering import Waits
from activities.clock import at_this_attempt
from activities.contracts import SendIn
from activities.errors import vendor_errors
from activities.installments import IN_HOUSE, sign
from activities.outbox import Outbox
from activities.plan_contracts import (
    ApplyPlanIn,
    ApplyPlanOut,
    AskPlanIn,
    AskPlanOut,
    LookUpIn,
    LookUpOut,
    OpenInstallmentIn,
    ReadPlanIn,
    ReadPlanOut,
    SignedOut,
    SignIn,
    TouchIn,
    TouchOut,
)
from activities.plan_decisions import carry_out_plan
from activities.plan_reading import PlanReader
from activities.plan_voice import PlanVoice, as_send
from activities.questions import question
from activities.tools import Tools
from connectors.ports import CaseEngine
from domain import calendar, ids
from domain.case import ChartAmended, Decision, VisitInput
from domain.lender_contracts import CONTRACTS
from domain.money import dollars
from domain.plan_case import Lender, PlanStanding
from domain.plan_course import Touch, is_called_for, is_pointless
from domain.plan_policy import Unless
from store import clients, locations, plans, reviews
from store.db import transaction
from store.locations import Location
from store.reviews import Review

_LOOK_AGAIN = timedelta(minutes=15)


class PlanActivities:
    """Financing plans."""

    def __init__(self, tools: Tools, engine: CaseEngine) -> None:
        self._tools = tools
        self._engine = engine
        self._reader = PlanReader(tools)
        self._voice = PlanVoice(tools)
        self._outbox = Outbox(tools)

    @activity.defn
    @vendor_errors
    async def read_plan(self, ask: ReadPlanIn) -> ReadPlanOut:
        """Every fact of the plan by now, and what is booked."""
        return await self._reader.read(ask.plan, ask.at)

    @activity.defn
    @vendor_errors
    async def touch_patient(self, ask: TouchIn) -> TouchOut:
        """Say one thing, unless the facts of this moment say otherwise."""
        location = await self._location(ask.plan.location_id)
        if ask.missed and ask.client_id is not None:
            late = [_send(ask, touch, location, ask.at) for touch in ask.missed]
            await self._voice.leave_out(late, "TOO_LATE")
        if ask.touch is None or ask.client_id is None:
            return TouchOut(status="off")
        at = at_this_attempt(ask.at)
        read = await self._reader.read(ask.plan, at)
        template = ask.touch.step.template(
            is_booked=read.facts.booked_on is not None, has_autopay=read.facts.plan.has_autopay
        )
        send = _send(ask, ask.touch, location, at, template)
        reason = _why_pointless(ask.touch, read, ask.plan.zone)
        if reason is not None:
            await self._voice.leave_out([send], reason)
            said = TouchOut(status="pointless", reason=reason)
        elif read.missing is not None and Unless.BOOKED in ask.touch.step.unless:
            said = TouchOut(status="unverified", reason=read.missing, until=at + _LOOK_AGAIN)
        else:
            said = await self._voice.say(send)
        return said.model_copy(update={"facts": read.facts})

    @activity.defn
    @vendor_errors
    async def look_up_touch(self, ask: LookUpIn) -> LookUpOut:
        """What became of messages of unknown outcome; none is sent again."""
        location = await self._location(ask.plan.location_id)
        step = as_send(ask.plan, "", ask.touch, location.chase, 0, ask.at).step
        outcomes = [
            await self._outbox.resolve(step, key, ask.last_look, may_repeat_email=False)
            for key in ask.message_keys
        ]
        unknown = tuple(one.message_key for one in outcomes if one.state == "unknown")
        return LookUpOut(unknown=unknown)

    @activity.defn
    @vendor_errors
    async def sign_plan(self, ask: SignIn) -> SignedOut:
        """The patient owes by instalments from now on; booked once."""
        today = calendar.local_date(ask.at, ask.plan.zone)
        pms = self._tools.pms[ask.plan.location_id].name
        async with transaction(self._tools.pool) as conn:
            return await sign(conn, ask.plan, pms, today)

    @activity.defn
    @vendor_errors
    async def open_installment(self, ask: OpenInstallmentIn) -> None:
        """An instalment becomes a case like a visit; one that has its case keeps it."""
        plan, location = ask.plan, await self._location(ask.plan.location_id)
        case_id = ids.installment_workflow_id(plan.location_id, plan.plan_id, ask.number)
        visit = VisitInput(
            keeps_end=True,
            location_id=plan.location_id,
            pms=IN_HOUSE,
            visit_id=ids.installment_visit_id(plan.plan_id, ask.number),
            zone=plan.zone,
            chase=ask.chase.model_copy(
                update={
                    "day0_on": ask.due_on - timedelta(days=ask.chase.due_days),
                    "never_on": ask.due_on,
                }
            ),
            event_id=plan.case_id,
            clock_shift_seconds=location.clock_shift_seconds,
        )
        again = ChartAmended(event_id=plan.case_id)  # a hint: the schedule is read anew
        await self._engine.start_or_signal(
            "TreatmentVisit", case_id, visit, "chart_amended", again, plan.location_id
        )

    @activity.defn
    @vendor_errors
    async def ask_about_plan(self, ask: AskPlanIn) -> AskPlanOut:
        """Put one question to the desk, with what is known of the plan."""
        plan = ask.plan
        async with transaction(self._tools.pool) as conn:
            standing = await plans.standing(conn, plan.location_id, plan.lender, plan.plan_id)
            asked = question(
                plan.case_id,
                plan.location_id,
                ask.code,
                ask.money_cents,
                ask.review_no,
                ask.at,
                client_id=ask.client_id,
                facts=ask.says,
                theirs=_told(standing) if standing else {},
            )
            shown = {**asked.shown, "subject": ask.subject}
            await reviews.open_review(conn, asked.model_copy(update={"shown": shown}))
        return AskPlanOut(review_id=asked.review_id)

    @activity.defn
    @vendor_errors
    async def apply_to_plan(self, ask: ApplyPlanIn) -> ApplyPlanOut:
        """Write who decided what, and do it, in one transaction; a repeat changes nothing."""
        async with transaction(self._tools.pool) as conn:
            if ask.client_id is not None:
                await clients.lock_client(conn, ask.client_id)

            async def effect(review: Review, counts: Decision, is_first: bool) -> ApplyPlanOut:
                what = ask.model_copy(update={"decision": counts})
                return await carry_out_plan(conn, what, review, is_first)

            done = await answering.carry_out(conn, ask.decision, ask.at, effect)
        return ApplyPlanOut(effect=done.effect) if isinstance(done, Waits) else done

    async def _location(self, location_id: str) -> Location:
        async with self._tools.pool.acquire() as conn:
            return await locations.get_location(conn, location_id)


def _send(
    ask: TouchIn, touch: Touch, location: Location, at: datetime, template: str | None = None
) -> SendIn:
    return as_send(
        ask.plan,
        ask.client_id or "",
        touch,
        location.chase,
        ask.policy_version,
        at,
        template=template,
    )


def _why_pointless(touch: Touch, read: ReadPlanOut, zone: str) -> str | None:
    """Why a touch would be wrong or useless by now, as the client's log names it."""
    if not is_called_for(touch, read.facts, zone):
        return "NOT_CALLED_FOR"
    unless = is_pointless(touch.step, read.facts)
    return f"PLAN_{unless.upper()}" if unless is not None else None


def _told(standing: PlanStanding) -> dict[str, str]:
    """The lender's side of a question."""
    told: dict[str, object] = {
        "lender": CONTRACTS[Lender(standing.lender)].name,
        "plan": standing.plan_id,
        "status": standing.status.replace("_", " "),
        "approved": dollars(standing.approved_cents) if standing.approved_cents else None,
        "a month": dollars(standing.monthly_cents) if standing.monthly_cents else None,
        "first payment": standing.first_payment_on,
        "final payment": standing.final_payment_on,
        "approval ends": standing.approval_expires_on,
    }
    return {name: str(value) for name, value in told.items() if value is not None}
