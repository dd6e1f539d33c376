"""What an agency pays, shared out: to the cent, first to what is owed (2.11, 2.12 row 35)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.agency import Claim, DoesNotFit, parts_of
from domain.entries_dispute import agency_remitted


def _claim(number: int, gross: int, owed: int, given_up: int = 0) -> Claim:
    return Claim(
        case_id=f"visit/{number}",
        placement_id=f"p{number}",
        client_id=f"c{number}",
        number=f"LUM-{number}",
        owed_cents=owed,
        given_up_cents=given_up,
        gross_cents=gross,
    )


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**6)), min_size=1, max_size=6),
    st.data(),
)
def test_no_cent_is_made_or_lost(debts: list[tuple[int, int]], data: st.DataObject) -> None:
    claims = [_claim(n, gross, owed, max(gross - owed, 0)) for n, (gross, owed) in enumerate(debts)]
    whole = sum(gross for gross, _ in debts)
    fee = data.draw(st.integers(0, whole))
    parts = parts_of(claims, fee, whole - fee)
    assert sum(part.fee_cents for part in parts) == fee
    for part, claim in zip(parts, claims, strict=True):
        assert 0 <= part.fee_cents <= part.gross_cents == claim.gross_cents
        assert part.recovered_cents == max(0, claim.gross_cents - claim.owed_cents)
        booked = agency_remitted(
            remittance_id="r",
            gross_cents=part.gross_cents,
            commission_cents=part.fee_cents,
            written_off_cents=part.recovered_cents,
            client_id=part.client_id,
            case_id=part.case_id,
            location_id="lumin",
            effective_on=date(2026, 12, 4),
        )
        net = {}
        for line in booked.postings:
            key = (line.account, line.case_id)
            net[key] = net.get(key, 0) + line.debit_cents - line.credit_cents
        assert net.get(("1010", None), 0) == part.gross_cents - part.fee_cents
        assert net.get(("6030", None), 0) == part.fee_cents
        assert net.get(("6030", part.case_id), 0) == -part.recovered_cents
        assert net.get(("1100", part.case_id), 0) == part.recovered_cents - part.gross_cents


@pytest.mark.parametrize(
    ("claim", "fee", "net", "sentence"),
    [
        (_claim(1, 1_000, 1_000), 300, 600, "that is $7.00, not $6.00"),
        (_claim(1, 1_000, 1_000), 1_100, -100, "cannot keep more than it collected"),
        (_claim(1, 1_000, 400, 599), 0, 1_000, "$10.00 is too much"),
    ],
)
def test_what_does_not_fit_is_never_booked(claim: Claim, fee: int, net: int, sentence: str) -> None:
    with pytest.raises(DoesNotFit, match=sentence.replace("$", r"\$")):
        parts_of([claim], fee, net)
