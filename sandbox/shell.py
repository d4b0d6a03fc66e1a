"""The user's own shell, in which plain commands reach the sandbox and nothing else.

The user's startup files run first, for their aliases and prompt. What they set is then overruled: an exported
``KUBECONFIG`` or ``AWS_PROFILE``, or a ``PATH`` with pyenv in front, would point the commands at a real cluster. The
same goes for what their hooks do before the first prompt, as those of direnv and mise; and a theme that writes the
prompt before each command does not hide whose shell this is. What the user types later counts.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sandbox.layout import UNSET_PREFIXES, Layout, write_atomically

PROMPT = "(sandbox) "

COMMANDS = ("aws", "helm", "kubectl", "make", "pulumi", "python", "python3")
"""Commands that no alias or function of the user's may redirect."""

_PREFIXES = "|".join(UNSET_PREFIXES)

# Of any POSIX shell: the sandbox's programs come first, so that `env` and `sed` are found in whatever PATH is left.
_SETTLE = r"""
export PATH={path}:"$PATH"
for name in $(env | sed -nE 's/^(({prefixes})[A-Za-z0-9_]*)=.*/\1/p'); do unset "$name"; done
{exports}
for name in {commands}; do unalias "$name" 2>/dev/null; unset -f "$name" 2>/dev/null; done
unset name
"""

# The settings, now and once more after the user's own hooks have run for the first time.
_POSIX_HOOK = """
. {settle}
_sandbox_fresh=1
_sandbox_prompt() {{
  [ -z "${{_sandbox_fresh:-}}" ] || . {settle}
  unset _sandbox_fresh
  case "${variable}" in "{prompt}"*) ;; *) {variable}="{prompt}${variable}" ;; esac
}}
"""

# Bash before 5.1 reads PROMPT_COMMAND as a string.
_BASH = (
    """
[ -f ~/.bashrc ] && . ~/.bashrc
"""
    + _POSIX_HOOK
    + """
if [ "$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1]))" -ge 501 ]; then PROMPT_COMMAND+=(_sandbox_prompt)
else PROMPT_COMMAND="${{PROMPT_COMMAND:+$PROMPT_COMMAND
}}_sandbox_prompt"; fi
"""
)

# zsh reads its files from ZDOTDIR, which the user may have set too.
_ZSH_FILE = """
ZDOTDIR={theirs}
[ -f "$ZDOTDIR/{name}" ] && . "$ZDOTDIR/{name}"
"""
_ZSH_END = (
    _POSIX_HOOK
    + """
precmd_functions+=(_sandbox_prompt)
"""
)

_FISH = r"""
set -gx PATH {path} $PATH
for name in (set --names --export | string match --regex '^(?:{prefixes}).*'); set --erase $name; end
{exports}
for name in {commands}; functions --erase $name; end
"""
_FISH_START = r"""
source {settle}
function _sandbox_prompt --on-event fish_prompt; source {settle}; functions --erase _sandbox_prompt; end
functions --query fish_prompt; and functions --copy fish_prompt _prompt_of_the_user
function fish_prompt; echo -n '{prompt}'; functions --query _prompt_of_the_user; and _prompt_of_the_user; end
"""


class Start(NamedTuple):
    """How to start a shell."""

    command: list[str]
    environment: dict[str, str]


def prepare(layout: Layout, program: str, base: Mapping[str, str] | None = None) -> Start:
    """Write the startup files of a shell and return how to start it.

    Args:
        layout: The sandbox.
        program: The user's shell, such as ``/bin/zsh``. One that is not bash, zsh or fish is started as a POSIX shell.
        base: The environment to start from. Default: this process's.
    """
    base = os.environ if base is None else base
    environment = layout.env(base)
    folder = layout.root / "shell"
    settle = folder / "settle.sh"
    ours = {name: environment[name] for name in (*layout.variables(), "NO_PROXY", "no_proxy")}
    write_atomically(settle, _posix(layout, ours))
    match Path(program).name:
        case "bash":
            text = _BASH.format(settle=shlex.quote(str(settle)), prompt=PROMPT, variable="PS1")
            write_atomically(folder / "bashrc", text)
            return Start([program, "--rcfile", str(folder / "bashrc"), "-i"], environment)
        case "zsh":
            theirs = shlex.quote(base.get("ZDOTDIR") or base.get("HOME", "~"))
            for name in (".zshenv", ".zshrc"):
                text = _ZSH_FILE.format(theirs=theirs, name=name)
                if name == ".zshenv":
                    text += f"ZDOTDIR={shlex.quote(str(folder))}\n"  # for .zshrc, which comes next
                else:
                    text += _ZSH_END.format(settle=shlex.quote(str(settle)), prompt=PROMPT, variable="PROMPT")
                write_atomically(folder / name, text)
            return Start([program, "-i"], environment | {"ZDOTDIR": str(folder)})
        case "fish":
            write_atomically(folder / "settle.fish", _fish(layout, ours))
            start = _FISH_START.format(settle=_fish_quoted(str(folder / "settle.fish")), prompt=PROMPT)
            write_atomically(folder / "start.fish", start)
            # Runs after the user's own configuration (fish(1), --init-command).
            return Start([program, "--init-command", f"source {_fish_quoted(str(folder / 'start.fish'))}"], environment)
        case _:
            write_atomically(folder / "rc.sh", f". {shlex.quote(str(settle))}\nPS1='{PROMPT}$ '\n")
            return Start([program, "-i"], environment | {"ENV": str(folder / "rc.sh")})


def _posix(layout: Layout, ours: Mapping[str, str]) -> str:
    return _SETTLE.format(
        path=":".join(map(shlex.quote, layout.programs)),
        prefixes=_PREFIXES,
        exports="\n".join(f"export {name}={shlex.quote(value)}" for name, value in ours.items()),
        commands=" ".join(COMMANDS),
    )


def _fish(layout: Layout, ours: Mapping[str, str]) -> str:
    return _FISH.format(
        path=" ".join(map(_fish_quoted, layout.programs)),
        prefixes=_PREFIXES,
        exports="\n".join(f"set -gx {name} {_fish_quoted(value)}" for name, value in ours.items()),
        commands=" ".join(COMMANDS),
    )


def _fish_quoted(text: str) -> str:
    r"""In fish's single quotes only ``\`` and ``'`` are special."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
