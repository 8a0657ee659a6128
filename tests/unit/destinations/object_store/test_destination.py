"""The object store's declaration, and what it needs to be there."""

import subprocess
import sys

import pytest

from pixelwire.clock import SystemClock
from pixelwire.destinations import registry
from pixelwire.destinations.base import Misconfigured, Surroundings

KEYS = {"access_key_id": "k", "secret_access_key": "s"}


@pytest.mark.parametrize(
    ("module", "options", "extra"),
    [
        ("obstore", {"url": "s3://events", "credentials": KEYS}, "pixelwire[object-store]"),
        ("pyarrow", {"url": "file:///srv", "format": "parquet"}, "pixelwire[parquet]"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, options: dict[str, object], extra: str
) -> None:
    """When a destination is built, so that its check says it too."""
    monkeypatch.setitem(sys.modules, module, None)  # what Python takes for not installed
    with pytest.raises(Misconfigured) as raised:
        registry.build("object_store", options, Surroundings(SystemClock()))
    assert f'pip install "{extra}"' in raised.value.hint


def test_no_library_is_loaded_before_it_is_needed() -> None:
    """Not for the declaration, not for a folder."""
    code = (
        "import sys; from pixelwire.clock import SystemClock;"
        "from pixelwire.destinations import registry, base;"
        "registry.build('object_store', {'url': 'file:///srv'}, base.Surroundings(SystemClock()));"
        "print(sorted({'obstore', 'pyarrow'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
