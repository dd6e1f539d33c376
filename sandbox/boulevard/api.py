"""The Admin API's one endpoint: authentication, the cost bucket, and GraphQL with status 200."""

import base64
import binascii
import hashlib
import hmac
import math
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    execute_sync,
    parse,
    validate,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.boulevard.hooks import setting
from sandbox.boulevard.resolvers import schema
from sandbox.box import Box

BUCKET_POINTS = 10_000
LEAK_POINTS_PER_SECOND = 50
DEPTH_MAX = 10
SKEW_SECONDS = 300
TOKEN_PREFIX = "blvd-admin-v1"


@dataclass(frozen=True)
class Prepared:
    """A parsed and validated document. Cost counts one point per requested field."""

    document: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    operation: str = ""
    cost: int = 0


@lru_cache(maxsize=512)
def prepare(query: str) -> Prepared:
    """Parse, validate and weigh a document once per distinct text."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return Prepared(None, (error,))
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    roots = [
        selection.name.value
        for node in operations[:1]
        for selection in node.selection_set.selections
        if isinstance(selection, FieldNode)
    ]
    operation = ",".join(roots)
    errors = validate(schema(), document)
    if errors or not operations:
        return Prepared(None, tuple(errors), operation)
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    cost, depth = weigh(operations[0].selection_set, fragments)
    if depth > DEPTH_MAX and "__schema" not in roots:
        too_deep = GraphQLError(f"Query depth {depth} exceeds {DEPTH_MAX}")
        return Prepared(None, (too_deep,), operation)
    return Prepared(document, (), operation, cost)


def weigh(
    selection_set: SelectionSetNode | None, fragments: dict[str, FragmentDefinitionNode]
) -> tuple[int, int]:
    """Number of requested fields and depth of the deepest one."""
    if selection_set is None:
        return 0, 0
    cost = depth = 0
    for selection in selection_set.selections:
        if isinstance(selection, FragmentSpreadNode):
            inner_cost, inner_depth = weigh(
                fragments[selection.name.value].selection_set, fragments
            )
        else:
            inner_cost, inner_depth = weigh(selection.selection_set, fragments)  # type: ignore[attr-defined]
            if isinstance(selection, FieldNode):
                inner_cost, inner_depth = inner_cost + 1, inner_depth + 1
        cost, depth = cost + inner_cost, max(depth, inner_depth)
    return cost, depth


@dataclass
class Bucket:
    """A leaky bucket of points, empty at first."""

    level: float = 0.0
    at: float = field(default_factory=time.monotonic)

    def pour(self, points: int, size: int, leak: int) -> int:
        """Take `points` in and return 0, or leave them out and return the wait in ms."""
        now = time.monotonic()
        self.level = max(0.0, self.level - (now - self.at) * leak)
        self.at = now
        over = self.level + points - size
        if over > 0:
            return math.ceil(over / leak * 1000)
        self.level += points
        return 0


def authorized(box: Box, header: str | None) -> bool:
    """Basic auth of the API key and a token: signature, then the signed message itself."""
    held, scheme = box.credentials, "Basic "
    if header is None or not header.startswith(scheme):
        return False
    try:
        key, _, token = (
            base64.b64decode(header[len(scheme) :], validate=True).decode().partition(":")
        )
    except (binascii.Error, UnicodeDecodeError):
        return False
    prefix = TOKEN_PREFIX + held["boulevard_business_id"]
    signature, found, seconds = token.partition(prefix)
    if not found or not seconds.isdecimal() or key != held["boulevard_api_key"]:
        return False
    if abs(box.now().timestamp() - int(seconds)) > SKEW_SECONDS:
        return False
    secret = base64.b64decode(held["boulevard_api_secret"])
    expected = hmac.new(secret, (prefix + seconds).encode(), hashlib.sha256).digest()
    return hmac.compare_digest(signature.encode(), base64.b64encode(expected))


def limited(wait_ms: int) -> Response:
    """Too many points: status 200, an error, and the wait in its text."""
    return JSONResponse(
        {"data": None, "errors": [{"message": f"API limit reached, please wait {wait_ms} ms"}]}
    )


def failed(errors: tuple[GraphQLError, ...]) -> Response:
    """A document that cannot run: status 200 and the reasons."""
    return JSONResponse({"errors": [error.formatted for error in errors]})


def boulevard_app(box: Box) -> Starlette:
    """POST /api/2020-01/admin, and nothing else."""
    bucket = Bucket()

    def run(prepared: Prepared, body: dict[str, Any]) -> Response:
        if prepared.document is None:
            return failed(prepared.errors)
        size = setting(box, "bucketPoints", BUCKET_POINTS)
        leak = setting(box, "leakPointsPerSecond", LEAK_POINTS_PER_SECOND)
        wait_ms = bucket.pour(prepared.cost, size, leak)
        if wait_ms:
            return limited(wait_ms)
        result = execute_sync(
            schema(),
            prepared.document,
            context_value=box,
            variable_values=body.get("variables") or {},
            operation_name=body.get("operationName"),
        )
        return JSONResponse(result.formatted)

    async def admin(request: Request) -> Response:
        if not authorized(box, request.headers.get("authorization")):
            return JSONResponse({"errors": [{"message": "Unauthorized"}]}, 401)
        try:
            body = await request.json()
            prepared = prepare(body["query"])
        except (ValueError, KeyError, TypeError):
            return JSONResponse({"errors": [{"message": "Bad request"}]}, 400)
        variables = body.get("variables") or {}
        name = body.get("operationName") or prepared.operation
        box.record_call("boulevard", prepared.operation, {"query": name, "variables": variables})

        async def handle() -> Response:
            return run(prepared, body)

        return await box.faults.around(
            "boulevard", prepared.operation, request, handle, lambda: limited(1000)
        )

    return Starlette(routes=[Route("/api/2020-01/admin", admin, methods=["POST"])])
