"""One e-mail as bytes: multipart/alternative, text first, 7-bit, so that any relay passes it.

The standard library's message objects parse each header as it is set, which took a third of
the time of a whole send. Here a header is parsed only where it is not plain ASCII.
"""

import hashlib
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Mapping
from email.policy import SMTP

LINE_MAX = 76
"""Longer lines, and anything outside ASCII, are encoded."""
_ENCODED_MAX = 998
_ASCII = bytes(range(127))


def message(headers: Mapping[str, str], text: str, html: str) -> bytes:
    """The message; ValueError for a header that would end early or is too long."""
    digest = hashlib.sha256(f"{text}\0{html}".encode()).hexdigest()
    boundary = f"=_{digest[:32]}"
    lines = [_header(name, value) for name, value in headers.items()]
    lines.append("MIME-Version: 1.0\r\n")
    lines.append(f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n')
    for subtype, content in (("plain", text), ("html", html)):
        encoding, body = _encoded(content)
        lines.append(f'--{boundary}\r\nContent-Type: text/{subtype}; charset="utf-8"\r\n')
        lines.append(f"Content-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n")
    lines.append(f"--{boundary}--\r\n")
    return "".join(lines).encode("ascii")


def _header(name: str, value: str) -> str:
    if "\r" in value or "\n" in value:
        raise ValueError("a header holds one line")
    line = f"{name}: {value}\r\n"
    if value.isascii() and value.isprintable() and (len(line) <= LINE_MAX or " " not in value):
        if len(line) > _ENCODED_MAX:
            raise ValueError("a header is too long")
        return line
    return str(SMTP.fold(name, SMTP.header_factory(name, value)))


def _encoded(content: str) -> tuple[str, str]:
    """The transfer encoding and the body with CRLF lines; the boundary cannot be in it."""
    lines = content.splitlines()
    plain = "\r\n".join(lines) + "\r\n"
    if content.isascii() and all(len(line) <= LINE_MAX for line in lines):
        return "7bit", plain
    raw = plain.encode()
    escaped = len(raw.translate(None, _ASCII))
    if escaped * 6 > len(raw):  # by then base64 is shorter
        return "base64", encodebytes(raw).decode("ascii").replace("\n", "\r\n")
    return "quoted-printable", b2a_qp(raw).decode("ascii")
