"""Questions about lenders' feeds: what did not come, and what could not be understood."""

from domain.topics import Need, Topic, choice, topic

_ASK_LENDER = choice(
    "ask_lender", "Ask the lender", "Nothing changes; the question comes back in a day."
)
_SEEN = choice("seen", "Seen to", "The rows named here are done with by hand.", Need.REASON)

TOPICS: tuple[Topic, ...] = (
    topic(
        "LENDER_FILE_MISSING",
        "A lender's file is missing",
        "A file that the lender makes every day has not come by its hour.",
        "Plans that it tells of stay as they were; nobody hears of an approval in it.",
        "ask_lender",
        _ASK_LENDER,
        choice("no_file", "There was none", "This file is not waited for any more.", Need.REASON),
    ),
    topic(
        "LENDER_FILE_ROWS",
        "Rows of a lender's file",
        "A file is not whole, or rows of it could not be used; all others were.",
        "What these rows tell stays unknown.",
        "ask_lender",
        _ASK_LENDER,
        _SEEN,
    ),
    topic(
        "LENDER_WEBHOOK_GAP",
        "A lender's webhooks do not come",
        "Changes were found by asking the lender that its webhooks should have told.",
        "Plans are told later, by as much as the lender is asked every so often.",
        "checked",
        choice("checked", "Address and secret are checked", "Another gap is asked about anew."),
        _ASK_LENDER,
    ),
    topic(
        "LENDER_UNREAD",
        "A lender could not be understood",
        "The lender refused us, or said something that makes no sense.",
        "What it was about stays unknown.",
        "ask_lender",
        _ASK_LENDER,
        _SEEN,
    ),
    topic(
        "LENDER_OVER_REFUNDED",
        "Refunded more than financed",
        "The lender shows a larger refund than the purchase that it belongs to.",
        "The plan counts as refunded; the difference is on nobody's books.",
        "ask_lender",
        _ASK_LENDER,
        _SEEN,
    ),
    topic(
        "LENDER_HINT",
        "A webhook that nothing confirms",
        "A webhook told of a plan, and the lender does not say so when it is asked.",
        "Messages go by the webhook's word; money does not move.",
        "ask_lender",
        choice("confirm_hint", "It is so", "The status counts as told by you.", Need.REASON),
        _ASK_LENDER,
        choice("leave", "Leave it", "Messages go on; money does not move.", Need.REASON),
    ),
)
