"""The desk's queue: questions are opened, reminded of, withdrawn, and their answers carried out."""

from temporalio import activity

from activities import agreed_plan, answering
from activities.answering import Waits
from activities.contacts import refresh_contact
from activities.contracts import (
    ApplyIn,
    ApplyOut,
    OpenReviewIn,
    OpenReviewOut,
    RemindIn,
    WithdrawIn,
)
from activities.decisions import carry_out
from activities.errors import vendor_errors
from activities.plan_intake import PlanIntake
from activities.questions import question
from activities.refund_effects import booked_by
from activities.tools import Tools
from connectors.ports import CaseEngine, OutcomeUnknown, OutgoingEmail
from domain import ids
from domain.case import Decision
from domain.messages import render_email, template_for
from domain.money import dollars
from domain.reviews import topic_of
from store import clients, desk_policies, ledger, locations, reviews
from store.db import transaction
from store.locations import Location
from store.reviews import Review


class ReviewActivities:
    """Everything that a person is asked, and what their answer does."""

    def __init__(self, tools: Tools, engine: CaseEngine) -> None:
        self._tools = tools
        self._plans = PlanIntake(tools.pool, engine)

    @activity.defn
    @vendor_errors
    async def open_review(self, ask: OpenReviewIn) -> OpenReviewOut:
        """Put one question to the desk; the same question again is the same row."""
        asked = question(
            ask.case.case_id,
            ask.case.location_id,
            ask.code,
            ask.money_cents,
            ask.review_no,
            ask.at,
            client_id=ask.client_id,
            document_id=ask.document_id,
            facts=ask.facts,
            ours={"still owed": dollars(ask.money_cents)},
        )
        async with self._tools.pool.acquire() as conn:
            await reviews.open_review(conn, asked)
        return OpenReviewOut(review_id=asked.review_id)

    @activity.defn
    @vendor_errors
    async def apply_decision(self, ask: ApplyIn) -> ApplyOut:
        """Write who decided what, and do it, in one transaction; a repeat changes nothing.

        A plan that was agreed by it gets its case.
        """
        decision = ask.decision
        if decision.choice == "retry" and ask.client_id is not None:
            await self._read_contact(ask.case.location_id, ask.client_id)
        async with transaction(self._tools.pool) as conn:
            if ask.client_id is not None:
                await clients.lock_client(conn, ask.client_id)

            async def effect(review: Review, counts: Decision, is_first: bool) -> str:
                what = ask.model_copy(update={"decision": counts})
                return await carry_out(conn, what, review, is_first)

            done = await answering.carry_out(conn, decision, ask.at, effect)
            balance_cents = await ledger.balance_of_case(conn, ask.case.case_id)
            refund_ids = await booked_by(conn, decision.review_id)
        if decision.choice == agreed_plan.CHOICE:
            await self._open_plan(decision.review_id)
        next_step = done.effect if isinstance(done, Waits) else done
        return ApplyOut(effect=next_step, balance_cents=balance_cents, refund_ids=refund_ids)

    async def _open_plan(self, review_id: str) -> None:
        """Also for a repeat: the first try may have died before it told anybody."""
        async with self._tools.pool.acquire() as conn:
            facts = await agreed_plan.facts_of_decision(conn, await reviews.get(conn, review_id))
        await self._plans.take(facts[:1], f"decision/{review_id}")

    async def _read_contact(self, location_id: str, client_id: str) -> None:
        """The desk says that the PMS has the right address now."""
        async with self._tools.pool.acquire() as conn:
            pms_ref = await clients.pms_ref_of(conn, client_id)
        await refresh_contact(self._tools, location_id, pms_ref)

    @activity.defn
    @vendor_errors
    async def withdraw_review(self, ask: WithdrawIn) -> None:
        """Take back a question that the facts have answered."""
        async with self._tools.pool.acquire() as conn:
            await reviews.withdraw(conn, ask.review_id, ask.reason)

    @activity.defn
    @vendor_errors
    async def remind_staff(self, ask: RemindIn) -> None:
        """Remind the desk by e-mail, in neutral words; the last time the manager too (F3).

        A second copy after a crash does less harm than a reminder that never came, so the note
        in the books comes last.
        """
        async with self._tools.pool.acquire() as conn:
            location = await locations.get_location(conn, ask.location_id)
            review = await reviews.get(conn, ask.review_id)
            known = await reviews.reminders_of(conn, ask.review_id)
            policy = await desk_policies.current(conn, ask.location_id)
        if any(reminder.business_day == ask.business_day for reminder in known):
            return
        if review.state == "open":
            await self._mail(location, location.desk_email, review, ask.business_day, "staff")
            if ask.business_day >= max(location.chase.staff_reminder_business_days, default=0):
                manager = policy.manager_email
                await self._mail(location, manager, review, ask.business_day, "manager")
        async with self._tools.pool.acquire() as conn:
            await reviews.note_reminder(conn, ask.review_id, ask.business_day, ask.at)

    async def _mail(
        self, location: Location, address: str | None, review: Review, business_day: int, who: str
    ) -> None:
        """`who`: staff | manager; nothing where the location names no address."""
        if not address:
            return
        email = render_email(
            template_for("staff_reminder", None),
            {
                "practice_name": location.practice_name,
                "question": topic_of(review.code).title,
                "review_id": review.review_id,
                "business_day": business_day,
            },
        )
        try:
            await self._tools.emails.send(
                OutgoingEmail(
                    message_key=ids.message_key(
                        review.review_id, f"{who}_reminder", "email", business_day, 0
                    ),
                    to_address=address,
                    subject=email.subject,
                    text=email.text,
                    html=email.html,
                )
            )
        except OutcomeUnknown:
            return  # the question stays in the queue; a second copy helps nobody
