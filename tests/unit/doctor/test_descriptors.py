"""How many connections there can be."""

import os
import resource
from pathlib import Path

import pytest

from pixelwire.doctor import descriptors
from pixelwire.doctor.descriptors import Use
from pixelwire.doctor.finding import Severity

PROMISED = 16_384


@pytest.mark.parametrize(
    ("uses", "severity", "words"),
    [
        ([Use(65_536, 40), Use(65_536, 50)], Severity.OK, "a worker has 65,536, for 16,384"),
        ([Use(1 << 30, 40)], Severity.OK, "a worker has"),
        ([Use(65_536, 40), Use(4_096, 40)], Severity.WARN, "a worker has 4,096"),
        ([Use(20_000, 18_000)], Severity.WARN, "uses 18,000 of 20,000"),
        ([Use(256, 40)], Severity.FAIL, "a worker has 256"),
    ],
)
def test_workers_need_one_for_each_connection(
    monkeypatch: pytest.MonkeyPatch, uses: list[Use], severity: Severity, words: str
) -> None:
    """And some besides."""
    monkeypatch.setattr(descriptors, "use_of", lambda pid: uses[pid])
    finding = descriptors.check(range(len(uses)), PROMISED)
    assert (finding.severity, words in finding.found) == (severity, True)
    assert ("LimitNOFILE=" in finding.do) == (severity is not Severity.OK)


def test_without_workers_our_own_limit_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server raises what it has to the hard limit."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 2_048))
    finding = descriptors.check([1 << 30], PROMISED)
    assert finding.found.startswith("a server started from here would have 2,048")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, resource.RLIM_INFINITY))
    assert descriptors.check([], PROMISED).severity is Severity.OK


def test_a_process_tells_by_proc() -> None:
    """Ourselves, for one."""
    open_here = len(list(Path("/proc/self/fd").iterdir()))
    finding = descriptors.check([os.getpid()], 1)
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert finding.found.startswith(f"a worker has {soft:,}")
    assert open_here < soft
