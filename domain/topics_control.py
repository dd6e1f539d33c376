"""The question about a line of the daily control that does not tie."""

from domain.topics import Need, Topic, choice, topic

EXPLAINED, LOOK_AGAIN = "explained", "look_again"

TOPICS: tuple[Topic, ...] = (
    topic(
        "CONTROL_DIFF",
        "Daily control does not tie",
        "The two sources of a line differ by {amount} in all, and nothing accounts for it.",
        "Both stay as they are, and month end finds the same difference.",
        None,
        choice(
            EXPLAINED,
            "It is explained",
            "Nothing is booked; it is not asked about again while the same things are off by the"
            " same amounts. Month end still shows it.",
            Need.REASON,
        ),
        choice(
            LOOK_AGAIN,
            "Look again tomorrow",
            "Nothing is booked; the question comes back in a day if the line is still off.",
        ),
    ),
)
