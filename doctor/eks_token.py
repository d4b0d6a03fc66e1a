"""Tokens for the API server of an EKS cluster: the same as those of ``aws eks get-token``, signed in this process.

Starting the AWS CLI takes 0.6 CPU seconds, a third of a check, and the CLI may not be installed.
"""

import base64
from typing import Any

LIFETIME = 14 * 60
"""Seconds after which the AWS CLI has clients ask again; EKS accepts a token for 15 minutes."""

_HEADER = "x-k8s-aws-id"
_URL_SECONDS = 60


def prepare(sts: Any) -> None:
    """Let an STS client sign tokens (awscli: customizations/eks/get_token.py, STSClientFactory).

    The header is part of the signature but no parameter of the API, so it travels in the context of the request.
    """
    sts.meta.events.register("provide-client-params.sts.GetCallerIdentity", _take_cluster)
    sts.meta.events.register("before-sign.sts.GetCallerIdentity", _add_header)


def sign(sts: Any, cluster: str) -> str:
    """Return a token for a cluster (awscli: customizations/eks/get_token.py, TokenGenerator). No call is sent."""
    url = sts.generate_presigned_url(
        "get_caller_identity", Params={_HEADER: cluster}, ExpiresIn=_URL_SECONDS, HttpMethod="GET"
    )
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def _take_cluster(params: Any, context: Any, **_: Any) -> None:
    if _HEADER in params:
        context[_HEADER] = params.pop(_HEADER)


def _add_header(request: Any, **_: Any) -> None:
    if _HEADER in request.context:
        request.headers[_HEADER] = request.context[_HEADER]
