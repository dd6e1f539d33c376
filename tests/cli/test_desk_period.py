"""Closing a month at the desk."""

from tests.cli.desk import one_sentence

FEBRUARY = ("--month", "2026-02", "--by", "dana")


async def test_a_month_is_closed_by_name_and_listed(world):
    at = ("--location", world.location_id)
    none = await world.run("period", "list", *at)
    assert none.words == "No month is closed."
    said = await world.run("period", "close", *FEBRUARY, *at)
    assert said.code == 0, said
    assert said.words == f"2026-02 is closed at {world.location_id}, by dana."
    listed = await world.run("period", "list", *at)
    assert listed.words.startswith("month location signed by off by open reason 2026-02")
    assert "dana" in listed.out
    (data,) = (await world.run("period", "list", *at, "--json")).json
    assert (data["month"], data["signed_by"], data["off_cents"]) == ("2026-02", "dana", 0)
    again = one_sentence(await world.run("period", "close", *FEBRUARY, *at), 1)
    assert again == f"2026-02 was closed at {world.location_id} by dana already."


async def test_an_open_question_above_the_limit_wants_a_reason(world):
    at = ("--location", world.location_id)
    await world.ask(cents=5_001, days_ago=60)
    month = ("--month", f"{await _a_month_ago(world)}", "--by", "dana")
    said = one_sentence(await world.run("period", "close", *month, *at, "--limit", "50"), 1)
    assert "1 open question above $50.00" in said
    assert "--reason" in said
    done = await world.run("period", "close", *month, *at, "--limit", "50", "--reason", "known")
    assert done.code == 0, done
    (data,) = (await world.run("period", "list", *at, "--json")).json
    assert (data["open_above_limit"], data["limit_cents"], data["reason"]) == (1, 5_000, "known")


async def test_a_month_that_is_not_over_is_not_closed(world):
    at = ("--location", world.location_id)
    said = await world.run("period", "close", "--month", "2099-01", "--by", "dana", *at)
    assert "2099-01 is not over" in one_sentence(said, 1)


async def test_who_signs_and_which_month_are_said(world):
    at = ("--location", world.location_id)
    nobody = await world.run("period", "close", "--month", "2026-02", *at)
    assert "--by NAME" in one_sentence(nobody, 2)
    odd = await world.run("period", "close", "--month", "Feb", "--by", "dana", *at)
    assert "write it like 2026-11" in one_sentence(odd, 2)


async def _a_month_ago(world) -> str:
    return await world.conn.fetchval("SELECT to_char(now() - interval '1 month', 'YYYY-MM')")
