"""Everything about one client on one time line: what was done, what was received, what was noted.

For the one who looks into a violation. Names stay out of it: clients have the plan's numbers.
"""

from datetime import datetime

from starter.simulate.evidence import Case
from starter.simulate.world import World
from store import client_log


async def story(case: Case, world: World, number: int) -> list[str]:
    """The time line of a client, by the practice's clock."""
    client = case.plan.client(number)
    person = client.person
    lines: list[tuple[datetime, str]] = []
    for fact in case.truth.facts:
        if fact.client in (number, None):
            what = f"{fact.kind} visit {fact.visit} {fact.cents or ''} {fact.data or ''}"
            lines.append((case.clock.seen(fact.wall), f"DONE      {what}"))
    for message in case.seen.messages:
        if message.client == number:
            arrived = "received" if message.received else "not received"
            what = f"{message.template} by {message.channel}, {arrived}"
            lines.append((message.at, f"MESSAGE   {what}"))
    async with world.practice.pool.acquire() as conn:
        rows = await client_log.client_log(conn, world.client_id(client))
    for row in rows:
        said = [row.name, row.state, row.detail, row.reason, row.by, row.cents, row.until]
        words = " ".join(str(one) for one in said if one is not None)
        visit = world.case_owner.get(row.case_id or "", ("", ""))[1]
        lines.append((case.clock.seen(row.at), f"  noted   {row.source} [{visit}] {words}"))
    head = [
        f"client {number}: zones {', '.join(person.zones)}; states {', '.join(person.states)};"
        f" phone arrives {person.phone_arrives}, mail arrives {person.mail_arrives}",
        *(
            f"visit {one.index} at {one.at:%m-%d %H:%M}Z: {one.due_cents} due,"
            f" {one.lender_cents} the lender's; case {world.case_id(one)}"
            for one in client.visits
        ),
    ]
    lines.sort(key=lambda line: line[0])
    return head + [f"{_stamp(at)}  {what}" for at, what in lines]


def _stamp(at: datetime) -> str:
    return f"{at:%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}Z"


SHOWN_MAX = 5
"""How many clients with a violation are told of in full."""
