"""Arguments against the TypedDict that declares them: what is refused, in whose spelling, and what the rest becomes."""

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
import pytest

from components import AutoscalerTags, AutoscalerTagsArgs, ClusterAutoscalerArgs, ManagedNodeGroupArgs, errors
from components.pure.arguments import camel_case, check, fields, in_spelling, known_paths, plain
from components.pure.faults import Fault


class Taint(TypedDict):
    key: str
    value: NotRequired[str]


class Args(TypedDict):
    cluster_name: pulumi.Input[str]
    max_size: int
    instance_types: NotRequired[list[str]]
    subnet_ids: NotRequired[pulumi.Input[Sequence[pulumi.Input[str]]]]
    labels: NotRequired[dict[str, pulumi.Input[str]]]
    taints: NotRequired[list[Taint]]
    spot: NotRequired[bool]
    share: NotRequired[float]
    values: NotRequired[dict[str, Any]]


GOOD = {"cluster_name": "main", "max_size": 3}


def output():
    # Without its value, which would be left waiting for an event loop.
    return object.__new__(pulumi.Output)


def faults(**changes):
    return [str(fault) for fault in check({**GOOD, **changes}, Args)[1]]


NO_OUTPUT = "got an Output; expected a plain value, because it must be known at preview"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"instance_type": ["m6i.large"]}, "instance_type: got an unknown key; expected a known key, such as instance_types"),
        ({"instanceTypes": ["m6i.large"]}, "instanceTypes: got an unknown key; expected the key instance_types"),
        ({"maxSize": 4}, "maxSize: got an unknown key; expected the key max_size"),
        ({"zzzzz": 4}, "zzzzz: got an unknown key; expected one of cluster_name, max_size, instance_types,"),
        ({"effect": 4}, "effect: got an unknown key; expected one of cluster_name"),
        ({"taints": [{"key": "a", "vallue": "b"}]}, "taints[0].vallue: got an unknown key; expected a known key, such as value"),
        ({"taints": [{"value": "b"}]}, "taints[0].key: got nothing; expected a value: this key is required"),
        ({"max_size": None}, "max_size: got nothing; expected a value: this key is required"),
        ({"max_size": "3"}, "max_size: got '3'; expected a whole number, without quotes"),
        ({"max_size": 2.5}, "max_size: got 2.5; expected a whole number"),
        ({"max_size": True}, "max_size: got true; expected a whole number"),
        ({"max_size": output()}, f"max_size: {NO_OUTPUT}"),
        ({"instance_types": output()}, f"instance_types: {NO_OUTPUT}"),
        ({"instance_types": [output()]}, f"instance_types[0]: {NO_OUTPUT}"),
        ({"labels": output()}, f"labels: {NO_OUTPUT}"),
        ({"instance_types": "m6i.large"}, "instance_types: got 'm6i.large'; expected a list"),
        ({"instance_types": [None]}, 'instance_types[0]: got a value of type NoneType; expected a string'),
        ({"labels": ["a"]}, 'labels: got ["a"]; expected a map'),
        ({"labels": {"a": 5}}, "labels['a']: got 5; expected a string: write \"5\" in quotes"),
        ({"labels": {"a": True}}, "labels['a']: got true; expected a string: write \"true\" in quotes"),
        ({"cluster_name": 1.3}, "cluster_name: got 1.3; expected a string: put what you wrote in quotes, because without them 1.30 is"),
        ({"labels": {5: "a"}}, "labels: got the key 5; expected keys that are strings"),
        ({"taints": {"key": "a"}}, 'taints: got {"key": "a"}; expected a list'),
        ({"taints": ["a"]}, "taints[0]: got 'a'; expected an object with keys"),
        ({"spot": "true"}, "spot: got 'true'; expected true or false, without quotes"),
        ({"share": "0.5"}, "share: got '0.5'; expected a number, without quotes"),
        ({"cluster_name": pulumi.ComponentResource}, "cluster_name: got a value of type type; expected a string"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_its_path(change, message):
    assert [fault for fault in faults(**change) if fault.startswith(message)]


def test_arguments_that_are_no_dict_are_refused():
    assert check("main", Args)[1] == [
        Fault("", "'main'", "an object with keys"),
    ]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda text: {"cluster_name": text}, "cluster_name"),
        (lambda text: {"labels": {"a": text}}, "labels['a']"),
        (lambda text: {"instance_types": [text]}, "instance_types[0]"),
        (lambda text: {"values": {"deep": [{"x": text}]}}, "values['deep'][0]['x']"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_string_made_from_an_output_is_refused_wherever_it_is(change, path):
    (message,) = faults(**change(f"eks-{output()}"))
    assert message.startswith(
        f"{path}: got a string made from an Output, as by an f-string; expected pulumi.Output.format"
    )


def test_a_resource_in_the_place_of_its_name_is_refused_with_a_hint():
    class Fake(pulumi.Resource):
        def __init__(self):
            pass

    (message,) = faults(cluster_name=Fake())
    assert "got a value of type Fake" in message
    assert "one of the resource's outputs" in message


async def later():
    return "x"


def test_inputs_may_be_outputs_awaitables_or_plain_and_whole_numbers_may_come_as_floats():
    waiting = later()
    given = {
        "cluster_name": output(),
        "max_size": 7.0,
        "subnet_ids": ("subnet-1", output()),
        "labels": {"a": output(), "b": waiting},
        "share": 1,
        "values": {"a": None, "b": [1, True, output()]},
    }
    cleaned, found = check(given, Args)
    waiting.close()
    assert found == []
    assert cleaned == {**given, "subnet_ids": list(given["subnet_ids"])}
    assert isinstance(cleaned["max_size"], int)
    assert check({**GOOD, "subnet_ids": output()}, Args)[1] == []


def test_none_is_as_good_as_absent_at_every_depth_but_in_values_of_any_type():
    given = {**GOOD, "labels": None, "taints": [{"key": "a", "value": None}], "values": {"a": None}}
    assert check(given, Args) == ({**GOOD, "taints": [{"key": "a"}], "values": {"a": None}}, [])
    assert check({**GOOD, "labels": {"a": None, "b": "c"}}, Args) == ({**GOOD, "labels": {"b": "c"}}, [])


def test_a_file_in_camel_case_becomes_snake_case_arguments_and_its_errors_use_camel_case():
    cleaned, found = check({"clusterName": "main", "maxSize": 3, "labels": {"my_label": "x"}}, Args, camel_case)
    assert (cleaned, found) == ({**GOOD, "labels": {"my_label": "x"}}, [])
    _, (wrong, missing) = check({"clusterName": "main", "max_size": 3}, Args, camel_case)
    assert str(wrong) == "max_size: got an unknown key; expected the key maxSize"
    assert missing.path == "maxSize"


def test_a_key_of_another_place_and_a_flag_are_found():
    (expander,) = check({"cluster_name": "main", "expander": "random"}, ClusterAutoscalerArgs)[1][:1]
    assert expander.expected == "a known key, such as settings.expander"
    settings = {"scale_down_utilization_threshold": "0.7", "scaleDownUtilizationThreshold": "0.7"}
    found = check({"cluster_name": "main", "settings": settings}, ClusterAutoscalerArgs)[1][:2]
    assert {f.expected for f in found} == {
        "scale-down-utilization-threshold under flags: it is a flag of Cluster Autoscaler"
    }


def test_an_error_for_a_python_caller_is_in_snake_case_except_what_the_caller_wrote():
    fault = Fault("taints[0].maxSize['maxSize']", "'maxSize'", "at most maxSize, as podIdentity does")
    assert in_spelling(fault, Args, lambda name: name) == Fault(
        "taints[0].max_size['maxSize']", "'maxSize'", "at most max_size, as podIdentity does"
    )


def test_paths_and_inherited_fields_are_known():
    class More(Args):
        name: str

    assert {"name", "maxSize", "taints[].value"} <= known_paths(More).keys()
    assert fields(More)["name"].required
    assert not fields(More)["taints"].required


def test_only_what_decides_which_resources_exist_must_be_plain():
    inputs = {name for name, field in fields(ManagedNodeGroupArgs).items() if not plain(field.hint)}
    assert {"cluster_name", "subnet_ids", "permissions_boundary_arn"} <= inputs
    assert "taints" not in inputs


def test_a_plugin_gets_its_arguments_by_their_python_names(monkeypatch):
    # Pulumi's host translates what the consumer wrote; only errors use the consumer's spelling.
    monkeypatch.setattr(errors, "naming", errors.plugin_names)
    given = {"asg_name": "workers", "cluster_name": "main"}
    assert errors.checked(AutoscalerTags, "tags", given, AutoscalerTagsArgs, lambda _: []) == given
