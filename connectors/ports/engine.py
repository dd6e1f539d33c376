"""What the house asks of the workflow engine."""

from typing import Protocol

from domain.model import Record


class CaseEngine(Protocol):
    """Starts and signals cases; implemented over the Temporal client."""

    async def start_or_signal(
        self,
        workflow: str,
        workflow_id: str,
        start_input: Record,
        signal: str,
        signal_input: Record,
        location_id: str,
    ) -> str:
        """Start the case, or signal the running one; returns `started` or `signalled`."""
        ...

    async def signal(self, workflow_id: str, signal: str, signal_input: Record) -> bool:
        """Signal a running case; False when there is none."""
        ...
