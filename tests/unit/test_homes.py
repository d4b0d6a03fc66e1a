"""An error of a component's argument names the key of the environment's file that the argument comes from."""

import pytest

import settings
from components import EksClusterArgs
from components.__main__ import COMPONENTS
from components.pure.arguments import camel_case, kind, known_paths
from components.pure.faults import Fault
from settings import homes, shapes
from tests.unit.test_settings import known

ENTRIES = {"node_groups": "managed", "existing_node_groups": "found", "auto_scaling_groups": "asg", "headroom": "burst"}


def tree(hint, path):
    """A value of a type whose every scalar is its own path."""
    bare = kind(hint)
    if hasattr(bare, "__annotations__") and hasattr(bare, "__required_keys__"):
        return {
            name: tree(field.hint, f"{path}.{camel_case(name)}" if path else camel_case(name))
            for name, field in shapes.fields_of(bare).items()
        }
    text = str(bare)
    if text.startswith(("list", "collections.abc.Sequence", "typing.Sequence")):
        return [tree(bare.__args__[0], f"{path}[0]")]
    if text.startswith(("dict", "collections.abc.Mapping")):
        return {"k": tree(bare.__args__[1], f"{path}['k']")}
    return path


def leaves(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            inside_map = key == "k"
            yield from leaves(inner, f"{path}['k']" if inside_map else f"{path}.{camel_case(key)}".removeprefix("."))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    elif isinstance(value, str):
        yield path, value


def whole():
    """Settings with every key, each value of which is its own key, except the names of groups."""
    given = tree(shapes.Settings, "")
    for entries, name in ENTRIES.items():
        given[entries][0]["name"] = name
    return given


def built(given):
    """The arguments of every component, by the TypedDict that declares them, with the name of its resource."""
    (managed,), (found,), (asg,) = given["node_groups"], given["existing_node_groups"], given["auto_scaling_groups"]
    existing = {key: value for key, value in asg.items() if key != "create"}
    create = given["cluster"]["create"]
    yield homes.ManagedNodeGroupArgs, "managed", shapes.node_group_arguments(given, managed)
    yield homes.ExistingNodeGroupArgs, "found-existing", shapes.existing_arguments(found)
    yield homes.ExistingScalingGroupArgs, "asg-asg", shapes.scaling_group_arguments(existing)
    yield homes.SelfManagedNodeGroupArgs, "asg", shapes.self_managed_arguments(given, asg)
    yield homes.HeadroomArgs, "burst", shapes.headroom_arguments(given, given["headroom"][0])
    yield homes.ClusterAutoscalerArgs, "cluster-autoscaler", shapes.autoscaler_arguments(given)
    yield homes.ClusterNetworkArgs, "network", shapes.network_arguments(given, create["network"])
    yield homes.ClusterAddonsArgs, "addons", create["addons"]
    yield homes.ClusterOidcProviderArgs, "oidc-provider", given["oidc_provider"]
    yield homes.AutoscalerMonitoringArgs, "monitoring", given["monitoring"]


@pytest.mark.parametrize("shape", [shape for shape, *_ in built(whole())], ids=lambda shape: shape.__name__)
def test_each_value_is_found_under_the_key_that_it_was_written_at(shape):
    given = whole()
    naming = settings.naming(given)
    ((resource, arguments),) = [(name, args) for of, name, args in built(given) if of is shape]
    found = list(leaves(arguments))
    lost = {
        path: key
        for path, key in found
        if key not in ENTRIES.values() and key.partition("[")[0].partition(".")[0] in map(camel_case, given)
        if naming(Fault(path, "", ""), shape, resource).path not in {key, "nodeGroups[].taints[].key"}
    }
    assert lost == {}
    assert len(found) >= 2


RESOURCES = {
    **dict.fromkeys(homes.ALONE, "any"),
    **{shape: name for shape, name, _ in built(whole())},
    homes.AutoscalerTagsArgs: "managed",
}


def test_no_component_is_without_a_home():
    arguments = {each.__init__.__annotations__["args"] for each in COMPONENTS}
    assert arguments == homes.ALONE.keys() | homes.LISTED.keys() == RESOURCES.keys()


@pytest.mark.parametrize("shape", RESOURCES, ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("adopted", [False, True])
def test_every_argument_of_every_component_has_a_key_that_the_file_may_have(shape, adopted):
    given = whole()
    given["cluster"] = {"name": "main"} if adopted else {key: given["cluster"][key] for key in ("name", "create")}
    # The program gives a cluster and its role no tags but those of the provider.
    without = ("create.tags", "create.role.tags") if shape is EksClusterArgs else ()
    paths = [path for path in known_paths(shape) if path not in without]
    named = {path: settings.naming(given)(Fault(path, "", ""), shape, RESOURCES[shape]).path for path in paths}
    assert {path: key for path, key in named.items() if not known(key)} == {}


@pytest.mark.parametrize(
    ("shape", "resource", "key"),
    [
        (homes.ManagedNodeGroupArgs, "b", "nodeGroups[1].minSize"),
        (homes.ManagedNodeGroupArgs, "b-us-east-1a", "nodeGroups[2].minSize"),
        (homes.ManagedNodeGroupArgs, "c-us-east-1a", "nodeGroups[3].minSize"),
        (homes.SelfManagedNodeGroupArgs, "b", "autoScalingGroups[1].create.minSize"),
    ],
)
def test_a_group_is_found_among_those_of_like_names(shape, resource, key):
    given = {
        "cluster": {"name": "main"},
        "node_groups": [{"name": "a"}, {"name": "b"}, {"name": "b-us-east-1a"}, {"name": "c", "one_per_zone": True}],
        "auto_scaling_groups": [{"name": "a"}, {"name": "b", "create": {}}],
    }
    assert settings.naming(given)(Fault("minSize", "", ""), shape, resource).path == key


def test_the_name_that_another_stack_gives_is_an_error_of_the_output():
    naming = settings.naming({"cluster": {"stack": "organization/network/dev"}})
    assert naming(Fault("name", "", ""), EksClusterArgs, "x").path == "cluster.stackOutput"


def test_an_error_at_no_argument_is_shown_under_the_key_of_its_component():
    naming = settings.naming({"cluster": {"name": "main"}})
    assert naming(Fault("typo.x", "", ""), homes.ClusterAutoscalerArgs, "any").path == "autoscaler.typo.x"
