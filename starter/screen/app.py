"""`tieout review` on the whole screen. Truth is in `session`, the books are behind `reader`."""

from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType

from starter.desk.records import Outcome
from starter.errors import sentence
from starter.screen.choosing import Act, Answer, Pending
from starter.screen.dialogs import Form, ask_name, undo_field
from starter.screen.fields import reason_field
from starter.screen.queue_screen import QueueScreen
from starter.screen.reader import Reader
from starter.screen.session import Session
from starter.screen.widgets import Question
from store.reviews import Review

TALL_LINES = 36
"""From here on the list and the question under its cursor fit below each other."""


class ReviewApp(App[None]):
    """The terminal application."""

    CSS_PATH = "screen.tcss"
    ENABLE_COMMAND_PALETTE = False
    TITLE = "tieout review"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (TALL_LINES, "-tall")]  # noqa: RUF012

    def __init__(self, reader: Reader, by: str = "") -> None:
        super().__init__()
        self.desk = Desk(reader, Session(by=by))

    def on_mount(self) -> None:
        """Sit down."""
        self.push_screen(self.desk)

    @property
    def failure(self) -> Exception | None:
        """What ended the application against its will."""
        return self._exception

    def _fatal_error(self) -> None:
        # Textual would print every local variable, the patients' names among them.
        self._close_messages_no_wait()


