"""Reads the books for the screen and gives its answers; no widget comes here."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType

from domain.case import Decision
from domain.money import dollars
from domain.reviews import in_words, same_person, topic_of
from starter.desk import deciding, undoing
from starter.desk.books import SHORT, Books
from starter.desk.paper import heading, indented, pairs, plain
from starter.desk.preview_view import batch_page, preview_page
from starter.desk.queue import about, ending, evidence, no_invoice, reminders
from starter.desk.records import Outcome, Waiting
from starter.desk.visits_view import visit_page
from starter.errors import Refusal
from starter.screen.choosing import Act, Answer, Pending
from starter.screen.fields import decision_of, fields_of
from starter.screen.picking import Field, Option
from starter.screen.session import Line
from starter.settings import Settings
from store import invoices, reviews, visits
from store.db import Pool
from store.locations import Location
from store.reviews import Review
from store.vault import Vault

_WEEK_DAYS = 7
DECIDED_READ_MAX, DECIDED_SHOWN_MAX = 200, 50
"""Older decisions are taken back by `tieout review undo`."""


@dataclass(frozen=True)
class Page:
    """One question to read. `story` is everything but the answers, `due` the instant as words."""

    review: Review
    line: Line
    due: str
    story: RenderableType


class Reader:
    """The books, opened for as long as somebody sits at the screen, of one location or of all."""

    def __init__(
        self, settings: Settings, pool: Pool, vault: Vault, location_id: str | None = None
    ) -> None:
        self._settings, self._pool, self._vault = settings, pool, vault
        self.location_id = location_id
        self._places: dict[str, Location] = {}
        self._about: dict[str, str] = {}

    @contextlib.asynccontextmanager
    async def books(self) -> AsyncIterator[Books]:
        """The books on a connection of their own. Names show: a person sits at a terminal."""
        async with self._pool.acquire() as conn:
            yield Books(self._settings, conn, self._vault, True, self._places)

    async def queue(self) -> list[Line]:
        """Every open question, oldest first."""
        self._places.clear()  # a rehearsal may have moved a location's clock
        async with self.books() as books:
            return await self._lines(books, await deciding.queue(books, self.location_id))

    async def page(self, review_id: str) -> Page:
        """One question as it stands now."""
        async with self.books() as books:
            review = await reviews.get(books.conn, review_id)
            detail = await deciding.detail(books, review_id)
            [line] = await self._lines(books, [detail.waiting])
            due = detail.waiting.due_at
            when = await books.local(review.location_id, due) if due else ""
            story = await _story(books, review, line, detail.failed)
            return Page(review, line, when, story)

    async def visit(self, line: Line) -> RenderableType:
        """The whole story of the question's visit: bill with reasons, messages, money, ledger."""
        case_id = line.waiting.case_id
        async with self.books() as books:
            known = await visits.standings(books.conn, case_ids=[case_id])
            if not known:
                return plain(f"No visit belongs to this question; its case is {case_id}.")
            return await visit_page(books, known[0])

    async def fields(self, review: Review, answer: Answer, reasons: list[str]) -> list[Field]:
        """What the answer needs, as fields of a form."""
        async with self.books() as books:
            return await fields_of(books, review, answer.needs, reasons)

    async def pending(
        self, review: Review, answer: Answer, by: str, typed: Mapping[str, str]
    ) -> Pending:
        """The answer with its preview; refuses in one sentence what could not be carried out."""
        proposer = (review.proposal or {}).get("by", "")
        if proposer and same_person(proposer, by):
            raise Refusal(
                f"{proposer} proposed it; another person answers: w changes who sits here."
            )
        async with self.books() as books:
            if answer.act is Act.REFUSE:
                given = Decision(review_id=review.review_id, choice=answer.choice.name, by=by)
                refused = given.model_copy(update={"reason": typed.get("reason", "")})
                return Pending(answer, refused, dict(typed), plain(answer.effect))
            if answer.act is Act.CONFIRM:
                decision = Decision.model_validate(review.proposal)
            else:
                decision = await decision_of(books, review, answer.choice, by, typed)
            shown = await deciding.preview(books, decision)
            given_by = decision.model_copy(update={"by": by})
            possible = shown.problem is None
            return Pending(answer, given_by, dict(typed), preview_page(shown), possible)

    async def pending_all(self, pending: Pending, ids: Sequence[str]) -> Pending:
        """The same answer for every one of these questions, which are of one code."""
        async with self.books() as books:
            code = (await reviews.get(books.conn, pending.decision.review_id)).code
            found = await deciding.batch(
                books, pending.decision, code, self.location_id, among=frozenset(ids)
            )
        return replace(
            pending,
            answer=replace(pending.answer, act=Act.DECIDE_ALL),
            preview=batch_page(found),
            is_possible=bool(found.previews),
            ids=tuple(each.review_id for each in found.previews),
        )

    async def give(self, pending: Pending) -> list[Outcome]:
        """Do what was confirmed with `y`; what became of each question."""
        decision, act = pending.decision, pending.answer.act
        async with self.books() as books:
            if act is Act.CONFIRM:
                return [await deciding.confirm(books, decision.review_id, decision.by)]
            if act is Act.REFUSE:
                why = decision.reason
                return [await deciding.refuse(books, decision.review_id, decision.by, why)]
            if act is Act.DECIDE_ALL:
                return await deciding.decide_all(books, decision, pending.ids)
            return [await deciding.decide(books, decision)]

    async def decided(self) -> list[Option]:
        """The last decisions that can still be taken back, newest first, as options of a form."""
        async with self.books() as books:
            found = await reviews.list_decided(books.conn, self.location_id, DECIDED_READ_MAX)
            possible = [each for each in found if await undoing.is_possible(books, each)]
            return [await _decided(books, each) for each in possible[:DECIDED_SHOWN_MAX]]

    async def undo(self, review_id: str, by: str, reason: str) -> Outcome:
        """Take a decision back by counter-entries."""
        async with self.books() as books:
            return await deciding.undo(books, review_id, by, reason)

    async def take(self, review_id: str, by: str) -> None:
        """Somebody looks after a question from now on."""
        async with self.books() as books:
            await deciding.take(books, review_id, by)

    async def _lines(self, books: Books, found: Sequence[Waiting]) -> list[Line]:
        ids = [waiting.review_id for waiting in found]
        numbers = await invoices.numbers_of_reviews(books.conn, ids)
        return [await self._line(books, each, numbers.get(each.review_id, "")) for each in found]

    async def _line(self, books: Books, waiting: Waiting, invoice: str) -> Line:
        if waiting.review_id not in self._about:
            self._about[waiting.review_id] = await about(books, waiting.case_id, waiting.client_id)
        where = await books.location(waiting.location_id)
        now = datetime.now(UTC) + timedelta(seconds=where.clock_shift_seconds)
        due = due_words(waiting.due_at, now, where.zone)
        return Line(waiting, self._about[waiting.review_id], invoice, due)


