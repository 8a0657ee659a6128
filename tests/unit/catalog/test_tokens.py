"""Tokens in the catalog."""

from pathlib import Path

import pytest

from pixelwire.catalog.tokens import new_token
from pixelwire.errors import Conflict, InvalidFields, NotFound
from support.catalogs import make_shop


def test_a_token_is_kept_as_a_hash_only(tmp_path: Path) -> None:
    """No file below the data directory holds it in clear, nor does its repr."""
    catalog, business, _ = make_shop(tmp_path)
    issued = catalog.create_token("ci", business.id, "read")
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert issued.token.startswith("pw_")
    assert issued.token.encode() not in files
    assert issued.token not in repr(issued)


def test_a_token_is_known_by_what_was_handed_out(tmp_path: Path) -> None:
    """And by nothing else."""
    catalog, business, _ = make_shop(tmp_path)
    issued = catalog.create_token("ci", business.id, "write")
    known = catalog.authenticate(issued.token)
    assert known is not None
    assert (known.id, known.business_id, known.role) == (issued.id, business.id, "write")
    assert catalog.authenticate(issued.token + "x") is None
    assert catalog.authenticate("\udcff") is None


def test_a_token_that_was_written_down_first_can_be_used(tmp_path: Path) -> None:
    """Quickstart writes it to its file before the row exists; a second time is a conflict."""
    catalog, _, _ = make_shop(tmp_path)
    clear = new_token()
    assert catalog.create_token("quickstart", None, "admin", token=clear).token == clear
    with pytest.raises(Conflict):
        catalog.create_token("again", None, "admin", token=clear)


def test_a_weak_token_is_refused(tmp_path: Path) -> None:
    """An unsalted hash is right for high entropy only."""
    catalog, _, _ = make_shop(tmp_path)
    with pytest.raises(InvalidFields):
        catalog.create_token("x", None, "root", token="secret")


def test_a_deleted_token_is_unknown(tmp_path: Path) -> None:
    """From the moment the call returns."""
    catalog, _, _ = make_shop(tmp_path)
    issued = catalog.create_token("x", None, "admin")
    assert [token.id for token in catalog.tokens()] == [issued.id]
    catalog.delete_token(issued.id)
    assert catalog.authenticate(issued.token) is None
    with pytest.raises(NotFound):
        catalog.delete_token(issued.id)
    with pytest.raises(NotFound):
        catalog.token(issued.id)
