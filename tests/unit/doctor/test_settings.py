"""Settings that are valid and odd."""

import os
from typing import Any

import pytest

from pixelwire.config import Settings
from pixelwire.doctor import settings
from pixelwire.doctor.finding import Finding, Severity

GOOD = {"public_url": "https://pixel.example.org", "workers": 1}


def found(**changed: Any) -> list[Finding]:
    return list(settings.check(Settings(**(GOOD | changed))))


def test_what_is_meant_is_ok() -> None:
    """One finding, that nothing is odd."""
    assert [finding.severity for finding in found()] == [Severity.OK]
    assert found(trusted_proxies=["10.0.0.0/8", "fd00::/16"])[0].severity is Severity.OK


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"manage_host": "0.0.0.0"}, "tokens travel in clear"),
        ({"host": "0.0.0.0"}, "beside the proxy of public_url"),
        ({"public_url": None}, "printed tags lead to this machine only"),
        ({"public_url": "http://pixel.example.org"}, "public_url is http"),
        ({"trusted_proxies": ["0.0.0.0/0"]}, "nearly everybody can claim any address"),
        ({"trusted_proxies": ["10.0.0.0/8", "2000::/3"]}, "has 2000::/3"),
        ({"workers": 64}, "64 workers share"),
    ],
)
def test_what_is_odd_is_a_warning(
    changed: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to do."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    (finding,) = found(**changed)
    assert finding.severity is Severity.WARN
    assert words in finding.found
    assert finding.do


def test_metrics_for_everybody_on_an_open_listener_are_told() -> None:
    """Beside the listener itself."""
    both = found(manage_host="0.0.0.0", metrics_public=True)
    assert ["/metrics" in finding.found for finding in both] == [False, True]


@pytest.mark.parametrize("url", ["http://localhost:8080", "http://192.168.1.7", "http://pixels.internal"])
def test_http_is_fine_at_home(url: str) -> None:
    """Nobody else is asked."""
    assert found(public_url=url)[0].severity is Severity.OK
