"""Records: what one refuses is never quoted, because error texts reach logs."""

import pytest
from pydantic import ValidationError

from store.clients import Contact


def test_a_refused_value_is_not_quoted() -> None:
    with pytest.raises(ValidationError) as caught:
        Contact(first_name="Ada", last_name="Quill", birth_date="04/02/1990")  # type: ignore[arg-type]
    assert "birth_date" in str(caught.value)
    assert "1990" not in str(caught.value)
