"""AWS's Query protocol (Auto Scaling, EC2, IAM): form parameters in, XML out, as plain Python data in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import autoscaling, ec2, iam

from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook

Response = tuple[int, dict[str, str], bytes]
Params = dict[str, Any]
"""Parsed parameters: nested dictionaries and lists whose leaves are strings."""


def parse(params: Mapping[str, Any]) -> Params:
    """Nests dotted parameter names: ``Tags.member.1.Key`` and ``Filter.1.Name`` become lists of dictionaries.

    Args:
        params: As ministack hands them over: a string, or a list of which the first counts, for each name.
    """
    tree: dict[str, Any] = {}
    for name, value in params.items():
        *parents, leaf = name.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value[0] if isinstance(value, list) else value
    nested = _with_lists(tree)
    assert isinstance(nested, dict)
    return nested


def _with_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if set(node) == {"member"}:
        node = node["member"]
    if node and all(key.isdigit() for key in node):
        return [_with_lists(node[key]) for key in sorted(node, key=int)]
    return {key: _with_lists(value) for key, value in node.items()}


def render(value: Any, item: str) -> str:
    """The inside of an XML element: dictionaries as elements, lists as ``item`` elements, ``None`` left out."""
    if isinstance(value, Mapping):
        return "".join(f"<{tag}>{render(inner, item)}</{tag}>" for tag, inner in value.items() if inner is not None)
    if isinstance(value, list | tuple):
        return "".join(f"<{item}>{render(inner, item)}</{item}>" for inner in value)
    if isinstance(value, bool):
        return str(value).lower()
    return escape(str(value))


def is_true(params: Params, name: str) -> bool:
    """Whether a boolean parameter is given and true."""
    return str(params.get(name)).lower() == "true"


def page(rows: list[Any], params: Params, size: str, default: int, token: str = "NextToken") -> tuple[list[Any], Any]:
    """One page of ``rows`` and the token of the next one (``None`` on the last).

    Args:
        rows: All rows, in a stable order.
        params: The request's; the token in them is the offset that an earlier page returned.
        size: Name of the parameter that limits the page.
        default: The limit when none is given.
        token: Name of the token's parameter.

    Raises:
        ApiError: ``InvalidNextToken``: not a token of ours.
    """
    start = params.get(token) or "0"
    if not start.isdigit():
        raise ApiError("InvalidNextToken", f"The token '{start}' is not one that an earlier page returned.")
    end = int(start) + int(params.get(size) or default)
    return rows[int(start) : end], str(end) if end < len(rows) else None


@dataclass(frozen=True)
class QueryService:
    """How one Query service of ministack is hooked and answers.

    Attributes:
        module: Its module.
        table: Name of its table of actions.
        item: Element name of list items.
        has_result: Whether an answer is wrapped in ``<ActionResult>``.
        fail: Its error answer.
    """

    module: ModuleType
    table: str
    item: str
    has_result: bool
    fail: Callable[[ApiError], Response]

    def answer(self, action: str, function: Callable[[Params], Any], *, is_new: bool = False) -> Hook:
        """``function`` answers ``action``: parsed parameters in, the result's members (or ``None``) out."""

        def handle(raw: Mapping[str, Any]) -> Response:
            inner = render(function(parse(raw)) or {}, self.item)
            if self.has_result:
                inner = f"<{action}Result>{inner}</{action}Result>"
            response: Response = self.module._xml(200, f"{action}Response", inner)
            return response

        return self._hook(action, lambda _original: handle, is_new)

    def refuse(self, action: str) -> Hook:
        """Refuses an ``action`` that no program here asks for: ministack does not answer it as AWS would."""

        def unknown(_params: Params) -> None:
            raise ApiError("InvalidAction", f"The sandbox's AWS does not have the action {action}")

        return self.answer(action, unknown)

    def wrap(self, action: str, function: Callable[..., Response]) -> Hook:
        """``function`` gets ministack's handler of ``action`` and the raw parameters, and answers in its stead."""
        return self._hook(action, lambda original: lambda raw: function(original, raw), is_new=False)

    def _hook(self, action: str, build: Callable[[Any], Callable[[Mapping[str, Any]], Response]], is_new: bool) -> Hook:
        def refusing(original: Any) -> Callable[[Mapping[str, Any]], Response]:
            handle = build(original)

            def guarded(raw: Mapping[str, Any]) -> Response:
                try:
                    return handle(raw)
                except ApiError as error:
                    return self.fail(error)

            return guarded

        return Hook(self.module, self.table, refusing, key=action, is_new=is_new)


AUTOSCALING = QueryService(
    module=autoscaling,
    table="_ACTION_MAP",
    item="member",
    has_result=True,
    fail=lambda error: autoscaling._error(error.code, escape(error.message), error.status),
)
EC2 = QueryService(
    module=ec2,
    table="_ACTION_MAP",
    item="item",
    has_result=False,
    fail=lambda error: ec2._error(error.code, escape(error.message), error.status),
)
IAM = QueryService(
    module=iam,
    table="_IAM_HANDLERS",
    item="member",
    has_result=True,
    fail=lambda error: iam._error(error.status, error.code, escape(error.message)),
)
