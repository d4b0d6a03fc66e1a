"""`doctor init` on clusters made by other means: its commands replace nothing, and an autoscaler runs throughout."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from kubernetes import client

from sandbox.adoption import CLUSTER
from sandbox.tests.harness import Sandbox
from tests.e2e.program.by_other_means import (
    REMOVE_AUTOSCALER,
    ROLE,
    SET_UPS,
    SetUp,
    documents,
    remove_from_aws,
)
from tests.e2e.program.checkout import Checkout
from tests.e2e.program.stack import inventory, remove_shared
from tests.e2e.program.watching import NAME, NAMESPACE, Watch, autoscalers
from tests.markdown import ROOT, blocks, executed_by

PAGE = ROOT / "docs" / "migration.md"
DESTRUCTIVE = {"delete", "delete-replaced", "replace", "create-replacement", "discard-replaced"}
INIT = f"python -m doctor init --cluster {CLUSTER} --region us-east-1 --output Pulumi.prod.yaml"
AFTERWARDS = "python -m doctor check --wait 120\npulumi up --expect-no-changes\n"
DESTROY = "if pulumi stack select prod; then pulumi destroy --yes --skip-preview; pulumi stack rm --yes prod; fi"
_OF_THE_SANDBOX = "    chart: {location: ./sandbox/chart/cluster-autoscaler}\n"


class Prepared(NamedTuple):
    """A cluster with an autoscaler made by other means, and a checkout without settings."""

    project: Checkout
    kind: str
    set_up: SetUp


@pytest.fixture
def prepared(request: pytest.FixtureRequest, sandbox: Sandbox, legacy: object, tmp_path: Path) -> Iterator[Prepared]:
    """The set-up that the test names; whatever fails, the next one finds the cluster as this one did."""
    set_up = SET_UPS[request.param]
    project = Checkout(sandbox, tmp_path, {}, CLUSTER)
    with ExitStack() as undo:
        # The stack of a set-up leaves the cluster's OIDC provider, which the next one creates.
        undo.callback(remove_shared, sandbox, CLUSTER)
        undo.callback(remove_from_aws, sandbox)
        undo.callback(project.shell, REMOVE_AUTOSCALER)
        undo.callback(project.shell, DESTROY)
        remove_shared(sandbox, CLUSTER)
        set_up.groups(sandbox)
        if set_up.commands:
            project.shell(set_up.commands, **documents(sandbox, request.param, set_up.account))
        yield Prepared(project, request.param, set_up)


def commands(printed: str) -> list[str]:
    """The commands that `init` ends with, as a reader types them."""
    _, _, steps = printed.partition("\nNext:\n")
    found: list[str] = []
    for line in steps.splitlines():
        if line[:1].isdigit():
            found.append("")
        elif line.startswith("      "):
            found[-1] += line.strip() + "\n"
    return found


def for_the_sandbox(project: Checkout) -> None:
    """Take the chart from the sandbox: the one thing that a user has elsewhere."""
    file = project.folder / "Pulumi.prod.yaml"
    text = file.read_text()
    key = "  eks-cluster-autoscaler:autoscaler:\n"
    file.write_text(text.replace(key, key + _OF_THE_SANDBOX) if key in text else text + key + _OF_THE_SANDBOX)


def planned(project: Checkout) -> list[str]:
    """What a preview would do to what the stack holds, step by step."""
    project.shell("pulumi preview --json > preview.json")
    steps = json.loads((project.folder / "preview.json").read_text())["steps"]
    return [step["op"] for step in steps]


@pytest.mark.full
@pytest.mark.parametrize("prepared", ["none", "helm", "eksctl", "terraform", "pod-identity", "manual"], indirect=True)
def test_what_init_prints_moves_the_cluster_without_a_gap(sandbox: Sandbox, prepared: Prepared) -> None:
    project, kind, set_up = prepared
    api = sandbox.kubernetes(CLUSTER)
    core = client.CoreV1Api(api)
    nodes = {node.metadata.name for node in core.list_node().items}
    before = inventory(sandbox)
    old = [pod.metadata.name for pod in autoscalers(core.list_namespaced_pod(NAMESPACE).items, lambda pod: pod.spec)]
    if old:
        await_leader(api, old)
    account = core.read_namespaced_service_account(set_up.account, NAMESPACE).metadata if set_up.account else None
    printed = project.shell(INIT)
    for_the_sandbox(project)
    first, second, third = commands(printed)

    if kind == "none":
        project.shell(first + second)
        assert set(planned(project)) <= {"create", "read"}
        project.shell(third)
        output = project.shell(AFTERWARDS)
    else:
        with Watch(api) as watch:
            project.shell(first)
            project.shell(second)
            assert not DESTRUCTIVE & set(planned(project))
            project.shell(third)
            output = project.shell(AFTERWARDS)
        check_the_change_over(watch, old)
        left = client.AppsV1Api(api).list_namespaced_deployment(NAMESPACE).items
        assert len(autoscalers(left, lambda each: each.spec.template.spec)) == 1, "two autoscalers are deployed"

    if account:
        after = core.read_namespaced_service_account(set_up.account, NAMESPACE).metadata
        assert after.uid == account.uid, "the service account was deleted under the pods that use it"
        assert ROLE not in (after.annotations or {}).get("eks.amazonaws.com/role-arn", "")
        assert (account.labels or {}).get("team") == (after.labels or {}).get("team")
        assert (account.annotations or {}).get("example.com/owner") == after.annotations.get("example.com/owner")
    assert "every link holds" in output
    assert {node.metadata.name for node in core.list_node().items} == nodes, "no node came or went"
    now = inventory(sandbox)
    assert {what: gone for what, names in before.items() if (gone := {*names} - {*now[what]})} == {}
    # `pulumi stack init` adds its salt to the file and keeps the comments.
    assert "# Written by `ca-doctor init`." in (project.folder / "Pulumi.prod.yaml").read_text()
    if kind == "helm":
        check_the_page(sandbox, project, printed)


def await_leader(api: client.ApiClient, pods: list[str]) -> None:
    """Wait until one of the pods holds the lease, which outlives the autoscaler of an earlier test by 15 seconds."""
    leases, until = client.CoordinationV1Api(api), time.monotonic() + 60

    def holders() -> set[str]:
        found = leases.list_namespaced_lease(NAMESPACE, field_selector=f"metadata.name={NAME}").items
        return {each.spec.holder_identity for each in found}

    while not holders() & set(pods):
        assert time.monotonic() < until, f"none of {pods} became the leader"
        time.sleep(1)


def check_the_change_over(watch: Watch, old: list[str]) -> None:
    """An autoscaler ran at every moment, one of them acted, and it could do its work."""
    assert watch.moments
    assert all(moment.ready for moment in watch.moments), "there was no autoscaler for a while"
    assert watch.complaints == set(), "it lacked permissions for a while"
    # The lease passed on once, and not before the old pod was deleted.
    holders = [moment.holder for moment in watch.moments]
    new = holders[-1]
    assert new not in old
    assert holders == [each for each in holders if each in old] + [each for each in holders if each == new]
    assert all(moment.holder in old for moment in watch.moments if set(old) & moment.ready)


def check_the_page(sandbox: Sandbox, project: Checkout, printed: str) -> None:
    """The page shows what `init` prints on this set-up, and its last commands remove what is left of it."""
    steps = executed_by("test_migration")
    assert [step.page for step in steps] == [PAGE.with_name("existing-cluster.md"), *[PAGE] * 3]
    write, inspect, again, clean_up = [step.text.replace("series-api", CLUSTER) for step in steps]
    assert (write.strip(), again) == (INIT, AFTERWARDS)
    project.shell(inspect + clean_up)
    assert ROLE not in {role["RoleName"] for role in sandbox.client("iam").list_roles()["Roles"]}
    (shown,) = [block.text for block in blocks(PAGE) if block.language == "text"]
    assert printed == shown.replace("series-api", CLUSTER)
