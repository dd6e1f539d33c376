"""The four search attributes of a case; registered by temporal-dev.yml, checked by `doctor`.

Values are plain text in Temporal: location ids, stages and instants only. Set at start and
upserted on a stage change; never the source of a work list.
"""

from datetime import datetime

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from domain.case import Attention, Stage

LOCATION: SearchAttributeKey[str] = SearchAttributeKey.for_keyword("TieoutLocation")
STAGE: SearchAttributeKey[str] = SearchAttributeKey.for_keyword("TieoutStage")
ATTENTION: SearchAttributeKey[str] = SearchAttributeKey.for_keyword("TieoutAttention")
NEXT_ACTION_AT: SearchAttributeKey[datetime] = SearchAttributeKey.for_datetime("TieoutNextActionAt")

ALL = (LOCATION, STAGE, ATTENTION, NEXT_ACTION_AT)


def at_start(location_id: str) -> TypedSearchAttributes:
    """What every case carries from its first moment (free of charge at start)."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(LOCATION, location_id),
            SearchAttributePair(STAGE, Stage.BUILDING.value),
            SearchAttributePair(ATTENTION, Attention.SYSTEM.value),
        ]
    )
