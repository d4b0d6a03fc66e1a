"""The API server's token webhook: lets in the holders of EKS tokens whom an access entry of the cluster names."""

from __future__ import annotations

import datetime
import logging
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.kubernetes.access import (
    CLUSTER_HEADER,
    TOKEN_PREFIX,
    AccessEntry,
    AssociatedPolicy,
    Caller,
    Refused,
    User,
    find_principal,
    presigned_url,
    user_of_creator,
    user_of_entry,
)
from sandbox.kubernetes.emulator import Cluster, Emulator
from sandbox.private_api import EmulatorError, fetch

if TYPE_CHECKING:
    from mypy_boto3_eks import EKSClient

_log = logging.getLogger(__name__)

_STS_NAMESPACE = "{https://sts.amazonaws.com/doc/2011-06-15/}"


class Authenticator:
    """Decides about the tokens of one cluster.

    Args:
        cluster: The cluster.
        emulator: Its STS knows who signed a token, its EKS whom the cluster lets in.
    """

    def __init__(self, cluster: Cluster, emulator: Emulator) -> None:
        self._cluster = cluster
        self._emulator = emulator
        self._eks: EKSClient = emulator.client("eks", cluster.region)

    def authenticate(self, token: str) -> User:
        """Who the holder of a token is.

        Raises:
            Refused: The token is bad, or its holder has no access entry.
        """
        caller = self._identify(presigned_url(token, self._emulator.endpoint, datetime.datetime.now(datetime.UTC)))
        try:
            return self._admit(caller)
        except (BotoCoreError, ClientError) as error:
            raise Refused(f"the access entries cannot be read: {error}") from error

    def _identify(self, url: str) -> Caller:
        # STS recomputes the signature with this header, so it refuses a token that was made for another cluster.
        request = urllib.request.Request(url, headers={CLUSTER_HEADER: self._cluster.name})
        try:
            answer = ElementTree.fromstring(fetch(request))
        except EmulatorError as error:
            raise Refused(f"STS does not accept the token for cluster {self._cluster.name}: {error}") from error
        result = f"{_STS_NAMESPACE}GetCallerIdentityResult/{_STS_NAMESPACE}"
        return Caller(arn=answer.findtext(f"{result}Arn", ""), user_id=answer.findtext(f"{result}UserId", ""))

    def _admit(self, caller: Caller) -> User:
        name = self._cluster.name
        access = self._eks.describe_cluster(name=name)["cluster"].get("accessConfig", {})
        if access.get("authenticationMode") == "CONFIG_MAP":
            if caller.arn == self._cluster.creator_arn and access.get("bootstrapClusterCreatorAdminPermissions", True):
                return user_of_creator(caller)
            raise Refused(
                f"{caller.arn} did not create cluster {name}, whose authentication mode is CONFIG_MAP; "
                "the sandbox reads access entries (API, API_AND_CONFIG_MAP), not the ConfigMap aws-auth"
            )
        pages = self._eks.get_paginator("list_access_entries").paginate(clusterName=name)
        principal = find_principal(caller.arn, (arn for page in pages for arn in page["accessEntries"]))
        if principal is None:
            raise Refused(f"no access entry of cluster {name} names {caller.arn}")
        return user_of_entry(caller, self._read_entry(principal))

    def _read_entry(self, principal: str) -> AccessEntry:
        name = self._cluster.name
        entry = self._eks.describe_access_entry(clusterName=name, principalArn=principal)["accessEntry"]
        associations = self._eks.get_paginator("list_associated_access_policies")
        pages = associations.paginate(clusterName=name, principalArn=principal)
        return AccessEntry(
            principal_arn=principal,
            kind=entry.get("type", "STANDARD"),
            username=entry.get("username", ""),
            groups=tuple(entry.get("kubernetesGroups", ())),
            policies=tuple(
                AssociatedPolicy(policy["policyArn"], policy["accessScope"]["type"])
                for page in pages
                for policy in page["associatedAccessPolicies"]
            ),
        )


def review(token_review: Any, authenticate: Callable[[str], User]) -> dict[str, object]:
    """Answers a TokenReview (authentication.k8s.io/v1).

    A token of another kind has no user here, which is no error: the API server asks about every token it does not know.
    """
    token = token_review["spec"]["token"]
    status: dict[str, object] = {"authenticated": False}
    if token.startswith(TOKEN_PREFIX):
        try:
            user = authenticate(token)
        except Refused as refusal:
            _log.warning("access denied: %s", refusal)
            status["error"] = str(refusal)
        else:
            fields = {"username": user.username, "uid": user.uid, "groups": user.groups, "extra": user.extra}
            status = {"authenticated": True, "user": fields}
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}
