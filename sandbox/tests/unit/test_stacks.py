"""Commands on stacks; a shell script plays Pulumi and writes down what it gets."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from sandbox import stacks
from sandbox.layout import PROJECT, Layout
from sandbox.stacks import StackError
from sandbox.tools.catalog import KUBERNETES_MINOR

PULUMI = """#!/bin/sh
echo "$@" >> {calls}
case "$1 $2" in
  "up "*) trap 'echo interrupted >> {calls}; exit 0' INT; touch {started}; while :; do sleep 0.05; done;;
  "stack ls") cat {stacks};;
  "destroy "*) echo "cannot reach it"; echo "no route" >&2; exit 255;;
esac
"""

ENDED = 2**22 + 1
"""A process id that no process has: larger than Linux gives."""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout.load(tmp_path / "state", project=tmp_path)
    layout.bin.mkdir()
    pulumi = layout.bin / "pulumi"
    stacks = tmp_path / "stacks.json"
    stacks.write_text("[]")
    pulumi.write_text(PULUMI.format(calls=tmp_path / "calls", started=tmp_path / "started", stacks=stacks))
    pulumi.chmod(0o755)
    return layout


def calls(layout: Layout) -> list[str]:
    return (layout.project / "calls").read_text().splitlines()


def lock(layout: Layout, text: str) -> None:
    folder = layout.pulumi_state / ".pulumi" / "locks" / "organization" / "eks-cluster-autoscaler" / "sandbox"
    folder.mkdir(parents=True)
    (folder / "c0ffee.json").write_text(text)
    (folder / "c0ffee.json.attrs").write_text("{}")


def held_by(pid: int, hostname: str | None = None) -> str:
    return json.dumps({"pid": pid, "username": "me", "hostname": hostname or socket.gethostname()})


def known(layout: Layout, *stacks: dict[str, object]) -> None:
    """The stacks that Pulumi lists."""
    (layout.project / "stacks.json").write_text(json.dumps(stacks))


FULL = {"name": "sandbox", "resourceCount": 7, "current": True}


def test_the_first_stack_is_created_and_selected(layout: Layout):
    stacks.prepare(layout, "sandbox")
    assert calls(layout) == ["stack ls --json", "stack init sandbox"]


def test_another_stack_does_not_become_the_selected_one(layout: Layout):
    known(layout, FULL)
    stacks.prepare(layout, "adopt")
    assert calls(layout) == ["stack ls --json", "stack init adopt --no-select"]


@pytest.mark.parametrize("text", [held_by(ENDED), '{"pid": 1', "{}", held_by(1, hostname="elsewhere")])
def test_a_stack_that_a_killed_command_held_is_freed(layout: Layout, capsys: pytest.CaptureFixture[str], text: str):
    lock(layout, text)
    stacks.prepare(layout, "sandbox")
    assert calls(layout)[-1] == "cancel --yes --stack sandbox"
    assert "held stack 'sandbox' died" in capsys.readouterr().err


def test_a_stack_that_a_running_command_holds_is_left_alone(layout: Layout):
    known(layout, FULL)
    lock(layout, held_by(os.getpid()))
    stacks.prepare(layout, "sandbox")
    assert calls(layout) == ["stack ls --json"]


def test_only_stacks_that_own_resources_count_as_deployed(layout: Layout):
    assert stacks.deployed(layout) == []
    layout.pulumi_state.mkdir(parents=True)
    known(layout, FULL, {"name": "empty", "resourceCount": 0})
    assert stacks.deployed(layout) == ["sandbox"]


@pytest.mark.parametrize(("latest", "expected"), [({}, False), ({"resources": [{"urn": "urn:1"}]}, True)])
def test_whether_a_stack_owns_resources_is_read_from_its_state(layout: Layout, latest: object, expected: bool):
    assert not stacks.has_resources(layout, "sandbox")
    file = layout.pulumi_state / ".pulumi" / "stacks" / "eks-cluster-autoscaler" / "sandbox.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": latest}}))
    assert stacks.has_resources(layout, "sandbox") == expected
    assert not stacks.has_resources(layout, "adopt")


@pytest.mark.parametrize(("stack", "cluster"), [("sandbox", "sandbox"), ("adopt", "legacy")])
def test_the_cluster_of_a_stack_is_read_from_its_settings(stack: str, cluster: str, tmp_path: Path):
    assert stacks.cluster(Layout.load(tmp_path), stack) == cluster


def test_the_stack_of_the_sandbox_asks_for_the_kubernetes_that_the_sandbox_has():
    settings = yaml.safe_load((PROJECT / "Pulumi.sandbox.yaml").read_text())
    cluster = settings["config"]["eks-cluster-autoscaler:cluster"]
    assert cluster["create"]["kubernetesVersion"] == KUBERNETES_MINOR


def test_the_output_of_pulumi_is_in_the_error(layout: Layout):
    with pytest.raises(StackError, match=r"`pulumi destroy --yes` failed:\ncannot reach it\nno route"):
        stacks.ask(layout, "destroy", "--yes")


@pytest.mark.parametrize("chart", ["charts/real", "oci://registry.example.com/charts/cluster-autoscaler"])
def test_another_chart_is_named_in_a_copy_of_the_settings(layout: Layout, chart: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(layout.project)
    Path("charts/real").mkdir(parents=True)
    settings = layout.project / "Pulumi.sandbox.yaml"
    settings.write_text((PROJECT / "Pulumi.sandbox.yaml").read_text())
    original = settings.read_text()
    option, copy = stacks.with_chart(layout, "sandbox", chart)
    assert option == "--config-file"
    expected = yaml.safe_load(original)
    location = chart if "://" in chart else str(layout.project / chart)
    expected["config"]["eks-cluster-autoscaler:autoscaler"]["chart"] = {"location": location}
    assert yaml.safe_load(Path(copy).read_text()) == expected
    assert settings.read_text() == original


def test_an_interruption_is_left_to_pulumi_which_then_saves_its_state(layout: Layout):
    starter = layout.project / "starter.py"
    starter.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from sandbox import stacks\n"
        "from sandbox.layout import Layout\n"
        "stacks.run(Layout.load(Path(sys.argv[1]), Path(sys.argv[2])), 'up')\n"
    )
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    command = [sys.executable, str(starter), str(layout.root), str(layout.project)]
    with subprocess.Popen(command, env=environment) as process:
        deadline = time.monotonic() + 20
        while not (layout.project / "started").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert calls(layout) == ["up", "interrupted"]
