"""ClusterOidcProvider: the IAM OIDC provider of a cluster's issuer, created or adopted."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from .adoption import TAGS, Adoption, Existing
from .errors import FaultsError, checked
from .invoking import described, find
from .pure import iam, validation
from .pure.faults import Fault

TOKEN = "eks-cluster-autoscaler:index:ClusterOidcProvider"

DESCRIBE = "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider"


class ClusterOidcProviderArgs(TypedDict):
    """Whose issuer, and who owns its provider."""

    issuer: pulumi.Input[str]
    """URL of the cluster's OIDC issuer, `https://oidc.eks.<region>.amazonaws.com/id/<id>`."""
    create: NotRequired[bool]
    """Whether the provider is part of your stack: created, or adopted if the account has one for this issuer.

    False only reads the one that exists. Defaults to true.
    """
    retain: NotRequired[bool]
    """Whether the provider stays in the account when your program no longer has it, because other workloads of the
    cluster may use it. Set false and run `pulumi up` before you remove it. Defaults to true."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """AWS tags of a new provider; later changes are not applied. Defaults to none."""


def faults(args: ClusterOidcProviderArgs) -> list[Fault]:
    """Check the arguments, as far as they are plain values."""
    return validation.tags("tags", args.get("tags", {}))


class ClusterOidcProvider(pulumi.ComponentResource):
    """Lets IAM trust the tokens of a cluster's service accounts, for the audience `sts.amazonaws.com`.

    IAM accepts one provider per issuer, which all workloads of the cluster share. One that exists is adopted: it keeps
    its tags and its other audiences. The provider stays when the program no longer has it, unless `retain` is false.
    With `create: false` the one that exists is only read; it must accept the audience. Needs an AWS provider, with
    `iam:ListOpenIDConnectProviders` and `iam:GetOpenIDConnectProvider` at preview.
    """

    arn: pulumi.Output[str]
    """ARN of the provider."""
    issuer: pulumi.Output[str]
    """URL of the issuer."""

    def __init__(self, name: str, args: ClusterOidcProviderArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(ClusterOidcProvider, name, args, ClusterOidcProviderArgs, faults)
        super().__init__(TOKEN, name, dict(args), opts)
        self.issuer = pulumi.Output.from_input(args["issuer"])
        if not args.get("create", True):
            self.arn = self._read(name)
        else:
            created = aws.iam.OpenIdConnectProvider(
                name,
                url=self.issuer,
                client_id_lists=[iam.AUDIENCE],
                tags=args.get("tags"),
                opts=pulumi.ResourceOptions(
                    parent=self, retain_on_delete=args.get("retain", True), transforms=[Adoption(self._find)]
                ),
            )
            self.arn = created.arn
        self.register_outputs({"arn": self.arn, "issuer": self.issuer})

    async def _find(self, requested: Mapping[str, Any]) -> Existing | None:
        unless = (
            "Cannot check whether the account has an OIDC provider for the cluster, so an existing one is not adopted: "
            "allow iam:ListOpenIDConnectProviders and iam:GetOpenIDConnectProvider."
        )
        found = await find(self, DESCRIBE, unless, url=requested["url"])
        if found is None:
            return None
        audiences = list(dict.fromkeys([*found["clientIdLists"], iam.AUDIENCE]))
        return Existing(found["arn"], {"clientIdLists": audiences}, TAGS)

    def _read(self, name: str) -> pulumi.Output[str]:
        answer = aws.iam.get_open_id_connect_provider_output(
            url=self.issuer, opts=pulumi.InvokeOutputOptions(parent=self)
        )
        expected = "an issuer of which IAM has a provider: aws iam list-open-id-connect-providers; or create true"
        existing = described(self, name, ClusterOidcProviderArgs, "issuer", self.issuer, answer, expected)
        return pulumi.Output.all(
            arn=existing.arn, url=existing.url, audiences=existing.client_id_lists, issuer=self.issuer
        ).apply(lambda found: _checked(name, **found))


def _checked(name: str, arn: str, url: str, audiences: list[str], issuer: str) -> str:
    found = []
    if iam.issuer_path(url) != iam.issuer_path(issuer):
        found.append(
            Fault("issuer", f"{arn}, which is of issuer {url}", f"the provider of this cluster's issuer {issuer}")
        )
    if iam.AUDIENCE not in audiences:
        found.append(
            Fault(
                "issuer",
                f"{arn}, which knows the audiences {audiences}",
                f"{iam.AUDIENCE} among them: aws iam add-client-id-to-open-id-connect-provider "
                f"--open-id-connect-provider-arn {arn} --client-id {iam.AUDIENCE}",
            )
        )
    if found:
        raise FaultsError.of(ClusterOidcProvider, name, ClusterOidcProviderArgs, found)
    return arn
