"""Every time that a due step was not sent: what was answered, by which rule, until when."""

from pydantic import AwareDatetime

from domain.model import Record
from store.db import Conn


class SendAnswer(Record):
    """One refusal to send. `rule` names the product rule (D10), `priority` 0 is the highest."""

    case_id: str
    client_id: str
    location_id: str
    document_id: str
    step: str
    priority: int
    answer: str
    """moved | snoozed | held | in_flight | covered | off | unverified | small | settled | credit |
    no_consent | unreachable"""
    reason: str
    rule: str
    policy_version: int
    until: AwareDatetime | None = None
    at: AwareDatetime


_COLUMNS = (
    "case_id, client_id, location_id, document_id, step, priority, answer, reason, rule,"
    " policy_version, until, at"
)


async def note(conn: Conn, answer: SendAnswer) -> None:
    """Record one answer."""
    await conn.execute(
        f"INSERT INTO send_answers ({_COLUMNS})"  # noqa: S608
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        *answer.model_dump().values(),
    )


async def of_client(conn: Conn, client_id: str) -> list[SendAnswer]:
    """Answers about a client, oldest first."""
    rows = await conn.fetch(
        f"SELECT {_COLUMNS} FROM send_answers WHERE client_id = $1 ORDER BY answer_id",  # noqa: S608
        client_id,
    )
    return [SendAnswer.model_validate(dict(row)) for row in rows]


async def of_step(conn: Conn, document_id: str, step: str) -> list[SendAnswer]:
    """Answers about one step, oldest first."""
    rows = await conn.fetch(
        f"SELECT {_COLUMNS} FROM send_answers"  # noqa: S608
        " WHERE document_id = $1 AND step = $2 ORDER BY answer_id",
        document_id,
        step,
    )
    return [SendAnswer.model_validate(dict(row)) for row in rows]
