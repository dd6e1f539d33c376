"""The engine's own floor: the commands of a visit paid at once, with nothing inside."""

from datetime import timedelta

from temporalio import activity, workflow

ACTIVITIES = 6
"""build, payment door, send, standing, write-back, decision."""

_LIMIT = timedelta(seconds=30)


@activity.defn
async def no_op(text: str) -> str:
    """Return what came, about as large as a real answer."""
    return text


@workflow.defn
class FloorVisit:
    """Three activities, a wait for a signal, two activities, a wait for an update, one more."""

    def __init__(self) -> None:
        self.paid = False
        self.decided = False

    @workflow.run
    async def run(self, text: str) -> str:
        """The shape of a visit paid at once."""
        for _ in range(3):
            await workflow.execute_activity(no_op, text, start_to_close_timeout=_LIMIT)
        await workflow.wait_condition(lambda: self.paid, timeout=timedelta(days=3))
        for _ in range(2):
            await workflow.execute_activity(no_op, text, start_to_close_timeout=_LIMIT)
        await workflow.wait_condition(lambda: self.decided, timeout=timedelta(days=3))
        return await workflow.execute_activity(no_op, text, start_to_close_timeout=_LIMIT)

    @workflow.signal
    def pay(self, _: str) -> None:
        """Money came."""
        self.paid = True

    @workflow.update
    async def decide(self, _: str) -> str:
        """A person answered."""
        self.decided = True
        return "accepted"
