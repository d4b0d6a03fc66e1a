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

Before anything is planned, unknown keys and wrong types are reported together, and once there are none, all invalid
values together:

```text
error: settings: 2 errors
  autoscaler.expander: got the expander price; expected another one: AWS gives no prices, so Cluster Autoscaler exits
  nodeGroups[0].taints[0].effect: got 'NO_SCHEDULE'; expected Kubernetes' spelling, NoSchedule
```

`subnetIds` of a node group defaults to the private subnets of the cluster. Instances and volumes get the `tags` that
are set when their group is created. A later change does not reach them, because it would replace every node;
`instanceTags` does.
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
    meanings = _each_object_once({path: (_typed(field), descriptions[path]) for path, field in declared.items()})
    rows = {path: f"| `{path}` | {type_} | {text} |" for path, (type_, text) in meanings.items()}
    top = [row for path, row in rows.items() if "." not in path]
    inner = [row for path, row in rows.items() if "." in path]
    table = ["| key | type | meaning |", "| --- | --- | --- |"]
    return "\n".join([HEAD, *table, *top, "", "## Key by key", "", *table, *inner]) + "\n"


def _each_object_once(meanings: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Let an object with the keys of an earlier one refer to it, so that a taint is described once."""
    first: dict[tuple[tuple[str, tuple[str, str]], ...], str] = {}
    found = dict(meanings)
    for path, (type_, text) in meanings.items():
        below = [key for key in found if key.startswith((f"{path}.", f"{path}[]."))]
        keys = tuple((key.removeprefix(path), meanings[key]) for key in below)
        if path not in found or not keys:
            continue
        if (same := first.setdefault(keys, path)) != path:
            found[path] = (type_, f"{text} Its keys are those of `{same}`.")
            for key in below:
                del found[key]
    return found


def _typed(field: Field) -> str:
    return f"{_type(field.hint)}{', required' if field.required else ''}"


def _type(hint: Any) -> str:
    bare = kind(hint)
    if get_origin(bare) in (list, Sequence):
        return f"list of {_type(get_args(bare)[0])}"
    if get_origin(bare) is dict:
        return f"map of {_type(get_args(bare)[1])}"
    return WORDS.get(bare, "object")
