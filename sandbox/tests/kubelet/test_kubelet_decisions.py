"""What a pod asks for, who it is, what is run for it and what is reported about it."""

import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kubelet import pod_status
from sandbox.kubelet.identity import Identity, identity_in
from sandbox.kubelet.pod_spec import (
    ConfigError,
    arguments,
    asks_aws_once,
    environment,
    expand,
    program_of,
    runs_autoscaler,
)
from sandbox.kubelet.program import ImageError, Place, RealProgram, command

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ADDRESSES = {"status.podIP": "10.0.0.9", "status.hostIP": "10.0.0.9"}


def a_pod(status=None, **container):
    container = {
        "name": "aws-cluster-autoscaler",
        "image": "ca:v1.36.0",
        "command": ["./cluster-autoscaler"],
        **container,
    }
    return {
        "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"a": "b"}},
        "spec": {"serviceAccountName": "sa", "nodeName": "node", "containers": [container]},
        "status": status or {},
    }


def from_field(path):
    return a_pod(env=[{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "p"),
        ("metadata.namespace", "n"),
        ("spec.serviceAccountName", "sa"),
        ("spec.nodeName", "node"),
        ("status.podIP", "10.0.0.9"),
        ("metadata.labels['a']", "b"),
        ("metadata.annotations['none']", ""),
    ],
)
def test_variables_may_come_from_the_pods_own_fields(path, value):
    assert environment(from_field(path), ADDRESSES) == {"X": value}


def test_later_variables_and_arguments_may_name_earlier_ones():
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)$(C)$$(A)"}]
    pod = a_pod(env=env, args=["--x=$(A)"])
    variables = environment(pod, {})

    assert variables == {"A": "1", "B": "1$(C)$(A)"}
    assert arguments(pod, variables) == ["--x=1"]


@given(st.text(alphabet="ab (){}", max_size=20))
def test_what_names_no_variable_is_left_alone(text):
    assert expand(text, {"a": "1"}) == text


def test_the_command_may_be_left_to_the_image():
    pod = a_pod(args=["--v=4"])
    del pod["spec"]["containers"][0]["command"]

    assert arguments(pod, {}) == ["--v=4"]


