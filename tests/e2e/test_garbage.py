"""Garbage on a running stack: it is refused in one sentence, and nothing changes.

What a command line refuses without a stack is in `tests/cli/test_garbage.py`.
"""

from collections.abc import Mapping

import httpx
import pytest

from tests.cli.test_garbage import one_sentence
from tests.e2e.play import TOXIN_40, Case, Play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def rows_about(play: Play, case: Case) -> Mapping[str, int]:
    """Rows of a case in every table that knows cases."""
    tables = await play.fetch(
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'case_id'"
        " AND table_schema = 'public'"
    )
    found = {}
    for (name,) in tables:
        query = f'SELECT count(*) FROM "{name}" WHERE case_id = $1'
        found[name] = int((await play.fetch(query, case.case_id))[0][0])
    return found


async def test_decision_that_does_not_fit_changes_nothing(play: Play) -> None:
    lines = [{**TOXIN_40[0], "ref": "urn:blvd:Service:00000000-0000-4000-8000-000000000000"}]
    case = await play.case(lines)
    asked = await play.question(case, "CATALOG_UNMAPPED")
    before = await rows_about(play, case)
    for words in (
        ("map", "--by", "dana"),  # stands for what?
        ("map", "--by", "dana", "--sku", "NO-SUCH-ITEM"),
        ("write_off", "--by", "dana"),
        ("map", "--sku", "LASER-SESSION"),  # says who?
        ("one_off_price", "--by", "dana", "--amount", "-5"),
    ):
        said = await play.run("review", "decide", asked.review_id, *words, "--yes")
        assert said.code in (1, 2), words
        assert "Traceback" not in said.err
        assert said.err.strip(), words
    assert await rows_about(play, case) == before
    assert (await play.question(case, "CATALOG_UNMAPPED")).review_id == asked.review_id


@pytest.mark.parametrize("vendor", ["boulevard/lumin", "boulevard/nowhere", "stripe", "twilio"])
@pytest.mark.parametrize(
    ("body", "content_type", "statuses"),
    [
        (b"", "application/json", {400, 401, 415}),
        (b"{", "application/json", {400, 401, 415}),
        (b"a=b", "application/x-www-form-urlencoded", {400, 401, 415}),
        (b"\x00\xff" * 500, "application/octet-stream", {415}),
        (b"x" * 5_000_000, "application/json", {413, 415}),
        (b"x" * 5_000_000, "application/x-www-form-urlencoded", {413, 415}),
    ],
)
async def test_shim_refuses(
    play: Play, vendor: str, body: bytes, content_type: str, statuses: set[int]
) -> None:
    await play.flush()
    before = await play.fetch("SELECT count(*) FROM inbox")
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.post(
            f"{play.stack.web_url}/webhooks/{vendor}",
            content=body,
            headers={"content-type": content_type},
        )
    assert answer.status_code in statuses
    assert one_sentence(answer.text)
    assert await play.fetch("SELECT count(*) FROM inbox") == before


@pytest.mark.parametrize("path", ["/webhooks/boulevard", "/webhooks/paypal", "/p/", "/p/../etc"])
async def test_unknown_path_is_not_found(play: Play, path: str) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.post(f"{play.stack.web_url}{path}", content=b"{}")
    assert answer.status_code in (404, 405)
