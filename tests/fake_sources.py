"""A server on this machine that plays the public sources of versions, with releases that do not exist.

It answers as the sources would after two more minors of Cluster Autoscaler, a patch of an old one, a chart and a
Kubernetes minor. ``python -m tests.fake_sources`` refreshes a copy of this checkout from it, and runs the whole fast
tier on that copy: new data alone must not fail a test.
"""

import contextlib
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from scripts.versions.refresh import load
from scripts.versions.tables import Table

ROOT = Path(__file__).parents[1]
HOME = Path("components/pure/data")
HELM = Path(__file__).with_name("fake_helm.sh")
"""Prints the one template of the fake chart, which has nothing to be rendered."""
NEW_FLAG = "made-up-flag"
OLD_MINOR = "1.33"
COMMIT = "0123456789ab"


class FakeSources:
    """What each source answers, derived from the tables as they are.

    Attributes:
        old_patch: The made-up patch of an old minor.
        between: The first made-up release of a minor that EKS offers, or would offer.
        new_chart: The made-up chart.
        newest: The made-up release of the newest minor, whose flags are in the other repository.
    """

    def __init__(self, tables: dict[str, Table]) -> None:
        self._tables = tables
        autoscaler = tables["cluster-autoscaler.tsv"]
        newest = dict(zip(autoscaler.column("minor"), autoscaler.column("newest"), strict=True))
        minor = int(autoscaler.column("minor")[-1].partition(".")[2])
        self.old_patch = f"{OLD_MINOR}.{int(newest[OLD_MINOR].rpartition('.')[2]) + 1}"
        self.between, self.newest = f"1.{minor + 1}.0", f"1.{minor + 2}.0"
        self.tags = [*autoscaler.column("oldest"), *newest.values(), self.old_patch, self.between, self.newest]
        self.new_chart = f"9.{int(tables['charts.tsv'].column('chart')[-1].split('.')[1]) + 1}.0"
        self.charts = [*tables["charts.tsv"].column("chart"), self.new_chart]
        self.kubernetes = [*tables["kubernetes.tsv"].column("minor"), self.newest.rpartition(".")[0]]

    def answer(self, path: str) -> bytes | None:
        """The body for a path, None for 404."""
        tags = "/raw/kubernetes/autoscaler/cluster-autoscaler"
        answers: dict[str, Callable[[], bytes]] = {
            "/v2/tags/list": self._images,
            "/charts/index.yaml": self._index,
            f"/charts/{self.new_chart}.tgz": self._chart,
            "/cluster-versions": self._cluster_versions,
            f"{tags}-{self.old_patch}/cluster-autoscaler/config/flags/flags.go": lambda: self._old_form(OLD_MINOR),
            f"{tags}-{self.between}/cluster-autoscaler/config/flags/flags.go": lambda: self._old_form(""),
            f"{tags}-{self.newest}/cluster-autoscaler/go.mod": self._go_mod,
            f"/raw/kubernetes-sigs/cluster-autoscaler/{COMMIT}/pkg/config/flags/flags.go": self._new_form,
        }
        found = answers.get(path.partition("?")[0])
        return found() if found else None

    def _images(self) -> bytes:
        return json.dumps({"tags": ["sha256-0.sig", "v1.14.8", *(f"v{tag}" for tag in self.tags)]}).encode()

    def _index(self) -> bytes:
        entries = [
            {
                "version": version,
                "appVersion": self.newest,
                "created": "2027-01-01T00:00:00Z",
                "urls": [f"{version}.tgz"],
            }
            for version in self.charts
        ]
        return yaml.safe_dump({"entries": {"cluster-autoscaler": entries}}).encode()

    def _chart(self) -> bytes:
        granted = [
            (row[table.header.index("group")], row[table.header.index("resource")])
            for table in (self._tables["informers.tsv"], self._tables["flag-needs.tsv"])
            for row in table.rows
        ]
        role = "kind: ClusterRole\nrules:\n"
        for group, resource in dict.fromkeys(granted):
            role += (
                f'  - apiGroups:\n    - "{group}"\n    resources:\n    - {resource}\n    verbs: [get, list, watch]\n'
            )
        files = {
            "values.yaml": f"image:\n  tag: v{self.newest}\n",
            "templates/clusterrole.yaml": role,
        }
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, text in files.items():
                entry = tarfile.TarInfo(f"cluster-autoscaler/{name}")
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
        return gzip.compress(packed.getvalue())

    def _cluster_versions(self) -> bytes:
        return json.dumps(
            {
                "clusterVersions": [
                    {"clusterVersion": minor, "endOfStandardSupportDate": 1840000000 if minor >= "1.37" else None}
                    for minor in self.kubernetes
                ]
            }
        ).encode()

    def _definitions(self, minor: str) -> list[tuple[str, str, str]]:
        table = self._tables["ca-flags.tsv"]
        column = next((name for name in table.header if minor and name.startswith(f"{minor}.")), table.header[-1])
        index = table.header.index(column)
        return [(row[0], row[1], row[index]) for row in table.rows if row[index] != "-" and row[1] != "Set"]

    def _old_form(self, minor: str) -> bytes:
        lines = [
            f'\tx = multiStringFlag("{name}", "usage, with (a comma)")'
            if kind == "multiStringFlag"
            else f'\tx = flag.{kind}("{name}", {_go(default)}, "usage")'
            for name, kind, default in self._definitions(minor)
        ]
        return "\n".join(["var (", *lines, ")"]).encode()

    def _new_form(self) -> bytes:
        lines = [
            f'\tfs.StringArrayVar(&p.x, "{name}", []string{{}}, "usage")'
            if kind == "multiStringFlag"
            else f'\tfs.{kind}Var(&p.o.X, "{name}", {_go(default)}, "usage")'
            for name, kind, default in [*self._definitions(""), (NEW_FLAG, "Bool", "false")]
        ]
        return "\n".join(["func (p *F) AddFlags(fs *pflag.FlagSet) {", *lines, "}"]).encode()

    def _go_mod(self) -> bytes:
        return f"require (\n\tsigs.k8s.io/cluster-autoscaler v0.0.0-20270101000000-{COMMIT}\n)\n".encode()


