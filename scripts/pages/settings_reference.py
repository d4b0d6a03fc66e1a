"""docs/settings.md: every setting, from the TypedDicts that declare them."""

import ast
import inspect
import sys
from collections.abc import Sequence
from typing import Any, get_args, get_origin, is_typeddict

import settings
from components.pure.arguments import Field, camel_case, kind, known_paths, shapes_in

WORDS = {str: "string", int: "number", float: "number", bool: "boolean", Any: "any"}

HEAD = """\
# Settings

One file of values per environment, `Pulumi.<environment>.yaml`; every key under `eks-cluster-autoscaler:`. A setting is
an argument of a component, in camelCase. `make pages` writes this page from the code.

All invalid settings are reported together, before anything is planned:

```text
error: settings: 2 errors
  autoscaler.expander: got the expander price; expected another one: AWS gives no prices, so Cluster Autoscaler exits
  nodeGroups[0].taints[0].effect: got 'NO_SCHEDULE'; expected Kubernetes' spelling, NoSchedule
```

`subnetIds` of a node group defaults to the private subnets of the cluster, `kubernetesVersion` to the cluster's at
every `up`, and `hopLimit` to 2 with `credentials: nodeRole`. Instances and volumes get the `tags` that are set when
their group is created. A later change does not reach them, because it would replace every node; `instanceTags` does.
"""


def described(shape: type) -> dict[str, str]:
    """The text behind each field of a TypedDict, inherited ones included, by the field's name in a file."""
    tree = ast.parse(inspect.getsource(shape)).body[0]
    assert isinstance(tree, ast.ClassDef)
    bases = [getattr(sys.modules[shape.__module__], base.id) for base in tree.bases if isinstance(base, ast.Name)]
    found: dict[str, str] = {}
    for base in filter(is_typeddict, bases):
        found |= described(base)
    for node, following in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(following, ast.Expr):
            found[camel_case(node.target.id)] = " ".join(ast.literal_eval(following.value).split())
    return found


def texts(shape: type, above: str = "") -> dict[str, str]:
    """The text of every setting within a TypedDict, by path."""
    found = {}
    for name, field in settings.fields_of(shape).items():
        key = camel_case(name)
        found[f"{above}{key}"] = described(shape)[key]
        for inner, marks in shapes_in(field.hint):
            found |= texts(inner, f"{above}{key}{marks}.")
    return found


def page() -> str:
    """The whole page."""
    descriptions, declared = texts(settings.Settings), known_paths(settings.Settings, camel_case, settings.fields_of)
    rows = [_row(path, field, descriptions[path]) for path, field in declared.items()]
    top = [row for path, row in zip(declared, rows, strict=True) if "." not in path]
    inner = [row for row in rows if row not in top]
    table = ["| key | type | meaning |", "| --- | --- | --- |"]
    return "\n".join([HEAD, *table, *top, "", "## Key by key", "", *table, *inner]) + "\n"


def _row(path: str, field: Field, text: str) -> str:
    return f"| `{path}` | {_type(field.hint)}{', required' if field.required else ''} | {text} |"


def _type(hint: Any) -> str:
    bare = kind(hint)
    if get_origin(bare) in (list, Sequence):
        return f"list of {_type(get_args(bare)[0])}"
    if get_origin(bare) is dict:
        return f"map of {_type(get_args(bare)[1])}"
    return WORDS.get(bare, "object")
