"""Questions about what a patient wrote back. Messages to the patient rest while one is open."""

from domain.topics import Need, Topic, choice, topic

_SILENCE = "The patient hears nothing more, and their reply stays unanswered."

_RESUME = choice("resume", "Answered; go on", "Messages go on where they stopped.")
_PROMISE = choice(
    "promise",
    "Patient will pay by a date",
    "Nothing is sent about the invoice until the day after, at most 30 days from now; one"
    " promise an invoice.",
    Need.INVOICE,
    Need.UNTIL,
)
_DISPUTE = choice(
    "dispute",
    "Patient disputes the bill",
    "Every money message stays stopped until a person lifts it.",
    Need.REASON,
)
_EXCLUDE = choice(
    "exclude",
    "Send nothing more",
    "The patient gets no message until a person lifts it.",
    Need.REASON,
)
_OPT_OUT = choice(
    "opt_out",
    "Patient wants no texts",
    "No text is sent any more, whatever its purpose; e-mail stays as it was.",
)
_REACTION = choice(
    "adverse_event",
    "It is about a reaction",
    "Everything stays silent and a clinician is asked at once.",
)

TOPICS: tuple[Topic, ...] = (
    topic(
        "REPLY_PAID",
        "Patient says it is paid",
        "The patient wrote that they have paid; {amount} is open in the books.",
        _SILENCE,
        None,
        choice(
            "resume",
            "No payment found; go on",
            "Messages go on where they stopped, not before two days after the reply.",
        ),
        choice("recorded", "Payment recorded now", "The books are read again; messages go on."),
        _PROMISE,
        _DISPUTE,
    ),
    topic(
        "REPLY_DISPUTE",
        "Patient disputes the bill",
        "The patient wrote that something about the bill or the visit is wrong.",
        _SILENCE,
        "dispute",
        _DISPUTE,
        choice(
            "complaint",
            "It is a complaint",
            "Every money message stays stopped until a person lifts it.",
            Need.REASON,
        ),
        _RESUME,
        _PROMISE,
        _EXCLUDE,
        _REACTION,
    ),
    topic(
        "REPLY_CALL",
        "Patient wants to be called",
        "The patient asked for a call or for help with the bill.",
        _SILENCE,
        "resume",
        choice("resume", "I called the patient", "Messages go on where they stopped."),
        _PROMISE,
        _DISPUTE,
        _EXCLUDE,
        _OPT_OUT,
        _REACTION,
    ),
    topic(
        "REPLY_WRONG_PERSON",
        "Wrong number",
        "Somebody wrote that the number is not the patient's; nobody is texted there any more.",
        "The patient gets no text, and no other message either.",
        "corrected",
        choice(
            "corrected",
            "Contact data corrected",
            "The number stays barred; messages go on to what the PMS now says.",
        ),
        choice(
            "right_person",
            "It is the patient's number",
            "The number may be used again and messages go on.",
            Need.REASON,
        ),
        _EXCLUDE,
    ),
    topic(
        "ADVERSE_EVENT",
        "Possible reaction: a clinician answers",
        "The patient wrote of pain, swelling, an infection or the like. Call them; no advice is"
        " ever sent by message.",
        "The patient waits, and hears nothing about money or offers.",
        None,
        choice(
            "clinician_spoke",
            "A clinician has spoken to the patient",
            "Messages go on where they stopped.",
            Need.REASON,
        ),
        choice(
            "keep_silent",
            "In care; stay silent",
            "Nothing is sent until a person lifts it.",
            Need.REASON,
        ),
        due_business_days=0,
    ),
    topic(
        "REPLY_UNCLEAR",
        "A reply to read",
        "The patient wrote something that no rule can read with certainty.",
        _SILENCE,
        None,
        _RESUME,
        _DISPUTE,
        _PROMISE,
        _EXCLUDE,
        _OPT_OUT,
        _REACTION,
    ),
)
