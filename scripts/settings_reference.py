"""Writes docs/settings.md: every setting of an environment, from settings.py and the components' own words.

``python scripts/settings_reference.py`` writes the page; with ``--check`` it only says whether the page is current.
"""

import ast
import inspect
import sys
from dataclasses import fields
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import yaml  # noqa: E402
from pydantic.alias_generators import to_camel  # noqa: E402

import components  # noqa: E402
import settings  # noqa: E402

PAGE = ROOT / "docs" / "settings.md"

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
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    top = [
        f"| `{key}` | {entry['type']} | {' '.join(entry['description'].split())} |" for key, entry in declared.items()
    ]
    lines = [
        "# Settings",
        "",
        "One file of values per environment, `Pulumi.<environment>.yaml`; every key under `eks-cluster-autoscaler:`.",
        "Unknown keys, wrong types and values that do not fit together are refused before anything is planned, all at",
        "once. This page is written by `python scripts/settings_reference.py` from the code.",
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


def main() -> int:
    """Write or check the page; exit code 1 when a check finds it out of date."""
    if "--check" not in sys.argv:
        PAGE.write_text(page())
        return 0
    current = PAGE.exists() and PAGE.read_text() == page()
    print(
        "docs/settings.md is current"
        if current
        else "docs/settings.md is out of date: python scripts/settings_reference.py"
    )
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main())
