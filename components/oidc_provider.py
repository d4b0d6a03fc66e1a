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
    existing_arn: NotRequired[pulumi.Input[str]]
    """ARN of the provider that the account already has for this issuer. Defaults to none."""
    look_up: NotRequired[bool]
    """Whether the account already has a provider for this issuer, to be found by its URL. Defaults to false."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """AWS tags of a created provider. Defaults to none."""


def faults(args: ClusterOidcProviderArgs) -> list[Fault]:
    """Faults of the arguments, as far as they are plain values."""
    found = [
        *validation.iam_arn("existingArn", args.get("existing_arn"), "oidc-provider"),
        *validation.tags("tags", args.get("tags", {})),
    ]
    if args.get("look_up", False) and "existing_arn" in args:
        found.append(Fault("lookUp", "true beside existingArn", "one of the two"))
    return found


class ClusterOidcProvider(pulumi.ComponentResource):
    """Lets IAM trust the tokens of a cluster's service accounts, for the audience `sts.amazonaws.com`.

    An account has one provider per issuer at most: creating a second one fails, so one that exists is adopted by ARN or
    by look-up, checked to be of this issuer and to know the audience, and left alone on destroy. Needs an AWS provider.
    """

    arn: pulumi.Output[str]
    """ARN of the provider."""
    issuer: pulumi.Output[str]
    """URL of the issuer."""

    def __init__(self, name: str, args: ClusterOidcProviderArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(ClusterOidcProvider, name, args, ClusterOidcProviderArgs, faults)
        super().__init__(TOKEN, name, dict(args), opts)
        self.issuer = pulumi.Output.from_input(args["issuer"])
        if args.get("look_up", False) or "existing_arn" in args:
            self.arn = self._adopt(name, args)
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

    def _adopt(self, name: str, args: ClusterOidcProviderArgs) -> pulumi.Output[str]:
        parented = pulumi.InvokeOutputOptions(parent=self)
        existing = (
            aws.iam.get_open_id_connect_provider_output(arn=args["existing_arn"], opts=parented)
            if "existing_arn" in args
            else aws.iam.get_open_id_connect_provider_output(url=self.issuer, opts=parented)
        )
        return pulumi.Output.all(
            arn=existing.arn, url=existing.url, audiences=existing.client_id_lists, issuer=self.issuer
        ).apply(lambda found: _checked(name, **found))


def _checked(name: str, arn: str, url: str, audiences: list[str], issuer: str) -> str:
    found = []
    if iam.issuer_path(url) != iam.issuer_path(issuer):
        found.append(
            Fault("existingArn", f"{arn}, which is of issuer {url}", f"the provider of this cluster's issuer {issuer}")
        )
    if iam.AUDIENCE not in audiences:
        found.append(
            Fault(
                "existingArn",
                f"{arn}, which knows the audiences {audiences}",
                f"{iam.AUDIENCE} among them: aws iam add-client-id-to-open-id-connect-provider "
                f"--open-id-connect-provider-arn {arn} --client-id {iam.AUDIENCE}",
            )
        )
    if found:
        raise FaultsError.of(ClusterOidcProvider, name, ClusterOidcProviderArgs, found)
    return arn
