"""Helm releases through the protocol, on a real API server, by the real helm."""

import base64
import gzip
import json
import shutil
import subprocess
import threading
import time

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.providers.values import UNKNOWN
from sandbox.tests.providers.kubernetes.chart_servers import registry, repository
from sandbox.tests.providers.protocol_client import Recorded, connected, initialization_error

RELEASE = "kubernetes:helm.sh/v3:Release"
DIFF_NONE = provider_pb2.DiffResponse.DIFF_NONE
ROLE = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/ca"}


@pytest.fixture
def release(chart, namespace):
    """The inputs of a release, as an SDK sends them."""

    def inputs(**more):
        return {"chart": chart, "name": "app", "namespace": namespace, "compat": "true", **more}

    return inputs


@pytest.fixture
def helm(cluster):
    """The helm of somebody at the keyboard."""

    def run(*arguments, check=True):
        command = ["helm", "--kubeconfig", str(cluster.kubeconfig), *arguments]
        return subprocess.run(command, check=check, capture_output=True, text=True).stdout

    return run


def details(error):
    return error.value.details()


def changed(engine, old, inputs, **more):
    return sorted(engine.diff(RELEASE, old, inputs, **more).detailedDiff)


def test_a_release_is_installed_upgraded_and_removed(engine, cluster, namespace, release):
    made = engine.create(RELEASE, release(values={"annotations": ROLE}))
    assert made.id == f"{namespace}/app"
    assert made.outputs["name"] == "app"
    assert made.outputs["version"] == "1.2.3"
    assert made.outputs["status"] == {
        "appVersion": "9.9",
        "chart": "tiny",
        "name": "app",
        "namespace": namespace,
        "revision": 1,
        "status": "deployed",
        "version": "1.2.3",
    }
    assert made.outputs["resourceNames"] == {
        "ConfigMap/v1": ["app"],
        "Deployment.apps/apps/v1": [f"{namespace}/app"],
        "Secret/v1": ["app"],
        "ServiceAccount/v1": ["app"],
    }
    assert cluster.get("sa", "app", "-n", namespace)["metadata"]["annotations"].items() >= ROLE.items()

    wanted = release(values={"annotations": {"eks.amazonaws.com/role-arn": "other"}})
    assert changed(engine, made, wanted) == ['values.annotations["eks.amazonaws.com/role-arn"]']
    upgraded = engine.update(RELEASE, made, wanted)
    assert upgraded.outputs["status"]["revision"] == 2
    assert engine.diff(RELEASE, upgraded, wanted).changes == DIFF_NONE

    engine.delete(RELEASE, upgraded)
    assert not cluster.exists("sa", "app", "-n", namespace)
    assert engine.refresh(RELEASE, upgraded) is None
    engine.delete(RELEASE, upgraded)


def test_a_refresh_of_an_untouched_release_changes_nothing(engine, release):
    inputs = release(values={"annotations": ROLE, "limits": {"cpu": 0.5, "memory": None}, "replicas": 0})
    made = engine.create(RELEASE, inputs)
    assert engine.refresh(RELEASE, made) == made
    assert engine.diff(RELEASE, made, inputs).changes == DIFF_NONE


def test_nulls_in_values_delete_the_charts_defaults_and_count_as_changes(engine, cluster, namespace, release):
    made = engine.create(RELEASE, release(values={"limits": {"memory": None}}))
    assert json.loads(cluster.get("cm", "app", "-n", namespace)["data"]["limits"]) == {"cpu": "1000m"}
    assert changed(engine, made, release(values={"limits": {}})) == ["values.limits.memory"]
    assert changed(engine, made, release(values={"limits": {"memory": None, "cpu": None}})) == ["values.limits.cpu"]


def test_another_name_or_namespace_is_another_release(engine, release):
    made = engine.create(RELEASE, release())
    assert list(engine.diff(RELEASE, made, release() | {"name": "b"}).replaces) == ["name"]
    assert list(engine.diff(RELEASE, made, release() | {"namespace": "b"}).replaces) == ["namespace"]
    assert not engine.diff(RELEASE, made, release(timeout=17)).replaces


