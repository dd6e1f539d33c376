"""Plans of the practice's own: signed in the books once, each instalment a case when it is near."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain import calendar, plan_course
    from domain.case import PaymentPosted
    from domain.money import dollars
    from domain.plan_case import Ask, Installment
    from domain.plan_course import PlanFacts
    from domain.plan_policy import told_at_once
    from workflows.plan_state import PlanState


class OwnInstallments(PlanState):
    """Sign and bill; nothing of it concerns a lender's plan."""

    def _is_to_sign(self, facts: PlanFacts) -> bool:
        return plan_course.is_to_sign(facts) and not self.is_signed

    async def _sign(self) -> None:
        """The visit owes less from now on; it reads that by itself once it is told."""
        signed = await self.steps.sign()
        self.is_signed = True
        if signed.over_cents:
            says = f"{dollars(signed.over_cents)} of the plan stand on no visit."
            self._raise(Ask(code="PLAN_OVER_BALANCE", key="over", says=(says,)))
        if signed.visit_case_id is None:
            return
        visit = workflow.get_external_workflow_handle(signed.visit_case_id)
        try:
            await visit.signal("payment_posted", PaymentPosted(payment_id=self.steps.case_id))
        except ApplicationError:
            self.room.note("the visit of this plan is closed already")

    async def _bill(self, part: Installment) -> None:
        """An instalment is a case of its own: asked for, chased and reconciled like a visit."""
        chase = self.policy.installment_chase
        if part.is_rest:
            today = calendar.local_date(self.room.now(), self.start.zone)
            chase = told_at_once(chase, (part.due_on - today).days)
        await self.steps.open_installment(part.number, part.due_on, chase)
        self.billed.add(part.number)
