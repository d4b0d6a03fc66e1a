"""The outer application: one request at a time, state saved after each change, faults and the private API."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions

from sandbox.aws import private_api, refusals
from sandbox.aws.calls import CALLS
from sandbox.aws.errors import ApiError
from sandbox.aws.faults import FAULTS, Fault
from sandbox.aws.hooks import capacity
from sandbox.aws.query_protocol import Response
from sandbox.aws.state import StateFile

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

RETRY_SECONDS = 10.0
"""How long Auto Scaling waits before it tries a failed launch again."""

_READ_ONLY = re.compile(r"Describe|List|Get(?!SessionToken|FederationToken)|Simulate")

_UNSIGNED = "AssumeRoleWithWebIdentity"
"""The only operation that AWS takes without a signature, of all that the sandbox serves."""

logger = logging.getLogger("sandbox.aws")


@dataclass(frozen=True)
class Request:
    """One HTTP request, read to its end.

    Attributes:
        scope: The ASGI scope it came with.
        body: Its body.
    """

    scope: Scope
    body: bytes

    @property
    def method(self) -> str:
        """HTTP method."""
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        """Path, percent-decoded."""
        return str(self.scope["path"])

    @cached_property
    def headers(self) -> dict[str, str]:
        """Headers, names in lower case."""
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.scope["headers"]}

    @property
    def is_form(self) -> bool:
        """Whether the body is a form: the Query protocol, whose answers are XML."""
        return self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")

    @cached_property
    def params(self) -> Mapping[str, list[str]]:
        """Query parameters, and those of a form body."""
        query = parse_qs(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if not self.is_form:
            return query
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True) | query

    @cached_property
    def credential(self) -> list[str]:
        """The parts of the credential that it is signed with: key id, date, region, service; empty: not signed."""
        header = re.search(r"Credential=([^, ]+)", self.headers.get("authorization", ""))
        scope = header[1] if header else (self.params.get("X-Amz-Credential") or [""])[0]
        parts = scope.split("/")
        return parts if len(parts) == 5 else []

    @property
    def service(self) -> str | None:
        """The service that the request is signed for; ``None``: not signed."""
        return self.credential[3] if self.credential else None

    @cached_property
    def action(self) -> str:
        """The called operation, such as ``DescribeCluster``; empty when there is none of that kind."""
        found = iam_actions.extract_iam_action(
            self.service or "sts", self.method, self.path, self.headers, self.body, self.params
        )
        return (found or "").partition(":")[2]


class Gateway:
    """The ASGI application that the server runs, around ministack's.

    ministack answers some services in separate threads. Here each request is read first, then answered alone, then
    sent: no two ever meet half-way, and what a client received is what is saved.

    Args:
        application: ministack's ASGI application, hooks installed.
        state: Where to save after each change.
        on_ready: Called once when requests are taken.
    """

    def __init__(self, application: Application, state: StateFile, on_ready: Callable[[], None]) -> None:
        self._application = application
        self._state = state
        self._on_ready = on_ready
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection's request, or the server's lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(Request(scope, await _read_body(receive)), receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        retries = asyncio.create_task(self._retry_launches())
        await send({"type": "lifespan.startup.complete"})
        self._on_ready()
        await receive()
        retries.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _retry_launches(self) -> None:
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            async with self._lock:
                if capacity.retry_launches():
                    self._state.save()

    async def _serve(self, request: Request, receive: Receive, send: Send) -> None:
        started = time.monotonic()
        response: Response | None
        try:
            response = await self._private(request)
        except private_api.NotServed:
            try:
                fault = _check(request)
                response = await self._emulate(request) if fault is None or fault.done else None
                if fault:
                    response = await _hit(fault, request, receive)
            except ApiError as error:
                response = refusals.refuse(request.service or "sts", error, form=request.is_form)
        if response is not None:
            _log(request, response[0], time.monotonic() - started)
            await _send(send, response)

    async def _private(self, request: Request) -> Response:
        async with self._lock:
            status, answer = private_api.handle(request.method, request.path, request.body)
            if request.method != "GET":
                self._state.save()
        return status, {"Content-Type": "application/json"}, json.dumps(answer).encode()

    async def _emulate(self, request: Request) -> Response:
        async with self._lock:
            response = await _call(self._application, request)
            if not _READ_ONLY.match(request.action):
                self._state.save()
        return response


def _check(request: Request) -> Fault | None:
    """Refuses what the sandbox has not, counts the rest; returns the injected fault that hits the request, if any.

    Raises:
        ApiError: Another service, or no signature where one is needed.
    """
    if request.service is None and request.action != _UNSIGNED:
        raise ApiError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    service = request.service or "sts"
    if service not in refusals.SERVICES:
        raise ApiError(
            "NotImplemented",
            f"The sandbox's AWS has no service '{service}': it has {', '.join(refusals.SERVICES)}",
            501,
        )
    client = request.headers.get("user-agent", "")
    CALLS.count(service, request.action, client)
    return FAULTS.take(service, request.action, client=client)


async def _hit(fault: Fault, request: Request, receive: Receive) -> Response | None:
    """Answers with an injected fault; ``None`` when that means no answer."""
    service = request.service or "sts"
    what = "the answer of" if fault.done else ""
    logger.warning("injected fault '%s' hits %s %s %s", fault.fault, what, service, request.action)
    if fault.fault == "throttle":
        return refusals.throttled(service)
    while (await receive())["type"] != "http.disconnect":
        pass
    return None


async def _read_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = bool(message.get("more_body"))
    return b"".join(parts)


async def _call(application: Application, request: Request) -> Response:
    """Has ministack answer the request, and collects the whole answer."""
    waiting = [{"type": "http.request", "body": request.body, "more_body": False}]
    answer: dict[str, Any] = {"body": b""}

    async def receive() -> dict[str, Any]:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.update(message)
        else:
            answer["body"] += message.get("body", b"")

    await application(request.scope, receive, send)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in answer["headers"]}
    return answer["status"], headers, answer["body"]


async def _send(send: Send, response: Response) -> None:
    status, headers, body = response
    names = {name.lower() for name in headers}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    if "content-length" not in names:
        encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def _log(request: Request, status: int, seconds: float) -> None:
    """One line for each change and each refusal; reads would drown them."""
    if request.path.startswith("/_sandbox/") and status < 400:
        return
    if status < 400 and _READ_ONLY.match(request.action):
        return
    what = f"{request.service or 'sts'} {request.action}" if request.service else f"{request.method} {request.path}"
    logger.info("%s %d (%.0f ms)", what, status, seconds * 1000)
