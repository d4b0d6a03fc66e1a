"""docs/settings.md: every setting of an environment, from settings/ and the components' own words."""

import ast
import inspect
from dataclasses import MISSING
from pathlib import Path
from typing import Any, get_args, get_origin

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
    "nodeGroups[].onePerZone": "Whether there is one group per zone of its subnets, for volumes, kept at equal size by "
    "`balanceSimilarNodeGroups`. Defaults to false.",
    "nodeGroups[].subnetIds": "Subnets of the nodes. Defaults to the private subnets of the cluster.",
    "nodeGroups[].kubernetesVersion": "Kubernetes version of the nodes, the cluster's at most. "
    "Defaults to the cluster's own, at every `up`.",
    "nodeGroups[].hopLimit": "IMDSv2 hop limit: 1 keeps pods from the node's role, 2 lets every pod use it. "
    "Defaults to 1, with `credentials: nodeRole` to 2.",
    "existingNodeGroups[].name": "Name of the EKS node group.",
}
"""Settings that the program has and no component, or of which the program has another default."""

TREES = {
    "cluster": (),
    "cluster.create": (components.ClusterCreation,),
    "cluster.create.network": (components.ClusterNetworkArgs,),
    "nodeGroups[]": (components.ManagedNodeGroupArgs,),
    "nodeGroups[].taints[]": (components.Taint,),
    "nodeGroups[].gpu": (components.Gpu,),
    "nodeGroups[].updateSettings": (components.UpdateSettings,),
    "existingNodeGroups[]": (components.ExistingNodeGroupArgs,),
    "existingNodeGroups[].taints[]": (components.Taint,),
    "oidcProvider": (components.ClusterOidcProviderArgs,),
    "role": (components.AutoscalerRoleArgs,),
    "podIdentity": (components.AutoscalerRoleArgs,),
    "autoscaler": (components.AutoscalerSettings, components.AutoscalerReleaseArgs),
    "autoscaler.chart": (components.ChartSource,),
    "autoscaler.image": (components.ImageSource,),
    "autoscaler.resources": (components.PodResources,),
    "autoscaler.serviceMonitor": (components.ServiceMonitor,),
    "autoscaler.tolerations[]": (components.Toleration,),
}
"""Where the words for a tree's keys stand, the first one's before the next one's."""

WORDS = {str: "string", int: "number", bool: "boolean", Any: "any"}


def described(shape: type) -> dict[str, str]:
    """The text behind each field of a TypedDict, by the field's name in a file."""
    tree = ast.parse(inspect.getsource(shape)).body[0]
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for node, following in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(following, ast.Expr):
            found[to_camel(node.target.id)] = inspect.cleandoc(ast.literal_eval(following.value)).replace("\n\n", " ")
    return found


def rows(path: str) -> list[str]:
    """One table row per key of a tree.

    Raises:
        KeyError: A setting that neither a component nor this script describes.
    """
    known: dict[str, str] = {}
    for source in reversed(TREES[path]):
        known.update(described(source))
    return [
        f"| `{key}` | {_type(its.kind)}{', required' if its.default is MISSING else ''} "
        f"| {OWN_WORDS.get(key) or known[name]} |"
        for key, its in settings.known_keys().items()
        for above, _, name in [key.rpartition(".")]
        if above == path
    ]


def _type(kind: Any) -> str:
    parts = [part for part in get_args(kind) if part is not type(None)]
    if get_origin(kind) is list:
        return f"list of {_type(parts[0])}"
    if get_origin(kind) is dict:
        return f"map of {_type(parts[1])}"
    return _type(parts[0]) if parts else WORDS.get(kind, "object")


def page() -> str:
    """The whole page."""
    kinds = settings.known_keys()
    trees = dict.fromkeys(key.rpartition(".")[0] for key in kinds if "." in key)
    top = [
        f"| `{key}` | {_type(kinds[key].kind)} | {' '.join(entry['description'].split())} |"
        for key, entry in _declared()
    ]
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
        "| key | type | meaning |",
        "| --- | --- | --- |",
        *(row for path in trees for row in rows(path)),
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
