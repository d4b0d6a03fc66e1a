"""What the stand-in logs and reports is what the real Cluster Autoscaler was recorded to log and report."""

import ast
import json
import re
from pathlib import Path

import pytest

from sandbox.autoscaler import flags
from sandbox.layout import PROJECT

RECORDINGS = PROJECT / "tests" / "doctor" / "recordings"
NEWEST = max(RECORDINGS.glob("1.*/"))
SOURCES = sorted((PROJECT / "sandbox" / "autoscaler").glob("*.py"))
OWN = ("stand\\-in", "sandbox")
"""Words by which the stand-in speaks of itself."""

FROM_SOURCE = {
    "lost master": "main.go:main, OnStoppedLeading",
    "Error retrieving lease lock": "k8s.io/client-go tools/leaderelection/leaderelection.go:tryAcquireOrRenew",
    "Failed to delete status configmap": "clusterstate/utils/status.go:DeleteStatusConfigMap",
    "Failed to get node list": "core/static_autoscaler.go:RunOnce",
    "Unable to build proper template node for ": "processors/nodeinfosprovider/mixed_nodeinfos_processor.go:Process",
    "ClusterAutoscalerCleanup": "utils/taints/taints.go:CleanAllTaints",
}
"""Words that no scenario can produce, each with the function of Cluster Autoscaler that has them."""


def recorded(folder: Path) -> str:
    """Everything that a version logged and reported."""
    logs = [file.read_text() for file in sorted(folder.glob("*/log.txt"))]
    events = [json.loads(file.read_text()) for file in sorted(folder.glob("*/events.json"))]
    return "\n".join([*logs, *(f"{each['reason']}: {each['message']}" for found in events for each in found)])


def pattern(node: ast.expr, known: dict[str, ast.expr]) -> str:
    """A regular expression for what a text in the source becomes; what is put into it may be anything."""
    match node:
        case ast.Constant(value=str(text)):
            return re.escape(text)
        case ast.JoinedStr(values=parts):
            return "".join(pattern(part, known) for part in parts)
        case ast.FormattedValue(value=ast.Name(id=name)) | ast.Name(id=name) if name in known:
            return pattern(known[name], {key: value for key, value in known.items() if key != name})
    return ".*"


def messages(path: Path) -> list[tuple[str, str]]:
    """Where the stand-in logs or reports, and what."""
    found = []
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef):
            continue
        texts = {
            target.id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.JoinedStr)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for call in ast.walk(function):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            spoken = ast.unparse(call.func)
            if spoken in ("log.info", "log.warning", "log.error", "log.fatal"):
                found.append((f"{path.name}:{call.lineno}", pattern(call.args[0], texts)))
            elif spoken.endswith("cluster.event"):
                reason, message = (pattern(argument, texts) for argument in call.args[1:3])
                found.append((f"{path.name}:{call.lineno}", f"{reason}: {message}"))
    return found


@pytest.mark.parametrize(("where", "text"), [each for path in SOURCES for each in messages(path)])
def test_every_word_of_the_stand_in_was_recorded(where, text):
    known = any(word in text for word in OWN) or any(re.escape(words) in text for words in FROM_SOURCE)
    assert known or re.search(text, recorded(NEWEST)), text


@pytest.mark.parametrize(
    ("scenario", "text"),
    [
        ("link-annotation", "failed to refresh cached credentials, no EC2 IMDS role found"),
        ("link-trust", "failed to retrieve credentials, operation error STS: AssumeRoleWithWebIdentity"),
        (
            "link-policy-read",
            "operation error Auto Scaling: DescribeAutoScalingGroups, https response error StatusCode",
        ),
        ("link-region-missing", "failed to resolve service endpoint, an AWS region is required, but was not found"),
    ],
)
def test_the_errors_of_the_sdk_have_the_recorded_form(scenario, text):
    source = (PROJECT / "sandbox" / "autoscaler" / "aws.py").read_text()
    assert text in (NEWEST / scenario / "log.txt").read_text()
    for part in text.split(", "):
        assert re.sub(r" (Auto Scaling: DescribeAutoScalingGroups|StatusCode)$", "", part) in source


@pytest.mark.parametrize("version", sorted(path.name for path in RECORDINGS.glob("1.*")))
def test_the_flags_of_a_release_are_those_that_it_prints(version):
    text = (RECORDINGS / version / "help.txt").read_text()
    printed = set(re.findall(r"^ +(?:-\w, )?--([\w-]+)(?=[ \[])", text, re.MULTILINE)) - {"help", "version"}
    known = flags.known(int(version.split(".")[1]))
    assert printed - known == set()
    assert known - printed <= set(flags._COMPONENT_BASE.split()), "klog's flags differ a little by release"
