"""The rules of the kubernetes provider stand-in that need no cluster."""

import pytest

from sandbox.providers.kubernetes.live import importable, observed, without_nulls
from sandbox.providers.kubernetes.manifest import objects, resource_names
from sandbox.providers.kubernetes.readiness import missing_for_ready
from sandbox.providers.kubernetes.release_options import install_flags, uninstall_flags, upgrade_flags
from sandbox.providers.kubernetes.replacement import replacing


@pytest.mark.parametrize(
    ("declared", "recorded", "live", "expected"),
    [
        ("1000m", "1", "1", "1000m"),
        ("1000m", "1", "2", "2"),
        ("x", "x", None, None),
        ("x", None, None, "x"),
        ({"a": "1"}, {"a": "1", "theirs": "0"}, {"a": "1", "theirs": "2"}, {"a": "1"}),
        ({"a": "1", "b": "2"}, {"a": "1", "b": "2"}, {"b": "3"}, {"b": "3"}),
        ({"labels": {}}, {}, {"labels": {"theirs": "1"}}, {"labels": {}}),
        ([1, 2], [1, 2], [1, 2, 3], [1, 2]),
        ([1, 2], [1, 2], [1], [1]),
        (
            [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
            [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
            [{"name": "sidecar"}, {"name": "b", "value": "3"}],
            [{"name": "b", "value": "3"}],
        ),
    ],
)
def test_a_declaration_follows_what_changed_since_it_was_applied(declared, recorded, live, expected):
    assert observed(declared, recorded, live) == expected


def test_an_import_leaves_out_what_only_the_server_sets():
    live = {
        "kind": "ConfigMap",
        "metadata": {
            "name": "x",
            "uid": "1",
            "resourceVersion": "2",
            "managedFields": [],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
        },
        "status": {},
        "data": {},
    }
    assert importable(live) == {"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {}}


def test_nulls_are_not_applied():
    assert without_nulls({"a": None, "b": [{"c": None, "d": 1}]}) == {"b": [{"d": 1}]}


def deployment(**status):
    return {"kind": "Deployment", "metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status}


READY = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}


@pytest.mark.parametrize(
    ("live", "missing"),
    [
        (deployment(**READY), None),
        (deployment(**READY | {"observedGeneration": 1}), "its controller has not seen it yet"),
        (deployment(**READY | {"replicas": 3}), "2 of 2 pods are up to date, 2 available"),
        (deployment(**READY | {"updatedReplicas": 1}), "1 of 2 pods are up to date, 2 available"),
        (
            deployment(**READY | {"availableReplicas": 0, "conditions": [{"type": "Available", "message": "none"}]}),
            "2 of 2 pods are up to date, 0 available (none)",
        ),
        (
            {
                "kind": "DaemonSet",
                "metadata": {},
                "status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2},
            },
            "3 of 3 pods are up to date, 2 available",
        ),
        ({"kind": "CustomResourceDefinition", "metadata": {}}, "it is not yet established"),
        (
            {
                "kind": "CustomResourceDefinition",
                "metadata": {},
                "status": {"conditions": [{"type": "Established", "status": "True"}]},
            },
            None,
        ),
        ({"kind": "Service", "metadata": {}}, None),
    ],
)
def test_what_an_object_lacks_to_be_ready_is_said_in_words(live, missing):
    assert missing_for_ready(live) == missing


def test_a_prefix_replaces_what_lies_below_it_and_nothing_that_only_begins_alike():
    paths = ["spec.selector.matchLabels.a", "spec.selectorless", "spec.replicas"]
    assert replacing("apps/v1", "Deployment", paths, mutable_data=False) == {"spec.selector.matchLabels.a"}
    assert replacing("extensions/v1beta1", "Deployment", paths, mutable_data=False) == set()
    assert replacing("v1", "ConfigMap", ['data["a.b"]'], mutable_data=True) == set()


def test_the_objects_of_a_manifest_are_named_by_kind_and_lists_are_unpacked():
    manifest = """
---
# nothing
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Secret, metadata: {name: b}}
  - {apiVersion: v1, kind: Secret, metadata: {name: a, namespace: n}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: c}
"""
    assert len(list(objects(manifest))) == 3
    assert resource_names(manifest) == {
        "ClusterRole.rbac.authorization.k8s.io/rbac.authorization.k8s.io/v1": ["c"],
        "Secret/v1": ["b", "n/a"],
    }


def test_the_properties_of_a_release_become_helms_flags():
    inputs = {
        "version": "1.0",
        "repositoryOpts": {"repo": "https://charts.invalid", "caFile": "ca"},
        "atomic": True,
        "cleanupOnFail": True,
        "createNamespace": True,
        "skipCrds": False,
        "timeout": 7,
        "waitForJobs": True,
    }
    shared = ["--version", "1.0", "--ca-file", "ca", "--repo", "https://charts.invalid", "--atomic"]
    waiting = ["--timeout", "7s", "--wait", "--wait-for-jobs"]
    assert install_flags(inputs) == [*shared, "--create-namespace", *waiting]
    assert upgrade_flags(inputs) == [*shared, "--cleanup-on-fail", "--history-max", "0", *waiting]
    assert uninstall_flags(inputs) == ["--wait", "--timeout", "7s"]
    assert install_flags({"skipAwait": True, "waitForJobs": True}) == ["--timeout", "300s"]
    assert uninstall_flags({"skipAwait": True}) == []
    assert uninstall_flags({"skipAwait": True, "atomic": True}) == ["--wait", "--timeout", "300s"]
