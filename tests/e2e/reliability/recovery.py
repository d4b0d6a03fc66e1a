"""What a user does after the engine was killed, as in docs/interrupted.md; and whether all is well afterwards."""

import json
import subprocess
import sys
from collections import Counter
from typing import NamedTuple

from kubernetes import client

from tests.e2e.program.stack import Stack, inventory
from tests.e2e.reliability.engine import pending

_KINDS = {
    "aws:ec2/eip:Eip": "addresses",
    "aws:ec2/internetGateway:InternetGateway": "internet gateways",
    "aws:ec2/launchTemplate:LaunchTemplate": "launch templates",
    "aws:ec2/natGateway:NatGateway": "NAT gateways",
    "aws:ec2/routeTable:RouteTable": "route tables",
    "aws:ec2/subnet:Subnet": "subnets",
    "aws:ec2/vpc:Vpc": "vpcs",
    "aws:eks/cluster:Cluster": "clusters",
    "aws:eks/nodeGroup:NodeGroup": "node groups",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": "providers",
    "aws:iam/policy:Policy": "policies",
    "aws:iam/role:Role": "roles",
}
"""Resource type -> its kind in the inventory."""

_CREATED_SEPARATELY = (
    ("vpcs", "route tables"),
    ("vpcs", "security groups"),
    ("clusters", "security groups"),
    ("node groups", "groups"),
    ("node groups", "launch templates"),
)
"""AWS makes one of the second with each of the first."""


class Repair(NamedTuple):
    """How a stack was made fit for work after a kill."""

    pending: int
    """Operations whose end the state did not know."""
    adopted: int
    """Resources that had been made, unknown to the state, and were imported."""


def repair(stack: Stack, cluster: str) -> Repair:
    """Frees the stack, takes up what was made without being recorded, forgets the rest."""
    sandbox = stack.sandbox
    sandbox.start()
    stack.pulumi("cancel", "--yes", "--stack", stack.name)
    unknown = pending(stack)
    if is_stuck(stack, cluster):
        kubeconfig = sandbox.layout.admin_kubeconfig(cluster)
        sandbox.run(["helm", "--kubeconfig", kubeconfig, "uninstall", "cluster-autoscaler", "-n", "kube-system"])
    if not unknown:
        return Repair(0, 0)
    document = interrupted(stack)
    found = document["resources"]
    if found:
        file = sandbox.layout.root / f"{stack.name}.interrupted.json"
        file.write_text(json.dumps(document))
        stack.import_(file)
    stack.refresh("--clear-pending-creates")
    return Repair(len(unknown), len(found))


def interrupted(stack: Stack) -> dict[str, list[dict[str, str]]]:
    """What `scripts/pending_creates.py` finds in AWS, as a file for `pulumi import`."""
    exported = stack.sandbox.pulumi_json("stack", "export", "--stack", stack.name)
    script = stack.project / "scripts" / "pending_creates.py"
    run = subprocess.run(
        [sys.executable, str(script)],
        input=json.dumps(exported),
        env=stack.sandbox.layout.env(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    document: dict[str, list[dict[str, str]]] = json.loads(run.stdout)
    return document


def counts(stack: Stack) -> Counter[str]:
    """How much there is in AWS, by kind; instances and the tags that EKS adds are the autoscaler's and EKS's affair."""
    return Counter(
        {
            kind: len(found)
            for kind, found in inventory(stack.sandbox).items()
            if kind not in ("instances", "tags of groups")
        }
    )


def recorded(stack: Stack) -> Counter[str]:
    """How much AWS should hold by the stack's state, with what AWS makes by itself."""
    resources = stack.sandbox.pulumi_json("stack", "export", "--stack", stack.name)["deployment"].get("resources", [])
    expected = Counter(_KINDS[each["type"]] for each in resources if each["type"] in _KINDS)
    for cause, effect in _CREATED_SEPARATELY:
        expected[effect] += Counter(_KINDS.get(each["type"]) for each in resources)[cause]
    return +expected


def in_kubernetes(stack: Stack, cluster: str) -> dict[str, int]:
    """The autoscaler's objects in a cluster, counted."""
    with stack.sandbox.kubernetes(cluster) as api:
        label = "app.kubernetes.io/instance=cluster-autoscaler"
        apps, core, rbac = client.AppsV1Api(api), client.CoreV1Api(api), client.RbacAuthorizationV1Api(api)
        return {
            "deployments": len(apps.list_deployment_for_all_namespaces(label_selector=label).items),
            # Pulumi creates it, so it has no label of Helm.
            "service accounts": len(
                core.list_service_account_for_all_namespaces(field_selector="metadata.name=cluster-autoscaler").items
            ),
            "cluster roles": len(rbac.list_cluster_role(label_selector=label).items),
            "deployed releases": len(_releases(core, "status=deployed")),
            "pending releases": len(_releases(core, "status in (pending-install,pending-upgrade,uninstalling)")),
        }


def is_stuck(stack: Stack, cluster: str) -> bool:
    """Whether Helm was cut off while it installed the release, or took a release back that it could not install."""
    if not stack.sandbox.layout.admin_kubeconfig(cluster).exists():
        return False
    with stack.sandbox.kubernetes(cluster) as api:
        return bool(_releases(client.CoreV1Api(api), "status in (pending-install,uninstalling)"))


def _releases(core: client.CoreV1Api, selector: str) -> list[client.V1Secret]:
    return core.list_namespaced_secret("kube-system", label_selector=f"owner=helm,{selector}").items
