"""Which decisions can be taken back by counter-entries, and why the others cannot (F6).

What left the house stays: a message, money on its way, a word to a bank or a lender. The sentence
says what a person can do instead.
"""

from collections.abc import Mapping
from types import MappingProxyType

from domain import (
    ids,
    topics_control,
    topics_draft,
    topics_lender,
    topics_lots,
    topics_people,
    topics_plan,
)

KEY = "undo/"
"""Beginning of the holder under which what a decision gave is taken out again."""

_BILLED = (
    "The visit was read and billed by it: correct the chart, and the difference is billed,"
    " credited or asked about."
)
_SENT = "A message to the patient went out because of it, and cannot be called back."
_ON_ITS_WAY = (
    "The money is on its way back, or has gone: its own case says where, `tieout refund list`."
)
_READ = "It only had another system read or corrected; our books hold nothing of it."
_LENDER = "The lender was told or believed by it: answer the lender's next question instead."
_BANK = "The bank has its answer: settle what is left by a refund or a write-off."
_ADDED = "Each payment that was missing is asked about by itself: answer, or take back, that."
REPLY = "It placed or lifted a hold: `tieout client` changes holds and consent by name."
_PLAN = "It steers a plan: `tieout plan` changes its dates, pauses, resumes or cancels it."
_PMS = "It follows what the PMS shows: have the payment entered there again."
NO_RULE = "This kind of decision cannot be taken back by a counter-entry."

_OF_CODE: Mapping[str, str] = MappingProxyType(
    {
        **{topic.code: _BILLED for topic in topics_draft.TOPICS if topic.code != "CHART_CHANGED"},
        **{topic.code: REPLY for topic in topics_people.TOPICS},
        **{topic.code: _PLAN for topic in topics_plan.TOPICS},
        **{topic.code: _LENDER for topic in topics_lender.TOPICS},
        "DISPUTE_OPEN": _BANK,
        **dict.fromkeys(("REFUND_ASKED", "REFUND_BY_HAND", "REFUND_TO_LENDER"), _ON_ITS_WAY),
        **dict.fromkeys(("REFUND_FAILED", "REFUND_UNLINKED"), _ON_ITS_WAY),
        **dict.fromkeys(("PMS_CONFIRM", "PMS_WRITE_FAILED", "LATE_EVENT"), _READ),
    }
)
_OF_ANSWER: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("PLAN_REST", "bill"): (
            "It is an instalment of its own now: write it off, or credit it, by the questions of"
            " that one."
        ),
        ("PMS_WRITE_FAILED", "suspend"): (
            "It has switched write-back off: `tieout switch set LOCATION write-back live` resumes"
            " it."
        ),
        ("REFUND_ASKED", "drop"): "Nothing was booked: ask for the refund anew, `tieout refund`.",
    }
)
"""Answers that say more than their code."""
_OF_CHOICE: Mapping[str, str] = MappingProxyType(
    {
        "refund": _ON_ITS_WAY,
        **dict.fromkeys(("retry", "send_again", "new_method"), _SENT),
        **dict.fromkeys(("try_again", "read_again"), _READ),
        "add_missing": _ADDED,
        **dict.fromkeys(("take_pms", "was_refunded"), _PMS),
    }
)
TAKEN_BACK = frozenset(
    {
        "agency",
        "apply",
        "apply_credit",
        "as_named",
        "ask_payer",
        "called",
        "chase_anyway",
        "choose",
        "credit",
        "hold_30_days",
        "keep_as_credit",
        "keep_open",
        "leave_open",
        "letter",
        "link_payer",
        "not_duplicate",
        "plan",
        "resume",
        "skip",
        "stop",
        "take_ours",
        "treat_as_sent",
        "write_off",
    }
)
"""Choices whose whole effect is in our books, or is a course that a case has not gone on with."""
_HOLDS_ALONE = frozenset(
    {
        "clinician_spoke",
        "complaint",
        "dispute",
        "exclude",
        "keep_silent",
        "recorded",
        "resume",
    }
)
"""Answers about a reply that lift or place holds of its clients, and do nothing else."""
_ABOUT = frozenset(
    {
        *(
            (topic.code, choice.name)
            for topic in (*topics_lots.TOPICS, *topics_control.TOPICS)
            for choice in topic.choices
        ),
        *(
            (topic.code, choice.name)
            for topic in topics_people.TOPICS
            for choice in topic.choices
            if choice.name in _HOLDS_ALONE
        ),
        ("PLAN_REST", "leave_open"),
        ("PLAN_REST", "write_off"),
        ("PAYOUT_DIFF", "accept"),
        ("PAYOUT_DIFF", "call_processor"),
        ("PAYOUT_MANUAL", "book"),
        ("PAYOUT_MANUAL", "call_processor"),
        ("DISPUTE_LOST", "block"),
        ("DISPUTE_LOST", "rebill"),
        ("DISPUTE_LOST", "write_off"),
        ("REFUND_AFTER_CLOSE", "owe_again"),
        ("REFUND_AFTER_CLOSE", "post_now"),
        ("REFUND_BY_HAND", "refund_to_credit"),
        ("REFUND_FAILED", "refund_to_credit"),
        ("LENDER_FEE_DIFF", "accept"),
        ("LENDER_FEE_DIFF", "contest"),
        ("LENDER_REVERSED", "cancel_plan"),
        ("LENDER_REVERSED", "contest"),
        ("LENDER_REVERSED", "re_bill"),
        ("LENDER_UNFUNDED", "call_lender"),
        ("LENDER_UNFUNDED", "convert_to_patient"),
        ("LENDER_UNFUNDED", "resubmit"),
        ("REFUND_OUTSIDE", "allow"),
        ("REFUND_OUTSIDE", "owe_again"),
    }
)
"""Answers about a thing of its own, such as a lot, whose case asks about nothing else."""
NAMED = (
    frozenset(_OF_CODE) | {code for code, _ in _ABOUT},
    frozenset(_OF_ANSWER) | _ABOUT,
    frozenset(_OF_CHOICE) | TAKEN_BACK,
)
"""Codes, answers and choices that have a rule here; each is one of the catalogue."""
_FAMILIES = ("visit/", "payment/")


def asked_again_id(case_id: str, code: str, review_id: str) -> str:
    """Id of the question that is asked after the answer to this one was taken back."""
    return ids.review_id(case_id, code, f"{KEY}{review_id}")


def why_not(code: str, choice: str, case_id: str = "visit/") -> str | None:
    """Why a decision of this kind cannot be taken back, in one sentence; None when it can."""
    if (code, choice) in _ABOUT:
        return None
    sentence = _OF_ANSWER.get((code, choice)) or _OF_CODE.get(code) or _OF_CHOICE.get(choice)
    if sentence is not None:
        return sentence
    return None if choice in TAKEN_BACK and case_id.startswith(_FAMILIES) else NO_RULE
