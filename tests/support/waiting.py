"""Waiting for a fact with a deadline, instead of sleeping and hoping."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

_never = threading.Event()


def wait_until(
    condition: Callable[[], Found],
    deadline_s: float,
    what: str,
    *,
    last: Callable[[], object] = lambda: "",
) -> Found:
    """The condition's first true value. AssertionError, with what `last` tells, after `deadline_s`."""
    end = time.monotonic() + deadline_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}. {last()}")
        _never.wait(0.02)
