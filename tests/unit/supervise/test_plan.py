"""What each process is told: nothing that an operator chose gets lost on the way."""

from typing import Any

import pytest

from pixelwire.config import Settings
from pixelwire.supervise.plan import Place, make_plan

CHOSEN: dict[str, Any] = {
    "trusted_proxies": ["10.0.0.0/8"],
    "client_address_header": "x-real-ip",
    "rate_limit_per_address": 3,
    "rate_limit_per_pixel": 4,
    "rate_limit_burst_s": 5,
}
PLACE = Place("data", "recorder.sock", "processes.json", 3, "http://127.0.0.1:1", "http://127.0.0.1:2")


@pytest.mark.parametrize("name", list(CHOSEN))
def test_a_worker_gets_what_was_set(name: str) -> None:
    """Each setting of the public listener, under the same name."""
    settings = Settings(**CHOSEN)
    assert getattr(make_plan(settings, PLACE).worker, name) == CHOSEN[name]
