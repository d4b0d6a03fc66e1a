"""ClusterOidcProvider: the IAM OIDC provider of a cluster's issuer, created or adopted."""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from .errors import FaultsError, checked
from .pure import iam, validation
from .pure.faults import Fault

TOKEN = "eks-cluster-autoscaler:index:ClusterOidcProvider"


class ClusterOidcProviderArgs(TypedDict):
    """Whose issuer, and whether the account has a provider for it already."""

    issuer: pulumi.Input[str]
    """URL of the cluster's OIDC issuer, `https://oidc.eks.<region>.amazonaws.com/id/<id>`."""
    create: NotRequired[bool]
    """Whether to create the provider; false if the account has one for this issuer, which is then found by its URL.

    Defaults to true.
    """
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """AWS tags of a created provider. Defaults to none."""


def faults(args: ClusterOidcProviderArgs) -> list[Fault]:
    """Faults of the arguments, as far as they are plain values."""
    return validation.tags("tags", args.get("tags", {}))


class ClusterOidcProvider(pulumi.ComponentResource):
    """Lets IAM trust the tokens of a cluster's service accounts, for the audience `sts.amazonaws.com`.

    An account has one provider per issuer at most: creating a second one fails, so with `create: false` the one that
    exists is adopted: it must accept the audience, and it stays on destroy. Needs an AWS provider.
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
            self.arn = self._adopt(name)
        else:
            created = aws.iam.OpenIdConnectProvider(
                name,
                url=self.issuer,
                client_id_lists=[iam.AUDIENCE],
                tags=args.get("tags"),
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.arn = created.arn
        self.register_outputs({"arn": self.arn, "issuer": self.issuer})

    def _adopt(self, name: str) -> pulumi.Output[str]:
        existing = aws.iam.get_open_id_connect_provider_output(
            url=self.issuer, opts=pulumi.InvokeOutputOptions(parent=self)
        )
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
