"""The pictures of the documentation as SVG: the chain that Cluster Autoscaler needs, and a screen of the doctor.

A reader's theme decides the colours of the chain (``prefers-color-scheme``). Both files hold text only: no font,
script or image is loaded from outside.
"""

import io
import re
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from doctor.checks import examine
from doctor.facts import ServiceAccount
from doctor.rendering.text import print_report
from tests.doctor import snapshots

_WIDTH = 880
_HEIGHT = 250
_BOX_WIDTH = 128
_BOX_HEIGHT = 62
_TOP = 34

_FONT_FACES = re.compile(r"\s*@font-face {{.*?}}", re.DOTALL)
"""What rich loads from a server; a reader's own monospace font does as well."""

_STYLE = """\
  <style>
    text { font: 13px system-ui, sans-serif; fill: #1f2328; }
    .title { font-weight: 600; }
    .note { font-size: 11px; fill: #59636e; }
    .box { fill: #f6f8fa; stroke: #59636e; }
    .line { stroke: #59636e; fill: none; }
    .head { fill: #59636e; }
    .tool { stroke-dasharray: 4 3; fill: none; stroke: #59636e; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .note { fill: #9198a1; }
      .box { fill: #151b23; stroke: #9198a1; }
      .line, .tool { stroke: #9198a1; }
      .head { fill: #9198a1; }
    }
  </style>
"""


class Part(NamedTuple):
    """One link of the chain.

    Attributes:
        title: Its name, as Kubernetes or AWS spells it.
        notes: What has to be right about it, at most two short lines.
    """

    title: str
    notes: tuple[str, ...]


CHAIN = (
    Part("Pod", ("Helm release that", "fits the cluster")),
    Part("Service account", ("annotation", "eks…/role-arn")),
    Part("Role", ("trust pins", "sub and aud")),
    Part("Policy", ("writes only where", "the tag matches")),
    Part("ASG", ("discovery tags,", "node template")),
    Part("Nodes", ("size belongs to", "the autoscaler")),
)
"""What must be right, in the order in which Cluster Autoscaler depends on it."""

TOOLS = (
    ("pulumi up", "creates every link; preview refuses what cannot work"),
    ("policy pack", "guards every link in any Pulumi program"),
    ("doctor", "proves every link on the live cluster, and names the one that is broken"),
)
"""What works on the whole chain."""


def chain() -> str:
    """Return the SVG of the chain and of what works on it."""
    gap = (_WIDTH - 2 - len(CHAIN) * _BOX_WIDTH) / (len(CHAIN) - 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">\n'
        "  <title>Pod, service account, role, policy, ASG and nodes: the chain that Cluster Autoscaler needs</title>\n",
        _STYLE,
    ]
    for index, part in enumerate(CHAIN):
        left = 1 + index * (_BOX_WIDTH + gap)
        parts += _box(left, part)
        if index:
            parts += _arrow(left - gap, left)
    for index, (tool, does) in enumerate(TOOLS):
        parts += _tool(_TOP + _BOX_HEIGHT + 22 + index * 42, tool, does)
    return "".join([*parts, "</svg>\n"])


def _box(left: float, part: Part) -> Iterator[str]:
    middle = left + _BOX_WIDTH / 2
    yield f'  <rect class="box" x="{left:g}" y="{_TOP}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="6"/>\n'
    yield _text(middle, _TOP + 20, part.title, "title")
    for line, note in enumerate(part.notes):
        yield _text(middle, _TOP + 38 + 15 * line, note, "note")


def _arrow(start: float, end: float) -> Iterator[str]:
    height = _TOP + _BOX_HEIGHT / 2
    yield f'  <path class="line" d="M{start:g} {height:g}H{end - 5:g}"/>\n'
    yield f'  <path class="head" d="M{end:g} {height:g}l-7-4v8z"/>\n'


def _tool(top: float, tool: str, does: str) -> Iterator[str]:
    yield f'  <rect class="tool" x="1" y="{top}" width="{_WIDTH - 2}" height="32" rx="6"/>\n'
    yield (
        f'  <text x="14" y="{top + 20}"><tspan class="title">{escape(tool)}</tspan>'
        f'<tspan class="note" dx="10">{escape(does)}</tspan></text>\n'
    )


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'  <text class="{style}" x="{x:g}" y="{y:g}" text-anchor="middle">{escape(text)}</text>\n'


def doctor_screen() -> str:
    """Return the SVG of the doctor's screen, 80 columns wide, on a cluster whose service account lost its annotation.

    The cluster is the healthy snapshot of the doctor's tests, with that one fact changed.
    """
    healthy = snapshots.healthy()
    broken = snapshots.with_kubernetes(healthy, service_accounts=(ServiceAccount(snapshots.NAME, {}),))
    screen = Console(width=80, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    screen.print("$ python -m doctor check --cluster series-api --region us-east-1", highlight=False)
    print_report(examine(broken), screen)
    assert isinstance(screen.file, io.StringIO)
    # A terminal folds the line of a command; a picture has to do it itself.
    picture = Console(record=True, width=80, file=io.StringIO())
    picture.print(Text.from_ansi(screen.file.getvalue()), overflow="fold")
    svg = picture.export_svg(title="doctor", code_format=_FONT_FACES.sub("", CONSOLE_SVG_FORMAT), unique_id="doctor")
    return re.sub(r" +$", "", svg, flags=re.MULTILINE)
