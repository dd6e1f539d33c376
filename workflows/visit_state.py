"""What one visit remembers between two steps, and what counts as news to it."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import BuildOut, CaseRef, Mismatch
    from domain.case import DeliveryFailed, Hold, VisitInput, VisitStatus
    from domain.dunning import Dunning
    from domain.reviews import IN_SUSPENSE
    from workflows.case_room import CaseRoom
    from workflows.steps import VisitSteps

STUCK = "STATE_UNKNOWN"


class VisitState:
    """The state of a `TreatmentVisit`, its questions, and its news."""

    def __init__(self, visit: VisitInput) -> None:
        self.visit = visit
        self.room = CaseRoom(visit.location_id, visit.zone, visit.clock_shift_seconds)
        case = CaseRef(
            case_id=workflow.info().workflow_id,
            location_id=visit.location_id,
            pms=visit.pms,
            visit_id=visit.visit_id,
            zone=visit.zone,
        )
        self.steps = VisitSteps(case, visit.chase, self.room.now)
        self.status: VisitStatus | None = None
        self.bill: BuildOut | None = None
        self.balance_cents = 0
        self.dunning = Dunning(visit.chase, visit.zone)
        self.dunned_document_id = ""
        self.reopened = False
        self.chart_news = True
        self.chart_open = False
        self.draft_review_id: str | None = None
        self.money_news = False
        self.door_ok = True
        self.recorded_news = True
        self.seen_events: set[str] = {visit.event_id}
        self.failed: list[DeliveryFailed] = []
        self.held: Hold | None = None
        self.silenced: str | None = None
        """The kind of hold that the books have on the whole client."""
        self.released = False
        self.waits_for_hold = False
        self.carried = False
        """A step found too little owed to remind of."""
        self.ending: VisitStatus | None = None
        self.ended_by: str | None = None
        """Who ended the case, or gave up what was owed."""

    # -- questions

    async def _ask(self, code: str, *facts: str) -> None:
        """Put a question to the desk, once at a time."""
        if not self.room.asks(code):
            review_id = await self.steps.ask(code, facts, self.balance_cents, self.room.number())
            self._asked(Mismatch(review_id=review_id, code=code))

    def _asked(self, one: Mismatch) -> None:
        self.room.asked(one.review_id, one.code, self.visit.chase.staff_reminder_business_days)

    async def _verify_at(self, missing: str | None) -> datetime | None:
        """Nothing is sent on a balance that cannot be verified; after a day a person looks."""
        again = self.dunning.verify_again_at(self.room.now())
        if again is None:
            await self._ask(STUCK, f"the balance could not be read: {missing or 'a system'}")
        else:
            self.room.note(f"the balance cannot be read: {missing or 'a system'}")
        return again

    def _learned(self, balance_cents: int, mismatches: tuple[Mismatch, ...]) -> None:
        """Take over what the books said; what does not fit is with the desk already."""
        self.balance_cents = balance_cents
        for mismatch in mismatches:
            self._asked(mismatch)

    # -- news

    def _may_end(self, ending: VisitStatus) -> bool:
        """Not while money is unread or waits in suspense, nor while a link asks for too much."""
        in_suspense = any(map(self.room.asks, IN_SUSPENSE))
        unread = self._is_money_news() and not self.room.asks(STUCK)
        return not (in_suspense or unread) and (self.door_ok or ending != VisitStatus.WRITTEN_OFF)

    def _is_money_news(self) -> bool:
        return self.money_news and self.bill is not None

    def _chart_or_answer(self) -> bool:
        return self.chart_news or self.room.answer() is not None

    def _news_but_bounces(self) -> bool:
        ends = self.ending is not None and self._may_end(self.ending)
        said = self._chart_or_answer() or bool(self.room.undos)
        return said or self._is_money_news() or ends

    def _news(self) -> bool:
        """Something that may change what the case should do."""
        return bool(self.failed) or self._news_but_bounces()

    def _chase_news(self) -> bool:
        """News, or a person who wants the messages to stop, or to go on."""
        return self._news() or self.held is not None or self.released

    def _is_small(self) -> bool:
        """Less is owed than a patient is reminded of (D4)."""
        return 0 < self.balance_cents < self.visit.chase.minimum_chase_cents

    def _is_held(self) -> bool:
        return self.held is not None or self.silenced is not None
