"""Questions of the chase: messages, unknown outcomes and debts that stay open."""

from domain.topics import Need, Topic, choice, topic

_SILENCE = "The patient gets no further message about this visit."

_STOP = choice(
    "stop",
    "Stop asking",
    "No more messages; {amount} stays on the account.",
    Need.REASON,
)
_WRITE_OFF = choice(
    "write_off",
    "Write off",
    "{amount} is written off as bad debt and the case closes.",
    Need.REASON,
    two_person=True,
)

_AGENCY = choice(
    "agency",
    "Hand to an agency",
    "{amount} goes on the agency's next list; no more messages about this visit.",
    Need.REASON,
    two_person=True,
)

TOPICS: tuple[Topic, ...] = (
    topic(
        "CHASE_EXHAUSTED",
        "Still unpaid after the last reminder",
        "Every reminder has gone out and {amount} is still owed.",
        "The debt stays open and nobody is reminded.",
        "keep_open",
        choice("keep_open", "Keep it open", "The debt rests and is asked about again later."),
        _WRITE_OFF,
        _AGENCY,
        _STOP,
    ),
    topic(
        "UNDERPAID",
        "Paid less than owed",
        "Every reminder has gone out; a payment covers a part and {amount} is still owed.",
        "The rest stays open and nobody is reminded of it.",
        "leave_open",
        choice("leave_open", "Leave the rest open", "Nothing is sent; you are asked again later."),
        choice(
            "plan",
            "Patient signed for instalments",
            "{amount} are owed by a plan of our own: monthly instalments of at most the amount,"
            " four or fewer, the first on the day given; reminders of the visit stop.",
            Need.AMOUNT,
            Need.UNTIL,
        ),
        _WRITE_OFF,
        choice(
            "apply",
            "The payment is for another invoice",
            "The last payment of the visit is taken off it and applied to the chosen invoice.",
            Need.INVOICE,
        ),
        _AGENCY,
        _STOP,
    ),
    topic(
        "UNREACHABLE",
        "Patient cannot be reached",
        "No message could be delivered by any channel.",
        _SILENCE,
        "called",
        choice("called", "I called the patient", "The step counts as taken; reminders go on."),
        choice("retry", "Contact data corrected", "The step is sent again to the new address."),
        _STOP,
    ),
    topic(
        "MESSAGE_UNKNOWN",
        "Unclear whether a message went out",
        "The provider did not say whether it took the message, and cannot find it.",
        _SILENCE,
        "treat_as_sent",
        choice("treat_as_sent", "Treat it as sent", "The step counts as taken; reminders go on."),
        choice(
            "send_again", "Send it again", "The message goes out; the patient may get it twice."
        ),
        choice("skip", "Skip this step", "The step is left out; reminders go on."),
    ),
    topic(
        "STATE_UNKNOWN",
        "A system does not answer",
        "What is owed cannot be verified, because a system has not answered for too long.",
        _SILENCE,
        "try_again",
        choice("try_again", "Try again", "The balance is verified again, now."),
        _STOP,
    ),
    topic(
        "CONSENT_MISSING",
        "No permission to write",
        "The patient has opted out of, or never allowed, every channel that we know.",
        _SILENCE,
        "called",
        choice("called", "I called the patient", "The step counts as taken; reminders go on."),
        choice(
            "letter",
            "I posted the bill",
            "The step counts as taken by letter, in your name; reminders go on.",
        ),
        choice(
            "retry", "Permission recorded", "The step is sent by the channel that is now allowed."
        ),
        _STOP,
    ),
    topic(
        "CREDIT_ON_ACCOUNT",
        "Credit covers what is owed",
        "The patient has credit on their account that covers the {amount} of this visit.",
        _SILENCE,
        "apply_credit",
        choice(
            "apply_credit",
            "Use the credit",
            "The credit pays {amount} of the visit; nothing is asked of the patient.",
        ),
        choice(
            "chase_anyway",
            "Keep the credit",
            "The credit stays for a later visit; reminders go on.",
            Need.REASON,
        ),
        _STOP,
    ),
    topic(
        "LENDER_UNFUNDED",
        "Lender has not paid",
        "The lender approved {amount} and has not paid within its usual days.",
        "The lender's part stays open; the patient is not asked for it.",
        "call_lender",
        choice("call_lender", "I called the lender", "The question comes back in two days."),
        choice("resubmit", "Sent in again", "The question comes back in five days."),
        choice(
            "convert_to_patient",
            "Patient pays instead",
            "{amount} becomes the patient's balance and is billed.",
            Need.REASON,
            two_person=True,
        ),
    ),
    topic(
        "LENDER_REVERSED",
        "Lender took money back",
        "The lender has taken back {amount} that it had paid.",
        "The money stays missing.",
        None,
        choice(
            "contest",
            "Contest it",
            "{amount} stays booked as owed by the lender; the question comes back in 14 days.",
        ),
        choice(
            "re_bill",
            "Patient pays instead",
            "What the lender had financed becomes the patient's balance and is billed.",
            Need.REASON,
            two_person=True,
        ),
        choice(
            "cancel_plan",
            "Cancel the plan",
            "What the patient has not yet received is taken off the plan.",
            Need.REASON,
            two_person=True,
        ),
    ),
    topic(
        "LENDER_FEE_DIFF",
        "Lender's fee is off",
        "The lender kept a fee that differs from its schedule.",
        "The funding stays unmatched.",
        None,
        choice("accept", "Accept the fee", "The fee is booked as charged.", Need.REASON),
        choice("contest", "Dispute the fee", "The difference stays owed by the lender."),
    ),
)
