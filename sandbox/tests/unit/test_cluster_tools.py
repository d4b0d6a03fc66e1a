"""The programs of a control plane, and the Kubernetes version that they can behave as."""

from pathlib import Path

import pytest

from sandbox.kubernetes.tools import PROGRAMS, Tools, ToolsError


def fake_tools(folder, version="Kubernetes v1.36.3", without=()):
    for name in set(PROGRAMS) - set(without):
        (folder / name).write_text(f"#!/bin/sh\necho {version}\n")
        (folder / name).chmod(0o755)
    return folder


def test_the_version_is_what_kube_apiserver_reports(tmp_path):
    assert Tools.find(fake_tools(tmp_path)).version == (1, 36)


def test_all_missing_programs_are_named_at_once(tmp_path):
    with pytest.raises(ToolsError, match="lacks etcd, kwok; expected the programs etcd, kube-apiserver, "):
        Tools.find(fake_tools(tmp_path, without=("etcd", "kwok")))


def test_a_program_that_is_no_kube_apiserver_is_refused_with_its_output(tmp_path):
    with pytest.raises(ToolsError, match=r"printed 'hello\\n'; expected `Kubernetes v<major>"):
        Tools.find(fake_tools(tmp_path, version="hello"))


@pytest.mark.parametrize(
    ("wanted", "nearest"), [("1.36", "1.36"), ("1.33", "1.33"), ("1.32", "1.33"), ("1.29", "1.33"), ("1.37", "1.36")]
)
def test_the_nearest_version_is_one_that_the_programs_can_emulate(wanted, nearest):
    assert Tools(Path("bin"), (1, 36)).nearest_version(wanted) == nearest
