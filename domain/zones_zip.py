"""Where a ZIP code is: state and time zones by its first digits, as data.

A prefix of three digits that two zones share names both, so that the overlap of their windows
applies; a longer prefix is an exception to a shorter one. Military addresses (AA, AE, AP) are
absent: they may be anywhere. Zones that have agreed since 2007 go by one name (Detroit and
Indianapolis are New York, Boise is Denver, Juneau is Anchorage).
"""

from domain.model import Record


class Place(Record):
    """States and time zones that an address or a number may lie in, likeliest first."""

    states: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()


_ZIPS = (
    ("NY", "America/New_York", "005 06390 100-149"),
    ("PR", "America/Puerto_Rico", "006-007 009"),
    ("VI", "America/St_Thomas", "008"),
    ("MA", "America/New_York", "010-027 055"),
    ("RI", "America/New_York", "028-029"),
    ("NH", "America/New_York", "030-038"),
    ("ME", "America/New_York", "039-049"),
    ("VT", "America/New_York", "050-054 056-059"),
    ("CT", "America/New_York", "060-069"),
    ("NJ", "America/New_York", "070-089"),
    ("PA", "America/New_York", "150-196"),
    ("DE", "America/New_York", "197-199"),
    ("DC", "America/New_York", "200 202-204 569 888"),
    ("VA", "America/New_York", "201 220-246"),
    ("DC MD VA", "America/New_York", "205"),
    ("MD", "America/New_York", "206-212 214-219"),
    ("WV", "America/New_York", "247-268"),
    ("NC", "America/New_York", "270-289"),
    ("SC", "America/New_York", "290-299"),
    ("GA", "America/New_York", "300-319 398-399"),
    ("FL", "America/New_York", "320-323 326-339 341-342 344 346-347 349"),
    ("FL", "America/Chicago America/New_York", "324"),
    ("FL", "America/Chicago", "325"),
    ("AL", "America/Chicago", "350-352 354-367 369"),
    ("AL", "America/Chicago America/New_York", "368"),
    ("TN", "America/Chicago", "370-372 375 380-385"),
    ("TN", "America/New_York America/Chicago", "373-374 377"),
    ("TN", "America/New_York", "376 378-379"),
    ("MS", "America/Chicago", "386-397"),
    ("KY", "America/New_York", "400 402-418 425"),
    ("KY", "America/New_York America/Chicago", "401 426"),
    ("KY", "America/Chicago", "420-424"),
    ("KY", "America/Chicago America/New_York", "427"),
    ("OH", "America/New_York", "430-459"),
    ("IN", "America/New_York", "460-462 466-468 470-474 478"),
    ("IN", "America/Chicago", "463-464 476-477"),
    ("IN", "America/New_York America/Chicago", "465 469 475 479"),
    ("MI", "America/New_York", "480-497"),
    ("MI", "America/New_York America/Chicago", "498-499"),
    ("IA", "America/Chicago", "500-516 520-528"),
    ("WI", "America/Chicago", "530-532 534-535 537-549"),
    ("MN", "America/Chicago", "550-551 553-567"),
    ("SD", "America/Chicago", "570-574"),
    ("SD", "America/Chicago America/Denver", "575"),
    ("SD", "America/Denver America/Chicago", "576"),
    ("SD", "America/Denver", "577"),
    ("ND", "America/Chicago", "580-584 587"),
    ("ND", "America/Chicago America/Denver", "585 588"),
    ("ND", "America/Denver America/Chicago", "586"),
    ("MT", "America/Denver", "590-599"),
    ("IL", "America/Chicago", "600-620 622-629"),
    ("MO", "America/Chicago", "630-631 633-641 644-658"),
    ("KS", "America/Chicago", "660-662 664-676 679"),
    ("KS", "America/Chicago America/Denver", "677-678"),
    ("NE", "America/Chicago", "680-681 683-689"),
    ("NE", "America/Chicago America/Denver", "690 692"),
    ("NE", "America/Denver America/Chicago", "691"),
    ("NE", "America/Denver", "693"),
    ("LA", "America/Chicago", "700-701 703-708 710-714"),
    ("AR", "America/Chicago", "716-725 727-729"),
    ("AR MO", "America/Chicago", "726"),
    ("OK", "America/Chicago", "730-731 734-738 740-741 743-749"),
    ("TX", "America/Chicago", "733 750-770 772-797"),
    ("OK TX", "America/Chicago", "739"),
    ("TX", "America/Chicago America/Denver", "798"),
    ("TX", "America/Denver America/Chicago", "799"),
    ("CO", "America/Denver", "800-816"),
    ("WY", "America/Denver", "820-831"),
    ("ID", "America/Denver", "832-833 836-837"),
    ("ID WY", "America/Denver", "834"),
    ("ID", "America/Los_Angeles America/Denver", "835"),
    ("ID", "America/Los_Angeles", "838"),
    ("UT", "America/Denver", "840-847"),
    ("AZ", "America/Phoenix", "850-853 855-857 859 863-864"),
    ("AZ", "America/Phoenix America/Denver", "860"),
    ("AZ", "America/Denver America/Phoenix", "865"),
    ("NM", "America/Denver", "870-871 873-884"),
    ("TX", "America/Denver", "885"),
    ("NV", "America/Los_Angeles", "889-891 893-895 897"),
    ("NV", "America/Los_Angeles America/Denver", "898"),
    ("CA", "America/Los_Angeles", "900-908 910-928 930-961"),
    ("HI", "Pacific/Honolulu", "967 968"),
    ("AS", "Pacific/Pago_Pago", "96799"),
    ("GU", "Pacific/Guam", "969"),
    ("PW", "Pacific/Palau", "96939 96940"),
    ("FM", "Pacific/Chuuk Pacific/Pohnpei", "96941-96944"),
    ("MP", "Pacific/Guam", "9695"),
    ("MH", "Pacific/Majuro", "96960 96970"),
    ("OR", "America/Los_Angeles", "970-978"),
    ("OR", "America/Denver America/Los_Angeles", "979"),
    ("WA", "America/Los_Angeles", "980-986 988-994"),
    ("AK", "America/Anchorage America/Adak", "995"),
    ("AK", "America/Anchorage", "996-999"),
)
"""State, zones, and the first digits of their ZIP codes, ranges with both ends."""


def _read() -> dict[str, Place]:
    places = {}
    for states, zones, prefixes in _ZIPS:
        place = Place(states=tuple(states.split()), zones=tuple(zones.split()))
        for words in prefixes.split():
            first, _, last = words.partition("-")
            for number in range(int(first), int(last or first) + 1):
                places[f"{number:0{len(first)}}"] = place
    return places


PLACES = _read()
"""ZIP prefix of 3 to 5 digits -> place."""


def place_of_zip(postal_code: str | None) -> Place | None:
    """Where a ZIP or ZIP+4 is; None when it is not a US code that tells a place."""
    digits = (postal_code or "").strip()[:5]
    if len(digits) < 5 or not (digits.isascii() and digits.isdecimal()):
        return None
    return next((PLACES[digits[:n]] for n in (5, 4, 3) if digits[:n] in PLACES), None)
