"""A scripted lender behind the real activity names: its pages, its files, its desk."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.lending_contracts import (
    ApplyFeedIn,
    ApplyFeedOut,
    AskFeedIn,
    AskFeedOut,
    CheckFeedIn,
    CheckFeedOut,
    ImportFileIn,
    ImportFileOut,
    ListFilesIn,
    ListFilesOut,
    NewFile,
    ReadOneIn,
    ReadOneOut,
    ReadPageIn,
    ReadPageOut,
)
from tests.workflows.fakes import Fake, World


class FakeLenders(Fake):
    """Answers every call; `refuses` counts 429s to come, each with a pause of a second."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.pages = 1
        self.files: tuple[str, ...] = ()
        self.refuses = 0
        self.while_reading: Callable[[], Any] | None = None

    def calls(self) -> list[Any]:
        """What runs on the lender's own queue."""
        return [
            self.read_lender_thing,
            self.read_lender_page,
            self.list_lender_files,
            self.import_lender_file,
        ]

    def activities(self) -> list[Any]:
        return [self.check_feed, self.ask_feed, self.apply_feed]

    @activity.defn
    async def read_lender_thing(self, ask: ReadOneIn) -> ReadOneOut:
        self.heard(ask)
        self._pace()
        if self.while_reading is not None:
            happens, self.while_reading = self.while_reading, None
            await happens()
        return ReadOneOut(status="read")

    @activity.defn
    async def read_lender_page(self, ask: ReadPageIn) -> ReadPageOut:
        self.heard(ask)
        at = int(ask.following or 0) + 1
        return ReadPageOut(
            since=ask.since or ask.began_at - timedelta(days=90),
            following=str(at) if at < self.pages else None,
            told=0,
            unread=(f"{ask.thing} {at}",) if ask.thing == "funding" else (),
        )

    @activity.defn
    async def list_lender_files(self, ask: ListFilesIn) -> ListFilesOut:
        self.heard(ask)
        return ListFilesOut(files=tuple(NewFile(name=n, made_at="1") for n in self.files))

    @activity.defn
    async def import_lender_file(self, ask: ImportFileIn) -> ImportFileOut:
        self.heard(ask)
        return ImportFileOut(rows=1, bad=0, told=1)

    @activity.defn
    async def check_feed(self, ask: CheckFeedIn) -> CheckFeedOut:
        self.heard(ask)
        return CheckFeedOut(told=len(ask.unread), healed=0)

    @activity.defn
    async def ask_feed(self, ask: AskFeedIn) -> AskFeedOut:
        world = self.heard(ask)
        key = f"{ask.number}/{ask.trouble.key}"
        return AskFeedOut(review_id=world.open(ask.trouble.code, ask.case_id, key))

    @activity.defn
    async def apply_feed(self, ask: ApplyFeedIn) -> ApplyFeedOut:
        self.heard(ask).decide(ask.decision)
        return ApplyFeedOut(effect="rest" if ask.decision.choice == "ask_lender" else "done")

    def _pace(self) -> None:
        if self.refuses > 0:
            self.refuses -= 1
            raise ApplicationError(
                "scripted", type="RateLimited", next_retry_delay=timedelta(seconds=1)
            )
