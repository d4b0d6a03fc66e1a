"""Error answers in the protocol of each service, for what the gateway refuses before ministack sees it."""

from __future__ import annotations

from collections.abc import Callable
from xml.sax.saxutils import escape

from ministack.core.responses import error_response_json
from ministack.services import eks, sts

from sandbox.aws.errors import ApiError
from sandbox.aws.query_protocol import AUTOSCALING, EC2, IAM, Response


def _eks(error: ApiError) -> Response:
    response: Response = eks._error(error.status, error.code, error.message)
    return response


def _ssm(error: ApiError) -> Response:
    response: Response = error_response_json(error.code, error.message, error.status)
    return response


def _sts(error: ApiError) -> Response:
    response: Response = sts._error(error.status, error.code, escape(error.message), ns="sts")
    return response


_BY_SERVICE: dict[str, Callable[[ApiError], Response]] = {
    "autoscaling": AUTOSCALING.fail,
    "ec2": EC2.fail,
    "eks": _eks,
    "eks-auth": _eks,
    "iam": IAM.fail,
    "ssm": _ssm,
    "sts": _sts,
}

SERVICES = tuple(_BY_SERVICE)
"""The AWS services that the sandbox has, by the name in a request's signature."""

_THROTTLED = {
    "ec2": ApiError("RequestLimitExceeded", "Request limit exceeded.", 503),
    "autoscaling": ApiError("Throttling", "Rate exceeded"),
    "iam": ApiError("Throttling", "Rate exceeded"),
    "sts": ApiError("Throttling", "Rate exceeded"),
}


def refuse(service: str, error: ApiError, *, form: bool = False) -> Response:
    """``error`` in the format of ``service``.

    Args:
        service: The service that was called.
        error: The error.
        form: Whether the request was an HTML form, which asks for XML: decides for services that the sandbox has not.
    """
    return _BY_SERVICE.get(service, AUTOSCALING.fail if form else _eks)(error)


def throttled(service: str) -> Response:
    """The service's answer to too many calls."""
    return refuse(service, _THROTTLED.get(service, ApiError("ThrottlingException", "Rate exceeded")))
