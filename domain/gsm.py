"""How long a text is on the air: GSM-7 and UCS-2 segments (3GPP TS 23.038)."""

from unicodedata import normalize

GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENDED = frozenset("^{}\\[~]|€\f")
"""Characters that take two septets."""

_LOOKALIKES = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " "}
)


def plain_punctuation(text: str) -> str:
    """Typographic quotes, dashes and spaces as their GSM-7 lookalikes; letters stay."""
    return text.translate(_LOOKALIKES)


def unaccented(text: str) -> str:
    """Letters that GSM-7 lacks as their plain ones (í as i); what has no plain one stays."""
    return "".join(char if char in GSM7 | GSM7_EXTENDED else _plain(char) for char in text)


def _plain(char: str) -> str:
    base = normalize("NFKD", char)[0]
    return base if base in GSM7 else char


def sms_segments(text: str) -> int:
    """Segments that a carrier bills: 160 or 153 septets each, 70 or 67 units outside GSM-7."""
    if set(text) <= GSM7 | GSM7_EXTENDED:
        length, alone, chained = len(text) + sum(char in GSM7_EXTENDED for char in text), 160, 153
    else:
        length, alone, chained = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= alone else -(-length // chained)
