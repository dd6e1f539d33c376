"""What the desk reads of a payout that does not add up."""


async def test_a_payouts_question_names_the_processor_and_its_choices(world):
    asked = await world.ask(
        "PAYOUT_DIFF",
        case_id="payout/stripe/po_1",
        nobody=True,
        ours={"difference": "-$0.01"},
        theirs={"payout": "po_1", "paid out": "$96.79"},
        facts=("The parts come to $96.80, the payout to $96.79: -$0.01 apart.",),
    )
    said = await world.run("review", "show", asked.review_id)
    assert said.code == 0
    for words in (
        "about the processor",
        "no invoice: a payout",
        "The parts come to $96.80, the payout to $96.79: -$0.01 apart.",
        "tieout review decide",
        "add_missing",
        "call_processor",
    ):
        assert words in said.words, words
