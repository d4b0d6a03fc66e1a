"""The project's text uses the terms of AWS, Kubernetes and Pulumi: words that read as translated are replaced."""

import re
import tokenize
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SCOPE = (
    ".ci",
    ".github",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Makefile",
    "Pulumi.adopt.yaml",
    "Pulumi.dev.yaml",
    "Pulumi.sandbox.yaml",
    "Pulumi.yaml",
    "README.md",
    "__main__.py",
    "benchmarks",
    "components",
    "conftest.py",
    "docs",
    "doctor",
    "examples",
    "mkdocs.yml",
    "outputs.py",
    "policies",
    "pyproject.toml",
    "sandbox",
    "scripts",
    "settings",
    "tests",
)
"""Folders and files that are checked."""

WORDS: Mapping[str, str] = {
    r"mend(s|ed|ing|er)?": "fix",
    r"told|tells?": "reported, reports, shows",
    r"says?|said|saying": "reports, shows",
    r"wish(es|ed)?": "requested, configured, set",
    r"besides?": "in addition to, next to",
    r"of (its|one's|their|your) own": "your own, custom, separate",
    r"(least|greatest|fewest) (size|nodes?)": "minSize, maxSize, minimum or maximum number of nodes",
    r"set aside": "backed off",
    r"rooms?": "capacity (of nodes), package (of code)",
    r"(look(s|ed|ing)?)(?! ?up\b)": "check, inspect, read",
    r"foreign": "self-managed, of another cluster",
    r"(un)?announc(e|es|ed|ing)": "advertise for scale-from-zero, add node-template tags",
    r"rightly|for ever|in vain|nought|shall|ought|thus|of late": "delete, or: correctly, indefinitely, timed out, zero",
    r"whoever|somebody|nobody|anybody": "the user, no one by name: name the actor",
    r"anew": "again, recreated, restarted",
    r"comes and goes": "is created and deleted",
    r"(is|are|was|were) (not )?there(?! (is|are|a|an|any|no)\b)": "exists, does not exist",
    r"hand made|(made )?by hand": "created manually, changed outside the stack",
    r"the (stage|play|world)": "the sandbox, the emulated AWS",
    r"strangers?": "the other one, by its name",
    r"waiting pods?|pods? that waits?": "pending pods",
}
"""What to write instead, by a pattern of whole words. Words that also have a right meaning here, such as takes, stands,
lies, hangs, picture and faults, are left to the reader."""

EXCEPTIONS: Mapping[tuple[str, str], str] = {
    (".github", "of the stage"): "a stage of the deployments",
    ("CHANGELOG.md", "waiting-pods"): "the former name of a link, for who searches it",
    ("components", "least nodes"): "the expander least-nodes",
    ("components", "nobody uid"): "the user nobody of Linux",
    ("policies", "least nodes"): "the expander least-nodes",
    ("doctor", "foreign groups"): "the id of a rule, an interface",
    ("doctor", "foreign"): "the id of a rule, an interface",
    ("sandbox", "while looking for labels"): "a message of Cluster Autoscaler",
    ("tests", "while looking for labels"): "a message of Cluster Autoscaler",
    ("tests", "stranger"): "the name of a group in a recording of Cluster Autoscaler",
    ("tests", "foreign groups"): "the id of a rule, an interface",
    ("tests", "groups.foreign"): "the id of a rule, an interface",
    ("tests", "least nodes"): "the expander least-nodes",
    ("docs", "foreign groups"): "the id of a rule, an interface",
    ("docs", "groups.foreign"): "the id of a rule, an interface",
    ("docs", "least nodes"): "the expander least-nodes",
    ("docs", 'id="foreign"'): "the anchor of that rule",
    ("docs", "#foreign"): "the anchor of that rule",
}
"""Text that is allowed in a folder or file, with the reason."""

SUFFIXES = {".go", ".json", ".md", ".mk", ".py", ".pyi", ".sh", ".toml", ".tpl", ".ts", ".tsv", ".yaml", ".yml"}
"""Endings of the files that are checked, in addition to files without one: the Makefile and the scripts of `.ci`."""

_ANY = re.compile(r"\b(" + "|".join(f"(?:{pattern})" for pattern in WORDS) + r")\b", re.IGNORECASE)


def files(place: str) -> list[Path]:
    """The text files of a folder without this one, or a file itself."""
    path = ROOT / place
    found = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    return [each for each in found if each.suffix in {*SUFFIXES, ""} and each != Path(__file__)]


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every name, string and comment of Python, and every line of other files, with the line's number."""
    if path.suffix != ".py":
        yield from enumerate(path.read_text().splitlines(), 1)
        return
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type in (tokenize.NAME, tokenize.STRING, tokenize.COMMENT):
                yield from enumerate(token.string.splitlines(), token.start[0])


def in_words(text: str) -> str:
    """A text with names such as ``NodeRoom`` and ``node_room`` as separate words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", text).replace("_", " ").replace("-", " ")


@cache
def words_to_replace(text: str, place: str) -> list[str]:
    """The words of a text that should be others, except those that are allowed in that place."""
    if not _ANY.search(in_words(text)):
        return []
    for (where, allowed), _ in EXCEPTIONS.items():
        if where == place:
            text = re.sub(re.escape(allowed), "", text, flags=re.IGNORECASE)
            text = re.sub(re.escape(allowed), "", in_words(text), flags=re.IGNORECASE)
    return [found[0] for found in _ANY.finditer(in_words(text))]


@pytest.mark.parametrize("place", SCOPE)
def test_no_text_has_a_word_to_replace(place: str):
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word} ({text.strip()[:100]})"
        for path in files(place)
        for line, text in texts(path)
        for word in words_to_replace(text, place)
    ]
    assert files(place)
    assert not found, "see WORDS for what to write instead:\n" + "\n".join(found)


@pytest.mark.parametrize("word", ["mends", "a NodeRoom", "read_rooms", "it says so", "nobody", "a hand-made group"])
def test_a_word_to_replace_is_found(word: str):
    assert words_to_replace(word, "")


@pytest.mark.parametrize("text", ["headroom", "essays", "besiege", "a pending pod", "is there a group"])
def test_a_word_that_only_contains_one_is_not(text: str):
    assert not words_to_replace(text, "")


def test_every_exception_is_needed():
    places = {place for place, _ in EXCEPTIONS}
    text = {place: " ".join(in_words(text) for path in files(place) for _, text in texts(path)) for place in places}
    raw = {place: " ".join(path.read_text() for path in files(place)) for place in places}
    unused = [
        (place, allowed)
        for place, allowed in EXCEPTIONS
        if allowed.lower() not in text[place].lower() and allowed.lower() not in raw[place].lower()
    ]
    assert unused == []
