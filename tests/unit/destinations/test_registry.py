"""Kinds of destinations, loaded when asked for."""

import subprocess
import sys

import pytest

from pixelwire.clock import SystemClock
from pixelwire.destinations import registry
from pixelwire.destinations.base import Misconfigured, Surroundings
from pixelwire.errors import InvalidFields

URL = "https://hooks.example/secret-path"


def test_good_options_pass() -> None:
    """Valid options raise nothing."""
    registry.validate("webhook", {"url": URL})


def test_an_unknown_kind_is_named() -> None:
    """The text says which kinds there are."""
    with pytest.raises(InvalidFields, match=r"`carrier_pigeon` is not known; there are .*webhook"):
        registry.validate("carrier_pigeon", {})


def test_options_are_shown_without_secrets() -> None:
    """What people see of a destination's options has its defaults and no secret."""
    assert registry.shown_options("webhook", {"url": URL})["url"] == "https://hooks.example/..."


def test_a_courier_that_meets_bad_options_pauses() -> None:
    """Options that were valid once, for an older version, are their owner's to correct."""
    with pytest.raises(Misconfigured, match="concurrency"):
        registry.build("webhook", {"url": URL, "concurrency": 0}, Surroundings(SystemClock()))


def test_checking_options_loads_no_client() -> None:
    """The command line checks options without loading the library a destination sends with."""
    program = (
        "import sys; from pixelwire.destinations import registry;"
        f"registry.validate('webhook', {{'url': {URL!r}}}); sys.exit('aiohttp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
