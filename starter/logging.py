"""One JSON line per event to stderr: structlog's own and the standard library's alike.

Nothing personal is ever meant to reach a log. As a last guard, the value of a key that sounds
like a person or a payload is dropped, wherever it stands in an event.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"
_ALLOWED = frozenset(
    {
        "practice_name",
        "workflow_name",
        "activity_name",
        "template_name",
        "logger_name",
        "filename",
        "module_name",
        "func_name",
    }
)
_PERSONAL = re.compile(
    r"(^|_)(name|names|phone|email|mail|e164|address|birth|born|dob|postal|zip|treatment|body|payload"
    r"|password|secret|token|authorization|api_key|text|sms|to|card|contact|patient)(_|$)"
)


def configure(level: str = "INFO", temporal: bool = True) -> None:
    """Set logging up for the whole process; call once, before anything logs.

    `temporal=False` spares a short command the import of Temporal's SDK.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(default=_unrendered),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for chatty in ("httpx", "httpcore", "stripe", "twilio", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *(step for step in shared if not isinstance(step, structlog.stdlib.ExtraAdder)),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    if temporal:
        from temporalio import activity, workflow

        # Ids arrive as fields (`temporal_workflow`, …); in the message they would be twice.
        workflow.logger.workflow_info_on_message = False
        activity.logger.activity_info_on_message = False


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Drop the values of personal keys at any depth; Temporal's own context keeps its ids."""
    return {key: _guarded(key, value) for key, value in event.items()}


def is_personal(key: str) -> bool:
    """True for a key whose value must not be logged."""
    return key not in _ALLOWED and bool(_PERSONAL.search(key.lower()))


def _guarded(key: str, value: Any) -> Any:
    if is_personal(key):
        return REDACTED
    if isinstance(value, Mapping):
        return {inner: _guarded(str(inner), below) for inner, below in value.items()}
    if isinstance(value, list | tuple):
        return [_guarded(key, below) for below in value]
    return value


def _unrendered(value: Any) -> str:
    # A model in a log line would spell out its fields: its type is all that is said.
    return f"<{type(value).__name__}>"
