"""Commands on stacks; a shell script plays Pulumi and writes down what it is told."""

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

PULUMI = """#!/bin/sh
echo "$@" >> {calls}
case "$1 $2" in
  "up "*) trap 'echo interrupted >> {calls}; exit 0' INT; touch {started}; while :; do sleep 0.05; done;;
  "stack ls") echo '[{{"name": "full", "resourceCount": 7}}, {{"name": "empty", "resourceCount": 0}}]';;
  "stack output") echo '{{"kubeconfig": "{{}}"}}';;
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
    pulumi.write_text(PULUMI.format(calls=tmp_path / "calls", started=tmp_path / "started"))
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


def test_a_stack_is_selected_and_created_if_there_is_none(layout: Layout):
    stacks.select(layout, "sandbox")
    assert calls(layout) == ["stack select --create sandbox"]


@pytest.mark.parametrize("text", [held_by(ENDED), '{"pid": 1', "{}", held_by(1, hostname="elsewhere")])
def test_a_stack_that_a_killed_command_held_is_freed(layout: Layout, capsys: pytest.CaptureFixture[str], text: str):
    lock(layout, text)
    stacks.select(layout, "sandbox")
    assert calls(layout)[-1] == "cancel --yes --stack sandbox"
    assert "held stack 'sandbox' died" in capsys.readouterr().err


def test_a_stack_that_a_running_command_holds_is_left_alone(layout: Layout):
    lock(layout, held_by(os.getpid()))
    stacks.select(layout, "sandbox")
    assert calls(layout) == ["stack select --create sandbox"]


def test_only_stacks_that_own_resources_count_as_deployed(layout: Layout):
    assert stacks.deployed(layout) == []
    layout.pulumi_state.mkdir(parents=True)
    assert stacks.deployed(layout) == ["full"]


def test_what_pulumi_said_is_in_the_error(layout: Layout):
    with pytest.raises(StackError, match=r"`pulumi destroy --yes` failed:\ncannot reach it\nno route"):
        stacks.ask(layout, "destroy", "--yes")


def test_the_kubeconfig_among_the_outputs_is_written_for_this_user_only(layout: Layout):
    stacks.write_kubeconfig(layout, stacks.outputs(layout, "sandbox"))
    assert layout.kubeconfig.read_text() == "{}"
    assert layout.kubeconfig.stat().st_mode & 0o777 == 0o600


def test_a_stack_without_a_kubeconfig_writes_none(layout: Layout):
    stacks.write_kubeconfig(layout, {"clusterName": "sandbox"})
    assert not layout.kubeconfig.exists()


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