def test_a_release_without_a_name_gets_one_and_keeps_it(engine, chart):
    checked, _ = engine.check(RELEASE, {"chart": chart}, name="app")
    assert checked["name"].startswith("app-")
    assert checked["namespace"] == "default"
    assert checked["timeout"] == 300
    assert "compat" not in checked
    assert engine.check(RELEASE, {"chart": chart}, olds=checked, name="other")[0] == checked


def test_a_preview_knows_all_but_the_outcome(engine, cluster, namespace, release):
    planned = engine.preview_create(RELEASE, release(values={"annotations": {"role": UNKNOWN}}))
    assert planned["status"] is UNKNOWN
    assert planned["resourceNames"] is UNKNOWN
    assert planned["version"] == "1.2.3"
    assert planned["values"] == {"annotations": {"role": UNKNOWN}}
    assert not cluster.exists("sa", "app", "-n", namespace)


def test_all_wrong_properties_are_told_at_once_by_name(engine, chart):
    inputs = {
        "chart": chart,
        "atmic": True,
        "lint": True,
        "repositoryOpts": {"password": "hush", "rep": "x"},
        "resourceNames": {},
        "timeout": "soon",
        "valueYamlFiles": [],
    }
    _, failures = engine.check(RELEASE, inputs)
    assert set(failures) == {
        "atmic",
        "lint",
        "repositoryOpts.password",
        "repositoryOpts.rep",
        "resourceNames",
        "timeout",
        "valueYamlFiles",
    }
    assert "atomic" in failures["atmic"]
    assert "does not do `valueYamlFiles`" in failures["valueYamlFiles"]
    assert "hush" not in str(failures)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"chart": "./absent"}, "there is no chart at /"),
        ({"chart": "absent/absent"}, "absent"),
        ({"chart": "x", "repositoryOpts": {"repo": "http://127.0.0.1:1"}}, "cannot be reached"),
        ({"chart": "oci://127.0.0.1:1/x"}, "connection refused"),
    ],
)
def test_a_chart_that_cannot_be_had_fails_the_preview(engine, inputs, reason):
    _, failures = engine.check(RELEASE, inputs)
    assert reason in failures["chart"]


def test_a_chart_comes_from_a_repository(engine, chart, release, tmp_path):
    with repository(chart, tmp_path) as url:
        inputs = release(repositoryOpts={"repo": url}, version="^1.0.0") | {"chart": "tiny"}
        made = engine.create(RELEASE, inputs)
        assert made.inputs["version"] == "1.2.3"
        assert made.outputs["status"]["status"] == "deployed"
        assert engine.diff(RELEASE, made, inputs).changes == DIFF_NONE


def test_a_chart_comes_from_an_oci_registry(engine, chart, release, tmp_path):
    with registry(chart, tmp_path) as (address, authority):
        inputs = release(repositoryOpts={"caFile": str(authority)}, version="1.2.3") | {"chart": address}
        assert engine.create(RELEASE, inputs).outputs["status"]["chart"] == "tiny"


def test_a_new_version_of_a_local_chart_is_an_upgrade(engine, chart, release, tmp_path):
    copy = tmp_path / "tiny"
    shutil.copytree(chart, copy)
    inputs = release() | {"chart": str(copy)}
    made = engine.create(RELEASE, inputs)
    (copy / "Chart.yaml").write_text((copy / "Chart.yaml").read_text().replace("1.2.3", "1.3.0"))
    assert changed(engine, made, inputs) == ["version"]
    assert engine.update(RELEASE, made, inputs).outputs["status"]["version"] == "1.3.0"


def test_the_options_of_a_release_reach_helm(engine, cluster, namespace, release):
    inputs = release(createNamespace=True, description="by the test", timeout=30) | {"namespace": f"{namespace}-new"}
    made = engine.create(RELEASE, inputs)
    listed = cluster.get("secret", "sh.helm.release.v1.app.v1", "-n", f"{namespace}-new")
    assert _payload(listed)["info"]["description"] == "by the test"
    for size in range(3):
        made = engine.update(
            RELEASE, made, inputs | {"maxHistory": 2, "values": {"replicas": 0, "password": str(size)}}
        )
    revisions = cluster.get("secret", "-l", "owner=helm", "-n", f"{namespace}-new")["items"]
    assert len(revisions) == 2