class Desk(QueueScreen):
    """The queue, and the answers of the person who sits at it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(n), f"choose({n})") for n in range(1, 10)),
        Binding("y", "yes"),
        Binding("r", "reason"),
        Binding("b", "all"),
        Binding("t", "take"),
        Binding("a", "assign"),
        Binding("w", "who"),
        Binding("u", "undo"),
    ]

    def key_hints(self) -> Sequence[tuple[str, str]]:
        """A preview is answered or left."""
        if self.pending is None:
            return super().key_hints()
        alike = len(self.session.alike(self.pending.decision.review_id))
        more = [("Space", "more")] if self.query_one(Question).has_more else []
        return [*more, *keys_of(self.pending, self.session.by, alike)]

    @work(exclusive=True, group="dialog")
    async def action_choose(self, number: int) -> None:
        """Ask what the numbered answer needs, then show what it does."""
        with self.spoken():
            review_id = self.session.current_id if self.shows_question else ""
            if not review_id or review_id in self.session.under_way:
                return
            if self.page is None or self.page.review.review_id != review_id:
                await self.read_page()  # a quick hand is ahead of the screen
            if self.page is not None and number <= len(self.answers):
                await self._prepare(self.page.review, self.answers[number - 1])

    async def _prepare(self, review: Review, answer: Answer) -> None:
        if not self.session.by and not await self._ask_who():
            return
        typed: dict[str, str] = {}
        if answer.needs:
            fields = await self.reader.fields(review, answer, self.session.reasons)

            async def check(given: dict[str, str]) -> str | None:
                try:
                    await self.reader.pending(review, answer, self.session.by, given)
                except Exception as error:
                    return sentence(error)
                return None

            filled = await self.app.push_screen_wait(Form(answer.label, fields, check))
            if filled is None:
                return
            typed = filled
        await self._preview(review, answer, typed)

    async def _preview(self, review: Review, answer: Answer, typed: dict[str, str]) -> None:
        pending = await self.reader.pending(review, answer, self.session.by, typed)
        if self.session.current_id == review.review_id:
            self._show(pending)

    def _show(self, pending: Pending) -> None:
        self.pending = pending
        self.say("")
        self.add_class("-asks")
        self.query_one(Question).show_pending(pending)
        self.draw_keys()
        self.call_after_refresh(self.draw_keys)  # by then it is known whether it goes on below

    @work(exclusive=True, group="dialog")
    async def action_reason(self) -> None:
        """Add a reason to the answer."""
        pending, page = self.pending, self.page
        if pending is None or page is None or pending.answer.act is not Act.DECIDE:
            return
        with self.spoken():
            field = reason_field(self.session.reasons, optional=True)
            given = await self.app.push_screen_wait(Form("Why?", [field]))
            if given:
                await self._preview(page.review, pending.answer, {**pending.typed, **given})

    @work(exclusive=True, group="dialog")
    async def action_all(self) -> None:
        """The same answer for every shown question of this code."""
        pending = self.pending
        if pending is None or pending.answer.act is not Act.DECIDE:
            return
        with self.spoken():
            alike = self.session.alike(pending.decision.review_id)
            if len(alike) > 1:
                self._show(await self.reader.pending_all(pending, alike))

    def action_yes(self) -> None:
        """Do what the preview shows."""
        pending = self.pending
        if pending is None or not pending.is_possible:
            return
        self.pending = None
        self._give(pending)

    @work(group="give")
    async def _give(self, pending: Pending) -> None:
        session, review_id = self.session, pending.decision.review_id
        under_way = {review_id, *pending.ids} - session.under_way
        session.under_way |= under_way
        self.show_answers()
        self.say(f"{pending.answer.label}: on its way ...")
        with self.spoken():
            outcomes = await self.reader.give(pending)
            session.gave_reason(pending.decision.reason)
            lines = await self.reader.queue()
            session.decided += len(outcomes)
            session.arrived(lines, reading=self.is_open)
            if session.current_id == review_id:
                session.go_on(review_id)
            self.say(*result_of(outcomes, len(lines)))
        session.under_way -= under_way
        if not session.current_id:
            self.close_question()
        self.draw()

    @work(exclusive=True, group="dialog")
    async def action_undo(self) -> None:
        """Take a decision back, the last one unless another is named."""
        with self.spoken():
            decided = await self.reader.decided()
            if not decided:
                self.say("Nothing was decided yet.")
            elif self.session.by or await self._ask_who():
                fields = [undo_field(decided), reason_field(self.session.reasons)]
                given = await self.app.push_screen_wait(Form("Take a decision back", fields))
                if given is not None:
                    self._undo(given["review"], given["reason"])

    @work(group="give")
    async def _undo(self, review_id: str, reason: str) -> None:
        self.say("Taking it back ...")
        with self.spoken():
            outcome = await self.reader.undo(review_id, self.session.by, reason)
            self.session.gave_reason(reason)
            self.session.arrived(await self.reader.queue(), reading=self.is_open)
            self.say(*result_of([outcome], len(self.session.lines)))
            self.draw()

    @work(exclusive=True, group="dialog")
    async def action_take(self) -> None:
        """Look after this question."""
        if self.session.by or await self._ask_who():
            await self._hand_to(self.session.by)

    @work(exclusive=True, group="dialog")
    async def action_assign(self) -> None:
        """Give this question to somebody."""
        owners = sorted({line.waiting.owner for line in self.session.lines if line.waiting.owner})
        given = await self.app.push_screen_wait(ask_name("Who looks after it?", owners))
        if given is not None:
            await self._hand_to(given["by"])

    async def _hand_to(self, name: str) -> None:
        line = self.session.current
        if line is None:
            return
        with self.spoken():
            await self.reader.take(line.review_id, name)
            self.say(f"{name} looks after: {line.waiting.title}, {line.who}.", "good")
            self.refresh_queue()

    @work(exclusive=True, group="dialog")
    async def action_who(self) -> None:
        """Somebody else decides from now on."""
        await self._ask_who()

    async def _ask_who(self) -> bool:
        given = await self.app.push_screen_wait(ask_name("Who decides?", []))
        if given is None:
            return False
        self.session.by = given["by"]
        if self.pending is not None:
            self.show_answers()
        self.draw()
        return True


def keys_of(pending: Pending, by: str, alike: int) -> list[tuple[str, str]]:
    """The keys that a preview offers."""
    if not pending.is_possible:
        return [("Esc", "another answer")]
    does = {Act.CONFIRM: "confirm it", Act.REFUSE: "refuse it"}
    plainly = "propose it" if pending.answer.second_person else "decide so"
    keys = [("y", f"{does.get(pending.answer.act, plainly)}, as {by}")]
    if pending.answer.act is Act.DECIDE:
        keys.append(("r", "add a reason"))
        if alike > 1:
            keys.append(("b", f"all {alike} of this code"))
    return [*keys, ("Esc", "back")]


def result_of(outcomes: Sequence[Outcome], left: int) -> tuple[str, str]:
    """The result line and its mood: what became of one answer, or of many."""
    rest = "Nothing is left." if left == 0 else f"{left} left."
    if len(outcomes) == 1:
        bad = outcomes[0].state == "failed"
        return f"{outcomes[0].sentence} {rest}", "bad" if bad else "good"
    failed = [each for each in outcomes if each.state == "failed"]
    if not failed:
        return f"{len(outcomes)} questions answered. {rest}", "good"
    done = len(outcomes) - len(failed)
    return (
        f"{done} of {len(outcomes)} answered; the first that was not: {failed[0].sentence}",
        "bad",
    )
