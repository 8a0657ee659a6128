"""What the pages about destinations say is so."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pixelwire.clock import SystemClock
from pixelwire.destinations import pages, registry
from pixelwire.destinations.signing import sign
from pixelwire.testing import check_destination

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SPECIFICATION = (DOCS / "specs" / "destination.md").read_text()


def test_pages_say_what_the_declarations_say() -> None:
    """Every kind has its page and a row in the overview; `make docs` would change nothing."""
    stale = [
        str(path.relative_to(ROOT)) for path, text in pages.written(DOCS).items() if path.read_text() != text
    ]
    assert stale == [], "run `make docs`"


def test_no_page_is_left_of_a_kind_that_is_gone() -> None:
    """A block of options without its kind is stale for good: nothing rewrites it."""
    blocks = {
        f"destinations/{page.name}": re.findall(r"<!-- options: (\w+) -->", page.read_text())
        for page in (DOCS / "destinations").glob("*.md")
    }
    expected = {pages.page_of(kind): [kind] for kind in registry.built_in_kinds()}
    assert {name: kinds for name, kinds in blocks.items() if kinds} == expected


@pytest.mark.parametrize("kind", registry.built_in_kinds())
def test_a_kind_has_a_minimal_and_a_full_example(kind: str) -> None:
    """Both are valid; the full one names every option, and the page leads to both."""
    known = {field.encode_name for field in msgspec.structs.fields(registry.spec(kind).options)}
    page = (DOCS / pages.page_of(kind)).read_text()
    for size in ("minimal", "full"):
        example = ROOT / "examples" / f"{kind}.{size}.toml"
        options = tomllib.loads(example.read_text())
        registry.validate(kind, options)
        assert f"(../../examples/{example.name})" in page
    assert set(options) == known


def test_the_way_to_check_a_signature_works() -> None:
    """The code on the page, as it stands there, knows ours from others."""
    [code] = re.findall(r"```python\n(.*?)```", (DOCS / pages.page_of("webhook")).read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # our own page
    is_from_pixelwire = names["is_from_pixelwire"]
    now_s, body = SystemClock().now_ms() // 1_000, b'{"type":"page"}'
    assert is_from_pixelwire("the-secret-of-both", sign("the-secret-of-both", body, now_s), body)
    assert not is_from_pixelwire("the-secret-of-both", sign("another-secret-of", body, now_s), body)
    assert not is_from_pixelwire("the-secret-of-both", sign("the-secret-of-both", body, now_s), b"{}")
    assert not is_from_pixelwire("the-secret-of-both", sign("the-secret-of-both", body, now_s - 301), body)
    assert not is_from_pixelwire("the-secret-of-both", "", body)


def test_every_check_of_the_contract_is_in_the_specification() -> None:
    """And none that is not there is claimed."""
    claimed = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", SPECIFICATION))
    checks = {check.__name__ for check in check_destination.CHECKS}
    assert checks <= claimed
    assert claimed - checks <= {"batch_limits", "check_destination", "after_s", "message_id", "linger_s"}