# -- What others did ---------------------------------------------------------------------------------------------------


def test_a_service_account_annotation_removed_by_hand_shows_at_refresh_and_comes_back(
    engine, cluster, namespace, release
):
    wanted = release(values={"annotations": ROLE})
    made = engine.create(RELEASE, wanted)
    cluster.kubectl("annotate", "sa", "app", "-n", namespace, "eks.amazonaws.com/role-arn-")
    tampered = engine.refresh(RELEASE, made)
    assert tampered.outputs["drift"] == {
        "ServiceAccount app": {
            'metadata.annotations["eks.amazonaws.com/role-arn"]': (
                "is missing, should be 'arn:aws:iam::123456789012:role/ca'"
            )
        }
    }
    assert changed(engine, tampered, wanted) == ["drift"]
    repaired = engine.update(RELEASE, tampered, wanted)
    assert cluster.get("sa", "app", "-n", namespace)["metadata"]["annotations"].items() >= ROLE.items()
    assert "drift" not in repaired.outputs
    assert engine.refresh(RELEASE, repaired) == repaired


def test_every_kind_of_drift_is_found_and_repaired_and_shows_no_value_that_may_be_secret(
    engine, cluster, namespace, release
):
    wanted = release(values={"password": "hush-hush"})
    made = engine.create(RELEASE, wanted)
    cluster.kubectl("delete", "configmap", "app", "-n", namespace)
    cluster.kubectl("set", "env", "deployment/app", "-n", namespace, "GREETING=goodbye", "MORE=1")
    stolen = base64.b64encode(b"stolen").decode()
    cluster.kubectl("patch", "secret", "app", "-n", namespace, "-p", json.dumps({"data": {"password": stolen}}))
    tampered = engine.refresh(RELEASE, made)
    assert tampered.outputs["drift"] == {
        "ConfigMap app": {"": "deleted"},
        f"Deployment {namespace}/app": {"spec.template.spec.containers[0].env[0].value": "was changed"},
        "Secret app": {"data.password": "was changed"},
    }
    repaired = engine.update(RELEASE, tampered, wanted)
    assert "drift" not in engine.refresh(RELEASE, repaired).outputs


def test_what_others_add_to_the_objects_of_a_release_is_no_drift(engine, cluster, namespace, release):
    made = engine.create(RELEASE, release())
    cluster.kubectl("annotate", "deployment", "app", "-n", namespace, "theirs=1")
    cluster.kubectl("label", "sa", "app", "-n", namespace, "theirs=1")
    assert "drift" not in engine.refresh(RELEASE, made).outputs


def test_an_upgrade_by_hand_shows_at_refresh_and_is_taken_back(engine, release, helm, chart, namespace):
    wanted = release(values={"annotations": ROLE})
    made = engine.create(RELEASE, wanted)
    helm("upgrade", "app", chart, "-n", namespace, "--set", "annotations.by=hand")
    moved = engine.refresh(RELEASE, made)
    assert moved.outputs["status"]["revision"] == 2
    assert moved.outputs["values"] == {"annotations": {"by": "hand"}}
    assert changed(engine, moved, wanted) == [
        "values.annotations.by",
        'values.annotations["eks.amazonaws.com/role-arn"]',
    ]
    assert changed(engine, moved, wanted, ignore=["values"]) == []
    back = engine.update(RELEASE, moved, wanted)
    assert back.outputs["values"] == {"annotations": ROLE}


def test_a_release_removed_by_hand_is_gone_at_refresh(engine, release, helm, namespace):
    made = engine.create(RELEASE, release())
    helm("uninstall", "app", "-n", namespace)
    with pytest.raises(grpc.RpcError) as error:
        engine.update(RELEASE, made, release(values={"password": "new"}))
    assert f"Helm release {namespace}/app is gone; run `pulumi refresh`" in details(error)
    assert engine.refresh(RELEASE, made) is None


