"""The question about what is left in a lot that has expired."""

from domain.topics import Need, Topic, choice, topic

EXTEND, LEAVE = "extend", "leave"

TOPICS: tuple[Topic, ...] = (
    topic(
        "BREAKAGE",
        "An expired lot still holds value",
        "{amount} of a package or credit was not used by its last day and its grace.",
        "It stays owed to the client and cannot be drawn.",
        None,
        choice(
            "to_income",
            "The practice may keep it",
            "{amount} becomes income from unused value, and the lot is empty; the reason names"
            " the state's rule.",
            Need.REASON,
            two_person=True,
        ),
        choice(
            "to_state",
            "The state claims it",
            "{amount} is owed to the state as unclaimed property, and the lot is empty.",
            Need.REASON,
        ),
        choice(
            EXTEND,
            "Give it a new last day",
            "The lot can be drawn up to that day; nothing is booked.",
            Need.UNTIL,
            Need.REASON,
            two_person=True,
        ),
        choice(
            LEAVE,
            "Leave it owed",
            "Nothing is booked; the question comes back in 90 days.",
        ),
    ),
)
