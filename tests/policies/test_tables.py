"""The pack ships alone, so it has copies of the components' tables."""

from pathlib import Path

import pytest

PACK = Path(__file__).parents[2] / "policies" / "rules" / "model" / "data"
HOME = Path(__file__).parents[2] / "components" / "pure" / "data"


@pytest.mark.parametrize("copy", sorted(PACK.iterdir()), ids=lambda path: path.name)
def test_a_table_of_the_pack_is_the_components_own(copy: Path) -> None:
    assert copy.read_text() == (HOME / copy.name).read_text(), f"cp {HOME / copy.name} {copy}"
