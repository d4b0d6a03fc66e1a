"""The sandbox's shell, started for real with startup files that point every command at production."""

import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox.layout import Layout
from sandbox.shell import PROMPT, prepare

SHELLS = [name for name in ("bash", "dash", "fish", "zsh") if shutil.which(name)]
"""bash is everywhere that the sandbox is; the others are tried where they are installed."""

HOSTILE = """
export KUBECONFIG=/home/me/.kube/production AWS_PROFILE=production AWS_ENDPOINT_URL_EKS=https://eks.example.com
export PULUMI_ACCESS_TOKEN=pul-production HELM_KUBECONTEXT=production MINE=kept PATH={shims}:/usr/bin:/bin
alias kubectl='echo an alias to production'
"""
HOSTILE_FISH = """
set -gx KUBECONFIG /home/me/.kube/production; set -gx AWS_PROFILE production
set -gx AWS_ENDPOINT_URL_EKS https://eks.example.com; set -gx PULUMI_ACCESS_TOKEN pul-production
set -gx HELM_KUBECONTEXT production; set -gx MINE kept; set -gx PATH {shims} /usr/bin /bin
function kubectl; echo an alias to production; end
"""
STARTUP_FILES = {
    "bash": (".bashrc", HOSTILE),
    "zsh": (".zshrc", HOSTILE),
    "fish": (".config/fish/config.fish", HOSTILE_FISH),
    "dash": (".shinit", HOSTILE),
}


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {text}\n")
    path.chmod(0o755)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    program(tmp_path / "shims" / "python", "the python of the shims")
    program(tmp_path / "shims" / "kubectl", "the kubectl of the shims")
    for name, text in STARTUP_FILES.values():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text.format(shims=tmp_path / "shims"))
    return home


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout.load(tmp_path / "state", project=tmp_path)
    program(layout.bin / "kubectl", "the kubectl of the sandbox")
    return layout


def typed(layout: Layout, home: Path, shell: str, *lines: str) -> str:
    """What an interactive shell on a terminal shows when these lines are typed."""
    base = {"HOME": str(home), "PATH": "/usr/bin:/bin", "TERM": "dumb", "ENV": str(home / ".shinit")}
    start = prepare(layout, shutil.which(shell) or shell, base)
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        start.command, env=start.environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    os.write(terminal, "".join(f"{line}\n" for line in (*lines, "exit")).encode())
    shown = b""
    try:
        while chunk := os.read(terminal, 4096):
            shown += chunk
    except OSError:  # the shell has ended
        pass
    os.close(terminal)
    assert process.wait(20) == 0, shown
    return shown.decode()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_sandbox_wins_over_the_startup_files_of_the_user(layout: Layout, home: Path, shell: str):
    shown = typed(layout, home, shell, "env", "kubectl", "command -v python")
    variables = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    assert variables["KUBECONFIG"] == str(layout.kubeconfig)
    assert variables["AWS_SHARED_CREDENTIALS_FILE"] == str(layout.aws_credentials)
    assert variables["PULUMI_HOME"] == str(layout.pulumi_home)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_EKS", "PULUMI_ACCESS_TOKEN", "HELM_KUBECONTEXT"):
        assert name not in variables
    assert "the kubectl of the sandbox" in shown
    assert f"{layout.venv_bin}/python\r" in shown
    assert PROMPT in shown


@pytest.mark.parametrize("shell", [name for name in SHELLS if name != "dash"])
def test_the_startup_files_of_the_user_are_read(layout: Layout, home: Path, shell: str):
    assert "MINE=kept" in typed(layout, home, shell, "env")


def test_zsh_and_fish_get_the_same_settings_as_bash(layout: Layout, home: Path):
    """Where neither is installed, at least what they are given to read is checked."""
    zsh = prepare(layout, "/bin/zsh", {"HOME": str(home), "PATH": "/bin"})
    folder = Path(zsh.environment["ZDOTDIR"])
    assert f"ZDOTDIR={home}\n" in (folder / ".zshrc").read_text()
    assert f". {layout.root}/shell/settle.sh\n" in (folder / ".zshrc").read_text()
    fish = prepare(layout, "/bin/fish", {"HOME": str(home), "PATH": "/bin"})
    assert fish.command[1:] == ["--init-command", f"source {layout.root}/shell/settle.fish"]
    settings = (layout.root / "shell" / "settle.fish").read_text()
    assert all(f"set -gx {name} '{value}'" in settings for name, value in layout.variables().items())
