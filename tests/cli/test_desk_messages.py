"""`tieout messages versions|replace`: what the running cases speak by, and a person's word."""

from store import visits

WHO = ("--by", "dana", "--reason", "wrong phone number")


async def running(world, *versions):
    """Running cases by each version.

    Never of the newest one, by which the cases of other tests speak, whose folders are gone.
    """
    shown = (await world.run("messages", "versions", "--json")).json
    assert shown["newest"] not in versions
    found = {each["version"]: each["running_cases"] for each in shown["versions"]}
    return tuple(found[version] for version in versions)


async def spoken(world, version):
    """An open visit that began with a version; returns its case."""
    document = await world.bill()
    await world.message(document, version=version)
    return document.case_id


async def test_a_dry_run_counts_the_running_cases_and_replaces_nothing(world, templates):
    old, new, _ = (templates.arrive() for _ in range(3))
    assert await running(world, old, new) == (0, 0)
    ended = await spoken(world, old)
    for _ in range(2):
        await spoken(world, old)
    await spoken(world, new)
    await visits.record_action(world.conn, ended, "close", "dana", "settled in court")
    assert await running(world, old, new) == (2, 1)
    said = await world.run("messages", "replace", str(old), str(new), "--dry-run")
    assert said.words == f"2 running cases speak by version {old}. Nothing was replaced."
    assert await running(world, old, new) == (2, 1)
    shown = (await world.run("messages", "versions", "--json")).json
    assert old not in {each["from_version"] for each in shown["replacements"]}


async def test_a_replacement_is_logged_and_read_in_the_client_log(world, templates):
    old, new, third, _ = (templates.arrive() for _ in range(4))
    await spoken(world, old)
    said = await world.run("messages", "replace", str(old), str(new), *WHO, "--json")
    numbers = {"from_version": old, "to_version": new}
    assert said.json == {**numbers, "running_cases": 1, "dry_run": False}
    assert await running(world, old, new) == (0, 1)
    await world.run("messages", "replace", str(new), str(third), *WHO)
    assert await running(world, old, new, third) == (0, 0, 1)
    shown = await world.run("messages", "versions")
    assert f"version {old} by version {new}, by dana: wrong phone number" in shown.words
    logged = (await world.run("client", "log", world.client_id, "--json")).json["events"]
    told = [(it["what"], it["why"]) for it in logged if it["source"] == "templates"]
    assert told == [
        (
            f"words of version {old} replaced everywhere by version {new}",
            "by dana: wrong phone number",
        ),
        (
            f"words of version {new} replaced everywhere by version {third}",
            "by dana: wrong phone number",
        ),
    ]


async def test_the_log_of_who_read_none_of_the_words_is_silent(world, second_world, templates):
    old, new = templates.arrive(), templates.arrive()
    await spoken(world, old)
    await spoken(second_world, new)
    await world.run("messages", "replace", str(old), str(new), *WHO)
    await spoken(second_world, old)
    client = second_world.client_id
    logged = (await second_world.run("client", "log", client, "--json")).json["events"]
    assert [it for it in logged if it["source"] == "templates"] == []


async def test_nothing_is_replaced_without_two_known_versions_a_name_and_a_reason(world, templates):
    old, new = templates.arrive(), templates.arrive()
    for words in ((old, old, *WHO), (old, new, *WHO[:2]), (old, new, *WHO[2:]), (old, 7, *WHO)):
        said = await world.run("messages", "replace", *map(str, words))
        assert said.code == 2, words
    assert f"kept versions: {old}, {new}" in said.err
    shown = (await world.run("messages", "versions", "--json")).json
    assert old not in {each["from_version"] for each in shown["replacements"]}
