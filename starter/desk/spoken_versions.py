"""Which template versions the running cases speak by, and which ones were replaced."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType

from domain import messages
from starter.desk.paper import RIGHT, grid, heading, indented, plain
from starter.desk.plans_view import case_of, is_running
from store import plans, template_versions, visits
from store.db import Conn
from store.template_versions import Replaced


async def running_by_version(conn: Conn) -> Counter[int]:
    """Open visits and running plans that have had a message, by the version they speak by now."""
    spoken = await template_versions.of_cases(conn)
    known = await visits.standings(conn, case_ids=list(spoken))
    running = [visit.case_id for visit in known if visit.is_open]
    running += [
        case_of(row.standing)
        for row in await plans.list_plans(conn)
        if is_running(row.standing) and case_of(row.standing) in spoken
    ]
    return Counter(spoken[case_id] for case_id in running)


def versions_data(running: Counter[int], replaced: Sequence[Replaced]) -> dict[str, Any]:
    """The versions for a program."""
    return {
        "versions": [{"version": it, "running_cases": running[it]} for it in messages.versions()],
        "newest": messages.newest_version(),
        "replacements": [each.model_dump(mode="json") for each in replaced],
    }


def versions_page(running: Counter[int], replaced: Sequence[Replaced]) -> RenderableType:
    """The versions for a person; a replacement's day is that of UTC."""
    columns = (("version", RIGHT, False), ("running cases", RIGHT, False))
    counted = grid(*columns, rows=[(it, running[it]) for it in messages.versions()])
    lines = [
        f"{each.recorded_at:%Y-%m-%d}  version {each.from_version} by version {each.to_version},"
        f" by {each.replaced_by}: {each.reason}"
        for each in replaced
    ]
    said: list[RenderableType] = [heading("Replaced")] if lines else []
    return Group(counted, *said, *(indented(plain(line)) for line in lines))
