"""A suggestion is made for a typo and for another spelling of the same words, and for nothing else."""

import difflib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.pure import flags
from components.pure.arguments import known_paths
from components.pure.suggestions import letters, nearest
from settings import Settings, fields_of

KEYS = sorted({path.rpartition(".")[2] for path in known_paths(Settings, fields_of=fields_of)})
NAMES = [*KEYS, *flags.table()]
SMALL = st.text("abc_", min_size=1, max_size=8)


def edits(a: str, b: str) -> int:
    """The number of letters to insert, delete or replace that turn one text into the other (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
    return row[-1]


@pytest.mark.parametrize(
    ("name", "known", "suggested"),
    [
        ("colour", ["cluster", "credentials"], None),
        ("regoin", ["region", "role"], "region"),
        ("subnets", ["subnetIds", "labels"], "subnetIds"),
        ("MIN-SIZE", ["max_size", "min_size"], "min_size"),
        ("desiredSize", ["minSize", "maxSize", "diskSize"], None),
        ("", ["name"], None),
    ],
)
def test_a_typo_gets_a_suggestion_and_another_word_does_not(name, known, suggested):
    assert nearest(name, known) == suggested


@given(SMALL, st.lists(SMALL, min_size=1, max_size=5))
def test_a_suggestion_differs_in_few_letters(name, known):
    if near := nearest(name, known):
        assert near in known
        assert edits(letters(name), letters(near)) * 5 <= len(letters(name)) + len(letters(near))


@given(st.sampled_from(NAMES), st.sampled_from([str.upper, str.capitalize, lambda name: name.replace("-", "_")]))
def test_another_spelling_of_the_same_words_is_always_suggested(name, spelling):
    assert letters(nearest(spelling(name), NAMES)) == letters(name)


@settings(max_examples=200)
@given(st.sampled_from([name for name in NAMES if len(letters(name)) > 4]), st.data())
def test_a_letter_that_is_missing_or_doubled_is_always_found(name, data):
    at = data.draw(st.integers(0, len(name) - 1))
    typed = data.draw(st.sampled_from([name[:at] + name[at + 1 :], name[:at] + name[at] + name[at:]]))
    found = nearest(typed, NAMES)
    assert found
    ratio = difflib.SequenceMatcher(None, letters(found), letters(typed)).ratio()
    assert ratio >= difflib.SequenceMatcher(None, letters(name), letters(typed)).ratio()
