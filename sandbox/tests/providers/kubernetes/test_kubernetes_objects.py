"""Objects of any kind, through the protocol, on a real API server."""

import base64
import json
import threading

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.providers.values import UNKNOWN, decode, encode
from sandbox.tests.providers.protocol_client import Recorded, connected, initialization_error

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
NAMESPACE = "kubernetes:core/v1:Namespace"
SECRET = "kubernetes:core/v1:Secret"
SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
DIFF_NONE = provider_pb2.DiffResponse.DIFF_NONE


def config_map(namespace, name="settings", **data):
    return {"metadata": {"name": name, "namespace": namespace}, "data": data or {"colour": "red"}}


def deployment(namespace, replicas=0, annotations=None, **container):
    return {
        "metadata": {"name": "web", "namespace": namespace, "annotations": annotations or {}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "main", "image": "nowhere.invalid/web:1", **container}]},
            },
        },
    }


def details(error):
    return error.value.details()


def test_an_object_is_made_read_changed_and_removed(engine, cluster, namespace):
    made = engine.create(SERVICE_ACCOUNT, {"metadata": {"name": "robot", "namespace": namespace, "labels": {"a": "1"}}})
    assert made.id == f"{namespace}/robot"
    assert made.outputs["metadata"]["uid"] == cluster.get("sa", "robot", "-n", namespace)["metadata"]["uid"]
    assert engine.refresh(SERVICE_ACCOUNT, made) == made

    wanted = {"metadata": {"name": "robot", "namespace": namespace, "labels": {"a": "2"}}}
    difference = engine.diff(SERVICE_ACCOUNT, made, wanted)
    assert list(difference.detailedDiff) == ["metadata.labels.a"]
    assert not difference.replaces
    changed = engine.update(SERVICE_ACCOUNT, made, wanted)
    assert changed.outputs["metadata"]["labels"] == {"a": "2"}
    assert engine.diff(SERVICE_ACCOUNT, changed, wanted).changes == DIFF_NONE

    engine.delete(SERVICE_ACCOUNT, changed)
    assert not cluster.exists("sa", "robot", "-n", namespace)
    assert engine.refresh(SERVICE_ACCOUNT, changed) is None
    engine.delete(SERVICE_ACCOUNT, changed)


def test_a_label_left_out_is_removed_and_one_of_somebody_else_stays(engine, cluster, namespace):
    inputs = {"metadata": {"name": "robot", "namespace": namespace, "labels": {"ours": "1", "also": "1"}}}
    made = engine.create(SERVICE_ACCOUNT, inputs)
    cluster.kubectl("label", "sa", "robot", "theirs=1", "-n", namespace)
    wanted = {"metadata": {"name": "robot", "namespace": namespace, "labels": {"ours": "1"}}}
    engine.update(SERVICE_ACCOUNT, made, wanted)
    assert cluster.get("sa", "robot", "-n", namespace)["metadata"]["labels"] == {"ours": "1", "theirs": "1"}


