"""What the Messages twin accepts and answers, as data.

Sources: Twilio's OpenAPI 2.6.7 for parameters and statuses, its error list for codes.
"""

API_VERSION = "2010-04-01"

CREATE_PARAMETERS = frozenset(
    {
        "AddressRetention",
        "ApplicationSid",
        "Attempt",
        "Body",
        "ContentRetention",
        "ContentSid",
        "ContentVariables",
        "FallbackFrom",
        "ForceDelivery",
        "From",
        "MaxPrice",
        "MediaUrl",
        "MessagingServiceSid",
        "PersistentAction",
        "ProvideFeedback",
        "RiskCheck",
        "ScheduleType",
        "SendAsMms",
        "SendAt",
        "ShortenUrls",
        "SmartEncoded",
        "StatusCallback",
        "To",
        "TrafficType",
        "ValidityPeriod",
    }
)
UPDATE_PARAMETERS = frozenset({"Body", "Status"})
LIST_PARAMETERS = frozenset(
    {"To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken"}
)

STATUSES = frozenset(
    {
        "accepted",
        "canceled",
        "delivered",
        "failed",
        "partially_delivered",
        "queued",
        "read",
        "received",
        "receiving",
        "scheduled",
        "sending",
        "sent",
        "undelivered",
    }
)

BODY_LIMIT_CHARACTERS = 1600
VALIDITY_SECONDS = range(1, 36001)

REFUSED_RECIPIENTS = {
    "0001": (21610, "Attempt to send to unsubscribed recipient"),
    "0002": (21211, "Invalid 'To' Phone Number"),
    "0006": (21408, "Permission to send an SMS has not been enabled for the region"),
    "0007": (21611, "This 'From' number has exceeded the maximum number of queued messages"),
    "0008": (21606, "The 'From' phone number is not a valid sender"),
}
"""Last four digits of `To` -> the 400 answer."""

FAILING_RECIPIENTS = {
    "0003": ("undelivered", 30003),
    "0004": ("undelivered", 30006),
    "0005": ("undelivered", 30007),
    "0009": ("failed", 30034),
    "0010": ("undelivered", 30022),
    "0012": ("undelivered", 30023),
}
"""Last four digits of `To` -> accepted first, then this status and error code by callback."""

FAILING_ONCE = {"0011": ("undelivered", 30008)}
"""The same for the first text to such a number; the next ones arrive."""

STOP_WORDS = frozenset(
    {"STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"}
)
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
HELP_WORDS = frozenset({"HELP", "INFO"})

AUTO_REPLIES = {
    "STOP": "You have unsubscribed and will receive no more messages. Reply START to resubscribe.",
    "START": "You have resubscribed. Reply HELP for help, STOP to unsubscribe.",
    "HELP": "Reply STOP to unsubscribe.",
}

PRACTICE_NUMBER = "+15125550100"
"""The one sender in the twin's messaging service."""