def test_a_release_made_by_hand_is_not_overwritten_and_can_be_taken_over(engine, release, helm, chart, namespace):
    helm("install", "app", chart, "-n", namespace, "--set", "password=x")
    with pytest.raises(grpc.RpcError) as error:
        engine.create(RELEASE, release())
    assert f"there already is a Helm release {namespace}/app (chart tiny 1.2.3, revision 1, deployed)" in details(error)
    assert f"pulumi import {RELEASE} <name> {namespace}/app" in details(error)

    imported = engine.import_(RELEASE, f"{namespace}/app")
    assert imported.id == f"{namespace}/app"
    assert imported.inputs == {
        "chart": "tiny",
        "name": "app",
        "namespace": namespace,
        "timeout": 300,
        "values": {"password": "x"},
        "version": "1.2.3",
    }
    wanted = release(values={"password": "y"})
    assert changed(engine, imported, wanted) == ["chart", "values.password"]
    assert engine.update(RELEASE, imported, wanted).outputs["status"]["revision"] == 2
    assert engine.import_(RELEASE, f"{namespace}/absent") is None


@pytest.mark.parametrize(("status", "way_out"), [("pending-install", "uninstall"), ("pending-upgrade", "rollback")])
def test_a_release_that_got_stuck_names_the_way_out(engine, cluster, namespace, release, helm, chart, status, way_out):
    helm("install", "app", chart, "-n", namespace)
    if status == "pending-upgrade":
        helm("upgrade", "app", chart, "-n", namespace)
    _mark_latest(cluster, namespace, status)
    expected = f"stuck in {status}"
    with pytest.raises(grpc.RpcError) as error:
        engine.create(RELEASE, release())
    assert expected in details(error)
    assert f"helm {way_out} app -n {namespace}" in details(error)

    found = engine.import_(RELEASE, f"{namespace}/app")
    assert "status" in changed(engine, found, release())
    with pytest.raises(grpc.RpcError) as error:
        engine.update(RELEASE, found, release())
    assert expected in details(error)

    helm(way_out, "app", "-n", namespace)
    if way_out == "uninstall":
        engine.create(RELEASE, release())
    else:
        engine.update(RELEASE, engine.refresh(RELEASE, found), release())


# -- Failures ----------------------------------------------------------------------------------------------------------


def test_a_release_whose_pods_do_not_come_is_recorded_as_failed_and_tried_again(engine, cluster, namespace, release):
    with pytest.raises(grpc.RpcError) as error:
        engine.create(RELEASE, release(timeout=1, values={"replicas": 1}))
    assert f"Helm release {namespace}/app is failed at revision 1: " in details(error)
    assert f"Deployment {namespace}/app: " in details(error)
    failed = initialization_error(error.value)
    assert failed.id == f"{namespace}/app"

    made = engine.import_(RELEASE, failed.id)
    assert made.outputs["status"]["status"] == "failed"
    assert "status" in changed(engine, made, release(values={"replicas": 0}))
    assert engine.update(RELEASE, made, release(values={"replicas": 0})).outputs["status"]["status"] == "deployed"


def test_an_atomic_release_that_fails_leaves_nothing(engine, cluster, namespace, release):
    with pytest.raises(grpc.RpcError) as error:
        engine.create(RELEASE, release(atomic=True, timeout=1, values={"replicas": 1}))
    assert details(error).startswith(f"Helm release {namespace}/app: ")
    assert not cluster.exists("deployment", "app", "-n", namespace)
    assert engine.import_(RELEASE, f"{namespace}/app") is None


def test_an_upgrade_that_cannot_be_rendered_leaves_the_release_as_it_was(engine, release, namespace):
    made = engine.create(RELEASE, release())
    with pytest.raises(grpc.RpcError) as error:
        engine.update(RELEASE, made, release(values={"annotations": "not a map: {"}))
    assert details(error).startswith(f"Helm release {namespace}/app stays at revision 1: ")
    assert engine.refresh(RELEASE, made) == made