def test_an_object_without_a_name_gets_one_and_keeps_it(engine, namespace):
    unnamed = {"metadata": {"namespace": namespace}, "data": {"a": "1"}}
    checked, failures = engine.check(CONFIG_MAP, unnamed, name="app")
    assert failures == {}
    assert checked["metadata"]["name"].startswith("app-")
    assert len(checked["metadata"]["name"]) == len("app-") + 8
    assert checked["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    assert engine.check(CONFIG_MAP, unnamed, name="app")[0] == checked
    later, _ = engine.check(CONFIG_MAP, unnamed, olds=checked, name="renamed")
    assert later["metadata"]["name"] == checked["metadata"]["name"]


def test_the_stacks_naming_rule_is_obeyed(engine, namespace):
    options = provider_pb2.CheckRequest.AutonamingOptions
    proposed = options(proposed_name="from-the-rule", mode=options.PROPOSE)
    checked, _ = engine.check(CONFIG_MAP, {"metadata": {"namespace": namespace}}, autonaming=proposed)
    assert checked["metadata"]["name"] == "from-the-rule"
    _, failures = engine.check(CONFIG_MAP, {}, autonaming=options(mode=options.DISABLE))
    assert failures == {"metadata.name": "is missing, and pulumi:autonaming forbids made-up names"}


def test_the_providers_namespace_is_where_objects_go_that_name_none(port, cluster, namespace):
    with connected(port, "kubernetes") as engine:
        engine.configure(kubeconfig=cluster.kubeconfig.read_text(), namespace=namespace)
        assert engine.create(CONFIG_MAP, {"metadata": {"name": "x"}}).id == f"{namespace}/x"
        assert "namespace" not in engine.accept(NAMESPACE, {"metadata": {"name": "y"}})["metadata"]


def test_an_object_that_is_already_there_is_not_overwritten(engine, cluster, namespace):
    cluster.kubectl("create", "configmap", "settings", "-n", namespace, "--from-literal=colour=blue")
    with pytest.raises(grpc.RpcError) as error:
        engine.create(CONFIG_MAP, config_map(namespace))
    assert details(error).startswith(f"ConfigMap '{namespace}/settings' is already there")
    assert "import_=" in details(error)
    assert cluster.get("cm", "settings", "-n", namespace)["data"] == {"colour": "blue"}


def test_the_provider_can_be_told_to_overwrite_what_is_there(port, cluster, namespace):
    cluster.kubectl("create", "configmap", "settings", "-n", namespace, "--from-literal=shape=round")
    with connected(port, "kubernetes") as engine:
        engine.configure(kubeconfig=cluster.kubeconfig.read_text(), upsertExistingObjects="true")
        engine.create(CONFIG_MAP, config_map(namespace))
    assert cluster.get("cm", "settings", "-n", namespace)["data"] == {"colour": "red", "shape": "round"}


def test_a_refresh_tells_what_others_changed_of_what_is_declared_and_nothing_else(engine, cluster, namespace):
    container = {"resources": {"limits": {"cpu": "1000m"}}, "env": [{"name": "A", "value": "1"}, {"name": "B"}]}
    made = engine.create(DEPLOYMENT, deployment(namespace, **container))
    assert made.outputs["spec"]["template"]["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "1"}}
    cluster.kubectl("annotate", "deployment", "web", "-n", namespace, "theirs=1")
    assert engine.refresh(DEPLOYMENT, made).inputs == made.inputs

    cluster.kubectl("set", "env", "deployment/web", "-n", namespace, "NEW=1", "A=2")
    cluster.kubectl("scale", "deployment/web", "-n", namespace, "--replicas=0")
    tampered = engine.refresh(DEPLOYMENT, made)
    assert tampered.inputs["spec"]["template"]["spec"]["containers"][0]["env"] == [
        {"name": "A", "value": "2"},
        {"name": "B"},
    ]
    wanted = deployment(namespace, **container)
    assert list(engine.diff(DEPLOYMENT, tampered, wanted).detailedDiff) == [
        "spec.template.spec.containers[0].env[0].value"
    ]


def test_a_removed_annotation_shows_and_is_put_back(engine, cluster, namespace):
    wanted = {"metadata": {"name": "robot", "namespace": namespace, "annotations": {"example.com/role": "r"}}}
    made = engine.create(SERVICE_ACCOUNT, wanted)
    cluster.kubectl("annotate", "sa", "robot", "-n", namespace, "example.com/role-")
    tampered = engine.refresh(SERVICE_ACCOUNT, made)
    assert list(engine.diff(SERVICE_ACCOUNT, tampered, wanted).detailedDiff) == ["metadata.annotations"]
    engine.update(SERVICE_ACCOUNT, tampered, wanted)
    assert cluster.get("sa", "robot", "-n", namespace)["metadata"]["annotations"] == {"example.com/role": "r"}


def test_a_field_that_somebody_else_manages_is_taken_by_force_only(engine, cluster, namespace):
    made = engine.create(SERVICE_ACCOUNT, {"metadata": {"name": "robot", "namespace": namespace, "labels": {"a": "1"}}})
    cluster.kubectl("label", "sa", "robot", "-n", namespace, "a=theirs", "--overwrite", "--field-manager=somebody")
    wanted = {"metadata": {"name": "robot", "namespace": namespace, "labels": {"a": "2"}}}
    with pytest.raises(grpc.RpcError) as error:
        engine.update(SERVICE_ACCOUNT, made, wanted)
    assert ".metadata.labels.a" in details(error)
    assert "somebody" in details(error)
    assert "pulumi.com/patchForce" in details(error)
    wanted["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    engine.update(SERVICE_ACCOUNT, made, wanted)
    assert cluster.get("sa", "robot", "-n", namespace)["metadata"]["labels"] == {"a": "2"}


@pytest.mark.parametrize(
    ("token", "before", "after", "replaces"),
    [
        (CONFIG_MAP, {"data": {"a": "1"}}, {"data": {"a": "2"}}, ["data"]),
        (SECRET, {"stringData": {"a": "1"}}, {"stringData": {"a": "2"}}, ["stringData"]),
        (CONFIG_MAP, {"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}, ["metadata"]),
        (CONFIG_MAP, {"metadata": {"name": "a", "labels": {}}}, {"metadata": {"name": "a", "labels": {"x": "y"}}}, []),
        (
            DEPLOYMENT,
            {"spec": {"replicas": 1, "selector": {"matchLabels": {"a": "1"}}}},
            {"spec": {"replicas": 2, "selector": {"matchLabels": {"a": "2"}}}},
            ["spec"],
        ),
        (
            "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
            {"roleRef": {"name": "a"}},
            {"roleRef": {"name": "b"}},
            ["roleRef"],
        ),
    ],
)
def test_what_cannot_change_in_place_is_replaced(engine, token, before, after, replaces):
    named = {"metadata": {"name": "it", "namespace": "default"}}
    old = engine.accept(token, named | before)
    difference = engine.diff(token, Recorded("default/it", old, old), named | after)
    assert list(difference.replaces) == replaces
    assert difference.changes != DIFF_NONE


def test_an_object_with_a_name_of_its_own_goes_before_its_replacement_comes(engine, namespace):
    made = engine.create(CONFIG_MAP, config_map(namespace))
    assert engine.diff(CONFIG_MAP, made, config_map(namespace, colour="blue")).deleteBeforeReplace
    assert not engine.diff(CONFIG_MAP, made, config_map(namespace, name="other")).deleteBeforeReplace
    unnamed = engine.create(CONFIG_MAP, {"metadata": {"namespace": namespace}, "data": {"a": "1"}})
    again = {"metadata": {"namespace": namespace}, "data": {"a": "2"}}
    difference = engine.diff(CONFIG_MAP, unnamed, again)
    assert difference.replaces
    assert not difference.deleteBeforeReplace


def test_data_changes_in_place_where_the_provider_allows_it_and_the_object_is_not_frozen(port, cluster, namespace):
    with connected(port, "kubernetes") as engine:
        engine.configure(kubeconfig=cluster.kubeconfig.read_text(), enableConfigMapMutable="true")
        made = engine.create(CONFIG_MAP, config_map(namespace))
        assert not engine.diff(CONFIG_MAP, made, config_map(namespace, colour="blue")).replaces
        frozen = engine.create(CONFIG_MAP, config_map(namespace, name="frozen") | {"immutable": True})
        assert engine.diff(CONFIG_MAP, frozen, config_map(namespace, name="frozen", colour="blue")).replaces


def test_what_the_server_calls_immutable_names_the_way_out(engine, namespace):
    service = {"metadata": {"name": "s", "namespace": namespace}, "spec": {"ports": [{"port": 80}]}}
    token = "kubernetes:core/v1:Service"
    made = engine.create(token, service)
    frozen = {**service, "spec": {"ports": [{"port": 80}], "clusterIP": "10.100.0.77"}}
    with pytest.raises(grpc.RpcError) as error:
        engine.update(token, made, frozen)
    assert "may not change once set" in details(error)
    assert "replace_on_changes" in details(error)


def test_a_preview_shows_what_the_server_would_make_of_it_and_makes_nothing(engine, cluster, namespace):
    planned = engine.preview_create(DEPLOYMENT, deployment(namespace))
    assert planned["spec"]["progressDeadlineSeconds"] == 600
    assert planned["metadata"]["uid"] is UNKNOWN
    assert not cluster.exists("deployment", "web", "-n", namespace)
    made = engine.create(DEPLOYMENT, deployment(namespace))
    changed = engine.update(DEPLOYMENT, made, deployment(namespace, image="nowhere.invalid/web:2"), preview=True)
    assert changed.outputs["spec"]["template"]["spec"]["containers"][0]["image"] == "nowhere.invalid/web:2"
    live = cluster.get("deployment", "web", "-n", namespace)
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "nowhere.invalid/web:1"


def test_a_preview_with_unknown_values_gives_the_inputs_back(engine, namespace):
    inputs = config_map(namespace, arn=UNKNOWN)
    assert engine.preview_create(CONFIG_MAP, inputs)["data"] == {"arn": UNKNOWN}
    assert engine.preview_create(NAMESPACE, {"metadata": UNKNOWN})["metadata"] is UNKNOWN


def test_a_preview_plans_for_a_namespace_and_a_kind_that_are_yet_to_come(engine):
    assert engine.preview_create(CONFIG_MAP, config_map("comes-later"))["data"] == {"colour": "red"}
    coming = {"metadata": {"name": "x", "namespace": "default"}, "spec": {}}
    assert engine.preview_create("kubernetes:example.com/v1:Widget", coming)["spec"] == {}


def test_a_preview_fails_on_a_field_that_the_kind_does_not_have(engine, namespace):
    with pytest.raises(grpc.RpcError) as error:
        engine.preview_create(DEPLOYMENT, deployment(namespace, imagePullPolcy="Always"))
    assert "imagePullPolcy" in details(error)


def test_an_unknown_kind_is_refused_by_name(engine):
    _, failures = engine.check("kubernetes:apps/v1:Deploymnt", {"metadata": {"name": "x"}})
    assert "no kind Deploymnt in apps/v1; did you mean Deployment?" in failures["kind"]
    _, failures = engine.check("kubernetes:batch/v9:Job", {"metadata": {"name": "x"}})
    assert "does not serve batch/v9" in failures["kind"]
    with pytest.raises(grpc.RpcError) as error:
        engine.create("kubernetes:example.com/v1:Widget", {"metadata": {"name": "x"}})
    assert "does not serve example.com/v1 (Widget)" in details(error)


@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:core/v1:ConfigMapPatch",
        "kubernetes:core/v1:ConfigMapList",
        "kubernetes:helm.sh/v4:Chart",
        "kubernetes:yaml/v2:ConfigFile",
        "kubernetes:kustomize/v2:Directory",
    ],
)
def test_a_type_that_is_not_done_is_refused_by_name(engine, token):
    with pytest.raises(grpc.RpcError) as error:
        engine.check(token, {})
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert token in details(error)


def test_what_check_can_tell_it_tells_all_at_once(engine):
    inputs = {
        "apiVersion": "v2",
        "kind": "Secret",
        "metadata": {"generateName": "x-", "annotations": {"pulumi.com/waitFor": "jsonpath={.a}"}},
    }
    _, failures = engine.check(CONFIG_MAP, inputs)
    assert set(failures) == {
        "apiVersion",
        "kind",
        "metadata.generateName",
        'metadata.annotations["pulumi.com/waitFor"]',
    }


def test_a_custom_resource_can_be_used_as_soon_as_its_definition_is_made(engine, cluster, namespace):
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    definition = {
        "metadata": {"name": "gadgets.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
    token = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
    made = engine.create(token, definition)
    gadget = {"metadata": {"name": "g", "namespace": namespace}, "spec": {"size": 3}}
    custom = engine.create("kubernetes:example.org/v1:Gadget", gadget)
    assert custom.outputs["spec"] == {"size": 3}
    engine.delete(token, made)
    assert engine.refresh("kubernetes:example.org/v1:Gadget", custom) is None


def test_secrets_are_marked_as_secret_and_drift_in_them_shows(engine, cluster, namespace, caplog):
    caplog.set_level("DEBUG")
    wanted = {"metadata": {"name": "key", "namespace": namespace}, "stringData": {"password": "hush-hush"}}
    checked = engine.accept(SECRET, wanted)
    request = provider_pb2.CreateRequest(**engine._subject(SECRET, "it"), properties=encode(checked))
    answer = engine.stub.Create(request)
    for name in ("data", "stringData"):
        assert answer.properties.fields[name].struct_value.fields["4dabf18193072939515e22adb298388d"]
    made = Recorded(answer.id, checked, decode(answer.properties))
    assert engine.refresh(SECRET, made).inputs == checked

    secret = base64.b64encode(b"stolen").decode()
    patch = json.dumps({"data": {"password": secret}})
    cluster.kubectl("patch", "secret", "key", "-n", namespace, "-p", patch)
    assert engine.refresh(SECRET, made).inputs["stringData"] == {"password": "stolen"}
    assert "hush-hush" not in caplog.text


def test_an_import_starts_from_the_live_object(engine, cluster, namespace):
    cluster.kubectl("create", "configmap", "settings", "-n", namespace, "--from-literal=colour=red")
    imported = engine.import_(CONFIG_MAP, f"{namespace}/settings")
    assert imported.id == f"{namespace}/settings"
    assert imported.inputs == config_map(namespace) | {"apiVersion": "v1", "kind": "ConfigMap"}
    assert engine.diff(CONFIG_MAP, imported, config_map(namespace)).changes == DIFF_NONE
    assert engine.import_(CONFIG_MAP, f"{namespace}/absent") is None
    assert engine.import_(NAMESPACE, namespace).id == namespace


def test_a_wrong_id_is_refused(engine):
    with pytest.raises(grpc.RpcError) as error:
        engine.import_(CONFIG_MAP, "a/b/c")
    assert "expected namespace/name" in details(error)


def test_a_deletion_waits_for_finalizers_and_names_them_when_time_is_up(engine, cluster, namespace):
    inputs = config_map(namespace)
    inputs["metadata"]["finalizers"] = ["example.com/hold"]
    inputs["metadata"]["annotations"] = {"pulumi.com/timeoutSeconds": "1"}
    made = engine.create(CONFIG_MAP, inputs)
    with pytest.raises(grpc.RpcError) as error:
        engine.delete(CONFIG_MAP, made)
    assert "held by finalizers: example.com/hold (waited 1 s)" in details(error)
    release = ("patch", "configmap", "settings", "-n", namespace, "-p", '{"metadata":{"finalizers":null}}')
    threading.Timer(0.5, cluster.kubectl, release).start()
    engine.delete(CONFIG_MAP, made)
    assert not cluster.exists("configmap", "settings", "-n", namespace)


def test_a_namespace_is_gone_with_all_that_is_in_it_when_its_deletion_returns(engine, cluster):
    made = engine.create(NAMESPACE, {"metadata": {"name": "short-lived"}})
    engine.create(CONFIG_MAP, config_map("short-lived"))
    engine.delete(NAMESPACE, made)
    assert not cluster.exists("namespace", "short-lived")


def test_a_deployment_that_gets_no_pods_is_recorded_as_half_made(engine, cluster, namespace):
    inputs = deployment(namespace, replicas=1, annotations={"pulumi.com/timeoutSeconds": "1"})
    with pytest.raises(grpc.RpcError) as error:
        engine.create(DEPLOYMENT, inputs)
    assert "did not get ready: " in details(error)
    assert initialization_error(error.value).id == f"{namespace}/web"
    assert cluster.exists("deployment", "web", "-n", namespace)


def test_a_deployment_is_not_waited_for_when_told_so(engine, namespace):
    inputs = deployment(namespace, replicas=1, annotations={"pulumi.com/skipAwait": "true"})
    assert engine.create(DEPLOYMENT, inputs).id == f"{namespace}/web"
