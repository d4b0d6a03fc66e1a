"""Pages made from the code are current."""


def test_the_pages_that_are_made_from_the_code_are_those_of_the_code_as_it_is():
    from scripts.pages.__main__ import pages  # the components, which take a second to load

    stale = [path.name for path, text in pages().items() if path.read_text() != text]
    assert stale == [], "make pages, and look at the difference"
