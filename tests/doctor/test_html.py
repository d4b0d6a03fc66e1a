"""The report as a page: well-formed, complete, harmless whatever a cluster returns, and the same in a real browser."""

import itertools
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from doctor.checks import examine
from doctor.findings import Link, Status
from doctor.ignoring import without
from doctor.rendering import text
from doctor.rendering.html import page

from . import snapshots
from .test_known_misconfigurations import PLANTS
from .test_report import broken

VOID = {"meta", "br", "hr", "img", "link", "input"}
HOSTILE = "<script>alert('x')</script> \"quoted\" & </td> <img src=x onerror=alert(1)> javascript:alert(1)"


class Reader(HTMLParser):
    """Checks that every element is closed, and keeps elements, attributes and words."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words += data.split()


def read(shown: str) -> Reader:
    reader = Reader()
    reader.feed(shown)
    reader.close()
    assert reader.open == []
    return reader


def page_text(reader: Reader) -> str:
    return " ".join(reader.words)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.number} {plant.name}")
def test_the_page_holds_what_the_text_holds(plant):
    report = examine(plant.spoil(snapshots.healthy(plant.mode)))
    shown = page_text(read(page(report)))
    for finding in report.findings:
        assert f"{finding.rule.id}" in shown
        assert " ".join(finding.seen.split()) in shown
    for finding in text.to_fix(report):
        for _, value in text.details(finding):
            assert " ".join(value.split()) in shown
    assert text.summary(report) in shown


def test_links_left_out_and_the_notice_are_shown():
    report = examine(snapshots.healthy(), skip={Link.ROLE})
    shown = page_text(read(page(report)))
    assert "role left out --skip" in shown
    assert "Nothing." in shown


def test_whatever_a_cluster_returns_is_text():
    snapshot = snapshots.with_deployment(snapshots.healthy(), image=f"x/cluster-autoscaler:{HOSTILE}")
    snapshot = snapshots.with_aws(snapshot, oidc_provider=None)
    reader = read(page(examine(snapshot)))
    assert {tag for tag, _ in reader.elements} <= {
        *("html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "time", "table", "caption"),
        *("thead", "tbody", "tr", "th", "td", "article", "dl", "dt", "dd", "pre", "code", "span"),
    }
    assert "alert('x')</script>" in page_text(reader)


def test_the_page_loads_nothing():
    shown = page(broken())
    attributes = [name for _, given in read(shown).elements for name in given]
    assert not {"src", "href", "srcset", "action", "data", "style", "onclick"} & set(attributes)
    style = re.search(r"<style>(.*?)</style>", shown, re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in shown


def test_the_page_can_be_read_without_seeing_it():
    reader = read(page(broken()))
    elements = reader.elements
    assert ("html", {"lang": "en"}) in elements
    levels = [int(tag[1]) for tag, _ in elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    headings = [given for tag, given in elements if tag == "th"]
    assert headings
    assert all(given.get("scope") in ("row", "col") for given in headings)
    tables = [tag for tag, _ in elements if tag == "table"]
    assert len(tables) == [tag for tag, _ in elements].count("caption")
    # Colour is never the only sign: each status is a word.
    for status in (Status.OK, Status.BROKEN):
        assert status in reader.words
    ids = [given["id"] for _, given in elements if "id" in given]
    assert len(ids) == len(set(ids))
    assert {given["aria-labelledby"] for tag, given in elements if tag == "article"} == set(ids)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_colour_can_be_read_in_light_and_in_dark():
    style = re.search(r"<style>(.*?)</style>", page(broken()), re.DOTALL)[1]
    schemes = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in style.split("@media")[:2]]
    assert len(schemes) == 2
    for scheme in schemes:
        for behind in ("page", "panel"):
            for name in ("text", "ok", "warning", "broken", "not-reached"):
                high, low = sorted((luminance(scheme[name]), luminance(scheme[behind])), reverse=True)
                assert (high + 0.05) / (low + 0.05) >= 4.5, (name, behind)


def test_a_command_is_code_and_advice_is_text():
    shown = page(broken())
    assert "<pre><code>aws iam create-open-id-connect-provider" in shown
    assert "<dd>Fix role.oidc-provider first.</dd>" in shown


def test_ignored_rules_are_named():
    assert "ignored: role.oidc-provider" in page_text(read(page(without(broken(), {"role.oidc-provider": "we know"}))))


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs a browser: apt-get install chromium")
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_browser_draws_the_page(tmp_path: Path, scheme: str):
    file, picture = tmp_path / "report.html", tmp_path / f"{scheme}.png"
    file.write_text(page(broken()))
    done = subprocess.run(
        [
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=900,1600"),
            f"--blink-settings=preferredColorScheme={['dark', 'light'].index(scheme)}",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--screenshot={picture}",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert picture.exists(), done.stderr
    assert picture.stat().st_size > 20_000