def due_words(due: datetime | None, now: datetime, zone: str) -> str:
    """When an answer is due, in at most eight characters: `18:00`, `Fri 27`, `3 d late`."""
    if due is None:
        return ""
    place = ZoneInfo(zone)
    day, today = due.astimezone(place).date(), now.astimezone(place).date()
    if day < today:
        return f"{(today - day).days} d late"
    if day == today:
        return f"{due.astimezone(place):%H:%M}"
    return f"{day:%a %d}" if (day - today).days < _WEEK_DAYS else f"{day:%d %b}"


async def _decided(books: Books, review: Review) -> Option:
    given = review.decision or {}
    label = next((each.label for each in review.choices if each.name == given.get("choice")), "")
    who = await about(books, review.case_id, review.client_id)
    at = await books.local(review.location_id, review.decided_at or review.opened_at)
    words = f"{label}, {dollars(review.money_cents)}, {who}, by {review.decided_by} {at[5:]}"
    return Option(review.review_id[:SHORT], words)


async def _story(books: Books, review: Review, line: Line, failed: str | None) -> RenderableType:
    topic = topic_of(review.code)
    parts: list[RenderableType] = [
        *([plain(f"The last answer was not carried out: {failed}", "bold")] if failed else []),
        plain(in_words(topic.meaning, review.money_cents)),
        *await evidence(books, review),
    ]
    if review.state == "open":
        ignored = plain(in_words(topic.if_ignored, review.money_cents))
        parts += [heading("If nobody decides"), indented(ignored)]
    else:
        parts += await ending(books, review)
    asked = await books.local(review.location_id, review.opened_at)
    rows = [
        ("asked", f"{asked}, {line.waiting.age_business_days} business days ago"),
        ("question", f"{line.waiting.short_id}, {review.code}"),
        ("case", review.case_id),
    ]
    parts += [heading("About"), indented(pairs(rows)), *await reminders(books, review)]
    return Group(*parts)


def subject(line: Line) -> str:
    """Whom and what a line is about: `Fern Abbott, LUM-000003`."""
    return f"{line.who}, {line.invoice or no_invoice(line.waiting.case_id)}"
