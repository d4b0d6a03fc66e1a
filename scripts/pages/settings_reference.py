"""docs/settings.md: every setting of an environment, from settings.py and the components' own words."""

import ast
import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml
from pydantic.alias_generators import to_camel

import components
import settings

ROOT = Path(__file__).parents[2]

OWN_WORDS = {
    "cluster.name": "Name of the cluster to adopt, or to create with `create`.",
    "cluster.create": "How to create the cluster. Defaults to adopting it.",
    "cluster.stack": "Stack whose output names the cluster, `organization/<project>/<stack>`. Instead of `name`.",
    "cluster.stackOutput": "Output of that stack. Defaults to `clusterName`.",
    "cluster.create.network": "VPC to make for the cluster. Instead of `vpcId` with `privateSubnetIds`.",
    "nodeGroups[].name": "Name of the group, 1 to 40 characters; EKS gets it with a suffix.",
    "nodeGroups[].onePerZone": "Whether there is one group per zone of its subnets, for volumes. Defaults to false.",
    "nodeGroups[].subnetIds": "Subnets of the nodes. Defaults to those of the network made here, else the cluster's.",
    "existingNodeGroups[].name": "Name of the EKS node group.",
}
"""Settings that the program has and no component."""

TREES = {
    "cluster": (settings.Cluster, ()),
    "cluster.create": (settings.Creation, (components.ClusterCreation,)),
    "cluster.create.network": (settings.Network, (components.ClusterNetworkArgs,)),
    "nodeGroups[]": (settings.NodeGroup, (components.ManagedNodeGroupArgs,)),
    "nodeGroups[].taints[]": (settings.Taint, (components.Taint,)),
    "nodeGroups[].gpu": (settings.Gpu, (components.Gpu,)),
    "nodeGroups[].updateSettings": (settings.UpdateSettings, (components.UpdateSettings,)),
    "existingNodeGroups[]": (settings.ExistingNodeGroup, (components.ExistingNodeGroupArgs,)),
    "oidcProvider": (settings.OidcProvider, (components.ClusterOidcProviderArgs,)),
    "role": (settings.Role, (components.AutoscalerRoleArgs,)),
    "podIdentity": (settings.PodIdentity, (components.AutoscalerRoleArgs,)),
    "autoscaler": (settings.Autoscaler, (components.AutoscalerSettings, components.AutoscalerReleaseArgs)),
    "autoscaler.chart": (settings.Chart, (components.ChartSource,)),
    "autoscaler.image": (settings.Image, (components.ImageSource,)),
    "autoscaler.resources": (settings.PodResources, (components.PodResources,)),
    "autoscaler.serviceMonitor": (settings.ServiceMonitor, (components.ServiceMonitor,)),
    "autoscaler.tolerations[]": (settings.Toleration, (components.Toleration,)),
}


def described(shape: type) -> dict[str, str]:
    """The text behind each field of a TypedDict."""
    tree = ast.parse(inspect.getsource(shape)).body[0]
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for node, following in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(following, ast.Expr):
            found[node.target.id] = inspect.cleandoc(ast.literal_eval(following.value)).replace("\n\n", " ")
    return found


def rows(path: str) -> list[str]:
    """One table row per key of a tree.

    Raises:
        KeyError: A setting that neither a component nor this script describes.
    """
    shape, sources = TREES[path]
    known: dict[str, str] = {}
    for source in reversed(sources):
        known.update(described(source))
    table = []
    for field in fields(shape):
        key = f"{path}.{to_camel(field.name)}"
        table.append(f"| `{key}` | {OWN_WORDS.get(key) or known[field.name]} |")
    return table


def page() -> str:
    """The whole page."""
    top = [f"| `{key}` | {entry['type']} | {' '.join(entry['description'].split())} |" for key, entry in _declared()]
    lines = [
        "# Settings",
        "",
        "One file of values per environment, `Pulumi.<environment>.yaml`; every key under `eks-cluster-autoscaler:`.",
        "Unknown keys, wrong types and values that do not fit together are refused before anything is planned, all at",
        "once. `make pages` writes this page from the code.",
        "",
        "| key | type | meaning |",
        "| --- | --- | --- |",
        *top,
        "",
        "## Trees, key by key",
        "",
        "| key | meaning |",
        "| --- | --- |",
        *(row for path in TREES for row in rows(path)),
    ]
    return "\n".join(lines) + "\n"


def short_table() -> str:
    """The table of the README: what each key is for, and what it is when it is left out."""
    lines = ["| key | meaning | left out |", "| --- | --- | --- |"]
    for key, entry in _declared():
        meaning, *_, default = " ".join(entry["description"].split()).removesuffix(".").split(". ")
        default = "not allowed" if default == "Required" else default.removeprefix("Default").lstrip(": ")
        # What follows a colon lists keys of the tree, which the page of settings explains.
        lines.append(f"| `{key}` | {meaning.partition(': ')[0]} | {default} |")
    return "\n".join(lines) + "\n"


def _declared() -> list[tuple[str, dict[str, Any]]]:
    return list(yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"].items())
