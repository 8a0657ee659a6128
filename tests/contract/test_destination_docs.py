"""What the pages about destinations say is so."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pixelwire.clock import SystemClock
from pixelwire.destinations import registry
from pixelwire.destinations.options import described
from pixelwire.destinations.signing import sign
from pixelwire.testing import check_destination

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "destinations.md").read_text()
SPECIFICATION = (DOCS / "specs" / "destination.md").read_text()
OPTIONS = registry.spec("webhook").options


@pytest.mark.parametrize("field", msgspec.structs.fields(OPTIONS), ids=lambda field: field.name)
def test_every_option_is_documented(field: Any) -> None:
    """With its default, and in the words of its declaration."""
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{field.name}` |")]
    assert described(OPTIONS)[field.name] in row
    if field.required:
        assert "| required |" in row
    elif isinstance(field.default, str | int | float):
        assert f"| `{json.dumps(field.default)}` |" in row
    else:
        assert "| none |" in row


def test_the_way_to_check_a_signature_works() -> None:
    """The code on the page, as it stands there, knows ours from others."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
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
    assert claimed - checks <= {"batch_limits", "check_destination", "after_s", "message_id"}
