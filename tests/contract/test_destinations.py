"""The destinations' contract covers every kind; each kind has its own file here, with a real other side."""

from pathlib import Path

import pytest

from pixelwire.destinations import registry


@pytest.mark.parametrize("kind", registry.built_in_kinds())
def test_every_kind_is_under_contract(kind: str) -> None:
    """A new kind does not go without its own test of the whole contract."""
    file = Path(__file__).with_name(f"test_{kind}.py")
    assert file.is_file(), f"write {file.name}"
    text = file.read_text()
    assert "check_destination(" in text
    assert f'"{kind}"' in text
