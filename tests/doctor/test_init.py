"""`init`: each kind of cluster has its settings file; whatever is found, the file is one that the program accepts."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import settings
from components import values
from components.pure import compatibility
from components.pure.versions import dotted
from doctor.arguments import PROCESS_FLAGS
from doctor.facts import AutoScalingGroup, Instance, NodeGroup, OidcProvider, Taint
from doctor.init import autoscaler, command_line
from doctor.init.facts import Account, Found, Installed, LiveNode, NamedObject
from doctor.init.moving import PROJECT, RELEASE_TYPE, import_file, old_pods
from doctor.init.writing import Result, write

from . import found as kinds
from .examples import few

GOLDEN = Path(__file__).parent / "init"
GRAPH = Path(__file__).parents[1] / "program" / "snapshots" / "adopt.txt"


def written(found: Found) -> Result:
    return write(found, "prod", "import-prod.json")


def config_of(text: str) -> dict[str, str]:
    """The settings as Pulumi hands them to the program."""
    document = yaml.safe_load(text)
    assert set(document) == {"config"}
    return {
        key.removeprefix(f"{PROJECT}:"): value if isinstance(value, str) else json.dumps(value)
        for key, value in document["config"].items()
    }


def settings_of(found: Found) -> settings.Settings:
    return settings.parse(config_of(written(found).settings))


def ageless(text: str) -> str:
    """The text without the versions that a refresh of the tables moves."""
    for minor, patch in compatibility.NEWEST_PATCH.items():
        text = text.replace(f"v{dotted(patch)}", f"v{dotted(minor)}.NEWEST")
    return text


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_each_kind_of_cluster_has_its_settings(kind: str):
    result = written(kinds.KINDS[kind]())
    for name, text in ((f"{kind}.yaml", result.settings), (f"{kind}.import.json", result.import_plan)):
        file, text = GOLDEN / name, ageless(text)
        if os.environ.get("UPDATE_SNAPSHOTS"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(text) if text else file.unlink(missing_ok=True)
        assert (file.read_text() if file.exists() else "") == text


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_the_program_accepts_the_settings_of_each_kind(kind: str):
    parsed = settings_of(kinds.KINDS[kind]())
    assert parsed["cluster"] == {"name": kinds.KINDS[kind]().cluster.name}


def test_no_value_of_an_environment_variable_is_written():
    result = written(kinds.terraform())
    assert "HTTPS_PROXY" in result.settings
    assert "secret@proxy" not in result.settings + result.import_plan + "".join(result.notes)


def test_the_defaults_that_comments_name_are_those_of_the_settings():
    arguments = values._arguments({}, (), {})
    for setting, default in command_line._PROGRAMS_DEFAULTS.items():
        flag = next(flag for flag, owner in command_line.flags.OWNED_BY.items() if owner == setting)
        assert arguments[flag] == (str(default).lower() if isinstance(default, bool) else default)
    assert autoscaler._PRIORITY_CLASS == values.DEFAULT_PRIORITY_CLASS
    assert values.DEFAULT_RESOURCES == {"cpu": "100m", "memory": "600Mi"}
    assert values.DEFAULT_REPLICAS == 2


# --- the import plan --------------------------------------------------------------------------------------------------


def test_the_import_plan_names_resources_as_the_graph_does():
    graphs = GRAPH.read_text()
    plan = json.loads(written(kinds.terraform()).import_plan)
    assert [each["type"] for each in plan["resources"]] == [RELEASE_TYPE]
    for resource in plan["resources"]:
        name, parent = resource["logicalName"], plan["nameTable"][resource["parent"]]
        outer, inner = parent.split("::")[2].split("$")
        assert parent.startswith(f"urn:pulumi:prod::{PROJECT}::")
        provider = plan["nameTable"][resource["provider"]].split("::")[2:]
        assert f"{resource['type']} {name}\n  parent: {name}\n  provider: {provider[1]}\n" in graphs
        assert f"{inner} {name}\n  parent: {name}\n" in graphs
        assert f"{outer} {name}\n  parent: {PROJECT}-adopt\n" in graphs
        assert f"{' '.join(provider)}\n" in graphs


def test_an_association_is_adopted_by_the_program_and_not_before_the_pods_change():
    assert settings_of(kinds.pod_identity())["pod_identity"] == {"association_id": "a-0123", "install_agent": False}
    first = written(kinds.pod_identity()).move.steps[0].command
    assert "--exclude '**eks/podIdentityAssociation:PodIdentityAssociation::cluster-autoscaler'" in first


@pytest.mark.parametrize("kind", ["none", "eksctl", "pod-identity", "manual"])
def test_without_a_release_of_the_programs_name_there_is_nothing_to_import(kind: str):
    assert written(kinds.KINDS[kind]()).import_plan == import_file((), "prod") == ""


NEW = {"app": "cluster-autoscaler", "app.kubernetes.io/instance": "cluster-autoscaler"} | {
    "app.kubernetes.io/name": "aws-cluster-autoscaler",
    "pod-template-hash": "1",
}


@pytest.mark.parametrize(
    "selector",
    [
        {"app": "cluster-autoscaler"},
        {"k8s-app": "x"},
        {"app.kubernetes.io/instance": "cluster-autoscaler", "app.kubernetes.io/name": "aws-cluster-autoscaler"},
        {"app.kubernetes.io/instance": "platform", "app.kubernetes.io/name": "aws-cluster-autoscaler"},
    ],
)
def test_the_selector_of_the_old_pods_finds_them_and_not_the_new_ones(selector: dict[str, str]):
    terms = old_pods(selector).split(",")

    def matches(labels: Mapping[str, str]) -> bool:
        return all(
            term[1:] not in labels if term[0] == "!" else labels.get(term.partition("=")[0]) == term.partition("=")[2]
            for term in terms
        )

    assert matches(selector)
    assert not matches(NEW)


def test_pods_with_the_programs_own_labels_are_updated_in_place():
    assert old_pods({key: value for key, value in NEW.items() if key != "pod-template-hash"}) == ""


def commands(found: Found) -> str:
    return "\n".join(step.command for step in written(found).move.steps)


def test_a_separate_lease_lets_the_old_autoscaler_stop_first():
    result = written(kinds.manual())
    assert result.move.steps[2].commands[0] == "kubectl -n autoscaling scale --replicas=0 deployment/autoscaler"
    assert any("do not share a lease. Step 3 stops the old one first" in note for note in result.notes)


def test_the_network_of_the_node_is_kept_and_the_old_autoscaler_stops_first():
    found = kinds.eksctl()
    assert isinstance(found.installed, Installed)
    spec = {**found.installed.pod_spec, "hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    found = replace(found, installed=replace(found.installed, pod_spec=spec))
    assert settings_of(found)["autoscaler"]["values"] == {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    assert "kubectl -n kube-system delete deployment/cluster-autoscaler && \\\n  pulumi up" in commands(found)


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("pod-identity", "no longer uses the role arn:aws:iam::123456789012:role/platform. Delete it"),
        ("manual", "no longer uses the policy that your nodes' roles have now. Remove it"),
    ],
)
def test_what_nothing_uses_after_the_move_is_named(kind: str, advice: str):
    assert any(advice in line for line in written(kinds.KINDS[kind]()).move.afterwards)


def test_a_binding_to_another_role_is_deleted_because_it_cannot_be_changed():
    found = kinds.eksctl()
    assert isinstance(found.installed, Installed)
    bound = NamedObject("clusterrolebinding", "cluster-autoscaler", role="cluster-admin")
    found = replace(found, installed=replace(found.installed, objects=(bound,)))
    assert "kubectl -n kube-system delete clusterrolebinding/cluster-autoscaler" in commands(found)


def test_a_release_whose_objects_are_taken_up_is_forgotten_not_uninstalled():
    found = kinds.pod_identity()
    assert isinstance(found.installed, Installed)
    taken = NamedObject("clusterrole", "cluster-autoscaler", release="platform")
    assert "helm -n kube-system uninstall platform" in commands(found)
    found = replace(found, installed=replace(found.installed, objects=(taken,)))
    assert "uninstall" not in commands(found)
    assert "delete secret -l owner=helm,name=platform" in commands(found)


@pytest.mark.parametrize("name", ["scaler", "cluster-autoscaler"])
def test_an_account_that_is_uninstalled_with_its_release_is_not_used(name: str):
    found = kinds.pod_identity()
    assert isinstance(found.installed, Installed)
    running = replace(found.installed.deployment, service_account=name)
    account = Account(name, {}, {"meta.helm.sh/release-name": "platform"})
    found = replace(found, installed=replace(found.installed, deployment=running, account=account))
    assert settings_of(found)["autoscaler"].get("service_account", "cluster-autoscaler") != name
    assert "association_id" not in settings_of(found)["pod_identity"]
    left = "$ aws eks delete-pod-identity-association --cluster-name shop-prod --association-id a-0123"
    assert left in written(found).move.afterwards


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"release_status": "pending-upgrade"}, "is pending-upgrade. Fix it first"),
        ({"release_status": kinds.DENIED}, "could not be read"),
        ({"release_status": None}, "Helm has no record of that release"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "x", "meta.helm.sh/release-name": "y"}}, "Argo CD manages"),
    ],
)
def test_what_prevents_the_move_is_reported(change: dict[str, Any], message: str):
    found = kinds.terraform()
    assert isinstance(found.installed, Installed)
    result = written(replace(found, installed=replace(found.installed, **change)))
    assert any(message in note for note in result.notes)


def test_a_stack_of_this_program_is_not_taken_over_again():
    found = kinds.terraform()
    assert isinstance(found.installed, Installed)
    ours = replace(found.installed.deployment, pod_annotations={"eks-cluster-autoscaler/credentials": "irsa"})
    result = written(replace(found, installed=replace(found.installed, deployment=ours)))
    assert result.move.steps[2].command == "pulumi up"
    assert {each["type"] for each in json.loads(result.import_plan)["resources"]} == {RELEASE_TYPE}
    assert any("Use the stack that owns it" in note for note in result.notes)


# --- whatever is found ------------------------------------------------------------------------------------------------

names = st.from_regex(r"[a-z][a-z0-9]{0,20}", fullmatch=True)
words = st.text(max_size=30)
quantities = st.sampled_from(["0", "1", "9", "20Gi", "18242267924", "1.5e3", "many", ""])
keys = st.one_of(words, st.sampled_from(["pool", "example.com/pool", "1.30", "yes", "eks.amazonaws.com/x", "a" * 90]))
label_values = st.one_of(words, st.sampled_from(["1.30", "1e3", "true", "null", "0o17", "~", "", "-", "1_000"]))
maps = st.dictionaries(keys, label_values, max_size=60)
taints = st.builds(
    Taint, keys, label_values, st.sampled_from(["NoSchedule", "NoExecute", "PreferNoSchedule", "NO_SCHEDULE", ""])
)
instances = st.sampled_from(["i-0a", "i-0b", "i-0c"])
prefixes = ["label/", "taint/", "resources/", "autoscaling-options/"]
tags = st.one_of(
    maps,
    st.dictionaries(
        st.builds(
            lambda kind, key: f"k8s.io/cluster-autoscaler/node-template/{kind}{key}", st.sampled_from(prefixes), keys
        ),
        st.one_of(label_values, st.sampled_from(["x:NoSchedule", "5m"])),
        max_size=8,
    ),
    st.just(kinds.of_eks("lab", "x")),
    st.just({"kubernetes.io/cluster/lab": "owned", "Terraform": "true"}),
)
asgs = st.builds(
    AutoScalingGroup,
    st.one_of(names, words),
    words,
    st.integers(0, 3),
    st.integers(0, 9),
    st.integers(0, 9),
    tags=tags,
    instances=st.lists(st.builds(Instance, instances, words), max_size=3).map(tuple),
    unit=st.sampled_from(["instances", "weights"]),
)
node_groups = st.builds(
    NodeGroup,
    names,
    groups=st.lists(names, max_size=2).map(tuple),
    status=st.sampled_from(["ACTIVE", "DELETING", "CREATE_FAILED"]),
    labels=maps,
    taints=st.lists(taints, max_size=4).map(tuple),
    disk_gib=st.one_of(st.none(), st.integers(1, 500)),
)
live = st.builds(
    LiveNode,
    words,
    instances,
    maps,
    st.lists(taints, max_size=4).map(tuple),
    st.dictionaries(keys, quantities, max_size=4),
)
known_flags = st.sampled_from(sorted([*command_line.flags.table(), *PROCESS_FLAGS]))
flag_words = st.one_of(
    words,
    st.builds(
        lambda flag, value: f"--{flag}={value}",
        st.one_of(known_flags, words),
        st.one_of(words, st.sampled_from(["true", "false", "10m", "1:5:x", "priority,random", "price"])),
    ),
    st.builds(lambda flag: f"--{flag}", known_flags),
)
images = st.one_of(
    st.sampled_from(
        [
            "registry.k8s.io/autoscaling/cluster-autoscaler:v1.33.0",
            "registry.k8s.io/autoscaling/cluster-autoscaler:v1.99.0",
            "k8s.gcr.io/cluster-autoscaler:v1.2.3",
            "mirror:5000/cluster-autoscaler@sha256:abc",
            "UPPER/Case/cluster-autoscaler",
        ]
    ),
    words,
)
texts_or_junk = st.one_of(st.none(), words, st.integers(), st.lists(words, max_size=2))


@st.composite
def installations(draw: st.DrawFn) -> Installed:
    running = kinds.deployment(
        draw(names),
        draw(st.lists(flag_words, max_size=12)),
        image=draw(images),
        replicas=draw(st.integers(0, 30)),
        service_account=draw(names),
        labels=draw(maps),
        selector=draw(maps),
        pod_annotations=draw(maps),
        static_keys=draw(st.booleans()),
    )
    container: dict[str, Any] = {
        "image": running.image,
        "resources": draw(st.one_of(texts_or_junk, st.just({"limits": {"memory": "600Mi", "cpu": 1}}))),
        "env": draw(
            st.one_of(texts_or_junk, st.lists(st.fixed_dictionaries({"name": words, "value": words}), max_size=2))
        ),
    }
    toleration = st.dictionaries(st.sampled_from(["key", "operator", "value", "effect", "tolerationSeconds"]), words)
    spec = kinds.pod_spec(
        running,
        containers=[container],
        tolerations=draw(st.one_of(texts_or_junk, st.lists(toleration, max_size=3))),
        nodeSelector=draw(st.one_of(texts_or_junk, maps)),
        affinity=draw(st.one_of(texts_or_junk, st.just({"nodeAffinity": {"weight": 1}}))),
        priorityClassName=draw(st.one_of(st.none(), names)),
        volumes=draw(texts_or_junk),
        dnsPolicy=draw(st.one_of(st.none(), words)),
    )
    return Installed(
        running,
        draw(maps),
        spec,
        draw(
            st.one_of(
                st.none(), st.just(kinds.DENIED), st.builds(Account, st.just(running.service_account), maps, maps)
            )
        ),
        release_status=draw(st.one_of(st.none(), st.just(kinds.DENIED), words)),
        priorities=draw(st.one_of(st.none(), words, st.just("10:\n  - '['\n"), st.just("10: [a]"))),
        objects=draw(st.one_of(st.just(kinds.DENIED), st.just((NamedObject("role", "x"),)))),
    )


findings = st.builds(
    Found,
    st.builds(kinds.cluster, st.just("lab"), st.sampled_from(["1.20", "1.29", "1.33", "1.36", "1.40", ""])),
    st.one_of(st.just(kinds.DENIED), st.lists(node_groups, max_size=3, unique_by=lambda it: it.name).map(tuple)),
    st.one_of(st.just(kinds.DENIED), st.lists(asgs, max_size=4, unique_by=lambda it: it.name).map(tuple)),
    st.one_of(st.just(kinds.DENIED), st.lists(live, max_size=4).map(tuple)),
    st.one_of(st.none(), st.just(kinds.DENIED), st.builds(OidcProvider, words, st.just(()))),
    st.one_of(st.none(), st.just("ACTIVE")),
    st.one_of(st.none(), st.just(kinds.DENIED), installations()),
)


@few
@given(found=findings)
def test_whatever_is_found_the_program_accepts_the_settings(found: Found):
    result = written(found)
    config = config_of(result.settings)
    settings.parse(config)
    if result.import_plan:
        assert {each["type"] for each in json.loads(result.import_plan)["resources"]} <= {RELEASE_TYPE}
    assert len(result.move.steps) == 3
