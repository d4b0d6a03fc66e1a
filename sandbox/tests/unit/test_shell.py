"""The sandbox's shell, started for real with startup files that point every command at production."""

import shutil
from pathlib import Path

import pytest

from sandbox.layout import Layout
from sandbox.shell import PROMPT, prepare
from sandbox.tests import terminal

SHELLS = [
    pytest.param(name, marks=pytest.mark.skipif(not shutil.which(name), reason=f"{name} is not installed"))
    for name in ("bash", "dash", "fish", "zsh")
]
"""The nightly workflow installs those that are missing."""
THEMED = [shell for shell in SHELLS if shell.values != ("dash",)]
"""The shells that read startup files of the user's and call hooks before a prompt."""

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
    """What the shell shows when a user whose startup files are these types these lines."""
    base = {"HOME": str(home), "PATH": "/usr/bin:/bin", "TERM": "dumb", "ENV": str(home / ".shinit")}
    return terminal.typed(prepare(layout, shutil.which(shell) or shell, base), *lines)


def add_to_startup_file(home: Path, shell: str, line: str) -> None:
    """Add a line to the first startup file of a shell."""
    with (home / STARTUP_FILES[shell][0]).open("a") as file:
        file.write(f"\n{line}\n")


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


PROMPT_HOOKS = {
    "bash": """PROMPT_COMMAND='PS1="mine> "'""",
    "zsh": """precmd() { PROMPT="mine> " }""",
    "fish": "function fish_prompt; echo -n 'mine> '; end",
}
"""How prompt themes work: the prompt is set each time before it is shown."""


@pytest.mark.parametrize("shell", THEMED)
def test_the_prompt_shows_sandbox_even_if_a_theme_sets_it_each_time(layout: Layout, home: Path, shell: str):
    add_to_startup_file(home, shell, PROMPT_HOOKS[shell])
    assert f"{PROMPT}mine> " in typed(layout, home, shell, "true")


ENVIRONMENT_HOOKS = {
    "bash": "PROMPT_COMMAND='export KUBECONFIG=/home/me/.kube/production'",
    "zsh": "direnv_hook() { export KUBECONFIG=/home/me/.kube/production }; precmd_functions+=(direnv_hook)",
    "fish": "function direnv_hook --on-event fish_prompt; set -gx KUBECONFIG /home/me/.kube/production; end",
}
"""How direnv and mise work: they export what the folder's files name, once, before the first prompt in it."""


@pytest.mark.parametrize("shell", THEMED)
def test_the_sandbox_wins_over_hooks_that_export_before_the_first_prompt(layout: Layout, home: Path, shell: str):
    add_to_startup_file(home, shell, ENVIRONMENT_HOOKS[shell])
    assert f"KUBECONFIG={layout.kubeconfig}\r" in typed(layout, home, shell, "env")


@pytest.mark.parametrize("shell", THEMED)
def test_what_the_user_exports_in_the_shell_counts(layout: Layout, home: Path, shell: str):
    assert "AWS_REGION=eu-west-1\r" in typed(layout, home, shell, "export AWS_REGION=eu-west-1", "env")


@pytest.mark.parametrize("shell", THEMED)
def test_the_startup_files_of_the_user_are_read(layout: Layout, home: Path, shell: str):
    assert "MINE=kept" in typed(layout, home, shell, "env")


def test_zsh_and_fish_get_the_same_settings_as_bash(layout: Layout, home: Path):
    """Where neither is installed, at least what they are given to read is checked."""
    zsh = prepare(layout, "/bin/zsh", {"HOME": str(home), "PATH": "/bin"})
    folder = Path(zsh.environment["ZDOTDIR"])
    assert f"ZDOTDIR={home}\n" in (folder / ".zshrc").read_text()
    assert f". {layout.root}/shell/settle.sh\n" in (folder / ".zshrc").read_text()
    fish = prepare(layout, "/bin/fish", {"HOME": str(home), "PATH": "/bin"})
    assert fish.command[1:] == ["--init-command", f"source '{layout.root}/shell/start.fish'"]
    settings = (layout.root / "shell" / "settle.fish").read_text()
    assert all(f"set -gx {name} '{value}'" in settings for name, value in layout.variables().items())
