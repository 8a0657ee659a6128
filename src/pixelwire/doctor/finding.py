"""What a check found, how bad it is, and what to do about it. Values only."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """From harmless to bad; LEFT_OUT could not be looked at, and says why."""

    OK = "ok"
    LEFT_OUT = "left out"
    WARN = "warn"
    FAIL = "fail"


class Finding(NamedTuple):
    check: str
    severity: Severity
    found: str
    do: str = ""


def ok(check: str, found: str) -> Finding:
    return Finding(check, Severity.OK, found)


def warn(check: str, found: str, do: str) -> Finding:
    """It works, and may not one day, or not as meant."""
    return Finding(check, Severity.WARN, found, do)


def fail(check: str, found: str, do: str) -> Finding:
    """Events are lost, or will be, or nobody can send any."""
    return Finding(check, Severity.FAIL, found, do)


def left_out(check: str, why: str) -> Finding:
    return Finding(check, Severity.LEFT_OUT, why)


def worst(findings: Iterable[Finding]) -> Severity:
    order = list(Severity)
    return max((finding.severity for finding in findings), key=order.index, default=Severity.OK)
