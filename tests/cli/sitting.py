"""A person at the full-screen queue: keys pressed, what is then on the screen."""

import asyncio
import contextlib
import os
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from rich.console import Console
from textual import events
from textual.keys import _character_to_key
from textual.widgets import Input, Static

from activities import answering, decisions, previews
from activities.contracts import ApplyIn
from domain.case import Decision
from domain.reviews import CONFIRM
from starter.errors import Refusal
from starter.screen.app import Desk, ReviewApp
from starter.screen.dialogs import Form
from starter.screen.reader import Reader
from starter.settings import load_settings
from store import locations

PATIENCE_SECONDS = 10


async def refuses(settings, review, decision):
    """A case that does not take the decision."""
    raise Refusal("The visit was paid meanwhile; nothing was changed.")


def a_case(pool):
    """What a case does with an answer: the real effect in the books, without an engine."""

    async def give(settings, review, decision):
        async def effect(asked, counts, is_first):
            place = await locations.get_location(conn, asked.location_id)
            case = previews.case_ref(asked.case_id, place)
            ask = ApplyIn(case=case, client_id=asked.client_id, decision=counts, at=at)
            return await decisions.carry_out(conn, ask, asked, is_first)

        async def no_effect(*_):
            return "done"

        at = datetime.now(UTC)
        async with pool.acquire() as conn, conn.transaction():
            if decision.choice == CONFIRM:
                proposed = Decision.model_validate(review.proposal)
                decision = proposed.model_copy(update={"confirmed_by": decision.by})
            of_visit = review.case_id.startswith("visit/")
            await answering.carry_out(conn, decision, at, effect if of_visit else no_effect)

    return give


@dataclass
class Sitting:
    """Somebody at the screen. `pressed` is every key."""

    app: ReviewApp
    pressed: list[str] = field(default_factory=list)
    drawn: list[str] = field(default_factory=list)

    @property
    def desk(self) -> Desk:
        return self.app.desk

    @property
    def session(self):
        return self.app.desk.session

    async def press(self, *keys) -> None:
        """Press keys as a terminal sends them; what they cause is waited for by `until`."""
        for key in keys:
            self.pressed.append(key)
            name, letter = (_character_to_key(key), key) if len(key) == 1 else (key, None)
            self.app._driver.send_message(events.Key(name, letter))
            await asyncio.sleep(0)

    async def type(self, text) -> None:
        await self.press(*text)

    async def until(self, true, what) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not true():
            assert time.monotonic() < deadline, f"{what}; the screen:\n{self.seen}"
            await asyncio.sleep(0.005)

    async def opens(self) -> None:
        """Open the question under the cursor."""
        await self.press("enter")
        await self.until(lambda: self.desk.is_open, "not open")

    async def rests(self) -> None:
        """Whatever the keys began has ended."""
        for _ in range(3):
            await asyncio.sleep(0.03)
            await self.app.workers.wait_for_complete()

    async def finds(self) -> None:
        """Begin to type words to find."""
        await self.press("/")
        await self.until(lambda: isinstance(self.app.focused, Input), "nowhere to type")

    async def previews(self) -> None:
        """The preview of an answer is on the screen."""
        await self.until(lambda: self.desk.pending is not None, "no preview")

    async def sees(self, words) -> None:
        await self.until(lambda: words in self.seen, f"no {words!r}")

    async def dialog(self, kind) -> None:
        await self.until(lambda: isinstance(self.app.screen, kind), f"no {kind.__name__}")
        if kind is Form:
            await self.until(lambda: isinstance(self.app.focused, Input), "nowhere to type")

    @property
    def seen(self) -> str:
        """The lines of the terminal, words set apart by single spaces."""
        return "\n".join(" ".join(line.split()) for line in self.lines)

    @property
    def lines(self) -> list[str]:
        """The lines of the terminal."""
        return [
            "".join(segment.text for segment in strip)
            for strip in self.app.screen._compositor.render_strips(self.app.size)
        ]

    def picture(self, name) -> None:
        """Draw the terminal for the documents, when they are wanted."""
        self.drawn = self.lines
        if target := os.environ.get("TIEOUT_PICTURES"):
            drawn = self.app.export_screenshot(title="tieout review")
            # No font from elsewhere: a document must not call out.
            drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.S)
            drawn = drawn.replace("Fira Code", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono'")
            Path(target, f"{name}.svg").write_text(drawn)

    @property
    def status(self) -> str:
        console = Console(width=200)
        with console.capture() as told:
            console.print(self.desk.query_one("#status", Static).content)
        return told.get().strip()


def app_of(world, pool, by="dana") -> ReviewApp:
    """The screen at the location's queue."""
    with mock.patch.dict(os.environ, world.env):
        settings = load_settings()
    return ReviewApp(Reader(settings, pool, world.vault, world.location_id), by)


@contextlib.asynccontextmanager
async def sitting(world, pool, *, by="dana", give=None, size=(80, 24)):
    """Somebody sits down at the queue; `give` stands for the engine that takes the answers."""
    app = app_of(world, pool, by)
    with mock.patch("starter.desk.engine.give_decision", give or a_case(pool)):
        async with app.run_test(size=size):
            it = Sitting(app)
            await it.until(lambda: it.session.has_read, "no queue")
            yield it
