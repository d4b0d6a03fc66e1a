"""Where a sandbox keeps everything, and how its environment keeps the user's own cloud out."""

import json
import socket
from pathlib import Path

import pytest

from sandbox.layout import Layout, hold_lock, port_is_free, write_atomically


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.load(tmp_path / "state", project=tmp_path)


def test_ports_are_chosen_once_and_kept(layout: Layout, tmp_path: Path):
    assert Layout.load(tmp_path / "state", project=tmp_path).ports == layout.ports


def test_all_ports_differ_and_lie_below_those_that_kernels_lend_out(layout: Layout):
    ports = vars(layout.ports).values()
    assert len(set(ports)) == len(ports)
    assert max(ports) < 32_768


def test_a_changed_port_is_changed_for_good(layout: Layout, tmp_path: Path):
    layout.with_ports(aws_provider=4567)
    again = Layout.load(tmp_path / "state", project=tmp_path)
    assert (again.ports.aws_provider, again.ports.emulator) == (4567, layout.ports.emulator)


@pytest.mark.parametrize("damage", ['{"emulator": 4', '{"emulator": 4}', "[]", ""])
def test_damaged_ports_are_chosen_again(layout: Layout, tmp_path: Path, damage: str):
    (layout.root / "ports.json").write_text(damage)
    again = Layout.load(tmp_path / "state", project=tmp_path)
    assert again.ports.emulator > 0
    assert Layout.load(tmp_path / "state", project=tmp_path).ports == again.ports


def test_the_state_folder_is_closed_to_other_users(layout: Layout):
    assert layout.root.stat().st_mode & 0o077 == 0


def test_no_variable_of_a_real_account_gets_through(layout: Layout):
    real = {
        "AWS_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL_EKS": "https://eks.example.com",
        "PULUMI_ACCESS_TOKEN": "pul-real",
        "PULUMI_BACKEND_URL": "s3://real",
        "KUBECONFIG": "/home/someone/.kube/config",
    }
    environment = layout.env(real | {"PATH": "/usr/bin", "LANG": "C"})
    assert not set(real.values()) & set(environment.values())
    assert environment["LANG"] == "C"


def test_the_sandbox_comes_first_on_path_and_only_once(layout: Layout):
    path = layout.env({"PATH": f"/usr/bin:{layout.bin}:/bin"})["PATH"].split(":")
    assert path == [str(layout.bin), str(layout.venv_bin), "/usr/bin", "/bin"]


def test_a_proxy_is_never_asked_for_loopback(layout: Layout):
    assert layout.env({"NO_PROXY": "example.com"})["NO_PROXY"] == "example.com,127.0.0.1,localhost"


def test_exports_lead_from_the_users_environment_to_the_sandboxs(layout: Layout):
    users = {"PATH": "/usr/bin", "AWS_PROFILE": "production", "LANG": "C"}
    exports = layout.exports(users)
    assert exports["AWS_PROFILE"] is None
    assert "LANG" not in exports
    applied = {name: value for name, value in (users | exports).items() if value is not None}
    assert applied == layout.env(users)


def test_in_the_sandboxs_own_shell_there_is_nothing_left_to_export(layout: Layout):
    assert layout.exports(layout.env({"PATH": "/usr/bin"})) == {}


def test_the_engine_is_attached_to_each_provider_by_its_port(layout: Layout):
    attached = dict(entry.split(":") for entry in layout.debug_providers.split(","))
    assert attached == {"aws": str(layout.ports.aws_provider), "eks": str(layout.ports.eks_provider)}


def test_the_official_plugins_get_the_emulated_aws_and_no_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SANDBOX_PROVIDERS", "official")
    layout = Layout.load(tmp_path)
    environment = layout.env({"PATH": "/usr/bin", "AWS_PROFILE": "production"})
    assert environment["AWS_ENDPOINT_URL"] == layout.aws_endpoint
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == str(layout.aws_credentials)
    assert environment["AWS_SKIP_CREDENTIALS_VALIDATION"] == environment["AWS_SKIP_METADATA_API_CHECK"] == "true"
    assert not {"PULUMI_DEBUG_PROVIDERS", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "AWS_PROFILE"} & {*environment}


@pytest.mark.parametrize("value", ["", "stand-ins", None])
def test_the_stand_ins_are_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None):
    monkeypatch.delenv("SANDBOX_PROVIDERS", raising=False)
    if value is not None:
        monkeypatch.setenv("SANDBOX_PROVIDERS", value)
    assert "PULUMI_DEBUG_PROVIDERS" in Layout.load(tmp_path).variables()


def test_a_port_that_a_process_listens_on_is_not_free():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not port_is_free(port)
    assert port_is_free(port)


def test_a_file_is_replaced_whole_and_leaves_no_draft(tmp_path: Path):
    target = tmp_path / "folder" / "file.json"
    write_atomically(target, "old")
    write_atomically(target, json.dumps({"new": True}))
    assert json.loads(target.read_text()) == {"new": True}
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["file.json"]


def test_a_held_lock_is_reported_before_the_wait(tmp_path: Path):
    class Waiting(Exception):
        pass

    def report() -> None:
        raise Waiting

    with hold_lock(tmp_path / "a.lock", report), pytest.raises(Waiting), hold_lock(tmp_path / "a.lock", report):
        pass
    with hold_lock(tmp_path / "a.lock", report):
        pass
