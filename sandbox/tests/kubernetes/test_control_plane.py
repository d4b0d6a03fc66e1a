"""A control plane from birth to death: what EKS shows of it, what survives, what comes back."""

import json
import os
import re
import signal
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.tests.kubernetes.eks import eventually
from sandbox.tools.catalog import KUBERNETES_MINOR


def controller(account):
    return json.loads((account.sandbox.layout.run / "clusters.json").read_text())["pid"]


def listening_addresses(pid):
    """Where a process listens, from the kernel's tables of its TCP sockets."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        if match := re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink())):
            inodes.add(match[1])
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                yield fields[1].partition(":")[0]


def keep_note(cluster, text):
    cluster.kubectl("create", "configmap", "note", f"--from-literal=text={text}")


def read_note(cluster):
    return cluster.kubectl("get", "configmap", "note", "-o", "jsonpath={.data.text}", check=False)


def behaves_as(cluster):
    answer = cluster.kubectl("get", "--raw", "/version", check=False)
    version = json.loads(answer) if answer.startswith("{") else {}
    return f"{version.get('emulationMajor')}.{version.get('emulationMinor')}"


def serves(cluster):
    return cluster.files.admin_kubeconfig.exists() and "ok" in cluster.kubectl("get", "--raw", "/readyz", check=False)


def test_the_server_behaves_as_the_version_that_was_asked_for(cluster):
    assert behaves_as(cluster) == cluster.describe()["version"]


def test_a_service_accounts_token_is_accepted_by_sts(account, cluster):
    """The OIDC chain: token by TokenRequest -> issuer's key set -> web identity -> session of the role."""
    issuer = cluster.describe()["identity"]["oidc"]["issuer"]
    provider = account.iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"])
    subject = {f"{issuer.removeprefix('https://')}:sub": "system:serviceaccount:default:default"}
    role = account.create_role(
        "irsa",
        {"Federated": provider["OpenIDConnectProviderArn"]},
        "sts:AssumeRoleWithWebIdentity",
        statement={"Condition": {"StringEquals": subject}},
    )
    token = cluster.kubectl("create", "token", "default", "--audience", "sts.amazonaws.com").strip()
    identity = {"RoleArn": role, "RoleSessionName": "pod"}
    sts = account.sandbox.client("sts")
    session = sts.assume_role_with_web_identity(**identity, WebIdentityToken=token)
    assert session["SubjectFromWebIdentityToken"] == "system:serviceaccount:default:default"
    head, body, signature = token.split(".")
    forged = ".".join([head, body, signature[:-8] + "AAAAAAAA"])
    with pytest.raises(sts.exceptions.InvalidIdentityTokenException):
        sts.assume_role_with_web_identity(**identity, WebIdentityToken=forged)


def test_nothing_listens_beyond_loopback(account, cluster):
    addresses = {
        name: set(listening_addresses(pid))
        for name, pid in {**cluster.pids(), "controller": controller(account)}.items()
    }
    silent = {name for name, found in addresses.items() if not found}
    assert silent == {"kube-scheduler", "kube-controller-manager"}
    assert set().union(*addresses.values()) == {"0100007F"}  # 127.0.0.1 in the kernel's order


def test_keys_are_readable_by_their_owner_only(cluster):
    secret = [
        *cluster.files.pki.iterdir(),
        *cluster.files.config("any").parent.iterdir(),
        cluster.files.admin_kubeconfig,
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    assert stat.S_IMODE(cluster.files.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("component", ["kube-scheduler", "kube-controller-manager", "kwok"])
def test_a_killed_component_comes_back_alone(account, cluster, component):
    before = cluster.pids()
    os.kill(before[component], signal.SIGKILL)
    eventually(lambda: cluster.pids().get(component, before[component]) != before[component])
    assert {name: pid for name, pid in cluster.pids().items() if name != component} == {
        name: pid for name, pid in before.items() if name != component
    }
    assert f"{component} was killed by SIGKILL" in account.sandbox.layout.log("clusters").read_text()


@pytest.mark.parametrize("component", ["kube-apiserver", "etcd"])
def test_after_the_death_of_the_server_or_its_store_the_cluster_comes_back_as_it_was(cluster, component):
    keep_note(cluster, f"written before {component} died")
    endpoint = cluster.describe()["endpoint"]
    before = cluster.pids()
    os.kill(before[component], signal.SIGKILL)
    eventually(lambda: not before.items() & cluster.pids().items() and serves(cluster))
    assert read_note(cluster) == f"written before {component} died"
    assert cluster.describe()["endpoint"] == endpoint
    cluster.kubectl("delete", "configmap", "note")


def test_an_upgraded_cluster_comes_back_as_the_new_version(account, cluster):
    account.eks.update_cluster_version(name=cluster.name, version=KUBERNETES_MINOR)
    eventually(lambda: serves(cluster) and behaves_as(cluster) == KUBERNETES_MINOR)


def test_a_killed_controller_finds_and_replaces_what_it_left_behind(account, cluster):
    keep_note(cluster, "written before the controller died")
    token = cluster.kubectl("create", "token", "default").strip()
    before = cluster.pids()
    os.kill(controller(account), signal.SIGKILL)
    account.sandbox.start("clusters")
    assert serves(cluster), "ready means that the clusters serve again"
    assert not before.items() & cluster.pids().items()
    assert not [pid for pid in before.values() if Path(f"/proc/{pid}").exists()]
    assert read_note(cluster) == "written before the controller died"
    assert cluster.whoami(token)["username"] == "system:serviceaccount:default:default"
    cluster.kubectl("delete", "configmap", "note")


def test_a_stopped_controller_leaves_no_process_and_a_taken_port_is_replaced(account, cluster):
    before = cluster.pids()
    account.sandbox.stop("clusters")
    assert not [pid for pid in before.values() if Path(f"/proc/{pid}").exists()]
    assert not cluster.files.admin_kubeconfig.exists()
    endpoint = cluster.describe()["endpoint"]
    with socket.create_server(("127.0.0.1", int(endpoint.rpartition(":")[2]))):
        account.sandbox.start("clusters")
        assert serves(cluster)
    assert cluster.describe()["endpoint"] != endpoint
    assert "is taken: using" in account.sandbox.layout.log("clusters").read_text()


def test_a_deleted_cluster_leaves_nothing_and_its_name_can_be_used_again(account):
    # KUBECONFIG of a shell that is open all the while, as `pulumi destroy` and `pulumi up` come and go in it.
    layout = replace(account.sandbox.layout, cluster="green")
    command = [layout.bin / "kubectl", "--kubeconfig", layout.kubeconfig, "get", "namespaces", "--output", "name"]
    green = account.create_cluster("green")
    assert "namespace/kube-system" in account.sandbox.run(command)
    keep_note(green, "of the first green")
    before, issuer = green.pids(), green.describe()["identity"]["oidc"]["issuer"]
    account.delete_cluster("green")
    assert not [pid for pid in before.values() if Path(f"/proc/{pid}").exists()]
    assert not layout.kubeconfig.exists()
    green = account.create_cluster("green")
    assert "namespace/kube-system" in account.sandbox.run(command)
    assert "NotFound" in read_note(green)
    assert green.describe()["identity"]["oidc"]["issuer"] != issuer
    account.delete_cluster("green")
