"""IAM OIDC providers: https only, shown without scheme, and with the actions that ministack lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import iam

from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook
from sandbox.aws.hooks.iam_tags import check_keys
from sandbox.aws.query_protocol import IAM, Params, Response, parse

# IAM determines the thumbprint when none is given; this is the one it finds for EKS's issuers.
_LOOKED_UP_THUMBPRINT = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"

Provider = dict[str, Any]


def host_and_path(url: str) -> str:
    """An issuer URL without scheme and closing slash: its name in ARNs and condition keys."""
    return url.split("://", 1)[-1].rstrip("/")


def find(params: Params) -> Provider:
    """The provider that a request names.

    Raises:
        ApiError: ``NoSuchEntity``.
    """
    arn = params.get("OpenIDConnectProviderArn")
    provider: Provider | None = iam._oidc_providers.get(arn)
    if provider is None:
        raise ApiError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", 404)
    return provider


def create(original: Any, raw: Mapping[str, Any]) -> Response:
    """CreateOpenIDConnectProvider."""
    url = parse(raw).get("Url", "")
    if not url.startswith("https://"):
        raise ApiError("ValidationError", f"Invalid Open ID Connect Provider URL {url}: expected https://")
    response: Response = original(raw)
    if response[0] == 200:
        provider = next(one for one in iam._oidc_providers.values() if one["Url"] == url)
        provider["Url"] = host_and_path(url)
        provider["ThumbprintList"] = provider["ThumbprintList"] or [_LOOKED_UP_THUMBPRINT]
    return response


def get(params: Params) -> Params:
    """GetOpenIDConnectProvider."""
    provider = find(params)
    return {name: provider[name] for name in ("Url", "ClientIDList", "ThumbprintList", "CreateDate", "Tags")}


def update_thumbprints(params: Params) -> None:
    """UpdateOpenIDConnectProviderThumbprint."""
    find(params)["ThumbprintList"] = params["ThumbprintList"]


def add_client_id(params: Params) -> None:
    """AddClientIDToOpenIDConnectProvider; adding one twice is no error."""
    client_ids = find(params)["ClientIDList"]
    if params["ClientID"] not in client_ids:
        client_ids.append(params["ClientID"])


def remove_client_id(params: Params) -> None:
    """RemoveClientIDFromOpenIDConnectProvider; removing an absent one is no error."""
    provider = find(params)
    provider["ClientIDList"] = [one for one in provider["ClientIDList"] if one != params["ClientID"]]


def tag(params: Params) -> None:
    """TagOpenIDConnectProvider."""
    check_keys(params.get("Tags", []))
    provider = find(params)
    tags = {one["Key"]: one for one in (*provider["Tags"], *params.get("Tags", []))}
    provider["Tags"] = [{"Key": key, "Value": one.get("Value", "")} for key, one in tags.items()]


def untag(params: Params) -> None:
    """UntagOpenIDConnectProvider."""
    provider = find(params)
    provider["Tags"] = [one for one in provider["Tags"] if one["Key"] not in params["TagKeys"]]


HOOKS: tuple[Hook, ...] = (
    IAM.wrap("CreateOpenIDConnectProvider", create),
    IAM.answer("GetOpenIDConnectProvider", get),
    IAM.answer("UpdateOpenIDConnectProviderThumbprint", update_thumbprints, is_new=True),
    IAM.answer("AddClientIDToOpenIDConnectProvider", add_client_id, is_new=True),
    IAM.answer("RemoveClientIDFromOpenIDConnectProvider", remove_client_id, is_new=True),
    IAM.answer("TagOpenIDConnectProvider", tag, is_new=True),
    IAM.answer("UntagOpenIDConnectProvider", untag, is_new=True),
)
