"""Composition root: settings, providers, components, outputs. Rules live in the components, values in the settings."""

from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

import outputs
import settings as stack_settings
from components import (
    ClusterAutoscaler,
    ClusterNetwork,
    ClusterOidcProvider,
    EksCluster,
    EksClusterArgs,
    ExistingNodeGroup,
    ManagedNodeGroup,
)
from components.autoscaler_role import IRSA, NODE_ROLE
from components.pure.iam import role_name

settings = stack_settings.load()

aws_provider = aws.Provider(
    "aws",
    region=settings.region,
    allowed_account_ids=[settings.account_id] if settings.account_id else None,
    default_tags={"tags": settings.tags} if settings.tags else None,
)
on_aws = pulumi.ResourceOptions(providers=[aws_provider])


def make_network() -> ClusterNetwork | None:
    """The VPC of a cluster that is created with one of its own."""
    create = settings.cluster.create
    if create is None or create.network is None:
        return None
    arguments = stack_settings.network_arguments(create.network, settings.cluster.name or "")
    return ClusterNetwork("network", arguments, on_aws)


def cluster_name_of(owner: pulumi.StackReference) -> pulumi.Output[str]:
    """The output of another stack that names the cluster, or an error with the outputs that the stack has."""
    key = settings.cluster.stack_output

    def named(value: object) -> Any:
        if isinstance(value, str):
            return value
        # Read only now: one secret output makes all of them secret.
        return owner.outputs.apply(lambda outputs: stack_settings.refuse_output(settings.cluster, value, outputs))

    return owner.get_output(key).apply(named)


def cluster_arguments() -> EksClusterArgs:
    """The cluster by its own name or by another stack's output, with its subnets where it is created."""
    if owner:
        return {"name": cluster_name_of(owner)}
    name = settings.cluster.name or ""
    if settings.cluster.create is None:
        return {"name": name}
    made = (
        {}
        if network is None
        else {
            "vpc_id": network.vpc_id,
            "private_subnet_ids": list(network.private_subnets.values()),
            "public_subnet_ids": list(network.public_subnets.values()),
        }
    )
    return {"name": name, "create": stack_settings.creation_arguments(settings.cluster.create, **made)}


def node_subnets() -> Any:
    """The subnets of nodes that are given none: private ones, of the network, the owner's stack or the cluster."""
    if network:
        return list(network.private_subnets.values())
    if owner:
        # An owner of an older version has no such output.
        return owner.get_output("privateSubnetIds").apply(lambda known: known or cluster.node_subnet_ids)
    return cluster.node_subnet_ids


def subnets_of(group: stack_settings.NodeGroup) -> dict[str, Any]:
    """Where a group's nodes live: its own subnets, else the network's or the cluster's; by zone when wished."""
    if not group.one_per_zone:
        return {"subnet_ids": group.subnet_ids or node_subnets()}
    if group.subnet_ids is None and network is not None:
        return {"subnet_ids_by_zone": {zone: [subnet] for zone, subnet in network.private_subnets.items()}}
    by_zone: dict[str, list[str]] = {}
    for subnet_id in group.subnet_ids or []:
        # A plain look-up, not an Output: the number of groups must be known at preview.
        found = aws.ec2.get_subnet(id=subnet_id, opts=pulumi.InvokeOptions(provider=aws_provider))
        by_zone.setdefault(found.availability_zone, []).append(subnet_id)
    return {"subnet_ids_by_zone": by_zone}


def attachment_names() -> dict[str, str]:
    """Name of the policy's attachment to each group's role: groups that share a given role share one attachment."""
    given = {group.name: role_name(group.node_role_arn) for group in settings.node_groups if group.node_role_arn}
    made = {group.name: group.name for group in settings.node_groups if group.name not in given}
    return made | {name: f"given/{role}" if role in made else role for name, role in given.items()}


network = make_network()
owner = pulumi.StackReference(settings.cluster.stack) if settings.cluster.stack else None
cluster = EksCluster("cluster", cluster_arguments(), on_aws)

node_groups = {
    group.name: ManagedNodeGroup(
        group.name,
        stack_settings.node_group_arguments(
            settings,
            group,
            cluster_name=cluster.name,
            kubernetes_version=cluster.version,
            **subnets_of(group),
            **stack_settings.role_arguments(settings),
            # The provider's default tags end at the launch template: it is EC2 that makes instances and volumes.
            **({"tags": settings.tags} if settings.tags else {}),
        ),
        on_aws,
    )
    for group in settings.node_groups
}
existing_groups = {
    group.name: ExistingNodeGroup(
        f"{group.name}-existing", stack_settings.existing_arguments(group, cluster.name), on_aws
    )
    for group in settings.existing_node_groups
}

credentials: dict[str, object] = {}
oidc_provider: ClusterOidcProvider | None = None
if settings.credentials == IRSA:
    arguments = stack_settings.oidc_provider_arguments(settings, cluster.oidc_issuer)
    oidc_provider = ClusterOidcProvider("oidc-provider", arguments, on_aws)
    credentials = {"oidc_provider_arn": oidc_provider.arn, "oidc_issuer": oidc_provider.issuer}
elif settings.credentials == NODE_ROLE:
    pulumi.log.warn(
        "credentials: nodeRole gives the autoscaler's permissions to every pod on the nodes; "
        "irsa or podIdentity give them to its service account alone."
    )
    credentials["node_role_names"] = {
        **{attachment: node_groups[name].node_role_name for name, attachment in attachment_names().items()},
        **{f"{name}-existing": group.node_role_name for name, group in existing_groups.items()},
    }

kubernetes_provider = kubernetes.Provider("kubernetes", kubeconfig=cluster.kubeconfig)
autoscaler = ClusterAutoscaler(
    "cluster-autoscaler",
    stack_settings.autoscaler_arguments(
        settings, cluster_arn=cluster.arn, cluster_name=cluster.name, kubernetes_version=cluster.version, **credentials
    ),
    pulumi.ResourceOptions(
        providers=[aws_provider, kubernetes_provider],
        # Its pods need nodes, and on destroy it must stop before its groups and their tags go.
        depends_on=[*node_groups.values(), *existing_groups.values()],
    ),
)

outputs.export(settings, cluster, node_groups, existing_groups, oidc_provider, autoscaler)
