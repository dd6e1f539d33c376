"""Money that fits two sets of invoices, or comes from somebody else: decided from the queue."""

import pytest

from tests.cli.desk import one_sentence
from tests.e2e.cast import TOXIN_20, TOXIN_40

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def loose(play, case, cents, about=""):
    """The customer of a case's invoice pays past every invoice; the payment's id."""
    [bill] = await play.stripe_invoices(case)
    body = {"amount_cents": cents, "currency": "usd", "customer": bill["customer"]}
    return (await play.practice.control("stripe/loose_payment", {**body, "description": about}))[
        "id"
    ]


async def asked(play, code, intent):
    """The question about a payment, as the queue shows it."""

    async def so():
        rows = await play.fetch(
            "SELECT review_id FROM reviews WHERE code = $1 AND state = 'open'"
            " AND strpos(case_id, $2) > 0",
            code,
            intent,
        )
        return rows[0]["review_id"][:8] if rows else None

    return await play.until(so, f"question {code} about {intent}")


async def number(play, case):
    return (await play.document(case)).number


async def test_a_set_of_invoices_is_chosen(play):
    first = await play.billed(TOXIN_20)
    same = {"patient": first.patient, "urn": first.urn, "events": None}
    others = []
    for lines in (TOXIN_20, TOXIN_40):
        case = await play.case(lines, **same)
        await play.practice.check_out(case.visit_id)
        await play.until_balance(case, sum(each["quantity"] * 1_300 for each in lines))
        others.append(case)
    second, third = others
    short = await asked(play, "AMBIGUOUS_GROUP", await loose(play, first, 78_000))

    numbers = [await number(play, case) for case in (first, second, third)]
    choose = ("review", "decide", short, "choose", "--by", "dana", "--invoice")
    said = await play.run(*choose, f"{numbers[0]}, {numbers[1]}")
    assert (said.code, "Not possible" in said.out) == (1, True), said
    said = await play.run(*choose, f"{numbers[1]},NO-1")
    assert "There is no invoice NO-1" in one_sentence(said, 1)
    said = await play.run(*choose, f"{numbers[1]}, {numbers[2]}", "--dry-run")
    assert said.code == 0, said
    assert [await play.balance(case) for case in (second, third)] == [26_000, 52_000]

    said = await play.run(*choose, f"{numbers[1]}, {numbers[2]}")
    assert "Decided: choose, by dana." in said.words, said
    for case, cents in ((first, 26_000), (second, 0), (third, 0)):
        await play.until_balance(case, cents)


async def test_who_pays_for_a_client_is_linked_and_pays_without_a_question(play):
    payer, case = await play.billed(TOXIN_20), await play.billed(TOXIN_40)
    intent = await loose(play, payer, 26_000, await number(play, case))
    short = await asked(play, "WRONG_CLIENT", intent)
    link = ("review", "decide", short, "link_payer", "--by", "dana")
    assert "needs --reason" in one_sentence(await play.run(*link), 2)
    said = await play.run(*link, "--reason", "her father", "--dry-run")
    assert "is applied by itself from now on" in said.words, said
    assert await play.balance(case) == 52_000

    said = await play.run(*link, "--reason", "her father")
    assert "Decided: link_payer, by dana." in said.words, said
    await play.until_balance(case, 26_000)

    again = await loose(play, payer, 20_000, await number(play, case))
    await play.until_balance(case, 6_000)
    found = await play.fetch("SELECT code FROM reviews WHERE strpos(case_id, $1) > 0", again)
    assert (found, await play.balance(payer)) == ([], 26_000)