def test_an_atomic_upgrade_that_fails_goes_back(engine, release, namespace):
    made = engine.create(RELEASE, release())
    with pytest.raises(grpc.RpcError) as error:
        engine.update(RELEASE, made, release(atomic=True, cleanupOnFail=True, timeout=5, values={"replicas": 1}))
    assert f"Helm release {namespace}/app stays at revision 3: " in details(error)
    assert engine.refresh(RELEASE, made).outputs["status"]["status"] == "deployed"


def test_pods_are_not_waited_for_when_told_so(engine, release):
    made = engine.create(RELEASE, release(skipAwait=True, values={"replicas": 1}))
    assert made.outputs["status"]["status"] == "deployed"
    assert "timeout" not in made.inputs


def test_a_missing_namespace_is_told(engine, release):
    with pytest.raises(grpc.RpcError) as error:
        engine.create(RELEASE, release() | {"namespace": "nowhere"})
    assert 'namespaces "nowhere" not found' in details(error)


def test_a_cancelled_install_stops_helm_and_can_be_mended(port, cluster, namespace, release):
    with connected(port, "kubernetes") as engine:
        engine.configure(kubeconfig=cluster.kubeconfig.read_text())
        checked = engine.accept(RELEASE, release(values={"replicas": 1}))

        def cancel_while_helm_waits():
            while not cluster.get("deployment", "-n", namespace)["items"]:
                time.sleep(0.1)
            time.sleep(0.5)
            engine.cancel()

        user = threading.Thread(target=cancel_while_helm_waits)
        user.start()
        with pytest.raises(grpc.RpcError) as error:
            engine.create(RELEASE, checked)
        user.join()
        assert details(error) == "cancelled"
    with connected(port, "kubernetes") as engine:
        engine.configure(kubeconfig=cluster.kubeconfig.read_text())
        left = engine.import_(RELEASE, f"{namespace}/app")
        assert left is not None
        assert left.outputs["status"]["status"] == "failed"
        mended = engine.update(RELEASE, left, release(values={"replicas": 0}))
        assert mended.outputs["status"]["status"] == "deployed"


def test_values_that_are_all_left_out_stay_as_helm_has_it_and_show_as_a_difference(engine, release):
    made = engine.create(RELEASE, release(values={"password": "x"}))
    kept = engine.update(RELEASE, made, release())
    assert kept.outputs["values"] == {"password": "x"}
    assert changed(engine, kept, release()) == ["values"]


def test_a_missing_helm_is_told(engine, chart, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    _, failures = engine.check(RELEASE, {"chart": chart})
    assert failures == {"chart": "helm is not on PATH; Releases need its command line (version 3)"}


def _payload(secret):
    return json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))


def _mark_latest(cluster, namespace, status):
    """Leaves the latest revision as a helm that was killed would."""
    secret = cluster.get("secret", "-l", "owner=helm", "-n", namespace)["items"][-1]
    payload = _payload(secret)
    payload["info"]["status"] = status
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(payload).encode()))).decode()
    secret["data"]["release"] = packed
    secret["metadata"]["labels"]["status"] = status
    cluster.kubectl("replace", "-f", "-", stdin=json.dumps(secret))


def test_a_release_of_a_cluster_that_is_gone_can_be_dropped_from_the_state(port, release, namespace):
    cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    gone = {"clusters": [cluster], "users": [{"name": "u", "user": {}}], "contexts": [context], "current-context": "x"}
    recorded = Recorded(f"{namespace}/app", release(), release())
    with connected(port, "kubernetes") as engine:
        engine.configure(kubeconfig=json.dumps(gone))
        with pytest.raises(grpc.RpcError) as error:
            engine.refresh(RELEASE, recorded)
        assert "deleteUnreachable" in details(error)
        with pytest.raises(grpc.RpcError) as error:
            engine.delete(RELEASE, recorded)
        assert "deleteUnreachable" in details(error)
    with connected(port, "kubernetes") as engine:
        engine.configure(kubeconfig=json.dumps(gone), deleteUnreachable="true")
        assert engine.refresh(RELEASE, recorded) is None
        engine.delete(RELEASE, recorded)
