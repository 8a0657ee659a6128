"""The machine's clock."""

import ctypes
from typing import Any

import pytest

from pixelwire.doctor import clock
from pixelwire.doctor.clock import Discipline
from pixelwire.doctor.finding import Severity

NOW_MS = 1_769_144_167_089


@pytest.mark.parametrize(
    ("found", "severity", "words"),
    [
        (Discipline(True, 20_000), Severity.OK, "to within 20 ms"),
        (Discipline(True, 3), Severity.OK, "to within 1 ms"),
        (Discipline(True, 2_500_000), Severity.WARN, "to within 2.5 s only"),
        (Discipline(False, 16_000_000), Severity.WARN, "nothing keeps it right"),
    ],
)
def test_something_should_keep_it_right(found: Discipline, severity: Severity, words: str) -> None:
    """As the kernel tells."""
    finding = clock.judge(found)
    assert (finding.severity, words in finding.found) == (severity, True)


def test_the_kernel_is_asked() -> None:
    """For real; it knows how wrong it may be."""
    assert clock.check_synchronised().severity in (Severity.OK, Severity.WARN)
    assert clock.discipline().error_us >= 0


def test_a_kernel_that_does_not_tell_leaves_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox may forbid the question."""

    class NoLibrary:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def adjtimex(self, _: Any) -> int:
            ctypes.set_errno(1)
            return -1

    monkeypatch.setattr(ctypes, "CDLL", NoLibrary)
    finding = clock.check_synchronised()
    assert finding.severity is Severity.LEFT_OUT
    assert "Operation not permitted" in finding.found


@pytest.mark.parametrize(
    ("now_ms", "newest_ms", "severity"),
    [
        (NOW_MS, None, Severity.OK),
        (NOW_MS, NOW_MS - 10**10, Severity.OK),
        (NOW_MS, NOW_MS + 4_000, Severity.OK),
        (NOW_MS, NOW_MS + 3_600_000, Severity.FAIL),
        (1_000, None, Severity.FAIL),
    ],
)
def test_it_must_not_be_behind_the_newest_event(
    now_ms: int, newest_ms: int | None, severity: Severity
) -> None:
    """An hour back, and the next events are counted in an hour that is over."""
    assert clock.check_jump(now_ms, newest_ms).severity is severity
