"""What a mail system's permanent refusal says of the mailbox: never more than is certain.

An address that is given up wrongly costs a patient their e-mail until somebody notices, so only
the codes and the words that name the mailbox itself give it up (RFC 3463, RFC 7505).
"""

import re

INVALID_ADDRESS, UNREACHABLE = "invalid_address", "unreachable"

KINDS: tuple[tuple[str, str], ...] = (
    (r"4\.\d+\.\d+|5\.2\.2", "retry_later"),
    (r"5\.1\.(?:[12346]|10)|5\.2\.1|5\.4\.4", INVALID_ADDRESS),
    (r"5\.7\.\d+|5\.3\.4|5\.6\.\d+|5\.1\.[789]", "filtered"),
    (r"5\.\d+\.\d+", UNREACHABLE),
)
"""Enhanced status -> its meaning to us. 5.1.7 to 5.1.9 are about the sender, or the next relay."""

_VAGUE = frozenset({"", "5.0.0", "5.1.0"})
"""A status that says nothing; the words beside it may."""
_ABOUT_A_MAILBOX = frozenset({550, 551, 553})
_WHO = r"(?:user|mailbox|recipient|account|address)"
_LACKS = r"(?:unknown|not found|does not exist|doesn'?t exist|is disabled|is invalid)"
_GONE = re.compile(
    rf"\b(?:unknown {_WHO}|no such {_WHO}|invalid {_WHO}|no mailbox|{_WHO}(?: \S+)? {_LACKS})\b"
)
_ELSEWHERE = re.compile(r"\b(?:sender|from|helo|ehlo|host|dns|spf|dkim|relay\w*|policy|spam)\b")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


def kind_of_status(status: str) -> str:
    """What an enhanced status means; `unreachable` where it is none."""
    return next((kind for known, kind in KINDS if re.fullmatch(known, status)), UNREACHABLE)


def kind_of_refusal(code: int, text: str) -> str:
    """What a 5yz answer to a recipient means; `text` is the server's, with its status if any."""
    found = _STATUS.match(text)
    status = found.group(0) if found else ""
    if status not in _VAGUE:
        return kind_of_status(status)
    said = text.lower()
    is_gone = code in _ABOUT_A_MAILBOX and _GONE.search(said) and not _ELSEWHERE.search(said)
    return INVALID_ADDRESS if is_gone else UNREACHABLE