@pytest.mark.parametrize(
    ("pod", "message"),
    [
        (a_pod(command=["sh", "-c", "cluster-autoscaler"]), 'exec: "sh": the sandbox\'s kubelet runs nothing but'),
        (a_pod(envFrom=[{"secretRef": {"name": "s"}}]), "envFrom is not supported"),
        (
            a_pod(env=[{"name": "X", "valueFrom": {"secretKeyRef": {}}}]),
            "env X: valueFrom.secretKeyRef is not supported",
        ),
        (from_field("status.phase"), "fieldRef status.phase is not supported"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(pod, message):
    with pytest.raises(ConfigError, match=message):
        arguments(pod, environment(pod, ADDRESSES))


def test_a_pod_of_several_containers_is_refused_with_their_names():
    pod = a_pod()
    pod["spec"]["containers"].append({"name": "sidecar"})

    with pytest.raises(ConfigError, match="aws-cluster-autoscaler, sidecar"):
        environment(pod, {})


@pytest.mark.parametrize(
    ("image", "program"),
    [
        ("amazon/aws-cli", "aws"),
        ("public.ecr.aws/aws-cli/aws-cli:2.31.0", "aws"),
        ("aws-cli@sha256:0", "aws"),
        ("mirror.example.com/my-aws-cli-tools:1", "cluster-autoscaler"),
        ("registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.0", "cluster-autoscaler"),
    ],
)
def test_the_image_decides_which_program_there_is(image, program):
    assert program_of(image) == program


def test_a_pod_that_asks_aws_once_is_known_by_image_and_restart_policy():
    pod = a_pod(image="amazon/aws-cli", command=[], args=["sts", "get-caller-identity"])
    assert not asks_aws_once(pod)
    pod["spec"]["restartPolicy"] = "Never"
    assert asks_aws_once(pod)
    assert arguments(pod, {}) == ["sts", "get-caller-identity"]


@pytest.mark.parametrize(
    ("image", "command", "runs"),
    [
        ("registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.0", [], True),
        ("cluster-autoscaler@sha256:0", ["/cluster-autoscaler"], True),
        ("mirror.example:5000/ca:v1.36.0", ["./cluster-autoscaler"], True),
        ("mirror.example/cluster-autoscaler-exporter:v1", ["sh"], False),
        ("registry.k8s.io/pause:3.10", ["sleep", "cluster-autoscaler"], False),
    ],
)
def test_the_image_or_the_command_makes_a_pod_an_autoscaler(image, command, runs):
    assert runs_autoscaler(a_pod(image=image, command=command)) is runs


def carrying(variable, token_file, **token):
    pod = a_pod()
    pod["spec"]["volumes"] = [
        {"name": "config", "configMap": {"name": "x"}},
        {"name": "aws", "projected": {"sources": [{"serviceAccountToken": token}]}},
    ]
    container = pod["spec"]["containers"][0]
    container["volumeMounts"] = [{"name": "config", "mountPath": "/etc"}, {"name": "aws", "mountPath": "/run/aws"}]
    container["env"] = [{"name": variable, "value": token_file}]
    return pod


def test_a_pod_that_the_webhook_left_alone_has_only_its_node():
    assert identity_in(a_pod()) == Identity("node")
    assert Identity("node").variables("t", "a") == {}


def test_a_pod_with_a_web_identity_finds_its_token_where_the_process_can_read_it():
    pod = carrying("AWS_WEB_IDENTITY_TOKEN_FILE", "/run/aws/token", audience="sts", expirationSeconds=86_400)
    assert identity_in(pod) == Identity("irsa", "sts", 86_400)
    assert identity_in(pod).variables("/token", "http://agent") == {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}


def test_a_pod_with_pod_identity_finds_the_agent_too():
    pod = carrying("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/run/aws/token", audience="pods")
    assert identity_in(pod) == Identity("podIdentity", "pods", 3600)
    assert identity_in(pod).variables("/token", "http://agent") == {
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/token",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://agent",
    }


def test_a_token_file_that_no_volume_provides_is_no_identity():
    pod = carrying("AWS_WEB_IDENTITY_TOKEN_FILE", "/elsewhere/token", audience="sts")
    assert identity_in(pod) == Identity("node")


REAL = RealProgram("/bin/cluster-autoscaler", can_be_renamed=False)
PLACE = Place("p-0", Path("/pod"), Path("/pod/kubeconfig"), 4711, "http://aws", "http://imds", "eu-west-1")


def test_the_stand_in_gets_its_release_and_the_endpoint_of_the_emulated_aws():
    started = command(None, "registry/ca:v1.34.0", ["--v=4"], {"POD": "1"}, PLACE)

    assert started.words[1:] == (
        "-m", "sandbox.autoscaler", "--v=4", "--kubeconfig=/pod/kubeconfig", "--address=127.0.0.1:4711",
    )  # fmt: skip
    assert started.variables["SANDBOX_CLUSTER_AUTOSCALER_RELEASE"] == "1.34.0"
    assert started.variables["AWS_ENDPOINT_URL"] == "http://aws"
    assert started.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == "http://imds"
    assert started.variables["POD"] == "1"
    assert started.variables["HOME"] == "/pod"


def test_the_stand_in_cannot_play_an_unknown_release_but_the_real_one_is_what_it_is():
    with pytest.raises(ImageError, match=r"v1\.36\.99"):
        command(None, "registry/ca:v1.36.99", [], {}, PLACE)

    command(REAL, "registry/ca:v1.36.99", [], {}, PLACE)


def test_the_real_one_gets_the_emulated_aws_in_every_way_that_it_knows():
    started = command(REAL, "registry/ca:v1.36.0", ["--v=4"], {"POD": "1"}, PLACE)
    (config,) = started.files.items()

    assert started.words[:2] == ("/bin/cluster-autoscaler", "--v=4")
    assert {f"--cloud-config={config[0]}", "--aws-use-static-instance-list=true"} <= set(started.words)
    assert started.variables["AWS_ENDPOINT_URL_STS"] == started.variables["AWS_ENDPOINT_URL_EC2"] == "http://aws"
    for service in ("autoscaling", "ec2", "eks", "sts"):
        assert f"Service = {service}\nRegion = eu-west-1\nURL = http://aws\nSigningRegion = eu-west-1\n" in config[1]


def test_the_real_one_with_a_wrong_region_asks_the_emulated_aws_there():
    started = command(REAL, "registry/ca:v1.36.0", [], {"AWS_REGION": "us-west-2"}, PLACE)
    (config,) = started.files.values()
    assert "Region = us-west-2\n" in config
    assert "eu-west-1" not in config


def test_replicas_of_the_real_one_have_separate_host_names_where_that_can_be(tmp_path):
    script = tmp_path / "cluster-autoscaler"
    script.write_text("#!/bin/sh\nuname -n\necho $1\n")
    script.chmod(0o755)
    real = RealProgram.at(str(script))
    started = command(real, "ca:v1.36.0", ["--v=4"], {}, PLACE)
    printed = subprocess.run(started.words, capture_output=True, text=True, check=True).stdout.split()

    assert printed == ["p-0" if real.can_be_renamed else platform.node(), "--v=4"]


def test_the_aws_cli_uses_the_emulated_aws_and_the_metadata_of_its_node():
    started = command(REAL, "amazon/aws-cli", ["sts", "get-caller-identity"], {"AWS_REGION": "eu-west-1"}, PLACE)

    assert Path(started.words[1]).name == "aws"
    assert started.words[2:] == ("sts", "get-caller-identity")
    assert started.variables["AWS_ENDPOINT_URL"] == "http://aws"
    assert started.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == "http://imds"
    assert started.variables["AWS_REGION"] == "eu-west-1"


def status_of(pod, state, last=None, restarts=0, now=NOW):
    return pod_status.status(pod, pod_status.Container(state, last or {}, restarts), ADDRESSES, NOW, now)


def conditions(status):
    return {condition["type"]: condition["status"] for condition in status["conditions"]}


def test_a_pod_is_pending_until_its_container_ran_and_ready_while_it_runs():
    waiting = status_of(a_pod(), pod_status.waiting("ContainerCreating"))
    runs = status_of(a_pod(), pod_status.running(NOW))
    over = pod_status.terminated(255, NOW, NOW)
    crashed = status_of(a_pod(), pod_status.waiting("CrashLoopBackOff"), over, 1)

    assert [status["phase"] for status in (waiting, runs, crashed)] == ["Pending", "Running", "Running"]
    assert [conditions(status)["Ready"] for status in (waiting, runs, crashed)] == ["False", "True", "False"]
    assert crashed["containerStatuses"][0]["restartCount"] == 1
    assert crashed["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 255


def test_a_pod_whose_container_is_not_started_again_is_over_with_it():
    phases = [status_of(a_pod(), pod_status.terminated(code, NOW, NOW))["phase"] for code in (0, 255, -9)]
    assert phases == ["Succeeded", "Failed", "Failed"]


def test_conditions_of_others_stay_and_transitions_are_dated_by_change():
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    first = status_of(a_pod({"conditions": [scheduled]}), pod_status.running(NOW))
    later = datetime(2026, 1, 2, 4, tzinfo=UTC)
    second = status_of(a_pod(first), pod_status.running(NOW), now=later)
    third = status_of(a_pod(second), pod_status.waiting("CrashLoopBackOff"), now=later)

    assert first["conditions"][0] == scheduled
    dates = [
        {c["type"]: c["lastTransitionTime"] for c in status["conditions"]}["Ready"] for status in (first, second, third)
    ]
    assert dates == ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", "2026-01-02T04:00:00Z"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, {"exitCode": 0, "reason": "Completed"}),
        (255, {"exitCode": 255, "reason": "Error"}),
        (-9, {"exitCode": 137, "reason": "Error", "signal": 9}),
    ],
)
def test_the_end_of_a_container_is_reported_as_a_kubelet_reports_it(code, expected):
    details = pod_status.terminated(code, NOW, NOW)["terminated"]

    assert {name: details[name] for name in expected} == expected
    assert "message" not in details
    assert pod_status.terminated(1, NOW, NOW, "why")["terminated"]["message"] == "why"
