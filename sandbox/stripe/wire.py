"""How Stripe speaks on the wire: bracketed forms, keys in a header, its error bodies."""

import base64
import binascii
import hmac
import re
from typing import Any
from urllib.parse import parse_qsl

Doc = dict[str, Any]

_PART = re.compile(r"\[([^\]]*)\]")


class StripeError(Exception):
    """An answer other than 200. `saved` tells whether an idempotency key remembers it."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        type: str = "invalid_request_error",
        saved: bool = True,
    ) -> None:
        super().__init__(message)
        self.status, self.saved = status, saved
        self.body: Doc = {"error": {"type": type, "message": message}}
        if code:
            self.body["error"]["code"] = code
        if param:
            self.body["error"]["param"] = param


def refuse(message: str, code: str, param: str | None = None) -> StripeError:
    """A 400 for a parameter that never reached the work, so that no key remembers it."""
    return StripeError(400, message, code, param, saved=False)


def parse_form(text: str) -> Doc:
    """Nested value of a form or query: `a[b]=1`, `a[0]=1`, `a[]=1`, `a[0][b]=1`."""
    root: Doc = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        head, bracket, rest = name.partition("[")
        parts = [head, *_PART.findall(bracket + rest)]
        node = root
        for part in parts[:-1]:
            step = node.setdefault(part or str(len(node)), {})
            if not isinstance(step, dict):
                raise refuse(f"Invalid hash: {head}", "parameter_invalid_hash", head)
            node = step
        node[parts[-1] or str(len(node))] = value
    return {key: _lists(value) for key, value in root.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _lists(item) for key, item in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner


def integer(form: Doc, name: str, default: int | None = None) -> int | None:
    """The whole number under `name`, refused as Stripe refuses it when it is not one."""
    value = form.get(name)
    if value is None or value == "":
        return default
    if not isinstance(value, str) or not re.fullmatch(r"-?\d+", value):
        raise refuse(f"Invalid integer: {value}", "parameter_invalid_integer", name)
    return int(value)


def amount(form: Doc, name: str) -> int:
    """A required whole number of minor units, not below zero."""
    value = integer(form, name)
    if value is None:
        raise refuse(f"Missing required param: {name}.", "parameter_missing", name)
    if value < 0:
        raise refuse("Invalid non-negative integer", "parameter_invalid_integer", name)
    return value


def boolean(form: Doc, name: str) -> bool:
    """True for `true`, False for `false` and for nothing; anything else is refused."""
    value = form.get(name, "false")
    if value not in ("true", "false"):
        raise refuse(f"Invalid boolean: {value}", "parameter_invalid_boolean", name)
    return bool(value == "true")


def check_key(authorization: str | None, secret_key: str) -> None:
    """Bearer or Basic with the secret key, else a 401."""
    scheme, _, given = (authorization or "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            given = ""
    if not given:
        raise StripeError(401, "You did not provide an API key.", saved=False)
    if not hmac.compare_digest(given.strip().encode(), secret_key.encode()):
        raise StripeError(401, "Invalid API Key provided: sk_test_****", saved=False)


def list_of(data: list[Doc], url: str, has_more: bool = False) -> Doc:
    """Stripe's list envelope."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def page(rows: list[Doc], form: Doc, url: str) -> Doc:
    """One page of `rows` (newest first) by `limit`, `starting_after` and `ending_before`."""
    limit = integer(form, "limit", 10) or 0
    if not 1 <= limit <= 100:
        raise refuse("This value must be between 1 and 100.", "parameter_invalid_integer", "limit")
    after, before = form.get("starting_after"), form.get("ending_before")
    ids = [row["id"] for row in rows]
    for name, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor and cursor not in ids:
            raise refuse(f"No such object: '{cursor}'", "resource_missing", name)
    if before:
        end = ids.index(before)
        start = max(0, end - limit)
        return list_of(rows[start:end], url, start > 0)
    start = ids.index(after) + 1 if after else 0
    return list_of(rows[start : start + limit], url, start + limit < len(rows))


def created_in(form: Doc, doc: Doc) -> bool:
    """Whether `doc.created` (Unix seconds) satisfies the `created` filter, exact or ranged."""
    wanted = form.get("created")
    if wanted is None:
        return True
    if not isinstance(wanted, dict):
        return bool(doc["created"] == integer(form, "created"))
    at = doc["created"]
    tests = {"gt": at.__gt__, "gte": at.__ge__, "lt": at.__lt__, "lte": at.__le__}
    return all(tests[name](integer(wanted, name)) for name in wanted if name in tests)


def nested(form: Doc, *names: str) -> Any:
    """The value below nested names of a form, None where a step is missing."""
    node: Any = form
    for name in names:
        node = node.get(name) if isinstance(node, dict) else None
    return node
