"""E-mails as bytes: what a mail reader makes of them is what was put in."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.messaging import mime

LINES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=200)
BODIES = st.lists(LINES | st.sampled_from((".", "", "x" * 1_000, "=3D", "é" * 90))).map("\n".join)


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, _class=EmailMessage, policy=SMTP)


def part(message: EmailMessage, subtype: str) -> str:
    found = message.get_body((subtype,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n").rstrip("\n")


@given(LINES, BODIES, BODIES)
def test_a_reader_finds_what_was_put_in(subject: str, text: str, html: str) -> None:
    raw = mime.message({"From": "Zoë <desk@lumin.example>", "Subject": subject}, text, html)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    message = read(raw)
    assert str(message["subject"]).split() == subject.split()
    assert str(message["from"]) == "Zoë <desk@lumin.example>"
    assert part(message, "plain") == text.rstrip("\n")
    assert part(message, "html") == html.rstrip("\n")


def test_a_long_id_is_never_folded() -> None:
    id = f"<{'k' * 200}@lumin.example>"
    assert f"Message-ID: {id}\r\n".encode() in mime.message({"Message-ID": id}, "a", "b")


@pytest.mark.parametrize("value", ["a\r\nBcc: b@c.example", "a\nb", "a\rb", "k" * 2_000])
def test_a_header_stays_one_line(value: str) -> None:
    with pytest.raises(ValueError, match="header"):
        mime.message({"Message-ID": value}, "a", "b")