def _go(default: str) -> str:
    """A default of the table as Go text: some are cut off at their first comma."""
    return f"{default}, 1)" if default.count("(") > default.count(")") else default


@contextlib.contextmanager
def serving(fake: FakeSources) -> Iterator[str]:
    """Serve the fake sources on this machine; yields the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = fake.answer(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def arguments(root: Path, url: str, today: str) -> list[str]:
    """Arguments by which ``scripts.versions`` refreshes a checkout from the fake sources."""
    return [
        *("--root", str(root), "--today", today),
        *("--images", f"{url}/v2/tags/list", "--charts", f"{url}/charts/index.yaml", "--files", f"{url}/raw"),
        *("--helm", str(HELM)),
    ]


def environment(url: str) -> dict[str, str]:
    """The environment in which AWS, too, is the fake one."""
    return {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "fake", "AWS_SECRET_ACCESS_KEY": "fake"}


def rehearse(folder: Path) -> int:
    """Refresh a copy of this checkout from the fake sources and run the fast tier on it; the exit code of pytest."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    fake = FakeSources(load(folder / HOME))
    with serving(fake) as url:
        command = [sys.executable, "-m", "scripts.versions", *arguments(folder, url, "2027-01-02")]
        subprocess.run(command, cwd=folder, env=os.environ | environment(url), check=True)
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    subprocess.run(
        [*pytest, "tests/program", "tests/schema"], cwd=folder, env=os.environ | {"UPDATE_SNAPSHOTS": "1"}, check=True
    )
    subprocess.run([sys.executable, "-m", "scripts.pages"], cwd=folder, check=True)
    tier = [*pytest, "-n", "2", "--dist", "worksteal", *(sys.argv[1:] or ["tests", "--ignore", "tests/e2e"])]
    return subprocess.run(tier, cwd=folder).returncode


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(rehearse(Path(temporary)))
