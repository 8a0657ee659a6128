"""Pages of the documentation that take their tables from declarations."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pixelwire.destinations import pages, registry

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return shutil.copytree(DOCS, tmp_path / "docs")


def test_a_stale_table_is_written_anew(docs: Path) -> None:
    """The command replaces what stands in the block and nothing around it."""
    page = docs / "destinations" / "webhook.md"
    right = page.read_text()
    page.write_text(right.replace("| `url` | address", "| `uri` | a place"))
    assert page.read_text() != right
    subprocess.run([sys.executable, "-m", "pixelwire.destinations.pages", docs], check=True)
    assert page.read_text() == right


def test_a_kind_without_a_page_is_named(docs: Path) -> None:
    """The error says which file to write, and what must be in it."""
    (docs / "destinations" / "webhook.md").unlink()
    with pytest.raises(LookupError, match=r"webhook\.md is not there.*<!-- options: webhook -->"):
        pages.written(docs)


def test_a_page_without_its_block_is_named(docs: Path) -> None:
    """A table that nothing renews would lag."""
    page = docs / "destinations" / "webhook.md"
    page.write_text(page.read_text().replace("<!-- /options -->", ""))
    with pytest.raises(LookupError, match="has 0 blocks"):
        pages.written(docs)


def test_every_option_has_a_row_with_its_default() -> None:
    """As an owner would write it."""
    rows = dict(row.split(" | ", 1) for row in pages.options_table("webhook").splitlines()[2:])
    assert list(rows) == [f"| `{name}`" for name in registry.spec("webhook").options.__struct_fields__]
    assert "| required |" in rows["| `url`"]
    assert "| `10.0` |" in rows["| `timeout_s`"]
    assert "| none |" in rows["| `headers`"]


def test_what_is_the_operators_alone_says_so() -> None:
    """An owner with a token reads it before the server refuses it."""
    marked = [
        row for row in pages.options_table("webhook").splitlines() if row.endswith(f"{pages.OPERATORS} |")
    ]
    assert [row.split("`")[1] for row in marked] == ["ca_file", "allow_private_addresses"]
