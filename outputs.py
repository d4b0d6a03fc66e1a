"""Outputs of a stack: the contract for other stacks and for the doctor, in camelCase."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components import (
    ClusterAutoscaler,
    ClusterOidcProvider,
    EksCluster,
    ExistingNodeGroup,
    ExistingScalingGroup,
    ManagedNodeGroup,
    SelfManagedNodeGroup,
)
from components.autoscaler_role import DEFAULT_NAMESPACE, DEFAULT_SERVICE_ACCOUNT, IRSA, NODE_ROLE, POD_IDENTITY
from components.pure.discovery import ENABLED_KEY, cluster_key
from components.pure.iam import ClusterIdentity
from settings import NodeGroup, Settings


def deployed() -> Mapping[str, Any]:
    """Return the outputs of the last update of this stack; none before the first, or if the backend refuses them."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        # As a StackReference, but without a resource (pulumi: pkg/resource/deploy/builtins.go, readStackReference).
        found = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": stack})
    except Exception as error:  # the SDK has no narrower type
        pulumi.log.debug(f"Cannot read the outputs of {stack}, so its moves are not checked: {error}")
        return {}
    outputs: Mapping[str, Any] = (found.value or {}).get("outputs") or {}
    return outputs


def export(
    settings: Settings,
    cluster: EksCluster,
    node_groups: Mapping[str, ManagedNodeGroup],
    other_groups: Sequence[tuple[str, ExistingNodeGroup | ExistingScalingGroup | SelfManagedNodeGroup]],
    oidc_provider: ClusterOidcProvider | None,
    autoscaler: ClusterAutoscaler,
) -> None:
    """Export every output of the stack."""
    region, credentials = settings["region"], settings["credentials"]
    namespace = settings["autoscaler"].get("namespace", DEFAULT_NAMESPACE)
    service_account = settings["autoscaler"].get("service_account", DEFAULT_SERVICE_ACCOUNT)
    exports: dict[str, Any] = {
        "clusterName": cluster.name,
        "clusterArn": cluster.arn,
        "clusterVersion": cluster.version,
        "clusterEndpoint": cluster.endpoint,
        "oidcIssuer": cluster.oidc_issuer,
        "privateSubnetIds": cluster.private_subnet_ids,
        "kubeconfig": cluster.kubeconfig,
        "region": region,
        "accountId": cluster.arn.apply(lambda arn: ClusterIdentity.from_arn(arn).account),
        "credentialsMode": credentials,
        "nodeGroups": pulumi.Output.all(
            *(entry for group in settings["node_groups"] for entry in _managed(group, node_groups[group["name"]])),
            *(_other(name, group) for name, group in other_groups),
        ),
        "oidcProviderArn": oidc_provider.arn if oidc_provider else None,
        "roleArn": autoscaler.role_arn,
        "policyArn": autoscaler.policy_arn,
        "policyDocument": autoscaler.policy_document,
        "trustDocument": autoscaler.trust_document,
        "serviceAccountNamespace": namespace,
        "serviceAccountName": service_account,
        "releaseName": autoscaler.release_name,
        "releaseStatus": autoscaler.release_status,
        "chartVersion": autoscaler.chart_version,
        "imageTag": autoscaler.image_tag,
        "discoveryFlag": autoscaler.discovery_flag,
        "verifyCommands": pulumi.Output.all(cluster.name, autoscaler.policy_arn).apply(
            lambda known: verify_commands(
                credentials, known[0], region, namespace, service_account, policy_arn=known[1]
            )
        ),
    }
    for name, value in exports.items():
        pulumi.export(name, value)


def verify_commands(
    credentials: str, cluster_name: str, region: str, namespace: str, service_account: str, policy_arn: str
) -> dict[str, str]:
    """Commands to paste, one per link of the chain, that show what was deployed.

    `pulumi stack output` prints them as JSON, so none holds a character that JSON escapes.
    """
    on_cluster = f"--region {region} --cluster-name {cluster_name}"
    # What gives the service account its role: an annotation, an association, or that every pod has the node's.
    credentials_of_account = {
        IRSA: f"kubectl -n {namespace} get serviceaccount {service_account} -o jsonpath='{{.metadata.annotations}}'",
        POD_IDENTITY: f"aws eks describe-pod-identity-association {on_cluster} --association-id "
        f"$(aws eks list-pod-identity-associations {on_cluster} "
        f"--namespace {namespace} --service-account {service_account} "
        "--query 'associations[0].associationId' --output text) --query association.roleArn --output text",
        NODE_ROLE: f"aws iam list-entities-for-policy --region {region} --policy-arn {policy_arn} "
        "--query 'PolicyRoles[].RoleName' --output text",
    }
    return {
        "pods": f"kubectl -n {namespace} get pods -l app=cluster-autoscaler",
        "serviceAccount": credentials_of_account[credentials],
        "autoScalingGroups": f"aws autoscaling describe-auto-scaling-groups --region {region} "
        f"--filters Name=tag-key,Values={ENABLED_KEY} Name=tag-key,Values={cluster_key(cluster_name)} "
        "--query 'AutoScalingGroups[].AutoScalingGroupName' --output text",
        "callerIdentity": f"python -m doctor whoami --cluster {cluster_name} --region {region}",
    }


def _managed(settings: NodeGroup, group: ManagedNodeGroup) -> list[dict[str, Any]]:
    return [
        {
            "name": group.node_group_names[key],
            "asgName": asg_name,
            "roleArn": group.node_role_arn,
            "roleName": group.node_role_name,
            "minSize": settings["min_size"],
            "maxSize": settings["max_size"],
            "tags": group.tags,
            "managed": True,
        }
        for key, asg_name in group.asg_name_by_group.items()
    ]


def _other(name: str, group: ExistingNodeGroup | ExistingScalingGroup | SelfManagedNodeGroup) -> dict[str, Any]:
    # The role of a self-managed group that exists is that of an instance profile, which the program does not read.
    return {
        "name": name,
        "asgName": group.asg_name,
        "roleArn": None if isinstance(group, ExistingScalingGroup) else group.node_role_arn,
        "roleName": None if isinstance(group, ExistingScalingGroup) else group.node_role_name,
        "minSize": group.min_size,
        "maxSize": group.max_size,
        "tags": group.tags,
        "managed": False,
    }
