"""What the translators of inbox rows share: outcomes, and careful reading of foreign bodies."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from domain.case import VisitInput
from domain.dispute_case import DisputeInput
from domain.refund_case import RefundInput
from store.locations import Location


class Ignored(Exception):
    """The event concerns no case; `reason` is kept with the row and carries no personal data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Undecodable(Exception):
    """A verified body that lacks what its type promises; the text is one sentence."""


def json_object(body: bytes) -> Mapping[str, Any]:
    """The body as a JSON object; `Undecodable` when it is anything else."""
    try:
        value = json.loads(body)
    except ValueError:
        raise Undecodable("The body is not JSON.") from None
    if not isinstance(value, dict):
        raise Undecodable("The body is not a JSON object.")
    return value


def form_or_object(body: bytes) -> Mapping[str, Any]:
    """The fields of a form, or of a JSON object; `Undecodable` when it is neither."""
    if body.lstrip().startswith(b"{"):
        return json_object(body)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        raise Undecodable("The body is not a form.") from None


def text_at(body: Mapping[str, Any], *path: str) -> str:
    """The non-empty string at a path of keys; `Undecodable` names the missing path."""
    value = optional_text_at(body, *path)
    if value is None:
        raise Undecodable(f"The body has no {'.'.join(path)}.")
    return value


def optional_text_at(body: Mapping[str, Any], *path: str) -> str | None:
    """The non-empty string at a path of keys, or None."""
    value: Any = body
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value else None


def visit_input(location: Location, pms: str, visit_id: str, event_id: str) -> VisitInput:
    """What a visit starts with: the location's policy as it is now."""
    return VisitInput(
        keeps_end=True,
        location_id=location.location_id,
        pms=pms,
        visit_id=visit_id,
        zone=location.zone,
        chase=location.chase,
        event_id=event_id,
        clock_shift_seconds=location.clock_shift_seconds,
    )


def refund_input(location: Location, workflow_id: str) -> RefundInput:
    """What the case of a refund starts with: one of ours, or one that a processor names."""
    _, scope, name = workflow_id.split("/", 2)
    is_ours = scope == location.location_id
    return RefundInput(
        location_id=location.location_id,
        zone=location.zone,
        refund_id=name if is_ours else None,
        source=None if is_ours else scope,
        object_id=None if is_ours else name,
        staff_reminder_business_days=location.chase.staff_reminder_business_days,
        clock_shift_seconds=location.clock_shift_seconds,
    )


def dispute_input(location: Location, workflow_id: str) -> DisputeInput:
    """What the case of a dispute starts with."""
    _, source, dispute_id = workflow_id.split("/", 2)
    return DisputeInput(
        location_id=location.location_id,
        source=source,
        dispute_id=dispute_id,
        zone=location.zone,
        staff_reminder_business_days=location.chase.staff_reminder_business_days,
        clock_shift_seconds=location.clock_shift_seconds,
    )
