"""The library of Kafka: loaded when it is needed, missed with what to install."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from pixelwire.clock import SystemClock
from pixelwire.destinations import registry
from pixelwire.destinations.base import Misconfigured, Surroundings

OPTIONS: dict[str, Any] = {"bootstrap_servers": "kafka.example:9093", "topic": "events"}


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is opened; its options can be checked and shown without."""
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    assert registry.shown_options("kafka", OPTIONS)["topic"] == "events"
    destination, _ = registry.build("kafka", OPTIONS, Surroundings(SystemClock()))
    with pytest.raises(Misconfigured, match=r'pip install "pixelwire\[kafka\]"'):
        asyncio.run(destination.open())


def test_the_library_is_loaded_when_a_destination_is_opened() -> None:
    """Neither the command line nor another destination pays for it."""
    program = f"""
import sys
from pixelwire.clock import SystemClock
from pixelwire.destinations import registry
from pixelwire.destinations.base import Surroundings
registry.build("kafka", {OPTIONS!r}, Surroundings(SystemClock()))
sys.exit("confluent_kafka" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
