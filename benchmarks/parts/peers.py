"""How long do other tools take for the same job, from source to plan or template?"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import plans
from benchmarks.bench import PROGRAMS, Stack, opened
from benchmarks.measuring import CommandFailed, costs, ratios, rounds, run
from benchmarks.options import Options
from benchmarks.parts.preview import flat_settings, same_plan
from benchmarks.settings import created, dev_like
from benchmarks.tables import table, told
from sandbox.layout import PROJECT

PEERS = PROJECT / "benchmarks" / "peers"

OURS, FLAT, TYPESCRIPT = "this program", "flat, Pulumi in Python", "flat, Pulumi in TypeScript"
OURS_CREATED, BLUEPRINTS = "this program, `pulumi preview`", "EKS Blueprints, `cdk synth`"


def measure(options: Options) -> dict[str, Any]:
    """Both jobs: the development environment, and a cluster made from nothing with one node group."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise CommandFailed("The peers need node and npm on PATH; the other parts do without: name them.")
    typescript, blueprints = installed("typescript"), installed("blueprints")
    with opened() as bench, tempfile.TemporaryDirectory() as folder:
        cluster = bench.adopted_cluster()
        bench.env["PATH"] = f"{_node_host(Path(folder))}{os.pathsep}{bench.env['PATH']}"
        settings = flat_settings(cluster)
        same = {
            OURS: bench.stack("dev-like", dev_like(cluster)),
            FLAT: bench.stack("flat", settings, PROGRAMS / "flat"),
            TYPESCRIPT: bench.stack("typescript", settings, typescript),
        }
        resources = same_plan(same[OURS], same[FLAT])
        same_plan(same[OURS], same[TYPESCRIPT])
        adopting = rounds(options.few, {name: stack.preview for name, stack in same.items()})
        ours = bench.stack("created", created())
        synth: list[str | Path] = [blueprints / "node_modules" / ".bin" / "cdk", "synth", "--quiet", "--no-notices"]
        env = {
            **bench.env,
            "CDK_DISABLE_CLI_TELEMETRY": "1",
            "PATH": f"{blueprints / 'node_modules' / '.bin'}{os.pathsep}{bench.env['PATH']}",
        }
        creating = rounds(
            options.few,
            {OURS_CREATED: ours.preview, BLUEPRINTS: lambda: run(synth, env=env, folder=blueprints)},
        )
        return {
            "rounds": options.few,
            "versions": {**_versions(typescript), **_versions(blueprints)},
            "adopting": {name: costs(runs) for name, runs in adopting.items()},
            "typescriptAgainstFlat": ratios(adopting[TYPESCRIPT], adopting[FLAT]),
            "resources": resources,
            "creating": {name: costs(runs) for name, runs in creating.items()},
            "blueprintsAgainstOurs": ratios(creating[BLUEPRINTS], creating[OURS_CREATED]),
            "createdResources": {OURS_CREATED: _planned(ours), BLUEPRINTS: _synthesized(blueprints)},
        }


def installed(peer: str) -> Path:
    """A copy of a peer's program outside the work tree, with its pinned packages installed.

    Install scripts do not run: they would download plugins that nobody needs here.
    """
    source = PEERS / peer
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(source.iterdir()) if path.is_file()))
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "eks-cluster-autoscaler-benchmarks")
    folder = cache / f"{peer}-{digest.hexdigest()[:12]}"
    if not folder.exists():
        draft = Path(tempfile.mkdtemp(prefix=f"{peer}-", dir=_made(cache)))
        shutil.copytree(source, draft, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
        print(f"  {peer}: installing its packages into {folder}", file=sys.stderr, flush=True)
        run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            env=os.environ,
            folder=draft,
        )
        draft.replace(folder)
    return folder


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _node_host(folder: Path) -> Path:
    """A folder with the stand-in for Pulumi's Node language host, which the CLI looks for on PATH."""
    program = folder / "pulumi-language-nodejs"
    program.write_text(f'#!/bin/sh\ncd "{PROJECT}" && exec "{sys.executable}" -m benchmarks.peers.node_host "$@"\n')
    program.chmod(0o755)
    return folder


def _versions(folder: Path) -> dict[str, str]:
    wanted: dict[str, str] = json.loads((folder / "package.json").read_text())["dependencies"]
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return {**wanted, "node": node.removeprefix("v")}


def _planned(stack: Stack) -> int:
    return len(plans.made(stack.plan()))


def _synthesized(folder: Path) -> int:
    """Resources of all templates."""
    templates = (json.loads(path.read_text()) for path in (folder / "cdk.out").glob("*.template.json"))
    return sum(len(template.get("Resources", {})) for template in templates)


def section(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    header = ["", "seconds", "CPU seconds", "MiB at the peak"]
    made = figures["createdResources"]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(figures["versions"].items()))
    return "\n\n".join(
        [
            f"From source to plan, {figures['rounds']} rounds in turn. The same {figures['resources']} resources of "
            "the development environment, compared input by input before they are measured:",
            table(header, [_row(name, cost) for name, cost in figures["adopting"].items()]),
            f"TypeScript against Python: {told(figures['typescriptAgainstFlat']['seconds'])}. Pulumi's own Node "
            "language host is not to be had here (its Go module is not served); both languages are started by the "
            "sandbox's stand-in, the program itself by the official runner of `@pulumi/pulumi`, which checks types "
            "each time.",
            "Network, cluster, one node group and Cluster Autoscaler from nothing, to a plan "
            f"({made[OURS_CREATED]} resources, the cluster's own parts among them) or to a template "
            f"({made[BLUEPRINTS]} resources; nobody has asked AWS anything yet, nor has the chart been looked at):",
            table(header, [_row(name, cost) for name, cost in figures["creating"].items()]),
            f"EKS Blueprints against this program: {told(figures['blueprintsAgainstOurs']['seconds'])}.",
            f"Versions: {versions}.",
        ]
    )


def _row(name: str, cost: dict[str, Any]) -> list[str]:
    return [name, told(cost["seconds"]), told(cost["cpuSeconds"]), f"{cost['peakMib']['median']:.0f}"]
