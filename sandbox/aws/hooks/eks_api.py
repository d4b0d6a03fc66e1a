"""The EKS operations that the sandbox answers itself, found by HTTP method and path before ministack's own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.services import eks

from sandbox.aws.errors import ApiError
from sandbox.aws.query_protocol import Response

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One EKS request.

    Attributes:
        path: Values of the route's placeholders, such as ``cluster``.
        body: The JSON body; empty when there is none.
        query: Query parameters, each a list.
        caller: ARN of the IAM principal that signed it: a user, or the role of a session.
    """

    path: Mapping[str, str]
    body: Json = field(default_factory=dict)
    query: Mapping[str, list[str]] = field(default_factory=dict)
    caller: str = ""


@dataclass(frozen=True)
class Route:
    """An operation: ``pattern`` has ``{name}`` placeholders, one path segment each (``{name+}``: any number)."""

    method: str
    pattern: str
    operation: Callable[[Call], Json]

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The placeholders' values if the request, its path percent-decoded, is for this route."""
        expression = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", self.pattern)
        expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", expression)
        found = re.fullmatch(expression, path) if method == self.method else None
        return found.groupdict() if found else None


def dispatcher(routes: tuple[Route, ...]) -> Callable[..., Response]:
    """A stand-in for ministack's EKS dispatch that tries ``routes`` first."""

    def dispatch(original: Any, method: str, path: str, headers: Json, body: bytes, query: Json) -> Response:
        response: Response
        try:
            for route in routes:
                values = route.match(method, path)
                if values is not None:
                    call = Call(values, json.loads(body) if body else {}, query, _caller(headers, query))
                    response = eks._json_resp(200, route.operation(call))
                    return response
            response = original(method, path, headers, body, query)
        except ApiError as error:
            response = eks._error(error.status, error.code, error.message)
        return response

    return dispatch


def _caller(headers: Json, query: Json) -> str:
    identity = eks.resolve_caller_identity(eks.extract_access_key_id(headers, query)) or {}
    arn = str(identity.get("userArn", ""))
    return eks._role_arn_from_assumed_role(arn) or arn


def find_cluster(name: str) -> Json:
    """Ministack's record of a cluster; members that start with ``_`` are never shown.

    Raises:
        ApiError: ``ResourceNotFoundException``.
    """
    cluster: Json | None = eks._clusters.get(name)
    if cluster is None:
        raise ApiError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
    return cluster


def find_node_group(cluster: str, name: str) -> Json:
    """Ministack's record of a node group.

    Raises:
        ApiError: ``ResourceNotFoundException``: no such cluster or node group.
    """
    find_cluster(cluster)
    group: Json | None = eks._nodegroups.get(f"{cluster}/{name}")
    if group is None:
        raise ApiError("ResourceNotFoundException", f"No node group found for name: {name}.", 404)
    return group


def invalid(message: str) -> ApiError:
    """The error for a parameter that EKS does not take."""
    return ApiError("InvalidParameterException", message)
