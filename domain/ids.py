"""Every id and idempotency key, made from business keys by one named function each.

Nothing here may carry a name, phone, e-mail or treatment: ids are plain text everywhere.
"""

import base64
import hashlib
from uuid import UUID, uuid5

_SPACE = UUID("6f2f6f4e-8f3c-5a51-9d0a-7c1e0e5d7a11")


def visit_workflow_id(location_id: str, pms: str, visit_id: str) -> str:
    """`visit/<location>/<pms>/<visit id>`: one per treatment visit, ever."""
    return f"visit/{location_id}/{pms}/{visit_id}"


def unmatched_workflow_id(source: str, payment_id: str) -> str:
    """`payment/<source>/<payment id>`: money that carries no reference of ours."""
    return f"payment/{source}/{payment_id}"


def payout_workflow_id(source: str, payout_id: str) -> str:
    """`payout/<source>/<payout id>`: money on its way from the processor to the bank."""
    return f"payout/{source}/{payout_id}"


def plan_workflow_id(location_id: str, lender: str, plan_id: str) -> str:
    """`plan/<location>/<lender>/<plan id>`: one per financing plan, ever."""
    return f"plan/{location_id}/{lender}/{plan_id}"


def refund_workflow_id(scope: str, refund_id: str) -> str:
    """`refund/<location>/<refund id>` of ours, `refund/<source>/<its id>` of one made elsewhere."""
    return f"refund/{scope}/{refund_id}"


def dispute_workflow_id(source: str, dispute_id: str) -> str:
    """`dispute/<source>/<dispute id>`: a payment that the payer's bank took back."""
    return f"dispute/{source}/{dispute_id}"


def lot_workflow_id(location_id: str, lot_id: str) -> str:
    """`lot/<location>/<lot id>`: what is left in a lot after its last day."""
    return f"lot/{location_id}/{lot_id}"


def control_workflow_id(location_id: str, line: str) -> str:
    """`control/<location>/<line>`: a line of the daily control that does not tie."""
    return f"control/{location_id}/{line}"


def installment_visit_id(plan_id: str, number: int) -> str:
    """What an instalment is to its case as a visit's id is to a visit's."""
    return f"{plan_id}.{number}"


def installment_of(visit_id: str) -> tuple[str, int]:
    """Plan and number of an instalment's id."""
    plan_id, _, number = visit_id.rpartition(".")
    return plan_id, int(number)


def plan_of_installment(case_id: str) -> str | None:
    """The plan that a case is an instalment of; None for any other case."""
    family, _, rest = case_id.partition("/")
    location_id, _, name = rest.partition("/in-house/")
    if family != "visit" or not name:
        return None
    return plan_workflow_id(location_id, "in-house", installment_of(name)[0])


def installment_workflow_id(location_id: str, plan_id: str, number: int) -> str:
    """`visit/<location>/in-house/<plan id>.<number>`: each instalment is a case like a visit."""
    return visit_workflow_id(location_id, "in-house", installment_visit_id(plan_id, number))


def look_workflow_id(location_id: str, lender: str, thing: str, thing_id: str) -> str:
    """`look/<location>/<lender>/<thing>/<id>`: asking a lender about what a webhook named."""
    return f"look/{location_id}/{lender}/{thing}/{thing_id}"


def feed_workflow_id(location_id: str, lender: str) -> str:
    """`feed/<location>/<lender>`: what is wrong with a lender's ways in."""
    return f"feed/{location_id}/{lender}"


def loan_workflow_id(location_id: str, lender: str, name: str) -> str:
    """`loan/<location>/<lender>/<visit id>`; a loan's own id while no visit is known for it."""
    return f"loan/{location_id}/{lender}/{name}"


def reply_workflow_id(location_id: str, opaque: str) -> str:
    """`reply/<location>/<client id>`: what a client wrote; an inbox id for an unknown number."""
    return f"reply/{location_id}/{opaque}"


def hold_id(business_key: str, client_id: str) -> str:
    """Id of a hold of one client, the same for the same cause."""
    return str(uuid5(_SPACE, f"hold|{business_key}|{client_id}"))


def remittance_id(location_id: str, agency: str, reference: str) -> str:
    """Id of what an agency paid, the same for the same reference of the same agency."""
    return str(uuid5(_SPACE, f"remittance|{location_id}|{agency}|{reference}"))


def own_plan_id(location_id: str, terms_hash: str) -> str:
    """Id of a plan that the practice lends itself, by whose it is, for what and on which terms."""
    return str(uuid5(_SPACE, f"own-plan|{location_id}|{terms_hash}"))


def client_id(location_id: str, pms: str, pms_client_ref: str) -> str:
    """Our opaque client id, the same for the same PMS client."""
    return str(uuid5(_SPACE, f"client|{location_id}|{pms}|{pms_client_ref}"))


def document_id(case_id: str, document_no: int) -> str:
    """Id of the n-th document (invoice, supplement, credit note) of a case; n starts at 1."""
    return str(uuid5(_SPACE, f"document|{case_id}|{document_no}"))


def door_id(document_id: str, number: int) -> str:
    """What the processor knows a document's n-th invoice by; n starts at 1."""
    return document_id if number == 1 else f"{document_id}/{number}"


def lot_id(document_id: str, line_id: str, content_no: int) -> str:
    """Id of a lot that a sold package creates."""
    return str(uuid5(_SPACE, f"lot|{document_id}|{line_id}|{content_no}"))


CREDIT_GRANTS_MAX = 4


def credit_lot_ids(source_id: str) -> tuple[str, ...]:
    """Ids of the credits that money became: the first and, where it was taken back, the next."""
    return tuple(lot_id(source_id, "credit", number) for number in range(CREDIT_GRANTS_MAX))


def entry_id(business_key: str) -> str:
    """Ledger entry id from its business key, so that a retry writes the same entry."""
    return str(uuid5(_SPACE, f"entry|{business_key}"))


def review_id(case_id: str, code: str, occurrence: int | str) -> str:
    """Id of a review: the n-th of this code in a case, or the one about a payment or document."""
    return str(uuid5(_SPACE, f"review|{case_id}|{code}|{occurrence}"))


def message_key(case_id: str, step: str, channel: str, template_version: int, intent: int) -> str:
    """Unique key of one intended message. A staff re-send is a new `intent`, so it goes out."""
    plain = f"{case_id}|{step}|{channel}|{template_version}|{intent}"
    return hashlib.sha256(plain.encode()).hexdigest()[:32]


def payment_id(source: str, object_id: str) -> str:
    """Our id of a payment fact, de-duplicated by source and object."""
    return str(uuid5(_SPACE, f"payment|{source}|{object_id}"))


def agreed_plan_id(review_id: str) -> str:
    """Id of the plan of our own that an answer to this question has made."""
    return str(uuid5(_SPACE, f"agreed-plan|{review_id}"))


def refund_id(cause: str) -> str:
    """Id of a refund, the same for the same cause: a question's id, or what a system calls it."""
    return str(uuid5(_SPACE, f"refund|{cause}"))


def move_id(refund_id: str, number: int) -> str:
    """Id of the n-th movement of a refund; the reference that the processor carries along."""
    return str(uuid5(_SPACE, f"refund-move|{refund_id}|{number}"))


def dedupe_ref(case_id: str) -> str:
    """`TO-…`: the reference that we leave in systems without idempotency keys."""
    digest = hashlib.sha256(case_id.encode()).digest()[:10]
    return "TO-" + base64.b32encode(digest).decode()
