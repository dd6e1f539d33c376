"""A month by its text and its days."""

from datetime import date

import pytest

from domain.month import month_of, parse_month


def test_a_month_knows_its_days_and_its_successor():
    december = parse_month(" 2027-12 ")
    assert (december.first, december.last) == (date(2027, 12, 1), date(2027, 12, 31))
    assert str(december.next) == "2028-01"
    assert parse_month("2028-02").last == date(2028, 2, 29)
    assert month_of(date(2027, 12, 31)) == december


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-00", "26-11", "2026-11-01", "0000-01"]
)
def test_what_is_no_month_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError, match="write it like 2026-11"):
        parse_month(text)
