"""Pages made from the code are current."""

import re


def test_the_pages_that_are_made_from_the_code_are_those_of_the_code_as_it_is():
    from scripts.pages.__main__ import pages  # the components, which take a second to load

    stale = [path.name for path, text in pages().items() if path.read_text() != text]
    assert stale == [], "make pages, and review the difference"


def test_the_pictures_load_nothing_from_outside():
    from scripts.pages.pictures import chain, doctor_screen

    for svg in (chain(), doctor_screen()):
        assert not re.search(r"url\((?!#)|href|<script", svg)
